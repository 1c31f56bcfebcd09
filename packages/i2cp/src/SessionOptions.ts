/**
 * The options of a session that routers honour, typed, with their I2P names.
 *
 * One table says for each option its name, its field, what is valid and how it is written; {@link toMapping} writes what
 * a CreateSession or ReconfigureSession carries, {@link fromMapping} reads configuration files of Java I2P and i2pd.
 * Names that are not here pass through as they are: routers ignore what they do not know.
 *
 * @since 0.1.0
 */
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * What a session asks of its router. A field left `undefined` is not sent, so the router's own default holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions {
  /** Shown in the router's console. Default `effect-i2p`. */
  readonly nickname: string
  /** Hops of inbound tunnels, 0–7. 0 is no anonymity. Default 3: the I2CP specification's. */
  readonly inboundLength: number
  /** Hops of outbound tunnels. Default 3: the I2CP specification's (emissary 2 when left out). */
  readonly outboundLength: number
  /** Chance added to the length, −7–7; negative: either way. Default none, 0: the I2CP specification's. */
  readonly inboundLengthVariance: number | undefined
  /** The same, outbound. */
  readonly outboundLengthVariance: number | undefined
  /** Inbound tunnels, 1–16. Default 2: the I2CP specification's (i2pd 5, emissary 3 when left out). */
  readonly inboundQuantity: number
  /** Outbound tunnels, 1–16. Default 2: the I2CP specification's. */
  readonly outboundQuantity: number
  /** Tunnels kept in reserve, 0–16. Default none, 0: the I2CP specification's. Java I2P only. */
  readonly inboundBackupQuantity: number | undefined
  /** The same, outbound. */
  readonly outboundBackupQuantity: number | undefined
  /** Whether a tunnel of no hops may stand in. Default none: Java I2P allows it when the length allows it. Java only. */
  readonly inboundAllowZeroHop: boolean | undefined
  /** The same, outbound. */
  readonly outboundAllowZeroHop: boolean | undefined
  /** Bytes of an IP address that two routers of a tunnel must not share, 0–4. Default none, 2: Java I2P. Java only. */
  readonly inboundIPRestriction: number | undefined
  /** The same, outbound. */
  readonly outboundIPRestriction: number | undefined
  /** I2P Base64 of 32 bytes that keep the order of peers over restarts. Default none, random: Java I2P. Java only. */
  readonly inboundRandomKey: string | undefined
  /** The same, outbound. */
  readonly outboundRandomKey: string | undefined
  /** Priority of outbound messages, −25–25. Default none, 0: Java I2P. Java only. */
  readonly outboundPriority: number | undefined
  /** I2P Base64 hashes of the routers that tunnels go through; for tests. Default none. Java I2P and i2pd. */
  readonly explicitPeers: ReadonlyArray<string> | undefined
  /**
   * Whether others can find us. Default true. `false` also marks the lease set unpublished, because i2pd 2.58 and later
   * invert the option (seen with a build of December 2025; 2.45.1 and Java I2P do not).
   */
  readonly published: boolean
  /**
   * Whether status 1, "accepted", comes ahead of the last word for a send that asked: `none` no, the others yes. No
   * router delivers more reliably for it. Default `none`: a status less for each; Java I2P's default is `BestEffort`.
   */
  readonly messageReliability: "none" | "BestEffort" | "Guaranteed"
  /** Whether the router adds our lease set to first messages. Default none, true: Java I2P. Java only. */
  readonly bundleReplyInfo: boolean | undefined
  /** Session tags sent ahead, ElGamal only, 1–128. Default none, 40: Java I2P. */
  readonly tagsToSend: number | undefined
  /** When more are sent, ElGamal only, 1–128. Default none, 30: Java I2P. Java only. */
  readonly lowTagThreshold: number | undefined
  /** Size of the inbound ratchet window, 1–2,048. Default none: the router's. */
  readonly ratchetInboundTags: number | undefined
  /** The same, outbound. Java I2P only. */
  readonly ratchetOutboundTags: number | undefined
  /** How long a message without expiry may take, 1 ms–90 s. Default none, 60 s: Java I2P. Ours carry one. */
  readonly clientMessageTimeout: Duration.DurationInput | undefined
  /** Whether targets on the same router are reached through tunnels, too. Default none, false: Java I2P. Java only. */
  readonly disableLoopback: boolean | undefined
  /** Tunnels of at least this round trip are preferred. Default none. i2pd only. */
  readonly latencyMin: Duration.DurationInput | undefined
  /** Tunnels of at most this round trip are preferred. Default none. i2pd only. */
  readonly latencyMax: Duration.DurationInput | undefined
}

