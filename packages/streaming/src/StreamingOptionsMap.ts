/**
 * The options of `StreamingConfig` by their I2P names, as configuration files of Java I2P and i2pd have them:
 * `i2p.streaming.…`, and the access list's `i2cp.…`.
 *
 * Every name that an implementation knows is known here, too, though not all do something; nothing is passed over in
 * silence. What a name does is in the package's README.
 *
 * @since 0.1.0
 */
import type { Hash } from "@effect-i2p/wire/Hash"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AccessList from "./AccessList.js"
import type { Period } from "./core/Admission.js"
import * as StreamingConfig from "./StreamingConfig.js"

/**
 * An option that does not do what it says.
 *
 * **Shape** `Unknown`: nobody knows it. `Ignored`: it does nothing here, and `reason` says what does. `Invalid`: its value
 * makes no sense; the default holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Issue {
  readonly name: string
  readonly kind: "Unknown" | "Ignored" | "Invalid"
  readonly reason: string
}

/**
 * What a map of options means: what to change, and what could not be.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parsed {
  readonly options: StreamingConfig.Changes<StreamingConfig.StreamingOptions>
  readonly issues: ReadonlyArray<Issue>
}

/**
 * Options whose values make no sense. To go on without them could let in those who were to be kept out.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>(
  "@effect-i2p/streaming/StreamingOptionsMap/InvalidOptions"
)("InvalidOptions", { issues: Schema.Array(Schema.Struct({ name: Schema.String, reason: Schema.String })) }) {
  override get message(): string {
    return this.issues.map(({ name, reason }) => `${name}: ${reason}`).join("; ")
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Draft {
  readonly options: Mutable<StreamingConfig.Changes<StreamingConfig.StreamingOptions>>
  readonly tuning: Mutable<Partial<StreamingConfig.Tuning>>
  readonly perPeer: Partial<Record<Period, number>>
  readonly total: Partial<Record<Period, number>>
  isIdleForEver: boolean
  denied: ReadonlyArray<Hash>
  listed: ReadonlyArray<Hash> | undefined
  isAllowList: boolean
  isDenyList: boolean
}

type Problem = Omit<Issue, "name">

/** Puts a value into the draft, or says why not. */
type Apply = (draft: Draft, value: string) => Problem | undefined

const invalid = (reason: string): Problem => ({ kind: "Invalid", reason })

/** An option that does nothing here; not worth a word if its value is what happens anyway. */
const ignored =
  (reason: string, ...sameAs: ReadonlyArray<string>): Apply =>
  (_, value) =>
    sameAs.includes(value.trim()) ? undefined : { kind: "Ignored", reason }

/** `min` to `max` are valid. */
const integer =
  (min: number, max: number, set: (draft: Draft, value: number) => void): Apply =>
  (draft, value) => {
    const text = value.trim()
    const number = Number(text)
    if (!/^-?\d+$/.test(text) || number < min || number > max) {
      return invalid(`not an integer from ${min} to ${max}`)
    }
    set(draft, number)
    return undefined
  }

const boolean =
  (set: (draft: Draft, value: boolean) => void): Apply =>
  (draft, value) => {
    const text = value.trim().toLowerCase()
    if (text !== "true" && text !== "false") return invalid("neither true nor false")
    set(draft, text === "true")
    return undefined
  }

const weight =
  (key: "rttDampening" | "rttDeviationDampening" | "windowDampening"): Apply =>
  (draft, value) => {
    const text = value.trim()
    const number = Number(text)
    if (text === "" || !(number >= 0 && number <= 1)) return invalid("not a number from 0 to 1")
    draft.options[key] = number
    return undefined
  }

const rate = (of: "perPeer" | "total", period: Period): Apply =>
  integer(minInt, maxInt, (draft, value) => {
    draft[of][period] = Math.max(0, value)
  })

const peers =
  (set: (draft: Draft, peers: ReadonlyArray<Hash>) => void): Apply =>
  (draft, value) => {
    const hashes = Either.all(
      value
        .split(/[\s,;]+/)
        .filter((entry) => entry !== "")
        .map(AccessList.hashOf)
    )
    if (Either.isLeft(hashes)) return invalid(hashes.left.message)
    set(draft, hashes.right)
    return undefined
  }

/** Java's int, which all these numbers are. As milliseconds: 25 days, the longest timer of JavaScript. */
const maxInt = 2_147_483_647
const minInt = -2_147_483_648

/** Java I2P raises smaller values to this. */
const minMessageSize = 512

/** Largest payload that Java I2P takes. */
const maxMessageSize = 32_768

/** i2pd's largest window. */
const maxWindow = 512

/** Retransmissions that are ever made, see `StreamingConfig.toCore`. */
const maxResends = 32

const ofController = "how a window grows is the congestion controller's: choose one by the option congestion"

