/**
 * `npm run grid`: the simulation grid as a table, or with `--json` as one object a line (a rate of null: no limit).
 *
 * Options: `--controller NAME` (repeatable; default the default one), `--mib N` (default 64), `--seeds N` (default 3),
 * `--rtt MS` and `--loss SHARE` to pick cells. One process for each core: a cell is arithmetic and nothing else.
 *
 * @since 0.1.0
 */
import { fork } from "node:child_process"
import * as os from "node:os"
import { fileURLToPath } from "node:url"
import type { Make } from "@effect-i2p/streaming/core/CongestionController"
import * as Bbr from "@effect-i2p/streaming/core/congestion/Bbr"
import * as Cubic from "@effect-i2p/streaming/core/congestion/Cubic"
import * as NewReno from "@effect-i2p/streaming/core/congestion/NewReno"
import * as Veno from "@effect-i2p/streaming/core/congestion/Veno"
import * as Westwood from "@effect-i2p/streaming/core/congestion/Westwood"
import * as Grid from "@effect-i2p/testkit/Grid"

const controllers: Readonly<Record<string, Make>> = {
  Veno: Veno.make,
  NewReno: NewReno.make,
  CUBIC: Cubic.make,
  "Westwood+": Westwood.make,
  BBR: Bbr.make
}

interface Task {
  readonly cell: Grid.Cell
  readonly controller: string
  readonly sender: string
  readonly bytes: number
  readonly seeds: number
}

interface Result extends Grid.Cell {
  readonly controller: string
  readonly sender: string
  readonly goodputShare: number
  readonly seeds: number
}

const measure = (task: Task): Result => ({
  ...task.cell,
  controller: task.controller,
  sender: task.sender,
  goodputShare: Grid.median(
    Array.from({ length: task.seeds }, (_, i) =>
      Grid.goodputShare(task.cell, {
        bytes: task.bytes,
        seed: i + 1,
        congestion: controllers[task.controller] ?? Veno.make
      })
    )
  ),
  seeds: task.seeds
})

const option = (name: string): ReadonlyArray<string> =>
  process.argv.flatMap((word, i) => (word === name && process.argv[i + 1] !== undefined ? [process.argv[i + 1]!] : []))

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`

const row = (results: ReadonlyArray<Result>, rttMs: number, reorder: number): string => {
  const shares = Grid.losses.map((loss) => {
    const found = results.find((r) => r.rttMs === rttMs && r.reorder === reorder && r.loss === loss)
    return (found === undefined ? "" : percent(found.goodputShare)).padStart(6)
  })
  return `| ${String(rttMs).padStart(6)} | ${percent(reorder).padStart(7)} | ${shares.join(" | ")} |`
}

const table = (results: ReadonlyArray<Result>): string => {
  const parts: Array<string> = []
  for (const controller of new Set(results.map((r) => r.controller))) {
    for (const limited of [false, true]) {
      const part = results.filter(
        (r) => r.controller === controller && Number.isFinite(r.rateBytesPerSecond) === limited
      )
      if (part.length === 0) continue
      parts.push(
        "",
        `${controller}, ${limited ? "rate limited to half of what the window carries, queue of one round trip" : "no rate limit"}:`,
        "",
        `| RTT ms | reorder | ${Grid.losses.map((loss) => `${100 * loss}%`.padStart(6)).join(" | ")} |`,
        `|-------:|--------:|${Grid.losses.map(() => "-------:").join("|")}|`
      )
      for (const rttMs of Grid.rtts) for (const reorder of Grid.reorders) parts.push(row(part, rttMs, reorder))
    }
  }
  return parts.join("\n")
}

const run = async (): Promise<void> => {
  const json = process.argv.includes("--json")
  const names = option("--controller")
  const bytes = Number(option("--mib")[0] ?? 64) * 1024 * 1024
  const seeds = Number(option("--seeds")[0] ?? 3)
  const wanted = (values: ReadonlyArray<string>, value: number) => values.length === 0 || values.includes(String(value))
  const cells = Grid.cells.filter((cell) => wanted(option("--rtt"), cell.rttMs) && wanted(option("--loss"), cell.loss))
  const tasks: Array<Task> = (names.length > 0 ? names : ["Veno"]).flatMap((controller) =>
    cells.map((cell) => ({ cell, controller, sender: "ours", bytes, seeds }))
  )
  const unknown = names.filter((name) => !(name in controllers))
  if (unknown.length > 0) {
    process.stderr.write(`unknown controller ${unknown.join(", ")}; there are ${Object.keys(controllers).join(", ")}\n`)
    process.exitCode = 2
    return
  }
  const results: Array<Result> = []
  const total = tasks.length
  const worker = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), ["--worker"], {
        execArgv: process.execArgv,
        serialization: "advanced"
      })
      const give = () => {
        const task = tasks.shift()
        if (task === undefined) child.disconnect()
        else child.send(task)
      }
      child.on("message", (result: Result) => {
        results.push(result)
        if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
        else if (process.stderr.isTTY) process.stderr.write(`\r${results.length} of ${total} cells `)
        give()
      })
      child.on("error", reject)
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker exited with ${code}`))))
      give()
    })
  await Promise.all(Array.from({ length: Math.min(os.availableParallelism(), total) }, worker))
  if (!json) process.stdout.write(`${table(results)}\n`)
}

if (process.argv.includes("--worker")) process.on("message", (task: Task) => process.send!(measure(task)))
else await run()
