/**
 * `i2p key vanity`: a new destination whose b32 address starts as wished.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import * as NodeVanity from "@effect-i2p/platform-node/NodeVanity"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { refuse } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import { Output } from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import type { Settings } from "../shell/Settings.js"
import * as KeyFiles from "./KeyFiles.js"

/**
 * What the command was given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly prefix: string
  readonly file: Option.Option<string>
  readonly type: "ed25519" | "p256" | "p384" | "p521" | "reddsa"
  readonly threads: Option.Option<number>
  readonly form: DestinationKeys.Form
}

/**
 * Runs `i2p key vanity`.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const { form, prefix, type } = options
  const file = Option.getOrUndefined(options.file) ?? settings.keys
  if (file === undefined) return yield* refuse("store the keys where? give a file: i2p key vanity PREFIX site.dat")
  // Before an hour of searching, not after it.
  if (Fs.existsSync(file)) return yield* KeyFiles.taken(file)
  if (Option.exists(options.threads, (threads) => threads < 1 || threads > 256)) {
    return yield* refuse("--threads must be from 1 to 256")
  }
  const { err } = yield* Output
  const began = yield* Clock.currentTimeMillis
  let tried = 0
  const search = NodeVanity.search({
    prefix,
    type: KeyFiles.types[type],
    threads: Option.getOrUndefined(options.threads),
    onProgress: (count) => {
      tried = count
    }
  })
  const progress = Effect.map(Clock.currentTimeMillis, (now) =>
    Format.truncate(`i2p: ${line(prefix, tried, now - began)}`, err.columns() - 1)
  )
  yield* Effect.logDebug(`searching for ${prefix}`)
  const keys = yield* Progress.during(search, err, progress)
  yield* KeyFiles.store(settings, file, keys, form)
})

/**
 * Where a search stands.
 *
 * **Units** `elapsed` ms.
 */
const line = (prefix: string, tried: number, elapsed: number): string => {
  const expected = NodeVanity.expected(prefix.length)
  const rate = elapsed > 0 ? (tried * 1000) / elapsed : 0
  const time = rate > 0 ? `, ${Format.span((expected / rate) * 1000)} on average` : ""
  return `searching ${prefix}…  ${Format.count(tried)} tried of ${Format.count(expected)}, ${Format.count(rate)}/s${time}`
}
