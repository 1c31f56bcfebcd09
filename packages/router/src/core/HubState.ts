/**
 * What the hub knows, what it is told and what it answers: the data of {@link file://./Hub.ts}.
 *
 * Immutable throughout. Times are milliseconds on whatever clock the driver uses; the hub only compares them with the
 * `now` of each step and puts them into dates for its clients.
 *
 * @since 0.1.0
 */
import type * as Message from "@effect-i2p/i2cp/Message"
import type { Destination } from "@effect-i2p/wire/Destination"
import type * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import type { Hash } from "@effect-i2p/wire/Hash"
import type { SignatureError } from "@effect-i2p/wire/SignatureError"
import type * as Either from "effect/Either"
import * as Faults from "./Faults.js"

/**
 * Opens an encrypted lease set, if it can be opened with these.
 *
 * @category models
 * @since 0.1.0
 */
export type Decrypt = (
  leaseSet: EncryptedLeaseSet.EncryptedLeaseSet,
  credentials: EncryptedLeaseSet.Credentials
) => Either.Either<EncryptedLeaseSet.Inner, EncryptedLeaseSet.DecryptError | SignatureError>

/**
 * Limits and delays; see `RouterOptions` for meaning, defaults and sources. `decrypt` is the driver's: the hub has no
 * cryptography of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Config {
  readonly version: string
  readonly names: ReadonlyMap<string, Destination>
  /** Whether a client has to give name and password of a user first. Who the users are is the driver's to know. */
  readonly authorize: boolean
  readonly gateway: Hash
  readonly maxConnections: number
  readonly maxSessions: number
  readonly maxSubsessions: number
  readonly maxLookups: number
  readonly maxBlindings: number
  readonly preambleMillis: number
  readonly tunnelBuildMillis: number
  readonly leaseMillis: number
  readonly leaseRenewalMillis: number
  readonly leaseAnswerMillis: number
  readonly lookupMillis: number
  readonly clockSkewMillis: number
  readonly decrypt: Decrypt
}

/**
 * Where a session stands with its lease set; `until` is when something happens next.
 *
 * **Shape** `Building`: then leases are offered. `Requested`: then the client has failed to answer. `Held`: then they
 * are renewed. `end` is when the offered leases end.
 *
 * @category models
 * @since 0.1.0
 */
export type LeaseWork =
  | { readonly _tag: "Building"; readonly until: number }
  | { readonly _tag: "Requested"; readonly until: number; readonly end: number }
  | { readonly _tag: "Held"; readonly until: number }

/**
 * One client destination.
 *
 * **Shape** `leaseSet` is the last one accepted, good until `leasesEnd`. `options` are those of its configuration,
 * with what opens an encrypted one. `acceptedStatus`: whether status 1 is sent
 * ahead of the final one (messageReliability other than `none`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly id: number
  readonly connection: number
  readonly destination: Destination
  readonly tunnels: number
  readonly acceptedStatus: boolean
  readonly options: ReadonlyMap<string, string>
  readonly leaseSet: Message.LeaseSet | undefined
  readonly leasesEnd: number
  /** When a fault ends it; `Infinity` when none does. */
  readonly destroyAt: number
  readonly work: LeaseWork
}

/**
 * A lookup whose answer is still being waited for.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingLookup {
  readonly at: number
  readonly timedOut: boolean
  readonly request: Message.HostLookup
}

/**
 * What a client knows of somebody's encrypted lease sets, until `expires`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Blinding extends EncryptedLeaseSet.Credentials {
  readonly expires: number
}

/**
 * One client connection.
 *
 * **Shape** `greetingUntil` is set until the preamble byte has come; `session` once one was created, the primary;
 * `subsessions` are those beside it, in the order of their creation, and end with it. `authorized`: it gave the name and password of a user, or need not. `blindings`: the newest last.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly id: number
  readonly greetingUntil: number | undefined
  readonly authorized: boolean
  readonly session: number | undefined
  readonly subsessions: ReadonlyArray<number>
  readonly lookups: ReadonlyArray<PendingLookup>
  readonly blindings: ReadonlyArray<Blinding>
}

/**
 * Everything. `held`: Destinations of broken connections that still count as connected, and until when. `byHash` is keyed by b32, `byFingerprint` by `SendFrame.fingerprint`.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly config: Config
  readonly kilobytesPerSecond: number
  readonly connections: ReadonlyMap<number, Connection>
  readonly sessions: ReadonlyMap<number, Session>
  readonly faults: Faults.Faults
  readonly held: ReadonlyMap<string, number>
  readonly byHash: ReadonlyMap<string, number>
  readonly byFingerprint: ReadonlyMap<number, ReadonlyArray<number>>
  readonly nextSession: number
  readonly nextTunnel: number
}

/**
 * What happens to a hub.
 *
 * **Shape** `Greeted`: the preamble byte came. `Received`: a decoded message; signatures and passwords are checked by the
 * driver, so that no cryptography and no secret is in here, and `problem` says what it found wrong; `inner` is what was in
 * an encrypted lease set. `Violated`: bytes that are no I2CP; nothing more is read. `Tick`: some deadline may have passed.
 * `Renew`: ask every session for a new lease set now. `Fault`: what goes wrong from now on. `Destroy`: end every session
 * now.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Connected"; readonly connection: number }
  | { readonly _tag: "Greeted"; readonly connection: number }
  | {
      readonly _tag: "Received"
      readonly connection: number
      readonly message: Message.Message
      readonly problem?: string | undefined
      readonly inner?: EncryptedLeaseSet.Inner | undefined
    }
  | { readonly _tag: "Violated"; readonly connection: number; readonly reason: string }
  | { readonly _tag: "Disconnected"; readonly connection: number }
  | { readonly _tag: "Tick" }
  | { readonly _tag: "Renew" }
  | { readonly _tag: "Fault"; readonly faults: Faults.Faults }
  | { readonly _tag: "Destroy" }
  | { readonly _tag: "RateChanged"; readonly kilobytesPerSecond: number }

/**
 * What the driver is to do, in order.
 *
 * **Shape** `Close`: write what was sent so far, then close; the hub has forgotten the connection. `SessionEnded`:
 * nothing reaches this session id any more; ids are reused only after all others.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  | { readonly _tag: "Send"; readonly connection: number; readonly message: Message.Message }
  | { readonly _tag: "Close"; readonly connection: number }
  | { readonly _tag: "SessionEnded"; readonly session: number }

/**
 * What becomes of an event: the next state, and what the driver is to do.
 *
 * @category models
 * @since 0.1.0
 */
export type Transition = readonly [State, ReadonlyArray<Action>]

/**
 * A hub without clients.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (config: Config): State => ({
  config,
  kilobytesPerSecond: 0,
  connections: new Map(),
  sessions: new Map(),
  faults: Faults.none,
  held: new Map(),
  byHash: new Map(),
  byFingerprint: new Map(),
  nextSession: 1,
  nextTunnel: 1
})

/**
 * The session of that id, if it is of that connection.
 *
 * @category getters
 * @since 0.1.0
 */
export const ownSession = (state: State, connection: number, id: number): Session | undefined => {
  const session = state.sessions.get(id)
  return session?.connection === connection ? session : undefined
}
