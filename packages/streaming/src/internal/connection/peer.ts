/**
 * Who is at the other end of a stream.
 *
 * @since 0.1.0
 */
import { Destination } from "@effect-i2p/wire/Destination"

/**
 * Where a stream's packets go.
 */
export interface Peer {
  readonly destination: Destination
  readonly localPort: number
  readonly remotePort: number
}

/**
 * A peer as it is kept after its stream: without the names and keys that its destination has worked out, which are four
 * fifths of it.
 */
export const remembered = ({ destination, localPort, remotePort }: Peer): Peer => ({
  destination: Destination.unsafeMake(destination.bytes, destination.signingType),
  localPort,
  remotePort
})