/**
 * Options to change in a running session; `options` by their I2P names, on top of those that are there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changes extends Partial<SessionOptions> {
  readonly options?: Readonly<Record<string, string>> | undefined
}

/**
 * **Source** of each value: the field's docstring.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: SessionOptions = {
  nickname: "effect-i2p",
  inboundLength: 3,
  outboundLength: 3,
  inboundLengthVariance: undefined,
  outboundLengthVariance: undefined,
  inboundQuantity: 2,
  outboundQuantity: 2,
  inboundBackupQuantity: undefined,
  outboundBackupQuantity: undefined,
  inboundAllowZeroHop: undefined,
  outboundAllowZeroHop: undefined,
  inboundIPRestriction: undefined,
  outboundIPRestriction: undefined,
  inboundRandomKey: undefined,
  outboundRandomKey: undefined,
  outboundPriority: undefined,
  explicitPeers: undefined,
  published: true,
  messageReliability: "none",
  bundleReplyInfo: undefined,
  tagsToSend: undefined,
  lowTagThreshold: undefined,
  ratchetInboundTags: undefined,
  ratchetOutboundTags: undefined,
  clientMessageTimeout: undefined,
  disableLoopback: undefined,
  latencyMin: undefined,
  latencyMax: undefined
}

/**
 * Options whose values no router should see. Decision: correct them.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>("@effect-i2p/i2cp/InvalidOptions")(
  "InvalidOptions",
  { issues: Schema.Array(Schema.Struct({ name: Schema.String, reason: Schema.String })) }
) {
  override get message(): string {
    return this.issues.map(({ name, reason }) => `${name}: ${reason}`).join("; ")
  }
}

/** How one kind of value is written and read; `write` and `read` answer with what is wrong with it. */
interface Kind<A> {
  readonly write: (value: A) => Either.Either<string, string>
  readonly read: (text: string) => Either.Either<A, string>
}

const integer = (min: number, max: number): Kind<number> => {
  const check = (value: number): Either.Either<number, string> =>
    Number.isInteger(value) && value >= min && value <= max
      ? Either.right(value)
      : Either.left(`not an integer from ${min} to ${max}`)
  return {
    write: (value) => Either.map(check(value), String),
    // i2pd reads no further after a number that is none: digits only.
    read: (text) => check(/^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN)
  }
}

/** i2pd wants the exact lower-case words. */
const boolean: Kind<boolean> = {
  write: (value) => Either.right(String(value)),
  read: (text) => {
    const word = text.trim().toLowerCase()
    return word === "true" || word === "false" ? Either.right(word === "true") : Either.left("neither true nor false")
  }
}

const negated: Kind<boolean> = {
  write: (value) => boolean.write(!value),
  read: (text) => Either.map(boolean.read(text), (value) => !value)
}

const millis = (min: number, max: number): Kind<Duration.DurationInput> => {
  const whole = integer(min, max)
  return {
    write: (value) => whole.write(Duration.toMillis(value)),
    read: whole.read
  }
}

/** Longest string of an I2CP mapping, in bytes. **Source** common structures "Mapping". */
const MAX_STRING_BYTES = 255

const string: Kind<string> = {
  write: (value) =>
    new TextEncoder().encode(value).length <= MAX_STRING_BYTES
      ? Either.right(value)
      : Either.left(`longer than ${MAX_STRING_BYTES} bytes`),
  read: (text) => string.write(text)
}

const HASH_BYTES = 32

const hash = (text: string): Either.Either<string, string> => {
  const bytes = decodeBase64(text)
  return Either.isRight(bytes) && bytes.right.length === HASH_BYTES
    ? Either.right(text)
    : Either.left(`not the I2P Base64 of ${HASH_BYTES} bytes`)
}

const key: Kind<string> = { write: hash, read: (text) => hash(text.trim()) }

const hashes: Kind<ReadonlyArray<string>> = {
  write: (value) => Either.flatMap(Either.all(value.map(hash)), (all) => string.write(all.join(","))),
  read: (text) => Either.all(text.split(/[\s,]+/).flatMap((entry) => (entry === "" ? [] : [hash(entry)])))
}

const reliability: Kind<SessionOptions["messageReliability"]> = {
  write: (value) => Either.right(value),
  read: (text) => {
    const word = text.trim().toLowerCase()
    const known = (["none", "BestEffort", "Guaranteed"] as const).find((mode) => mode.toLowerCase() === word)
    return known === undefined ? Either.left("none of none, BestEffort, Guaranteed") : Either.right(known)
  }
}

interface Entry {
  readonly name: string
  readonly field: keyof SessionOptions
  readonly write: (options: Partial<SessionOptions>) => Either.Either<string | undefined, string>
  readonly read: (text: string) => Either.Either<Partial<SessionOptions>, string>
}

