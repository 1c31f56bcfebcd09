import { assert, describe, it } from "@effect/vitest"
import * as Contents from "../src/pack/Contents.js"

const manifest: Contents.Manifest = {
  name: "@x/p",
  version: "1.0.0",
  bin: { p: "./dist/bin.js" },
  exports: {
    ".": { default: "./dist/index.js" },
    "./internal/*": null,
    "./core/*": null,
    "./unstable/core/*": { default: "./dist/core/*.js" },
    "./*": { default: "./dist/*.js" },
    "./package.json": "./package.json"
  },
  dependencies: { "@x/q": "1.0.0" },
  peerDependencies: { effect: "^3.0.0" }
}

const module = (name: string, code = ""): ReadonlyArray<readonly [string, string]> => {
  const base = name.split("/").at(-1)
  const map = JSON.stringify({ sourceRoot: "", sources: [`${"../".repeat(name.split("/").length)}src/${name}.ts`] })
  return [
    [`src/${name}.ts`, ""],
    [`dist/${name}.js`, `${code}\n//# sourceMappingURL=${base}.js.map`],
    [`dist/${name}.js.map`, map],
    [`dist/${name}.d.ts`, `//# sourceMappingURL=${base}.d.ts.map`],
    [`dist/${name}.d.ts.map`, map]
  ]
}

const good = new Map([
  ["package.json", "{}"],
  ["README.md", "# p"],
  ["LICENSE", "MIT"],
  ...module("index", 'export * as A from "./A.js"'),
  ...module(
    "A",
    'import "effect/Effect"\nimport * as B from "@x/q/B"\nimport { x } from "./internal/a.js"\nB.from("c")'
  ),
  ...module("core/B", 'import { readFile } from "node:fs"\nimport("../A.js")'),
  ...module("internal/a"),
  ...module("bin", "")
]).set("dist/bin.js", "#!/usr/bin/env node\n//# sourceMappingURL=bin.js.map")

const problemsWith = (...changes: ReadonlyArray<readonly [string, string | undefined]>) => {
  const files = new Map(good)
  for (const [file, text] of changes) {
    if (text === undefined) files.delete(file)
    else files.set(file, text)
  }
  return Contents.problems({ manifest, files })
}

describe("problems", () => {
  it("finds none in a good package", () => {
    assert.deepStrictEqual(problemsWith(), [])
  })

  it("misses the licence, the read-me and a module that was not built", () => {
    assert.deepStrictEqual(problemsWith(["LICENSE", undefined], ["README.md", undefined], ["src/New.ts", ""]), [
      "README.md is missing",
      "LICENSE is missing",
      "src/New.ts was not built"
    ])
  })

  it("refuses build information, tests, and what is left of a source that is gone", () => {
    assert.deepStrictEqual(
      problemsWith(["dist/.tsbuildinfo", ""], ["src/A.test.ts", ""], ["src/core/B.ts", undefined]),
      [
        "src/A.test.ts was not built",
        "dist/core/B.js has no source: remove dist and build again",
        "dist/core/B.js.map has no source: remove dist and build again",
        "dist/core/B.js.map leads to src/core/B.ts, which is not shipped",
        "dist/core/B.d.ts has no source: remove dist and build again",
        "dist/core/B.d.ts.map has no source: remove dist and build again",
        "dist/core/B.d.ts.map leads to src/core/B.ts, which is not shipped",
        "dist/.tsbuildinfo does not belong into a package",
        "src/A.test.ts is a test"
      ]
    )
  })

  it("refuses code without a source map", () => {
    assert.deepStrictEqual(problemsWith(["dist/A.js", ""]), ["dist/A.js has no source map"])
  })

  it("refuses imports of what is not declared", () => {
    const code = 'import "@x/r/C"\nawait import("vitest")\n//# sourceMappingURL=A.js.map'
    assert.deepStrictEqual(
      problemsWith(["dist/A.js", code]),
      ["@x/r/C", "vitest"].map((it) => `dist/A.js imports ${it}, which is not a dependency`)
    )
  })

  it("does not take words for imports", () => {
    const code = 'export const a = (b) => (b ? "5 from " : "to ")\n//# sourceMappingURL=A.js.map'
    assert.deepStrictEqual(problemsWith(["dist/A.js", code]), [])
  })
})

describe("modules", () => {
  it("are public if exports leads to them, by the most exact of its entries", () => {
    assert.deepStrictEqual(
      [...Contents.publicModules({ manifest, files: good })],
      [
        ["@x/p", "dist/index.js"],
        ["@x/p/A", "dist/A.js"],
        ["@x/p/index", "dist/index.js"],
        ["@x/p/unstable/core/B", "dist/core/B.js"]
      ]
    )
    assert.deepStrictEqual(Contents.internalModules({ manifest, files: good }), ["@x/p/internal/a"])
  })

  it("are not, if exports names the barrel only", () => {
    const closed = { ...manifest, exports: { ".": "./dist/index.js" } }
    assert.deepStrictEqual([...Contents.publicModules({ manifest: closed, files: good }).keys()], ["@x/p"])
    assert.deepStrictEqual(Contents.internalModules({ manifest: closed, files: good }), [
      "@x/p/A",
      "@x/p/core/B",
      "@x/p/internal/a"
    ])
  })
})
