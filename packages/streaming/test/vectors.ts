/**
 * Reference vectors V1 to V14. Provenance: keys chosen by us, packets made from the streaming specification apart from
 * this code, each signature verified there; reproducible, since Ed25519 signatures are deterministic.
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"))
export const sha256 = (bytes: Uint8Array): string => toHex(Hash.of(bytes))

/** Every proper prefix of `bytes`. */
export const truncations = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: bytes.length }, (_, length) => bytes.slice(0, length))

/** `bytes` with one bit flipped. */
export const flipBit = (bytes: Uint8Array, offset: number, bit = 0): Uint8Array => {
  const copy = bytes.slice()
  copy[offset]! ^= 1 << bit
  return copy
}

const counting = (from: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => from + i)
const identity = (name: string, from: number): DestinationKeys.DestinationKeys =>
  DestinationKeys.fromSigningKey(
    SigningKey.makePrivate(KeyType.Ed25519, counting(from)),
    Hash.of(ascii(`i2p-streaming-vector ${name}`))
  )

export const alice = identity("alice", 0x00)
export const bob = identity("bob", 0x20)
export const aliceId = 0x1122_3344
export const bobId = 0x5566_7788

const transientKey = SigningKey.makePrivate(KeyType.Ed25519, counting(0x40))
export const offlineExpires = 4_102_444_800
/** Alice, whose destination key is off line. */
export const aliceOffline: DestinationKeys.DestinationKeys = {
  ...alice,
  signingKey: transientKey,
  offline: Either.getOrThrow(
    OfflineSignature.make({
      expires: offlineExpires,
      transientKey: Either.getOrThrow(Signatures.noble.publicKey(transientKey)),
      destinationKey: alice.signingKey,
      signatures: Signatures.noble
    })
  )
}

/** V1 before its signature; V13 is the same, signed by the transient key. */
export const synToBob = Packet.make({
  receiveStreamId: aliceId,
  nacks: Packet.replayHash(bob.destination.hash),
  resendDelay: 1,
  flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
  requestedDelay: 0,
  maxPacketSize: 1812,
  payload: ascii("GET / HTTP/1.1\r\n\r\n")
})

/** V2 before its signature. */
export const synAckToAlice = Packet.make({
  sendStreamId: aliceId,
  receiveStreamId: bobId,
  resendDelay: 1,
  flags: Packet.SYNCHRONIZE,
  requestedDelay: 0,
  maxPacketSize: 1730,
  payload: ascii("HTTP/1.1 200 OK\r\n\r\n")
})

/** V10 before its signature. */
export const pingToBob = Packet.make({
  sendStreamId: 0x0bad_f00d,
  flags: Packet.ECHO | Packet.NO_ACK,
  payload: ascii("ping")
})

const fromAlice = (fields: Partial<Packet.Packet>): Packet.Packet =>
  Packet.make({ sendStreamId: bobId, receiveStreamId: aliceId, ...fields })

const v8Signature = hex(
  `e5c35d448df5d8b0c485fda079b30c6f7f2d59ba766a8a3a93277f9371abd2bc
   5b7580fca462541b2aae77d94c4ac4903ef38c42b4b5d7a8b2a60bc258183201`
)
const v9Signature = hex(
  `8a7ff6c0db8f3a44afe85aa74c1a4cdae43b532bdcfb206b1814675020c8f509
   65f7cfa6eeecf0326fc1823c0e87a1d7f6a7ccd6c28c7766c91573314a96cd01`
)
const v12Signature = hex(
  `d17af444a8395b8d90b697377ed4250cf48231c1cd3fde61b6c4c0df88357c14
   b9b348242ade122e44b4e0657d82cc4714ded94bfdb146591521b58aeed76a08`
)

/** The vectors given as whole packets. */
export const whole: ReadonlyArray<{
  readonly name: string
  readonly packet: Packet.Packet
  readonly bytes: Uint8Array
}> = [
  {
    name: "V3 plain ACK",
    packet: fromAlice({}),
    bytes: hex("55667788112233440000000000000000000000000000")
  },
  {
    name: "V4 data",
    packet: fromAlice({ sequenceNumber: 1, resendDelay: 1, payload: ascii("hello") }),
    bytes: hex("5566778811223344000000010000000000010000000068656c6c6f")
  },
  {
    name: "V5 ACK with NACKs",
    packet: fromAlice({ ackThrough: 5, nacks: [2, 4] }),
    bytes: hex("556677881122334400000000000000050200000002000000040000000000")
  },
  {
    name: "V6 choke",
    packet: fromAlice({ ackThrough: 5, requestedDelay: 60_001 }),
    bytes: hex("55667788112233440000000000000005000000400002ea61")
  },
  {
    name: "V7 unchoke",
    packet: fromAlice({ ackThrough: 5, requestedDelay: 0 }),
    bytes: hex("556677881122334400000000000000050000004000020000")
  },
  {
    name: "V8 CLOSE",
    packet: fromAlice({
      sequenceNumber: 2,
      ackThrough: 5,
      resendDelay: 1,
      flags: Packet.CLOSE,
      signature: v8Signature
    }),
    bytes: hex(`556677881122334400000002000000050001000a0040${toHex(v8Signature)}`)
  },
  {
    name: "V9 RESET",
    packet: fromAlice({ ackThrough: 5, flags: Packet.RESET, signature: v9Signature }),
    bytes: hex(`55667788112233440000000000000005 00 00 000c 0040 ${toHex(v9Signature)}`)
  },
  {
    name: "V11 bare pong",
    packet: Packet.make({ receiveStreamId: 0x0bad_f00d, flags: Packet.ECHO, payload: ascii("ping") }),
    bytes: hex("000000000badf00d000000000000000000000200000070696e67")
  },
  {
    name: "V12 signed pong",
    packet: Packet.make({
      receiveStreamId: 0x0bad_f00d,
      flags: Packet.ECHO | Packet.NO_ACK,
      signature: v12Signature,
      payload: ascii("ping")
    }),
    bytes: hex(`000000000badf00d0000000000000000000006080040${toHex(v12Signature)}70696e67`)
  },
  {
    name: "V14 keepalive",
    packet: fromAlice({ sequenceNumber: 3, ackThrough: 5, resendDelay: 1 }),
    bytes: hex("55667788112233440000000300000005000100000000")
  }
]
