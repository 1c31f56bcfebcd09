/**
 * `npm run grid`: the simulation grid as a table, or with `--json` as one object a line. `--help` has the options.
 *
 * @since 0.1.0
 */
import { writeFile } from "node:fs/promises"
import * as Either from "effect/Either"
import { type Result, tasks } from "./grid/cell.js"
import { type Options, parse, usage } from "./grid/options.js"
import { plot } from "./grid/plot.js"
import { measureAll } from "./grid/pool.js"
import { table } from "./grid/table.js"

const run = async (options: Options): Promise<void> => {
  const all = tasks(options)
  const results: Array<Result> = []
  const progress = !options.json && process.stderr.isTTY
  await measureAll(all, (result) => {
    results.push(result)
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else if (progress) process.stderr.write(`\r${results.length} of ${all.length} cells `)
  })
  if (progress) process.stderr.write("\r\u001b[K")
  if (options.svg !== undefined) await writeFile(options.svg, plot(results, options))
  if (!options.json) process.stdout.write(`${table(results, options)}\n`)
}

const fail = (code: number, message: string): void => {
  process.stderr.write(`grid: ${message}\n`)
  process.exitCode = code
}

// Who reads may have seen enough, as `head` has: nothing is wrong then, and nobody is left to tell.
process.stdout.on("error", () => process.exit())

await Either.match(parse(process.argv.slice(2)), {
  onLeft: async (message) => fail(2, message),
  onRight: async (options) => {
    if (options.help) process.stdout.write(`${usage}\n`)
    else await run(options).catch((error: unknown) => fail(1, String(error)))
  }
})
