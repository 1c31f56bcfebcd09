/**
 * Everything adjustable about a session. Each field says what it bounds, its default, and where the default comes from.
 *
 * It is a `Context.Reference`: without a layer the {@link defaults} hold.
 *
 * @since 0.1.0
 */
import type { OuterKeys } from "@effect-i2p/wire/Blinding"
import type { Authorization } from "@effect-i2p/wire/EncryptedLeaseSet"
import type { Hash } from "@effect-i2p/wire/Hash"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import type { ServiceRecord } from "@effect-i2p/wire/ServiceRecord"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { I2cpError } from "./I2cpError.js"
import type { ClientKey } from "./message/BlindingInfo.js"
import * as SessionOptions from "./SessionOptions.js"

/**
 * Every bound and option of a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service extends SessionOptions.SessionOptions {
  /**
   * Encryption types others may reach us by, each with a key of its own: 4 X25519, 0 ElGamal, and at most one of the
   * ML-KEM hybrids 5, 6, 7, which Java does not combine with 0. Their order is not kept: the newest goes first. Default
   * `[4]`: all routers since 2020.
   */
  readonly encryptionTypes: ReadonlyArray<number>
  /** What the lease set says that is to be found here. Default none. */
  readonly services: ReadonlyArray<ServiceRecord>
  /** Further options of the lease set, of which every reader can see all. Default none. */
  readonly leaseSetOptions: Readonly<Record<string, string>>
  /** Publishes the lease set encrypted, for those who have our b33 address. Default not. */
  readonly encryptedLeaseSet: EncryptedLeaseSetOptions | undefined
  /**
   * Publishes the names of other destinations in place of a lease set of our own: who looks us up goes to them, and nobody
   * can send to us. Not together with `encryptedLeaseSet` or `services`. Default not.
   */
  readonly metaLeaseSet: MetaLeaseSetOptions | undefined
  /** Secrets and keys for encrypted lease sets of others; the router is told them before a lookup. Default none. */
  readonly blindedAccess: ReadonlyArray<BlindedAccess>
  /**
   * More session options by their I2P names; they win over the fields and are not looked at. Keys and values at most 255
   * bytes each. Default none.
   */
  readonly options: Readonly<Record<string, string>>
  /** For a router with `i2cp.auth`. They cross in clear: only over loopback or TLS. Default none. */
  readonly credentials: { readonly username: string; readonly password: Redacted.Redacted<string> } | undefined

  /** Connect and version exchange. Default 30 s: Java's client. */
  readonly dateTimeout: Duration.DurationInput
  /** Answer to CreateSession. Default 60 s: ours; i2pd answers once the destination has started, emissary may never. */
  readonly createTimeout: Duration.DurationInput
  /** First lease request after that. Default 5 min: Java's client. */
  readonly leaseSetTimeout: Duration.DurationInput
  /** `I2cpSession.ready`, all steps and retries together. Default 400 s: connect 10, the three above. */
  readonly readyTimeout: Duration.DurationInput
  /** Last words after DestroySession. Default 1 s: ours; the router is near, and emissary never closes the socket. */
  readonly closeTimeout: Duration.DurationInput
  /** Silence before a ping. Default 30 s: ours. Java's client leaves it to SO_KEEPALIVE, which takes hours. */
  readonly pingInterval: Duration.DurationInput
  /** Silence after a ping; two in a row end the connection. Default 15 s: ours. */
  readonly pingTimeout: Duration.DurationInput
  /** Answer to a question that a router answers at once: bandwidth limits, a reconfiguration. Default 10 s: ours. */
  readonly requestTimeout: Duration.DurationInput
  /**
   * Difference between the wall clock and the monotonic one that counts as a jump: the machine slept, or somebody set
   * its clock. Default 5 s: ours, more than NTP slews and less than any wait here.
   */
  readonly clockJump: Duration.DurationInput
  /** Delays between rounds of connection attempts after a loss. Default {@link defaultReconnect}. */
  readonly reconnect: Schedule.Schedule<unknown, I2cpError>
  /**
   * How long a session must have been ready, when its router ends it, for the delays to start over. Default 1 min: ours.
   * Two clients with the same keys throw each other out within seconds; without this they would go on for ever.
   */
  readonly stableTime: Duration.DurationInput
  /**
   * Whether the lease sets of each further connection have an encryption key of their own. Default true: what was encrypted
   * to the old one can come only through tunnels that are gone, and a peer on i2pd goes on with the ratchet session it has
   * for a key, which the restarted router has forgotten, until that is 120 s old. Measured with i2pd 2.45.1 killed and
   * started during a transfer: nothing arrived for 146 and 155 s with the old key, 6 s with a new one. Java's client keeps
   * the key.
   */
  readonly renewEncryptionKey: boolean
  /** Pause after a router has refused the Destination as connected already. Default 10 s: ours; Java clears within. */
  readonly duplicateDelay: Duration.DurationInput
  /** Such refusals that a first attempt endures; a session that was there before endures all. Default 6: ours, a minute. */
  readonly duplicateRetries: number
  /** How long a router that failed comes last in the list of routers. Default 1 min: ours, a restart. */
  readonly routerPenalty: Duration.DurationInput
  /** Time for which a repeated log line is counted instead of written. Default 1 min: ours. */
  readonly logInterval: Duration.DurationInput
  /** Whether a first attempt that fails is retried too, instead of failing the layer. Default false. */
  readonly retryFirst: boolean

  /** Lookup of a name. Default 10 s: Java's client. */
  readonly lookupNameTimeout: Duration.DurationInput
  /** Lookup of a hash or a b33 name. Default 40 s: i2pd's own limit, 5 s for each of up to 7 floodfills. */
  readonly lookupHashTimeout: Duration.DurationInput
  /**
   * How long after becoming ready a quick "failed" is asked again, after 1 s and then every 2: i2pd says so until its
   * tunnels serve. Those of the embedded router and Java I2P, and those that took a second, are believed at once. Default
   * 15 s: ours.
   */
  readonly lookupRetryWindow: Duration.DurationInput
  /** How long a found Destination is remembered. Default 10 min: ours, the life of a lease. */
  readonly lookupCacheTime: Duration.DurationInput
  /** How long a failure is remembered, 30 s at most. Default 5 s: ours; stops a storm, hides nobody for long. */
  readonly lookupFailureTime: Duration.DurationInput
  /** Lookups in flight. Default 64: ours; each makes i2pd ask up to seven floodfills. */
  readonly maxLookups: number
  /** Lookup results remembered. Default 512: ours, 200 KB of Destinations. */
  readonly lookupCacheSize: number

  /** Expiry of a payload sent without one. Default 60 s: Java's `clientMessageTimeout`. */
  readonly sendExpiry: Duration.DurationInput
  /**
   * Largest payload, envelope included. Default 60,000: i2pd 2.45.1 was seen to crash above 61,800. Never more than fits a
   * frame that routers take, about 65,100 to a usual Destination.
   */
  readonly maxPayloadBytes: number
  /** How long a send that waits for room may take. Default 30 s: ours, less than the pings take to find a dead router. */
  readonly sendTimeout: Duration.DurationInput
  /** How long a send's fate is waited for. Default 60 s: ours; Java and i2pd answer a failed look-up within 20 s. */
  readonly statusTimeout: Duration.DurationInput
  /** Sends whose fate is waited for at a time; beyond it none is asked for. Default 1,024: ours. */
  readonly maxStatuses: number
  /** Bytes that may wait for the router to read. Default 1 MiB: ours, as much as i2pd keeps for a client. */
  readonly maxOutboundBytes: number
  /** Payloads a subscriber may have waiting. Default 4,096: ours, 80 ms at 50,000 a second. */
  readonly receiveQueueMessages: number
  /** Bytes a subscriber may have waiting. Default 8 MiB: ours, 4,096 streaming packets of 1,812 bytes fit. */
  readonly receiveQueueBytes: number
  /**
   * Silence, both ways, after which the tunnels are reduced to `reduceIdleQuantity`; the next payload brings them back.
   * Default never; Java I2P's `i2cp.reduceIdleTime` is 20 min when switched on.
   */
  readonly reduceIdleTime: Duration.DurationInput | undefined
  /** Tunnels in each direction while reduced. Default 1: Java I2P's `i2cp.reduceQuantity`. */
  readonly reduceIdleQuantity: number
  /**
   * Silence, both ways, after which the session is closed, to be opened again by the next send or look-up. Until then
   * nobody reaches us: for clients only. Default never; Java I2P's `i2cp.closeIdleTime` is 30 min when switched on.
   */
  readonly closeIdleTime: Duration.DurationInput | undefined
  /** Difference between the router's clock and ours that is believed. Default 1 day: ours. */
  readonly maxClockOffset: Duration.DurationInput
  /** Frames of unknown type in a row that end the connection. Default 1,000: ours. */
  readonly maxUnknownInRow: number
}

