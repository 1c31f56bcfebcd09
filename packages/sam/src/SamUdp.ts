/**
 * The UDP port of the bridge: a port that a platform fills, as `NodeSam` does.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * An address on UDP; `host` is a number or a name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * What {@link SamUdp} does.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamUdpService {
  /** Whether there is a port at all. */
  readonly isOpen: boolean
  /** Hands a datagram to the system; one that cannot be sent is lost, as any may be. */
  readonly send: (to: Endpoint, bytes: Uint8Array) => Effect.Effect<void>
  /** Calls the handler with every datagram that arrives, one after the other, as long as it runs. */
  readonly run: (onDatagram: (bytes: Uint8Array, from: Endpoint) => Effect.Effect<void>) => Effect.Effect<never>
}

/**
 * Sends and receives datagrams. Without one, sessions that ask for delivery by UDP are refused.
 *
 * @category tags
 * @since 0.1.0
 */
export class SamUdp extends Context.Reference<SamUdp>()("@effect-i2p/sam/SamUdp", {
  defaultValue: (): SamUdpService => ({ isOpen: false, send: () => Effect.void, run: () => Effect.never })
}) {}