const streaming: Readonly<Record<string, Apply>> = {
  answerPings: boolean((draft, value) => {
    draft.options.answerPings = value
  }),
  blacklist: peers((draft, hashes) => {
    draft.denied = hashes
  }),
  bufferSize: integer(1, maxInt, (draft, value) => {
    draft.options.sendBufferBytes = value
  }),
  congestionAvoidanceGrowthRateFactor: ignored(ofController, "1"),
  connectDelay: ignored("give what is to travel with the SYN to connect, as initialData", "-1", "0"),
  connectTimeout: integer(minInt, maxInt, (draft, value) => {
    draft.options.connectTimeout = value > 0 ? value : maxInt
  }),
  disableRejectLogging: boolean((draft, value) => {
    draft.options.logRejections = !value
  }),
  dsalist: ignored("there are no sub-sessions with another key"),
  enforceProtocol: ignored("nothing but protocol 6 is ever taken for a stream", "true"),
  inactivityAction: integer(0, 2, (draft, value) => {
    draft.options.idleAction = value === 0 ? "none" : value === 1 ? "disconnect" : "keepalive"
  }),
  inactivityTimeout: integer(minInt, maxInt, (draft, value) => {
    if (value > 0) draft.options.idleTimeout = value
    else draft.isIdleForEver = true
  }),
  initialAckDelay: integer(0, maxInt, (draft, value) => {
    draft.tuning.maxAckDelay = value
  }),
  initialReceiveWindow: ignored("Java I2P does not use it either", "1"),
  initialResendDelay: ignored("it only fills a byte of the header that nobody reads", "1000"),
  initialRTO: integer(1, maxInt, (draft, value) => {
    draft.tuning.initialRto = value
  }),
  initialRTT: ignored("Java I2P has not used it since 0.9.8; initialRTO does something"),
  initialWindowSize: integer(1, maxWindow, (draft, value) => {
    draft.tuning.initialWindow = value
  }),
  limitAction: (draft, value) => {
    if (value === "") return invalid("empty")
    draft.options.limitAction =
      value === "reset" || value === "drop" || value === "http" ? value : { text: unescape(value) }
    return undefined
  },
  limitsManuallySet: ignored("a note of the tunnel manager to itself"),
  maxConcurrentStreams: integer(minInt, maxInt, (draft, value) => {
    if (value > 0) draft.options.maxConcurrentStreams = value
  }),
  maxConnsPerMinute: rate("perPeer", "minute"),
  maxConnsPerHour: rate("perPeer", "hour"),
  maxConnsPerDay: rate("perPeer", "day"),
  maxTotalConnsPerMinute: rate("total", "minute"),
  maxTotalConnsPerHour: rate("total", "hour"),
  maxTotalConnsPerDay: rate("total", "day"),
  maxMessageSize: integer(1, maxMessageSize, (draft, value) => {
    draft.tuning.maxPacketSize = Math.max(minMessageSize, value)
  }),
  maxResends: integer(0, maxResends, (draft, value) => {
    draft.options.retransmit = StreamingConfig.backoff(value)
  }),
  maxWindowSize: integer(1, maxWindow, (draft, value) => {
    draft.tuning.maxWindow = value
  }),
  profile: integer(1, 2, (draft, value) => {
    draft.options.profile = value === 1 ? "bulk" : "interactive"
  }),
  readTimeout: ignored("limit the time of a read with Effect.timeout", "-1"),
  writeTimeout: ignored("limit the time of a write or flush with Effect.timeout", "-1"),
  slowStartGrowthRateFactor: ignored(ofController, "1"),
  "tcbcache.rttDampening": weight("rttDampening"),
  "tcbcache.rttdevDampening": weight("rttDeviationDampening"),
  "tcbcache.wdwDampening": weight("windowDampening"),
  pcap: ignored("nothing is captured; testkit's MemoryTransport can observe packets", "false"),
  maxOutboundSpeed: integer(1, Number.MAX_SAFE_INTEGER, (draft, value) => {
    draft.options.maxSendRate = value
  }),
  maxInboundSpeed: ignored("who reads slowly is sent no faster"),
  dontSign: ignored("packets are always signed: unsigned ones reach no one but i2pd", "false")
}

const i2cp: Readonly<Record<string, Apply>> = {
  accessList: peers((draft, hashes) => {
    draft.listed = hashes
  }),
  enableAccessList: boolean((draft, value) => {
    draft.isAllowList = value
  }),
  enableBlackList: boolean((draft, value) => {
    draft.isDenyList = value
  })
}

const prefixed = (prefix: string, entries: Readonly<Record<string, Apply>>): ReadonlyArray<readonly [string, Apply]> =>
  Object.entries(entries).map(([name, apply]) => [prefix + name, apply])

const known: ReadonlyMap<string, Apply> = new Map([
  ...prefixed("i2p.streaming.", streaming),
  ...prefixed("i2cp.", i2cp)
])

/**
 * The names that are known. They are case-sensitive.
 *
 * @since 0.1.0
 * @category constants
 */
export const names: ReadonlyArray<string> = [...known.keys()]

/** Options of the session below, which stand in the same files. */
const sessionPrefixes = ["i2cp.", "inbound.", "outbound.", "crypto."]

