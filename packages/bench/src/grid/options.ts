/**
 * The command line of `npm run grid`.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Grid from "@effect-i2p/testkit/Grid"
import * as Either from "effect/Either"
import { controllers, defaultController, ours, senders } from "./senders.js"

/**
 * What it takes, for `--help`.
 *
 * @since 0.1.0
 * @category constants
 */
export const usage = `npm run grid -- [options]: goodput as a share of what the link and the largest window allow

  --sender NAME      ${[ours, ...Object.keys(senders)].join(", ")}; again for more (default ${ours})
  --controller NAME  ours only: ${Object.keys(controllers).join(", ")}; again for more (default ${defaultController})
  --rtt MS           round trip, again for more (default ${Grid.rtts.join(", ")})
  --loss SHARE       from 0 to below 1, again for more (default ${Grid.losses.join(", ")})
  --reorder SHARE    from 0 to 1, again for more (default ${Grid.reorders.join(", ")})
  --mib N            size of a transfer (default 64)
  --seeds N          transfers of a cell, of which the median counts (default 3)
  --svg FILE         also draws the first round trip and reordering
  --json             one object a line instead of the table`

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Grid.Axes {
  readonly help: boolean
  readonly json: boolean
  /** Where the picture goes, if one is wanted. */
  readonly svg: string | undefined
  readonly senders: ReadonlyArray<string>
  /** Of ours. */
  readonly controllers: ReadonlyArray<string>
  readonly bytes: number
  readonly seeds: number
}

const config = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  svg: { type: "string" },
  sender: { type: "string", multiple: true },
  controller: { type: "string", multiple: true },
  rtt: { type: "string", multiple: true },
  loss: { type: "string", multiple: true },
  reorder: { type: "string", multiple: true },
  mib: { type: "string" },
  seeds: { type: "string" }
} as const

const read = (argv: ReadonlyArray<string>) =>
  Either.try({
    try: () => parseArgs({ args: [...argv], options: config, strict: true, allowPositionals: false }).values,
    // Node's own words, of which the first sentence says what is wrong.
    catch: (error) => String(error instanceof Error ? error.message : error).split(/\. |\n/)[0] ?? ""
  })

const names = (option: string, values: ReadonlyArray<string>, known: ReadonlyArray<string>) => {
  const unknown = values.filter((value) => !known.includes(value))
  return unknown.length === 0
    ? Either.right([...new Set(values)])
    : Either.left(`--${option}: there is no ${unknown.join(", ")}; there are ${known.join(", ")}`)
}

const number = (option: string, value: string, rule: string, holds: (value: number) => boolean) =>
  value.trim() !== "" && holds(Number(value))
    ? Either.right(Number(value))
    : Either.left(`--${option}: ${JSON.stringify(value)} is not ${rule}`)

const numbers = (
  option: string,
  values: ReadonlyArray<string> | undefined,
  otherwise: ReadonlyArray<number>,
  rule: string,
  holds: (value: number) => boolean
) =>
  values === undefined
    ? Either.right(otherwise)
    : Either.map(Either.all(values.map((value) => number(option, value, rule, holds))), (all) => [...new Set(all)])

/** Largest transfer in MiB: 2^32 packets are the end of a stream, and memory that of the machine. Ours. */
const maxMib = 1024

/**
 * **Errors** one line that says which option is wrong and what it may be.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (argv: ReadonlyArray<string>): Either.Either<Options, string> =>
  Either.gen(function* () {
    const values = yield* read(argv)
    const chosen = yield* names("sender", values.sender ?? [ours], [ours, ...Object.keys(senders)])
    if (values.controller !== undefined && !chosen.includes(ours)) {
      return yield* Either.left(`--controller is for --sender ${ours}; a model has the one of its implementation`)
    }
    return {
      help: values.help === true,
      json: values.json === true,
      svg: values.svg,
      senders: chosen,
      controllers: yield* names("controller", values.controller ?? [defaultController], Object.keys(controllers)),
      rtts: yield* numbers("rtt", values.rtt, Grid.rtts, "a time in ms from 1 to 60000", (v) => v >= 1 && v <= 60_000),
      losses: yield* numbers("loss", values.loss, Grid.losses, "a share from 0 to below 1", (v) => v >= 0 && v < 1),
      reorders: yield* numbers(
        "reorder",
        values.reorder,
        Grid.reorders,
        "a share from 0 to 1",
        (v) => v >= 0 && v <= 1
      ),
      bytes: Math.ceil(
        (yield* number("mib", values.mib ?? "64", `a size up to ${maxMib}`, (v) => v > 0 && v <= maxMib)) * 1024 * 1024
      ),
      seeds: yield* number(
        "seeds",
        values.seeds ?? "3",
        "a number from 1 to 1000",
        (v) => Number.isInteger(v) && v >= 1 && v <= 1000
      )
    }
  })
