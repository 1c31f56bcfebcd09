/**
 * The figures that the README shows: kept as JSON, one object a line, with the table and the pictures made of them. A run
 * of some benchmarks replaces their rows and leaves the others.
 *
 * @since 0.1.0
 */

import { fileURLToPath } from "node:url"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type { Benchmark, Curve, Outcome, Result } from "../Benchmark.js"
import * as Plot from "./plot.js"
import { table } from "./table.js"

const place = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

const begin = "<!-- npm run bench -->"
const end = "<!-- end of npm run bench -->"

/**
 * A text with something new between its markers.
 *
 * **Errors** throws where the markers are not there.
 *
 * @since 0.1.0
 * @category reporting
 */
export const between = (text: string, inside: string): string => {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`no ${begin} … ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${inside}\n\n${text.slice(to)}`
}

/** A line of the file: whose outcome, from which machine. */
interface Entry extends Outcome {
  readonly benchmark: string
  readonly machine: string
}

/**
 * Writes what has been measured beside what was measured before.
 *
 * @since 0.1.0
 * @category reporting
 */
export const write = Effect.fnUntraced(function* (
  all: ReadonlyArray<Benchmark>,
  outcomes: ReadonlyMap<string, Outcome>,
  machine: string
) {
  const fs = yield* FileSystem.FileSystem
  const file = place("assets/bench.jsonl")
  const before = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
  const old = before.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Entry]))
  const entries = all.flatMap(({ name }): ReadonlyArray<Entry> => {
    const outcome = outcomes.get(name)
    return outcome === undefined
      ? old.filter(({ benchmark }) => benchmark === name)
      : [{ benchmark: name, machine, ...outcome }]
  })
  const results: ReadonlyArray<Result> = entries.flatMap((entry) => entry.results)
  const curves: ReadonlyArray<Curve> = entries.flatMap((entry) => entry.curves)
  const machines = [...new Set(entries.map((entry) => entry.machine))]
  const readme = yield* fs.readFileString(place("README.md"))
  yield* fs.writeFileString(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""))
  yield* fs.writeFileString(place("assets/targets.svg"), Plot.targets(results))
  if (curves.length > 0) yield* fs.writeFileString(place("assets/curves.svg"), Plot.curves(curves))
  yield* fs.writeFileString(place("README.md"), between(readme, `On ${machines.join("; ")}:\n\n${table(results)}`))
})
