/**
 * What publint and "Are the types wrong?" say of a packed package: entry points that lead nowhere, files that are not
 * shipped, programs without a shebang, declarations that an importer's compiler does not find or that lie.
 *
 * @since 0.1.0
 */
import * as Attw from "@arethetypeswrong/core"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

/**
 * Ways to resolve that a package of ES modules with `exports` does not serve.
 *
 * `node10` knows no `exports`. What `node16-cjs` complains about is `require` of ES modules, which Node has loaded since 20.19;
 * an application of CommonJS modules is among the checks of `pack.ts`.
 */
const unserved: ReadonlySet<Attw.ResolutionKind> = new Set(["node10", "node16-cjs"])

/**
 * What is wrong with a packed package, one line each.
 *
 * **Shape** `modules` are the specifiers that users may import: a pattern in `exports` stands for many.
 *
 * @category queries
 * @since 0.1.0
 */
export const problems = (tarball: string, modules: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const bytes = yield* fs.readFile(tarball)
    const ofPackage = yield* Effect.tryPromise(() => publint({ pack: { tarball: Uint8Array.from(bytes).buffer } }))
    const ofTypes = yield* Effect.tryPromise(() =>
      Attw.checkPackage(Attw.createPackageFromTarballData(bytes), { entrypoints: modules.map(subpathOf) })
    )
    return [
      ...ofPackage.messages.map((message) => `publint: ${formatMessage(message, ofPackage.pkg, { color: false })}`),
      ...(ofTypes.types === false ? ["types: there are none"] : ofTypes.problems.filter(isServed).map(formatProblem))
    ]
  })

const subpathOf = (module: string): string =>
  `.${module
    .split("/")
    .slice(2)
    .map((part) => `/${part}`)
    .join("")}`

const isServed = (problem: Attw.Problem): boolean =>
  problem.kind === "InternalResolutionError"
    ? problem.resolutionOption !== "node10"
    : !("resolutionKind" in problem) || !unserved.has(problem.resolutionKind)

const formatProblem = (problem: Attw.Problem): string => `types: ${JSON.stringify(problem)}`
