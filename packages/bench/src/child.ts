/**
 * A benchmark in a process of its own, so that neither the heap nor the compiled code of another is in its figures, and
 * one that breaks takes no other with it.
 *
 * @since 0.1.0
 */
import { fork } from "node:child_process"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Benchmark, type Outcome, type Plan, without } from "./Benchmark.js"
import * as Place from "./router/place.js"

/**
 * What a child is given.
 *
 * @since 0.1.0
 * @category models
 */
export interface Task {
  readonly name: string
  readonly plan: Plan
}

/** The longest takes a quarter of an hour. */
const patience = Duration.minutes(30)

/** Beside this module, whether that is the source or what is built of it. */
const file = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url))

/**
 * Runs a benchmark in a child that does not outlive the fiber. One that needs routers runs in a namespace of its own, and
 * where there cannot be one, its rows say why.
 *
 * **Errors** how the child ended without an outcome, or that it did not end in half an hour.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (
  benchmark: Benchmark,
  plan: Plan
): Effect.Effect<Outcome, string, CommandExecutor.CommandExecutor> => {
  const task: Task = { name: benchmark.name, plan }
  const inChild = (prefix: ReadonlyArray<string>) => bounded(start(task, prefix, benchmark.nodeOptions ?? []))
  if (benchmark.place === undefined) return inChild([])
  return Place.make.pipe(
    Effect.flatMap(({ prefix }) => inChild(prefix)),
    Effect.catchTag("Lacks", (lacks) => Effect.succeed(without(benchmark, lacks))),
    Effect.scoped
  )
}

const bounded = (outcome: Effect.Effect<Outcome, string>): Effect.Effect<Outcome, string> =>
  Effect.timeoutFail(outcome, { duration: patience, onTimeout: () => `not done after ${Duration.format(patience)}` })

/** `prefix` is what its command line begins with. */
const start = (
  task: Task,
  prefix: ReadonlyArray<string>,
  nodeOptions: ReadonlyArray<string>
): Effect.Effect<Outcome, string> =>
  Effect.async((resume) => {
    const [execPath, ...execArgv] = [...prefix, process.execPath, ...process.execArgv, ...nodeOptions]
    const child = fork(file, [], { execPath, execArgv, serialization: "advanced" })
    child.on("message", (outcome: Outcome) => {
      child.disconnect()
      resume(Effect.succeed(outcome))
    })
    child.on("error", (error) => resume(Effect.fail(error.message)))
    child.on("exit", (code, signal) => resume(Effect.fail(`ended with ${signal ?? code}`)))
    child.send(task)
    // One that never leaves its loop hears of no other signal.
    return Effect.sync(() => child.kill("SIGKILL"))
  })
