/**
 * What the control sockets of a bridge share.
 */
import type { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SamDialService } from "../SamDial.js"
import type { SamSessions, Services } from "../SamSessions.js"
import type { SamUdpService } from "../SamUdp.js"
import type { SamUsers } from "../SamUsers.js"
import type { Failed } from "./failures.js"
import type { Registry } from "./registry.js"

/** See `Sam.Options`. */
export interface Bounds {
  readonly maxSockets: number
  readonly maxSessions: number
  readonly maxAccepts: number
  readonly maxForwards: number
  readonly maxLineBytes: number
  readonly helloTimeout: Duration.DurationInput
  readonly commandTimeout: Duration.DurationInput
  readonly pingInterval: Duration.DurationInput | undefined
  readonly pingTimeout: Duration.DurationInput
  readonly dialTimeout: Duration.DurationInput
  readonly endTimeout: Duration.DurationInput
  readonly acceptLinger: Duration.DurationInput
  readonly lookupIdleTime: Duration.DurationInput
  readonly metricsInterval: Duration.DurationInput
}

export interface Counters {
  sockets: number
  socketsRefused: number
  streams: number
  streamsOpened: number
  streamsFailed: number
  forwards: number
  bytesSent: number
  bytesReceived: number
  datagramsSent: number
  datagramsReceived: number
  datagramsDropped: number
}

export interface Bridge {
  readonly bounds: Bounds
  readonly registry: Registry
  readonly sessions: SamSessions["Type"]
  readonly users: SamUsers
  readonly dial: SamDialService
  readonly udp: SamUdpService
  readonly random: SecureRandom["Type"]
  readonly signatures: Signatures.Service
  readonly counters: Counters
  /** The bridge's own session, for look-ups of clients that have none. */
  readonly lookups: Effect.Effect<Services, Failed, Scope.Scope>
}
