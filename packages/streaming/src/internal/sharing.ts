/**
 * What the streams of a session know about the ways to their peers, and hand to those that come after.
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Core from "../core/Config.js"
import * as ControlBlock from "../core/ControlBlock.js"
import type { State } from "../core/State.js"
import type { StreamingOptions } from "../StreamingConfig.js"
import type { Driver } from "./driver.js"

export interface Sharing {
  readonly isOn: boolean
  readonly table: ControlBlock.Table
  /** Streams that run, by their peer, the oldest first. */
  readonly living: Map<string, Set<Driver>>
}

/**
 * Living streams to a peer that are asked, the oldest of them: those have a round trip if any has. All of thousands, which
 * nobody ever answered, would cost each new one more than the last.
 */
const maxAsked = 8

export const make = (options: StreamingOptions): Sharing => ({
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
export const enter = (self: Sharing, driver: Driver): void => {
  const peer = driver.peer.destination.b32
  const same = self.living.get(peer)
  if (same === undefined) self.living.set(peer, new Set([driver]))
  else same.add(driver)
}

/**
 * The object that other streams of the peer have for it: bytes, name and keys of one are 3 KB.
 */
export const known = (self: Sharing, destination: Destination): Destination => {
  const [driver] = self.living.get(destination.b32) ?? []
  return driver?.peer.destination ?? destination
}

/**
 * What a new stream to a peer starts from.
 *
 * A living stream to the same peer knows the round trip better than the table. Then the window starts from the bottom:
 * what the path carries is in use already (RFC 9040 section 5, ensemble sharing).
 */
export const seed = Effect.fnUntraced(function* (
  self: Sharing,
  peer: string,
  config: Core.Config,
  now: number
): Effect.fn.Return<ControlBlock.ControlBlock | undefined> {
  if (!self.isOn) return undefined
  let asked = 0
  for (const driver of self.living.get(peer) ?? []) {
    if (++asked > maxAsked) break
    const { rtt } = driver.state
    // Without a minimum there is only what it was given itself.
    if (rtt.srtt === undefined || rtt.minRtt === undefined) continue
    return { srtt: rtt.srtt, rttvar: rtt.rttvar, window: config.initialWindow }
  }
  return ControlBlock.seed(self.table, peer, config, now)
})

/**
 * A stream is over. Only one that ended well says something about the path: others may have ended because of it.
 */
export const leave = (self: Sharing, driver: Driver, last: State, now: number): void => {
  const peer = driver.peer.destination.b32
  const same = self.living.get(peer)
  same?.delete(driver)
  if (same?.size === 0) self.living.delete(peer)
  const { minRtt, rttvar, srtt } = last.rtt
  if (!self.isOn || last.phase._tag !== "TimeWait" || srtt === undefined || minRtt === undefined) return
  ControlBlock.record(self.table, peer, { srtt, rttvar, window: last.congestion.window }, now)
}