/**
 * How the lease set is encrypted. The destination has to be of type Ed25519 or RedDSA.
 *
 * **Shape** `secret`: nobody finds it without. At most 189 bytes of UTF-8, as it goes to the router as Base64 in an option
 * of 255. `authorization`: who can read it, everybody who finds it unless given. i2pd takes neither: it opens the lease
 * set with the destination alone. `days`: with offline keys, and only then, the blinded keys of each day the session may
 * live through; the router clock chooses.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncryptedLeaseSetOptions {
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly authorization?: Authorization | undefined
  readonly days?: ReadonlyArray<OuterKeys> | undefined
}

/**
 * A MetaLeaseSet: one service behind several destinations, of which a visitor takes one. Java I2P 2.7.0 takes it, and by its
 * code answers a send to it from afar with status 22: to take an entry is up to the sender.
 *
 * **Shape** 1 to 255 `entries`, at most 255 `revocations`: hashes of lease sets named earlier that hold no longer. Their
 * end dates are counted anew at each lease request of the router, some ten minutes apart.
 *
 * **Source** I2P common structures, "MetaLeaseSet"; proposal 123.
 *
 * @category models
 * @since 0.1.0
 */
export interface MetaLeaseSetOptions {
  readonly entries: ReadonlyArray<MetaLeaseSetEntry>
  readonly revocations?: ReadonlyArray<Hash> | undefined
}

