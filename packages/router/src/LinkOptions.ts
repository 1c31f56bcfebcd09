/**
 * The simulated link of the embedded router as text: `latency=50ms,loss=1%`. The `router` command has an option for each
 * of these words, and `--router embedded:…` takes them after the colon.
 *
 * @since 0.1.0
 */

import * as Either from "effect/Either"
import type * as Netem from "./Netem.js"
import * as Quantity from "./Quantity.js"

/**
 * The link, and the seed of everything random in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly config: Partial<Netem.Config>
  readonly seed: number
}

/**
 * A link that loses and delays nothing. The seed is the router's own default.
 *
 * @category constants
 * @since 0.1.0
 */
export const perfect: Link = { config: {}, seed: 1 }

const millis = (text: string) => Quantity.duration(text, "ms")

const seed = (text: string): Either.Either<number, string> =>
  /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff
    ? Either.right(Number(text))
    : Either.left(`"${text}" is no seed: write a whole number up to ${0xffff_ffff}`)

const burst = (text: string): Either.Either<number, string> =>
  Number(text) >= 1 && Number.isFinite(Number(text))
    ? Either.right(Number(text))
    : Either.left(`"${text}" is no mean burst: write a number of messages, at least 1`)

const fields: Readonly<
  Record<string, { readonly key: keyof Netem.Config; readonly parse: (text: string) => Either.Either<number, string> }>
> = {
  latency: { key: "latencyMillis", parse: millis },
  jitter: { key: "jitterMillis", parse: millis },
  loss: { key: "loss", parse: Quantity.share },
  "loss-burst": { key: "lossBurst", parse: burst },
  reorder: { key: "reorder", parse: Quantity.share },
  "reorder-time": { key: "reorderMillis", parse: millis },
  duplicate: { key: "duplicate", parse: Quantity.share },
  rate: { key: "bytesPerSecond", parse: Quantity.rate },
  queue: { key: "queueBytes", parse: Quantity.bytes }
}

/**
 * The words that describe a link.
 *
 * @category constants
 * @since 0.1.0
 */
export const words: ReadonlyArray<string> = [...Object.keys(fields), "seed"]

/**
 * A link from words and values.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEntries = (entries: Iterable<readonly [string, string]>): Either.Either<Link, string> =>
  Either.gen(function* () {
    const config: Partial<Record<keyof Netem.Config, number>> = {}
    let chosen = perfect.seed
    for (const [word, text] of entries) {
      const field = fields[word]
      if (word === "seed") chosen = yield* seed(text)
      else if (field === undefined) return yield* Either.left(`"${word}" is no link option: use ${words.join(", ")}`)
      else config[field.key] = yield* Either.mapLeft(field.parse(text), (why) => `${word}: ${why}`)
    }
    return { config, seed: chosen }
  })

/**
 * A link from `word=value` pairs with commas between.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Link, string> =>
  fromEntries(
    text
      .split(",")
      .filter((pair) => pair.trim() !== "")
      .map((pair) => {
        const at = pair.indexOf("=")
        return at < 0 ? ([pair.trim(), ""] as const) : ([pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const)
      })
  )
