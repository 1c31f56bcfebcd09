/** Every export of every published package says what it is, since when it is there, and what it belongs to. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exports from "../src/docs/Exports.js"
import * as Page from "../src/docs/Page.js"
import * as Project from "../src/pack/Project.js"

describe("docstrings", () => {
  for (const name of Project.published) {
    it.effect(`of ${name} are complete`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const home = `${Project.root}packages/${name}`
        const sources = yield* Exports.sources(home)
        const modules = yield* Effect.forEach(sources, (source) =>
          Effect.map(fs.readFileString(`${home}/src/${source}`), (text) => ({ source, module: Exports.parse(text) }))
        )
        assert.isAbove(modules.filter(({ module }) => module.exports.length > 0).length, 2)
        const problems = modules.flatMap(({ module, source }) => Exports.problems(`src/${source}`, module))
        assert.deepStrictEqual(problems, [])
      }).pipe(Effect.provide(NodeFileSystem.layer))
    )
  }
})

const text = `/**
 * Words. More words.
 *
 * @since 0.1.0
 */
import * as A from "./A.js"

/**
 * A pair.
 *
 * **Units** ms.
 *
 * @since 0.1.0
 * @category models
 */
export declare const Pair: Schema<{
    readonly a: ";";
    /** Here; too. */
    readonly b: () => void;
}>;
/**
 * @since 0.1.0
 * @category models
 */
export type Pair = typeof Pair.Type;
/** One. @since 0.2.0 @category constants */
export declare const one = 1;
export interface Bare {
    readonly b: { c: 1 };
}
declare const hidden: number;
/** @internal */
export declare const inner: number;
`

describe("parse", () => {
  const module = Exports.parse(text)

  it("finds exports with their docstrings and whole declarations", () => {
    assert.strictEqual(module.description, "Words. More words.")
    assert.deepStrictEqual(
      module.exports.map(({ description, kind, line, name }) => [name, kind, line, description]),
      [
        ["Pair", "const", 16, "A pair.\n\n**Units** ms."],
        ["Pair", "type", 25, ""],
        ["one", "const", 27, "One."],
        ["Bare", "interface", 28, ""],
        ["inner", "const", 33, ""]
      ]
    )
    assert.strictEqual(
      module.exports[0]?.signature,
      'const Pair: Schema<{\n    readonly a: ";";\n    /** Here; too. */\n    readonly b: () => void;\n}>'
    )
    assert.strictEqual(module.exports[3]?.signature, "interface Bare {\n    readonly b: { c: 1 };\n}")
    assert.strictEqual(module.exports[2]?.tags.get("since"), "0.2.0")
  })

  it("tells what is missing, but not of what is internal, nor of a type beside its value", () => {
    assert.deepStrictEqual(Exports.problems("A.ts", module), [
      "A.ts:28 Bare has no description",
      "A.ts:28 Bare has no @since",
      "A.ts:28 Bare has no @category"
    ])
    assert.deepStrictEqual(Exports.problems("B.ts", Exports.parse("export const a = 1")), [
      "B.ts:1 the header has no @since",
      "B.ts:1 the header has no description",
      "B.ts:1 a has no description",
      "B.ts:1 a has no @since",
      "B.ts:1 a has no @category"
    ])
  })

  it("is shown by category, a value and its type as one, without what is internal", () => {
    const page = Page.ofModule("@x/p/A", module)
    assert.include(page, "# @x/p/A\n\nWords. More words.\n\nSince 0.1.0.\n")
    assert.include(page, "\n## models\n\n### Pair\n\nA pair.\n\n**Units** ms.\n\n```ts\nconst Pair: Schema<{")
    assert.include(page, "}>\ntype Pair = typeof Pair.Type\n```\n\nSince 0.1.0.\n")
    assert.notInclude(page, "inner")
    assert.include(
      Page.ofPackage("@x/p", [{ specifier: "@x/p/A", file: "A.md", module }]),
      "| [`@x/p/A`](A.md) | Words. |"
    )
  })
})
