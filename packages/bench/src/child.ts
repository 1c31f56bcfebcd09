/**
 * A benchmark in a process of its own, so that neither the heap nor the compiled code of another is in its figures, and
 * one that breaks takes no other with it.
 *
 * @since 0.1.0
 */
import { fork } from "node:child_process"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Outcome, Plan } from "./Benchmark.js"

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
 * Runs a benchmark in a child that does not outlive the fiber.
 *
 * **Errors** how the child ended without an outcome, or that it did not end in half an hour.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (task: Task): Effect.Effect<Outcome, string> =>
  Effect.timeoutFail(inChild(task), {
    duration: patience,
    onTimeout: () => `not done after ${Duration.format(patience)}`
  })

const inChild = (task: Task): Effect.Effect<Outcome, string> =>
  Effect.async((resume) => {
    const child = fork(file, [], { execArgv: [...process.execArgv, "--expose-gc"], serialization: "advanced" })
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
