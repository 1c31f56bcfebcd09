/**
 * Streaming packets: decoding, encoding, and where their signature stands.
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Arbitraries from "@effect-i2p/testkit/Arbitraries"
import { must, roundTrip, type Target } from "../Target.js"
import * as Samples from "./samples.js"

const check = (input: Uint8Array): void => {
  const packet = roundTrip(input, Packet.decode, Packet.encode)
  if (packet === undefined) return
  must(Packet.byteLength(packet) === Packet.encode(packet).length, "byteLength is the length of the bytes")
  must(Packet.format(packet).length < 4_096, "a packet is one line")
  must(
    !Packet.isFirstSyn(packet) ||
      Packet.isSequenced(packet) ||
      Packet.has(packet, Packet.RESET) ||
      Packet.has(packet, Packet.ECHO),
    "a first SYN has a number"
  )
  const { signature } = packet
  if (signature !== undefined) {
    // The verifier blanks these bytes of the packet as it came.
    must(
      signature.byteOffset - input.byteOffset === Packet.signatureOffset(packet),
      "the signature is where it is blanked"
    )
  }
}

/**
 * @since 0.1.0
 * @category targets
 */
export const packet: Target = {
  _tag: "Codec",
  name: "packet",
  about: "streaming packets",
  maxBytes: 4_096,
  seeds: () => [
    ...Samples.some(Arbitraries.packet, 60).map(Packet.encode),
    ...Samples.allKeys().map(({ destination, offline }) =>
      Packet.encode(
        Packet.make({
          flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
          nacks: Packet.replayHash(destination.hash),
          from: destination,
          maxPacketSize: 1_812,
          offlineSignature: offline,
          signature: new Uint8Array(64)
        })
      )
    )
  ],
  check
}
