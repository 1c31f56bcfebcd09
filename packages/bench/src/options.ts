/**
 * The command line of `npm run bench`.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Either from "effect/Either"
import type { Plan } from "./Benchmark.js"

/**
 * **Shape** `names` are those that were given, or all; `write`: figures go into the README and its pictures.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Plan {
  readonly help: boolean
  readonly json: boolean
  readonly write: boolean
  readonly names: ReadonlyArray<string>
}

/**
 * What it takes, for `--help`.
 *
 * @since 0.1.0
 * @category constants
 */
export const usage = (known: ReadonlyArray<string>): string => `npm run bench -- [options] [NAME…]

  NAME        one of ${known.join(", ")}; default all
  --quick     a bounded form of each, which shows that it works; some three minutes for all
  --rounds N  counted rounds of each, instead of its own number
  --json      one object a line instead of the table
  --write     put the figures into packages/bench/README.md and assets; what a run of all does anyway, unless quick
  --no-write  do not`

const config = {
  help: { type: "boolean", short: "h" },
  quick: { type: "boolean" },
  json: { type: "boolean" },
  write: { type: "boolean" },
  "no-write": { type: "boolean" },
  rounds: { type: "string" }
} as const

const read = (argv: ReadonlyArray<string>) =>
  Either.try({
    try: () => parseArgs({ args: [...argv], options: config, strict: true, allowPositionals: true }),
    // Node's own words, of which the first sentence says what is wrong.
    catch: (error) => String(error instanceof Error ? error.message : error).split(/\. |\n/)[0] ?? ""
  })

/** More would only take time. */
const maxRounds = 1000

/**
 * **Errors** one line that says what is wrong and what it may be.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (argv: ReadonlyArray<string>, known: ReadonlyArray<string>): Either.Either<Options, string> =>
  Either.gen(function* () {
    const { positionals, values } = yield* read(argv)
    const unknown = positionals.filter((name) => !known.includes(name))
    if (unknown.length > 0) {
      return yield* Either.left(`there is no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}`)
    }
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= maxRounds)) {
      return yield* Either.left(`--rounds: ${JSON.stringify(values.rounds)} is not a number from 1 to ${maxRounds}`)
    }
    const quick = values.quick === true
    const isFull = positionals.length === 0 && !quick && rounds === undefined
    return {
      help: values.help === true,
      json: values.json === true,
      write: values["no-write"] !== true && (values.write === true || isFull),
      quick,
      rounds,
      names: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name))
    }
  })