/**
 * **Shape** `hash` is that of a destination, or of a blinded key for `storeType` 5. `storeType` 1, 3, 5, or 7 for a further
 * MetaLeaseSet; default 3, LeaseSet2, what all clients publish. `cost` 0 to 255, the lower the better; default 0.
 *
 * **Units** `expires` is counted from each publication, 15 min to 65,535 s: more than routers let pass between two of
 * them, and no more than the header can say.
 *
 * @category models
 * @since 0.1.0
 */
export interface MetaLeaseSetEntry {
  readonly hash: Hash
  readonly storeType?: number | undefined
  readonly cost?: number | undefined
  readonly expires: Duration.DurationInput
}

/**
 * What it takes to read the encrypted lease set behind a b33 address.
 *
 * @category models
 * @since 0.1.0
 */
export interface BlindedAccess {
  readonly address: string
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly clientKey?: ClientKey | undefined
}

/**
 * 1 s, then 10 s doubling to 320 s, ± 20 %, for ever.
 *
 * **Source** the steps: Java I2P's client; the jitter keeps a restarted router's clients apart. The first is ours: live
 * streams wait, a broken connection to a router that is well can be made at once, and i2pd listens 0.6 s after its start
 * (measured); to be wrong costs one refused dial.
 *
 * @category schedules
 * @since 0.1.0
 */
export const defaultReconnect: Schedule.Schedule<unknown, I2cpError> = Schedule.recurs(1).pipe(
  Schedule.addDelay(() => "1 second"),
  Schedule.andThen(Schedule.union(Schedule.exponential("10 seconds", 2), Schedule.spaced("320 seconds"))),
  Schedule.jitteredWith({ min: 0.8, max: 1.2 })
)

/**
 * The default of every option.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Service = {
  ...SessionOptions.defaults,
  encryptionTypes: [KeyType.X25519],
  services: [],
  leaseSetOptions: {},
  encryptedLeaseSet: undefined,
  metaLeaseSet: undefined,
  blindedAccess: [],
  options: {},
  credentials: undefined,
  dateTimeout: "30 seconds",
  createTimeout: "60 seconds",
  leaseSetTimeout: "5 minutes",
  readyTimeout: "400 seconds",
  closeTimeout: "1 second",
  pingInterval: "30 seconds",
  pingTimeout: "15 seconds",
  requestTimeout: "10 seconds",
  clockJump: "5 seconds",
  reconnect: defaultReconnect,
  stableTime: "1 minute",
  renewEncryptionKey: true,
  duplicateDelay: "10 seconds",
  duplicateRetries: 6,
  routerPenalty: "1 minute",
  logInterval: "1 minute",
  retryFirst: false,
  lookupNameTimeout: "10 seconds",
  lookupHashTimeout: "40 seconds",
  lookupRetryWindow: "15 seconds",
  lookupCacheTime: "10 minutes",
  lookupFailureTime: "5 seconds",
  maxLookups: 64,
  lookupCacheSize: 512,
  sendExpiry: "60 seconds",
  maxPayloadBytes: 60_000,
  sendTimeout: "30 seconds",
  statusTimeout: "60 seconds",
  maxStatuses: 1_024,
  maxOutboundBytes: 1_048_576,
  receiveQueueMessages: 4_096,
  receiveQueueBytes: 8_388_608,
  reduceIdleTime: undefined,
  reduceIdleQuantity: 1,
  closeIdleTime: undefined,
  maxClockOffset: "1 day",
  maxUnknownInRow: 1_000
}

/**
 * The configuration of sessions made below it.
 *
 * @category tags
 * @since 0.1.0
 */
