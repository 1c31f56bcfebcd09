/**
 * The test files of guards, run by one vitest that gives them the code with a guard taken out. No file is written.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as RegExps from "effect/RegExp"
import type * as Scope from "effect/Scope"
import * as Vitest from "vitest/node"
import * as Graph from "../Graph.js"
import * as Guard from "./Guard.js"

/**
 * What the tests say to the code without a guard.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Data.TaggedEnum<{
  readonly Noticed: { readonly by: string }
  readonly Missed: { readonly why: string }
}>

const Outcome = Data.taggedEnum<Outcome>()

/**
 * @category models
 * @since 0.1.0
 */
export interface Suites {
  /** Fails if the tests do not pass with the guard in its place, or are not there. */
  readonly run: (guard: Guard.Guard) => Effect.Effect<Outcome, Error>
}

/** Who waits for ever without a guard has noticed. Ours: four times what the slowest of them takes. */
const testTimeout = 30_000

const conditions = ["@effect-i2p/source", "node", "import", "default"]

/**
 * Starts vitest, which ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Suites, Error, Scope.Scope> = Effect.gen(function* () {
  let taken: Guard.Guard | undefined
  const vitest = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        Vitest.createVitest("test", {
          root: Graph.root,
          config: false,
          watch: false,
          reporters: [{}],
          maxWorkers: 1,
          minWorkers: 1,
          bail: 1,
          projects: [
            {
              resolve: { conditions },
              ssr: { resolve: { conditions } },
              logLevel: "silent",
              plugins: [
                {
                  name: "take-out",
                  enforce: "pre",
                  transform: (source, id) =>
                    taken !== undefined && id === Guard.pathOf(taken.file) ? Guard.takeOut(taken, source) : undefined
                }
              ],
              test: {
                include: ["packages/*/test/**/*.test.ts"],
                setupFiles: ["./vitest.setup.ts"],
                testTimeout
              }
            }
          ]
        }),
      catch: (error) => error as Error
    }),
    (vitest) => Effect.promise(() => vitest.close())
  )

  /** Runs the tests of a guard, with the code as it is then. */
  const run = (guard: Guard.Guard) =>
    Effect.tryPromise({
      try: async () => {
        vitest.invalidateFile(Guard.pathOf(guard.file))
        if (guard.noticedBy === undefined) vitest.resetGlobalTestNamePattern()
        else vitest.setGlobalTestNamePattern(new RegExp(RegExps.escape(guard.noticedBy)))
        const [project] = vitest.projects
        const specifications = guard.tests.map((file) => project!.createSpecification(Guard.pathOf(file)))
        const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
        // It gives those of earlier runs, too.
        const files = new Set(specifications.map(({ moduleId }) => moduleId))
        const modules = testModules.filter(({ moduleId }) => files.has(moduleId))
        const tests = modules.flatMap((module) => [...module.children.allTests()])
        const failures = [
          ...tests.filter((test) => test.result().state === "failed").map((test) => test.fullName),
          ...modules.flatMap((module) => module.errors().map(({ message }) => message)),
          ...unhandledErrors.map((error) => String(error))
        ]
        const passed = tests.filter((test) => test.result().state === "passed").length
        return { passed, failures }
      },
      catch: (error) => error as Error
    })

  /** Whether tests pass with everything in its place, by file and name: asked once. */
  const sound = new Set<string>()

  return {
    run: (guard) =>
      Effect.gen(function* () {
        const key = JSON.stringify([guard.tests, guard.noticedBy])
        if (!sound.has(key)) {
          const { failures, passed } = yield* run(guard)
          if (failures.length > 0 || passed === 0) {
            return yield* Effect.fail(
              new Error(`with the guard in its place ${passed} tests pass, and fail: ${failures.join("; ") || "none"}`)
            )
          }
          sound.add(key)
        }
        taken = guard
        const { failures, passed } = yield* Effect.ensuring(
          run(guard),
          Effect.sync(() => {
            taken = undefined
            vitest.invalidateFile(Guard.pathOf(guard.file))
          })
        )
        const [first] = failures
        return first === undefined
          ? Outcome.Missed({ why: `all ${passed} tests pass without it: ${guard.tests.join(", ")}` })
          : Outcome.Noticed({ by: first })
      })
  }
})
