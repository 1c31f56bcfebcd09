/** That the linters of packages see what our own checks leave to them. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Lint from "../src/pack/Lint.js"
import * as Project from "../src/pack/Project.js"

const good = {
  "package.json": JSON.stringify({
    name: "@x/p",
    version: "1.0.0",
    license: "MIT",
    type: "module",
    sideEffects: false,
    bin: { p: "./dist/bin.js" },
    exports: {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" }
    },
    files: ["dist"]
  }),
  "dist/index.js": 'export * from "./A.js"\n',
  "dist/index.d.ts": 'export * from "./A.js"\n',
  "dist/A.js": "export const a = 1\n",
  "dist/A.d.ts": "export declare const a: 1\n",
  "dist/bin.js": "#!/usr/bin/env node\n"
}

const problemsWith = (changes: Readonly<Record<string, string | undefined>>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    yield* fs.makeDirectory(`${folder}/dist`)
    for (const [file, text] of Object.entries({ ...good, ...changes })) {
      if (text !== undefined) yield* fs.writeFileString(`${folder}/${file}`, text)
    }
    yield* Project.run(folder, "30 seconds", "npm", "pack")
    return yield* Lint.problems(`${folder}/x-p-1.0.0.tgz`, ["@x/p", "@x/p/A"])
  }).pipe(Effect.provide(NodeContext.layer))

describe("publint and attw", () => {
  it.scopedLive("find nothing in a good package", () =>
    Effect.map(problemsWith({}), (problems) => assert.deepStrictEqual(problems, []))
  )

  const broken: ReadonlyArray<readonly [what: string, changes: Record<string, string | undefined>, problem: RegExp]> = [
    ["a program without a shebang", { "dist/bin.js": "void 0\n" }, /^publint: .*shebang/],
    ["an entry point that is not shipped", { "dist/index.js": undefined }, /^publint: .*index\.js/],
    ["a module without declarations", { "dist/A.d.ts": undefined }, /^types: .*"UntypedResolution"/],
    [
      "declarations that import what is not there",
      { "dist/index.d.ts": 'export * from "./Gone.js"\n' },
      /^types: .*Gone/
    ]
  ]
  for (const [what, changes, problem] of broken) {
    it.scopedLive(`find ${what}`, () =>
      Effect.map(problemsWith(changes), (problems) => assert.match(problems.join("\n"), problem))
    )
  }
})
