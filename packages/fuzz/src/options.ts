/**
 * The command line of `npm run fuzz`.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Either from "effect/Either"

/**
 * What it takes, for `--help`.
 *
 * @since 0.1.0
 * @category constants
 */
export const usage = (targets: ReadonlyArray<string>): string => `npm run fuzz -- [options]

  --target NAME   ${targets.join(", ")}; again for more (default all)
  --seed N        what everything random follows from (default 1)
  --count N       inputs for each target (default 100000; programs 1000)
  --seconds N     at most so long for each target (default none)
  --keep          writes inputs that reach new code into the corpus
  --fresh         begins with the seeds alone, without the corpus
  --blind         what reaches new code does not join the corpus: to see what that gains
  --json          one object a line

Exits with 1 if anything was found; the inputs are in packages/fuzz/corpus/findings.`

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly help: boolean
  readonly targets: ReadonlyArray<string>
  readonly seed: number
  readonly count: number | undefined
  readonly seconds: number
  readonly keep: boolean
  readonly fresh: boolean
  readonly blind: boolean
  readonly json: boolean
}

const config = {
  help: { type: "boolean", short: "h" },
  target: { type: "string", multiple: true },
  seed: { type: "string" },
  count: { type: "string" },
  seconds: { type: "string" },
  keep: { type: "boolean" },
  fresh: { type: "boolean" },
  blind: { type: "boolean" },
  json: { type: "boolean" }
} as const

/**
 * **Errors** what is wrong, in a line.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (argv: ReadonlyArray<string>, known: ReadonlyArray<string>): Either.Either<Options, string> =>
  Either.gen(function* () {
    const { values } = yield* Either.try({
      try: () => parseArgs({ args: [...argv], options: config, strict: true, allowPositionals: false }),
      catch: (error) => (error instanceof Error ? error.message : String(error))
    })
    const targets = values.target ?? known
    const unknown = targets.filter((name) => !known.includes(name))
    if (unknown.length > 0) return yield* Either.left(`no target ${unknown.join(", ")}; there are ${known.join(", ")}`)
    return {
      help: values.help ?? false,
      targets,
      seed: (yield* number("seed", values.seed)) ?? 1,
      count: yield* number("count", values.count),
      seconds: (yield* number("seconds", values.seconds)) ?? Number.POSITIVE_INFINITY,
      keep: values.keep ?? false,
      fresh: values.fresh ?? false,
      blind: values.blind ?? false,
      json: values.json ?? false
    }
  })

const number = (name: string, text: string | undefined): Either.Either<number | undefined, string> => {
  if (text === undefined) return Either.right(undefined)
  return /^\d{1,12}$/.test(text) ? Either.right(Number(text)) : Either.left(`--${name} takes a number, not "${text}"`)
}
