/**
 * Numbers that a session draws: ids of streams and pings, ports of ours, and chance.
 *
 * @since 0.1.0
 */
import type { Service as SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Endpoint from "../core/Endpoint.js"
import * as StreamingConfig from "../StreamingConfig.js"
import type { Listeners } from "./accept/listeners.js"
import type { Connections } from "./Connections.js"

/** The first of the dynamic ports, which go on to the end. RFC 6335 section 6. */
const firstDynamicPort = 49_152

/** Random ports that are tried before one is used twice, which does no harm: streams are told apart by their ids. Ours. */
const portAttempts = 16

export interface Numbers {
  /** An id that no stream or ping of ours has, living or remembered. */
  readonly id: () => number
  /** A dynamic port that no stream or listener of ours has, as far as a few tries find one. */
  readonly port: () => number
  /** Uniform in [0, 1). */
  readonly chance: () => number
  /** What is added to the idle timeout of a stream, in ms. */
  readonly idleJitter: () => number
}

export const make = (random: SecureRandom, connections: Connections, listeners: Listeners): Numbers => ({
  id: () => {
    let id = random.u32()
    while (!Endpoint.isFree(connections.endpoint, id)) id = random.u32()
    return id
  },
  port: () => {
    let port = 0
    for (let attempt = 0; attempt < portAttempts; attempt++) {
      port = firstDynamicPort + (random.u32() % (65_536 - firstDynamicPort))
      if (!listeners.has(port) && !connections.usesPort(port)) break
    }
    return port
  },
  chance: () => random.u32() / 2 ** 32,
  idleJitter: () => (StreamingConfig.maxIdleJitter * random.u32()) / 2 ** 32
})
