/**
 * A process that runs one benchmark for its parent.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { run } from "./Benchmark.js"
import { all } from "./benchmarks/all.js"
import type { Task } from "./child.js"

/** Without a parent there is nobody to measure for. */
const leave = () => process.exit()

process.on("disconnect", leave)
process.once("message", ({ name, plan }: Task) => {
  const benchmark = all.find((candidate) => candidate.name === name)
  if (benchmark === undefined) throw new Error(`no benchmark ${name}`)
  NodeRuntime.runMain(Effect.tap(run(benchmark, plan), (outcome) => Effect.sync(() => process.send!(outcome))))
})
