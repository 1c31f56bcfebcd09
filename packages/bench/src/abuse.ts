/**
 * `npm run abuse`, `npm run abuse -- WORD…` for the attacks whose names have one of the words, `--json` for a line each,
 * `--rate=N` for N messages a second of each, for two seconds, in place of their own doses, `--quick` for less of each, `--portable` with
 * the portable backend of signatures in place of `node:crypto`. Exits
 * with 1 if an attack ended the stream of somebody else or kept others out.
 *
 * On the clock of the machine: what an attack costs in processor time, and what it does to the round trips of somebody
 * else. Attacker, router and victim share one thread here, so others have less of the processor than on machines of their own.
 *
 * @since 0.1.0
 */

import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeCompression from "@effect-i2p/platform-node/NodeCompression"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Router from "./abuse/router.js"
import * as Streaming from "./abuse/streaming.js"
import * as Trial from "./abuse/Trial.js"
import { machine } from "./Benchmark.js"

/** Five hundred messages a second: some times what a tunnel carries. */
const doses = {
  full: { messages: 1000, burst: 5, every: "10 millis" },
  quick: { messages: 200, burst: 5, every: "10 millis" }
} satisfies Record<string, Trial.Dose>

const { positionals: wanted, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    portable: { type: "boolean", default: false },
    rate: { type: "string", default: "0" }
  }
})

/** Milliseconds between bursts. */
const every = 10

/** What each attack has at a rate that is asked for. */
const doseOf = (rate: number): Trial.Dose => {
  const burst = Math.max(1, Math.round((rate * every) / 1000))
  return { messages: 2 * rate, burst, every }
}

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const kilobytes = (bytes: number): string => `${Math.max(0, bytes / 1024).toFixed(0)} KiB`

/** Whether others have what they had. */
const holds = ({ admitted, survived }: Trial.Outcome): boolean => survived && admitted

const describe = (outcome: Trial.Outcome): string =>
  [
    outcome.name,
    `  ${outcome.cpuMicros.toFixed(0)} µs a message; answered ${outcome.answers.toFixed(2)} packets, ` +
      `${outcome.answerBytes.toFixed(2)} bytes for each one sent; ${kilobytes(outcome.heldBytes)} held`,
    `  p95 of another's echo ${outcome.p95Before.toFixed(1)} ms before, ${outcome.p95.toFixed(1)} meanwhile, ` +
      `ratio ${(outcome.p95 / outcome.p95Before).toFixed(2)}${holds(outcome) ? "" : "; LOST"}`,
    ...(Number.isNaN(outcome.opening)
      ? []
      : [
          `  p95 of another's opening ${outcome.openingBefore.toFixed(1)} ms before, ${outcome.opening.toFixed(1)} meanwhile, ` +
            `ratio ${(outcome.opening / outcome.openingBefore).toFixed(2)}`
        ])
  ].join("\n")

const program = Effect.gen(function* () {
  if (!values.json) yield* print(machine())
  const dose = values.quick ? doses.quick : doses.full
  const rate = Number(values.rate)
  let lost = 0
  for (const attack of [...Streaming.attacks, ...Router.attacks]) {
    if (wanted.length > 0 && !wanted.some((word) => attack.name.includes(word))) continue
    const outcome = yield* Trial.run(rate > 0 ? { ...attack, dose: doseOf(rate) } : attack, dose)
    if (!holds(outcome)) lost++
    yield* print(values.json ? JSON.stringify(outcome) : describe(outcome))
  }
  return lost
})

NodeRuntime.runMain(
  Effect.provide(
    program,
    Layer.mergeAll(
      values.portable ? Layer.empty : NodeSignatures.layer,
      NodeCompression.layer,
      Logger.minimumLogLevel(LogLevel.None)
    )
  ),
  { teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) && exit.value === 0 ? 0 : 1) }
)