/**
 * Reads a map of options. What is not in it keeps its default.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromMap = (map: Readonly<Record<string, string>>): Parsed => {
  const draft: Draft = {
    options: {},
    tuning: {},
    perPeer: {},
    total: {},
    isIdleForEver: false,
    denied: [],
    listed: undefined,
    isAllowList: false,
    isDenyList: false
  }
  const issues: Array<Issue> = []
  for (const [name, value] of Object.entries(map)) {
    const apply = known.get(name)
    const problem = apply === undefined ? unknown(name) : apply(draft, value)
    if (problem !== undefined) issues.push({ name, ...problem })
  }
  const { options, perPeer, total, tuning } = draft
  if (Object.keys(tuning).length > 0) options.tuning = tuning
  if (draft.isIdleForEver) options.idleAction = "none"
  if (Object.keys(perPeer).length + Object.keys(total).length > 0) options.connectionLimits = { perPeer, total }
  const problem = setAccessList(draft)
  if (problem !== undefined) issues.push({ name: "i2cp.accessList", ...problem })
  return { options, issues }
}

/** One list serves as the one of those allowed or as that of those denied; with both, Java ends up refusing everybody. */
const setAccessList = (draft: Draft): Problem | undefined => {
  const { denied, isAllowList, isDenyList, listed } = draft
  if (isAllowList && isDenyList)
    return invalid("it cannot be the list of those allowed and that of those denied at once")
  if (isAllowList || isDenyList || denied.length > 0) {
    const options = {
      allow: isAllowList ? (listed ?? []) : undefined,
      deny: isDenyList ? [...denied, ...(listed ?? [])] : denied
    }
    draft.options.accessList = Either.getOrThrow(AccessList.rules(options))
  }
  if (listed === undefined || isAllowList || isDenyList) return undefined
  return { kind: "Ignored", reason: "neither i2cp.enableAccessList nor i2cp.enableBlackList is true" }
}

const unknown = (name: string): Problem => {
  const similar = names.find((other) => other.toLowerCase() === name.toLowerCase() || other === `i2p.streaming.${name}`)
  if (similar !== undefined) return { kind: "Unknown", reason: `no such option; ${similar} is one` }
  if (sessionPrefixes.some((prefix) => name.startsWith(prefix))) {
    return { kind: "Ignored", reason: "an option of the I2CP session: give it to I2cpConfig" }
  }
  return { kind: "Unknown", reason: "no such option" }
}

/** Lines of a text that has to fit into one. Source: Java I2P 2.8.0, `limitAction`. */
const unescape = (text: string): string => text.replaceAll("\\r", "\r").replaceAll("\\n", "\n")

/**
 * The options of a map as the session's configuration; `overrides` win. Logs a warning for each option that does nothing.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromMap = (
  map: Readonly<Record<string, string>>,
  overrides: StreamingConfig.Changes<StreamingConfig.StreamingOptions> = {}
): Layer.Layer<never, InvalidOptions> =>
  Layer.unwrapEffect(
    Effect.map(check(map), (options) => StreamingConfig.layer(StreamingConfig.combine(options, overrides)))
  )

const check = Effect.fnUntraced(function* (
  map: Readonly<Record<string, string>>
): Effect.fn.Return<StreamingConfig.Changes<StreamingConfig.StreamingOptions>, InvalidOptions> {
  const { issues, options } = fromMap(map)
  const bad = issues.filter(({ kind }) => kind === "Invalid")
  if (bad.length > 0) {
    return yield* new InvalidOptions({ issues: bad.map(({ name, reason }) => ({ name, reason })) })
  }
  yield* Effect.forEach(issues, ({ name, reason }) => Effect.logWarning(`option ${name} does nothing: ${reason}`), {
    discard: true
  }).pipe(Effect.annotateLogs({ package: "streaming", module: "StreamingOptionsMap" }))
  return options
})

/**
 * The environment variable of an option: `I2P_STREAMING_MAX_CONNS_PER_MINUTE` for `i2p.streaming.maxConnsPerMinute`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const envName = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()

/**
 * The options that the environment has, or whatever the `ConfigProvider` in use reads. Logs a warning for each that does
 * nothing.
 *
 * @since 0.1.0
 * @category configs
 */
export const fromEnv: Effect.Effect<
  StreamingConfig.Changes<StreamingConfig.StreamingOptions>,
  InvalidOptions | ConfigError
> = Effect.suspend(() =>
  Effect.flatMap(
    Effect.forEach(names, (name) =>
      Effect.map(Config.option(Config.string(envName(name))), (value) => [name, value] as const)
    ),
    (found) => {
      const map: Record<string, string> = {}
      for (const [name, value] of found) if (Option.isSome(value)) map[name] = value.value
      return check(map)
    }
  )
)

/**
 * The same as the session's configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromEnv = (
  overrides: StreamingConfig.Changes<StreamingConfig.StreamingOptions> = {}
): Layer.Layer<never, InvalidOptions | ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(fromEnv, (options) => StreamingConfig.layer(StreamingConfig.combine(options, overrides)))
  )
