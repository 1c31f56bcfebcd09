import { assert, describe, it } from "@effect/vitest"
import * as Graph from "../src/Graph.js"

const make = (
  name: string,
  dependencies: ReadonlyArray<string>,
  options: { readonly isPrivate?: boolean; readonly node?: boolean; readonly references?: ReadonlyArray<string> } = {}
): Graph.Package => ({
  name,
  manifest: {
    name: `@effect-i2p/${name}`,
    version: "1.0.0",
    private: options.isPrivate === true,
    dependencies: Object.fromEntries(dependencies.map((it) => [`@effect-i2p/${it}`, "1.0.0"])),
    peerDependencies: { effect: "^3.0.0", ...(options.node === true ? { "@effect/platform-node": "^0.1.0" } : {}) }
  },
  references: options.references ?? dependencies
})

const good = [make("b", ["a"], { node: true }), make("c", ["b", "a"], { isPrivate: true }), make("a", [])]

const problems = (
  packages: ReadonlyArray<Graph.Package>,
  lists: Partial<Pick<Graph.House, "compiled" | "mayUseNode">> = {}
) => Graph.problems({ packages, compiled: packages.map(({ name }) => name), mayUseNode: ["b"], ...lists })

describe("this repository", () => {
  it("has packages that depend one way only, and lists all of them everywhere", () => {
    const house = Graph.readHouse()
    assert.isAbove(house.packages.length, 10)
    assert.deepStrictEqual(Graph.problems(house), [])
  })

  it("publishes each package after those it depends on", () => {
    const published = Graph.published()
    assert.deepStrictEqual(published.slice(0, 2), ["wire", "i2cp"])
    assert.strictEqual(published.at(-1), "cli")
  })
})

describe("problems", () => {
  it("finds none in a good house", () => {
    assert.deepStrictEqual(problems(good), [])
    assert.deepStrictEqual(
      Graph.sorted(good).map(({ name }) => name),
      ["a", "b", "c"]
    )
  })

  it("finds circles, however long", () => {
    assert.deepStrictEqual(problems([make("a", ["c"]), make("b", ["a"], { node: true }), make("c", ["b"])]), [
      "a: depends on itself: a -> c -> b -> a",
      "b: depends on itself: b -> a -> c -> b",
      "c: depends on itself: c -> b -> a -> c"
    ])
  })

  it("refuses a published package that depends on a private one, or on another version", () => {
    assert.deepStrictEqual(problems([make("a", [], { isPrivate: true }), make("b", ["a"], { node: true })]), [
      "b: is published and depends on a, which is private"
    ])
    const a = make("a", [])
    const old = { ...a, manifest: { ...a.manifest, version: "2.0.0" } }
    assert.deepStrictEqual(problems([old, make("b", ["a"], { node: true })]), ["b: wants a 1.0.0, which is 2.0.0"])
  })

  it("misses a package that the compiler does not build, or whose references differ from its dependencies", () => {
    assert.deepStrictEqual(problems(good, { compiled: ["a", "b"] }), ["tsconfig.json does not list c (packages)"])
    const b = make("b", ["a"], { node: true, references: ["c"] })
    assert.deepStrictEqual(problems([b, make("a", [])]), [
      "b: its tsconfig.src.json does not list a (its dependencies)",
      "b: its tsconfig.src.json lists c, which is not of its dependencies"
    ])
  })

  it("lets nothing use node: modules but what depends on @effect/platform-node", () => {
    assert.deepStrictEqual(problems(good, { mayUseNode: ["a"] }), [
      ".biome.json does not list b (packages that depend on @effect/platform-node)",
      ".biome.json lists a, which is not of packages that depend on @effect/platform-node"
    ])
  })
})