export class I2cpConfig extends Context.Reference<I2cpConfig>()("@effect-i2p/i2cp/I2cpConfig", {
  defaultValue: (): Service => defaults
}) {}

/**
 * Replaces some fields of the {@link defaults}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<Service>): Layer.Layer<never> =>
  Layer.succeed(I2cpConfig, { ...defaults, ...options })

/**
 * The options of the session config. Sent explicitly where routers disagree about the default.
 *
 * **Shape** `ownClientKey` opens our own lease set where that is for authorised clients: the router is one of them.
 * **Source** I2CP overview, its tables of options; where routers differ, the code of Java I2P, i2pd and emissary.
 *
 * **Errors** `InvalidOptions` for fields out of range.
 *
 * @category getters
 * @since 0.1.0
 */
export const sessionOptions = (
  config: Service,
  ownClientKey?: Redacted.Redacted<Uint8Array> | undefined
): Either.Either<Readonly<Record<string, string>>, SessionOptions.InvalidOptions> =>
  Either.map(SessionOptions.toMapping(config), (mapping) => ({
    "i2cp.fastReceive": "true",
    "i2cp.leaseSetEncType": encryptionTypes(config).join(","),
    "i2cp.leaseSetType": leaseSetType(config),
    ...encryptedOptions(config.encryptedLeaseSet, ownClientKey),
    ...mapping,
    ...config.options
  }))

/**
 * The encryption types without repetition, the newest first: the order of a lease set, and of the option.
 *
 * @category getters
 * @since 0.1.0
 */
export const encryptionTypes = (config: Pick<Service, "encryptionTypes">): ReadonlyArray<number> =>
  [...new Set(config.encryptionTypes)].sort((a, b) => b - a)

const leaseSetType = ({ encryptedLeaseSet, metaLeaseSet }: Service): string => {
  if (metaLeaseSet !== undefined) return "7"
  return encryptedLeaseSet === undefined ? "3" : "5"
}

/** The router has to open what we publish to believe it. **Source** Java I2P's `ClientMessageEventListener`. */
const encryptedOptions = (
  encrypted: EncryptedLeaseSetOptions | undefined,
  ownClientKey: Redacted.Redacted<Uint8Array> | undefined
): Readonly<Record<string, string>> => {
  if (encrypted === undefined) return {}
  const { authorization, secret } = encrypted
  return {
    "i2cp.leaseSetBlindedType": String(KeyType.RedDsaEd25519),
    "i2cp.leaseSetAuthType": authorization?._tag === "Dh" ? "1" : authorization?._tag === "Psk" ? "2" : "0",
    ...(secret && { "i2cp.leaseSetSecret": encodeBase64(new TextEncoder().encode(Redacted.value(secret))) }),
    ...(ownClientKey && { "i2cp.leaseSetPrivKey": encodeBase64(Redacted.value(ownClientKey)) })
  }
}

/**
 * The waits of the session machine in ms.
 *
 * @category getters
 * @since 0.1.0
 */
export const machineOptions = (config: Service) => ({
  dateTimeout: Duration.toMillis(config.dateTimeout),
  createTimeout: Duration.toMillis(config.createTimeout),
  leaseSetTimeout: Duration.toMillis(config.leaseSetTimeout),
  closeTimeout: Duration.toMillis(config.closeTimeout),
  pingInterval: Duration.toMillis(config.pingInterval),
  pingTimeout: Duration.toMillis(config.pingTimeout),
  requestTimeout: Duration.toMillis(config.requestTimeout),
  maxClockOffset: Duration.toMillis(config.maxClockOffset),
  maxUnknownInRow: config.maxUnknownInRow,
  renewDaily: config.encryptedLeaseSet !== undefined
})
