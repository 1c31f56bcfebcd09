/**
 * What a message carries: the gzip envelope, and datagrams inside of it.
 *
 * @since 0.1.0
 */
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import type { DatagramUntrusted } from "@effect-i2p/i2cp/DatagramError"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as NodeCompression from "@effect-i2p/platform-node/NodeCompression"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import type { DecodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import { must, mustBePrecise, type Target, utf8 } from "../Target.js"
import * as Samples from "./samples.js"

const content = (size: number) => ({
  protocol: 6,
  sourcePort: 80,
  destinationPort: 8_080,
  payload: Uint8Array.from({ length: size }, (_, n) => (n * n) >> 3)
})

const checkEnvelope = (input: Uint8Array): void => {
  const portable = Payload.decode(input, Compression.portable)
  const native = Payload.decode(input, NodeCompression.zlib)
  if (Either.isLeft(portable)) {
    must(Either.isLeft(native), "portable inflate refuses what native inflate takes")
    return mustBePrecise(portable.left, Math.max(input.length, 20))
  }
  // Native inflate is stricter: see Compression.
  const { payload } = portable.right
  must(Either.isLeft(native) || Bytes.equals(payload, native.right.payload), "they inflate to different bytes")
  must(payload.length <= Payload.MAX_INFLATED, "more than the cap comes out")
  if (payload.length > Payload.MAX_STORED) return
  for (const compress of [false, true]) {
    const again = Payload.decode(
      Payload.encode({ ...portable.right, compress }, Compression.portable),
      NodeCompression.zlib
    )
    must(Either.isRight(again) && Bytes.equals(again.right.payload, payload), "an envelope does not come back")
  }
}

/**
 * @since 0.1.0
 * @category targets
 */
export const envelope: Target = {
  _tag: "Codec",
  name: "envelope",
  about: "gzip envelopes, inflated by both backends",
  maxBytes: 2_048,
  seeds: () =>
    [0, 1, 66, 67, 300, 900].flatMap((size) =>
      [false, true].map((compress) => Payload.encode({ ...content(size), compress }, Compression.portable))
    ),
  check: checkEnvelope
}

const self = Samples.keys.destination.hash

/** The format, then the datagram. */
const checkDatagram = (input: Uint8Array): void => {
  const bytes = input.subarray(1)
  const decoded = decodeAs(input[0] ?? 0, bytes)
  if (Either.isLeft(decoded)) {
    const error = decoded.left
    if (error._tag === "DecodeError") mustBePrecise(error, bytes.length)
    else must(error._tag === "DatagramUntrusted", `not a tagged error: ${String(error)}`)
    return
  }
  must(decoded.right.payload.length <= bytes.length, "a payload longer than its datagram")
  if ("fromHash" in decoded.right) {
    const { fromHash, options, payload } = decoded.right
    const again = Either.flatMap(Datagram.encode3(fromHash, { payload, options }), Datagram.decode3)
    must(Either.isRight(again) && Bytes.equals(again.right.payload, payload), "a Datagram3 does not come back")
  }
}

const decodeAs = (
  format: number,
  bytes: Uint8Array
): Either.Either<Datagram.Datagram1 | Datagram.Datagram2 | Datagram.Datagram3, DecodeError | DatagramUntrusted> => {
  switch (format % 3) {
    case 0:
      return Datagram.decode1(bytes, Samples.credulous)
    case 1:
      return Datagram.decode2(bytes, self, 1_000, Samples.credulous)
    default:
      return Datagram.decode3(bytes)
  }
}

/**
 * @since 0.1.0
 * @category targets
 */
export const datagram: Target = {
  _tag: "Codec",
  name: "datagram",
  about: "datagrams of the three formats with a sender",
  maxBytes: 2_048,
  seeds: () => {
    const random = SecureRandom.makeSeeded("fuzz datagrams")
    const said = { payload: utf8("hello"), options: { a: "b" } }
    return Samples.allKeys().flatMap((keys) =>
      [
        Datagram.encode1(keys, said.payload, Signatures.noble, random),
        Datagram.encode2(keys, self, said, Signatures.noble, random),
        Datagram.encode3(keys.destination.hash, said)
      ].flatMap((encoded, n) => (Either.isRight(encoded) ? [Uint8Array.of(n, ...encoded.right)] : []))
    )
  },
  check: checkDatagram
}