const entry = <K extends keyof SessionOptions>(
  name: string,
  field: K,
  kind: Kind<Exclude<SessionOptions[K], undefined>>
): Entry => ({
  name,
  field,
  write: (options) => {
    const value = options[field]
    return value === undefined ? Either.right(undefined) : kind.write(value as Exclude<SessionOptions[K], undefined>)
  },
  read: (text) => Either.map(kind.read(text), (value) => ({ [field]: value }) as Partial<SessionOptions>)
})

const length = integer(0, 7)
const variance = integer(-7, 7)
const quantity = integer(1, 16)
const backup = integer(0, 16)
const restriction = integer(0, 4)
const tags = integer(1, 128)
const window = integer(1, 2_048)
const latency = millis(0, 600_000)

/** **Source** I2CP overview, its tables of options; the code of Java I2P, i2pd and emissary for who reads which. */
const entries: ReadonlyArray<Entry> = [
  entry("inbound.nickname", "nickname", string),
  entry("outbound.nickname", "nickname", string),
  entry("inbound.length", "inboundLength", length),
  entry("outbound.length", "outboundLength", length),
  entry("inbound.lengthVariance", "inboundLengthVariance", variance),
  entry("outbound.lengthVariance", "outboundLengthVariance", variance),
  entry("inbound.quantity", "inboundQuantity", quantity),
  entry("outbound.quantity", "outboundQuantity", quantity),
  entry("inbound.backupQuantity", "inboundBackupQuantity", backup),
  entry("outbound.backupQuantity", "outboundBackupQuantity", backup),
  entry("inbound.allowZeroHop", "inboundAllowZeroHop", boolean),
  entry("outbound.allowZeroHop", "outboundAllowZeroHop", boolean),
  entry("inbound.IPRestriction", "inboundIPRestriction", restriction),
  entry("outbound.IPRestriction", "outboundIPRestriction", restriction),
  entry("inbound.randomKey", "inboundRandomKey", key),
  entry("outbound.randomKey", "outboundRandomKey", key),
  entry("outbound.priority", "outboundPriority", integer(-25, 25)),
  entry("explicitPeers", "explicitPeers", hashes),
  entry("i2cp.dontPublishLeaseSet", "published", negated),
  entry("i2cp.messageReliability", "messageReliability", reliability),
  entry("shouldBundleReplyInfo", "bundleReplyInfo", boolean),
  entry("crypto.tagsToSend", "tagsToSend", tags),
  entry("crypto.lowTagThreshold", "lowTagThreshold", tags),
  entry("crypto.ratchet.inboundTags", "ratchetInboundTags", window),
  entry("crypto.ratchet.outboundTags", "ratchetOutboundTags", window),
  entry("clientMessageTimeout", "clientMessageTimeout", millis(1, 90_000)),
  entry("i2cp.disableLoopback", "disableLoopback", boolean),
  entry("latency.min", "latencyMin", latency),
  entry("latency.max", "latencyMax", latency)
]

const byName = new Map(entries.map((known) => [known.name, known]))

/**
 * The options as a router reads them. Those it can do without are left out, `i2cp.dontPublishLeaseSet` of a published
 * session among them: newer i2pd reads `false` as "hidden".
 *
 * **Errors** `InvalidOptions`, all of what is wrong.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toMapping = (
  options: Partial<SessionOptions>
): Either.Either<Readonly<Record<string, string>>, InvalidOptions> => {
  const mapping: Record<string, string> = {}
  const issues: Array<{ readonly name: string; readonly reason: string }> = []
  for (const { field, name, write } of entries) {
    if (field === "published" && options.published !== false) continue
    const written = write(options)
    if (Either.isLeft(written)) issues.push({ name, reason: written.left })
    else if (written.right !== undefined) mapping[name] = written.right
  }
  return issues.length === 0 ? Either.right(mapping) : Either.left(new InvalidOptions({ issues }))
}

/**
 * Options by their I2P names: those that are known as fields, the rest as it is.
 *
 * **Errors** `InvalidOptions`, all of what is wrong.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromMapping = (
  mapping: Readonly<Record<string, string>>
): Either.Either<
  { readonly options: Partial<SessionOptions>; readonly rest: Readonly<Record<string, string>> },
  InvalidOptions
> => {
  let options: Partial<SessionOptions> = {}
  const rest: Record<string, string> = {}
  const issues: Array<{ readonly name: string; readonly reason: string }> = []
  for (const [name, text] of Object.entries(mapping)) {
    const known = byName.get(name)
    if (known === undefined) {
      rest[name] = text
      continue
    }
    const read = known.read(text)
    if (Either.isLeft(read)) issues.push({ name, reason: read.left })
    else options = { ...options, ...read.right }
  }
  return issues.length === 0 ? Either.right({ options, rest }) : Either.left(new InvalidOptions({ issues }))
}
