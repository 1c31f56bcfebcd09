/**
 * What the streams of a session know about the paths to their peers, and hand to later ones: a cache of TCP control
 * blocks, as RFC 9040 calls it.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Core from "../../core/Config.js"
import * as ControlBlock from "../../core/ControlBlock.js"
import type { State } from "../../core/State.js"
import type { StreamingOptions } from "../../StreamingConfig.js"
import type { Connection } from "./connection.js"

export interface TcbCache {
  readonly isOn: boolean
  readonly table: ControlBlock.Table
  /** Streams that run, by their peer, the oldest first. */
  readonly living: Map<string, Set<Connection>>
}

/**
 * Living streams to a peer that are asked, the oldest of them: those have a round trip if any has. All of thousands, which
 * nobody ever answered, would cost each new one more than the last.
 */
const maxAsked = 8

export const make = (options: StreamingOptions): TcbCache => ({
  isOn: options.controlBlockSharing,
  table: ControlBlock.make({
    capacity: options.maxControlBlocks,
    lifetime: Duration.toMillis(options.controlBlockLifetime),
    rttWeight: options.rttDampening,
    deviationWeight: options.rttDeviationDampening,
    windowWeight: options.windowDampening
  }),
  living: new Map()
})

/**
 * A stream runs from now on.
 */
export const enter = (self: TcbCache, connection: Connection): void => {
  const peer = connection.peer.destination.b32
  const same = self.living.get(peer)
  if (same === undefined) self.living.set(peer, new Set([connection]))
  else same.add(connection)
}

/**
 * The object that other streams of the peer have for it: bytes, name and keys of one are 3 KB.
 */
export const known = (self: TcbCache, destination: Destination): Destination => {
  const [connection] = self.living.get(destination.b32) ?? []
  return connection?.peer.destination ?? destination
}

/**
 * What a new stream to a peer starts from.
 *
 * A living stream to the same peer knows the round trip better than the table. Then the window starts from the bottom:
 * what the path carries is in use already (RFC 9040 section 5, ensemble sharing).
 */
export const seed = Effect.fnUntraced(function* (
  self: TcbCache,
  peer: string,
  config: Core.Config,
  now: number
): Effect.fn.Return<ControlBlock.ControlBlock | undefined> {
  if (!self.isOn) return undefined
  let asked = 0
  for (const connection of self.living.get(peer) ?? []) {
    if (++asked > maxAsked) break
    const { rtt } = yield* Ref.get(connection.state)
    // Without a minimum there is only what it was given itself.
    if (rtt.srtt === undefined || rtt.minRtt === undefined) continue
    return { srtt: rtt.srtt, rttvar: rtt.rttvar, window: config.initialWindow }
  }
  return ControlBlock.seed(self.table, peer, config, now)
})

/**
 * A stream is over. Only one that ended well says something about the path: others may have ended because of it.
 */
export const leave = (self: TcbCache, connection: Connection, last: State, now: number): void => {
  const peer = connection.peer.destination.b32
  const same = self.living.get(peer)
  same?.delete(connection)
  if (same?.size === 0) self.living.delete(peer)
  const { minRtt, rttvar, srtt } = last.rtt
  if (!self.isOn || last.phase._tag !== "TimeWait" || srtt === undefined || minRtt === undefined) return
  ControlBlock.record(self.table, peer, { srtt, rttvar, window: last.congestion.window }, now)
}
