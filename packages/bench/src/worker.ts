/**
 * A process that runs one benchmark for its parent.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { run } from "./Benchmark.js"
import { all } from "./benchmarks/all.js"
import type { Task } from "./child.js"
import * as Place from "./router/place.js"

/** Without a parent there is nobody to measure for. */
const leave = () => process.exit()

process.on("disconnect", leave)
process.once("message", ({ name, plan }: Task) => {
  const benchmark = all.find((candidate) => candidate.name === name)
  if (benchmark === undefined) throw new Error(`no benchmark ${name}`)
  const rounds = run(benchmark, plan)
  const outcome = benchmark.place === "network" ? Effect.provide(Place.within(rounds), NodeContext.layer) : rounds
  NodeRuntime.runMain(Effect.tap(outcome, (result) => Effect.sync(() => process.send!(result))))
})
