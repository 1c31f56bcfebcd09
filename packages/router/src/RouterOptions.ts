/**
 * The knobs of the embedded router.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type * as Netem from "./Netem.js"

/**
 * How a router behaves. Every field has a default, see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface RouterOptions {
  /** What lies between any two sessions. */
  readonly link: Partial<Netem.Config>
  /** `pair`: every ordered pair of sessions has a link, rate and queue of its own. `router`: all share one. */
  readonly linkScope: "pair" | "router"
  /** Everything random in the links follows from this unsigned 32-bit integer. */
  readonly seed: number
  /** The router's address book: lower-case host names ending in `.i2p`. */
  readonly names: Readonly<Record<string, Destination>>
  /**
   * Passwords by user name. With at least one, a client's first message must be a GetDate with a user's name and
   * password; other clients get a Disconnect.
   */
  readonly users: Readonly<Record<string, Redacted.Redacted<string>>>
  /** API version announced in SetDate. */
  readonly version: string
  /** Connections at a time; further ones get a Disconnect. */
  readonly maxConnections: number
  /** Sessions at a time; further ones get a Disconnect. */
  readonly maxSessions: number
  /** Sessions of a connection beyond its first; with 0 there are none and the router looks like i2pd. */
  readonly maxSubsessions: number
  /** Lookups of one connection waiting for `lookupTime`; further ones fail at once. */
  readonly maxLookups: number
  /** Destinations for whose encrypted lease sets one connection may have given secrets and keys; the newest are kept. */
  readonly maxBlindings: number
  /** Bytes held for a client that reads slowly. Beyond it messages are dropped; at twice this it is disconnected. */
  readonly outboundBytes: number
  /** Bytes on their way in all links together. Beyond it messages are dropped with status 13. */
  readonly inFlightBytes: number
  /** How long a fresh connection may take for its first byte. */
  readonly preambleTimeout: Duration.DurationInput
  /** From session to first lease request: how long tunnels take to build. */
  readonly tunnelBuildTime: Duration.DurationInput
  /** How long leases last from when they are offered. */
  readonly leaseDuration: Duration.DurationInput
  /** How long before the end of its leases a session is offered new ones. */
  readonly leaseRenewal: Duration.DurationInput
  /** How long a client may take to answer a lease request. */
  readonly leaseAnswerTimeout: Duration.DurationInput
  /** How long every lookup takes; the client's own timeout cuts it short. */
  readonly lookupTime: Duration.DurationInput
  /** How far the date in a session configuration may be off. */
  readonly clockSkew: Duration.DurationInput
  /** How long a connection told to go may take to close its side. */
  readonly closeLinger: Duration.DurationInput
}

/**
 * **Source**, field by field
 *
 * | field | value | source |
 * |---|---|---|
 * | link, linkScope, seed, names | perfect, pair, 1, none | ours |
 * | users | none | Java's `i2cp.auth` is false; strict as its `i2cp.strictAuth`, true by default |
 * | version | 0.9.67 | newest API in the specification; clients need 0.9.39 for lease sets, 0.9.11 for lookups |
 * | maxConnections, maxSessions | 1,024 and 256 | ours; Java's `i2cp.maxSessions` is 50 |
 * | maxSubsessions | 4 | Java |
 * | maxLookups | 64 | ours, for each connection: as many as our own client asks at a time |
 * | maxBlindings | 64 | ours, for each connection: as many as it may look up at a time |
 * | outboundBytes | 1 MiB | i2pd's queue per session (Java: 256 messages) |
 * | inFlightBytes | 64 MiB | ours: a second of 500 Mbit/s |
 * | preambleTimeout | 5 s | Java |
 * | tunnelBuildTime | 0 | ours; real routers take 3 to 13 s and more |
 * | leaseDuration | 10 min | all routers |
 * | leaseRenewal | 2 min | ours: room for several unlucky answers; Java replaces tunnels as they age |
 * | leaseAnswerTimeout | 10 s | i2pd, the strictest (Java: 60 s, six times) |
 * | lookupTime | 0 | ours; real lookups take up to 40 s |
 * | clockSkew | 3 min | Java (the specification says 30 s) |
 * | closeLinger | 1 s | ours, as long as our client waits for the last word (Java: 50 ms) |
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: RouterOptions = {
  link: {},
  linkScope: "pair",
  seed: 1,
  names: {},
  users: {},
  version: "0.9.67",
  maxConnections: 1_024,
  maxSessions: 256,
  maxSubsessions: 4,
  maxLookups: 64,
  maxBlindings: 64,
  outboundBytes: 1_048_576,
  inFlightBytes: 67_108_864,
  preambleTimeout: Duration.seconds(5),
  tunnelBuildTime: Duration.zero,
  leaseDuration: Duration.minutes(10),
  leaseRenewal: Duration.minutes(2),
  leaseAnswerTimeout: Duration.seconds(10),
  lookupTime: Duration.zero,
  clockSkew: Duration.minutes(3),
  closeLinger: Duration.seconds(1)
}

/**
 * `overrides` on top of {@link defaults}.
 *
 * **Errors** throws a `RangeError` for a combination that cannot work: renewing leases no earlier than they are
 * offered, or more sessions than there are ids.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (overrides: Partial<RouterOptions> = {}): RouterOptions => {
  const options = { ...defaults, ...overrides }
  if (Duration.greaterThanOrEqualTo(options.leaseRenewal, options.leaseDuration)) {
    throw new RangeError("RouterOptions: leaseRenewal must be shorter than leaseDuration")
  }
  if (options.maxSessions > MAX_SESSION_IDS) {
    throw new RangeError(`RouterOptions: maxSessions must be at most ${MAX_SESSION_IDS}`)
  }
  return options
}

/** Session ids are 16 bits and all ones means none. */
const MAX_SESSION_IDS = 0xffff
