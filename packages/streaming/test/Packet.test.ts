import * as Packet from "@effect-i2p/streaming/Packet"
import * as Arbitraries from "@effect-i2p/testkit/Arbitraries"
import * as Hash from "@effect-i2p/wire/Hash"
import { DecodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"
import { alice, aliceId, aliceOffline, ascii, bob, bobId, hex, synToBob, toHex, truncations, whole } from "./vectors.js"

/** A packet as something that compares by content. */
const plain = (packet: Packet.Packet): unknown => ({
  ...packet,
  from: packet.from && toHex(packet.from.bytes),
  signature: packet.signature && toHex(packet.signature),
  payload: toHex(packet.payload)
})

const decoded = (bytes: Uint8Array): Packet.Packet => Either.getOrThrow(Packet.decode(bytes))

const failure = (bytes: Uint8Array): DecodeError => {
  const result = Packet.decode(bytes)
  assert(Either.isLeft(result), "decoded what it should refuse")
  assert.instanceOf(result.left, DecodeError)
  return result.left
}

/** A packet with raw flags and options, for what `encode` cannot be made to write. */
const raw = (flags: number, options: string, payload = "", optionSize = options.length / 2): Uint8Array =>
  hex(
    `55667788 11223344 00000001 00000000 00 00
     ${flags.toString(16).padStart(4, "0")} ${optionSize.toString(16).padStart(4, "0")} ${options} ${payload}`
  )

const from = toHex(alice.destination.bytes)
const signature = "ab".repeat(64)

describe("Packet", () => {
  describe("vectors", () => {
    for (const { bytes, name, packet } of whole) {
      it(`${name} encodes to the vectors' bytes`, () => {
        assert.strictEqual(toHex(Packet.encode(packet)), toHex(bytes))
      })
      it(`${name} decodes to its fields`, () => {
        assert.deepStrictEqual(plain(decoded(bytes)), plain(packet))
      })
    }

    it("knows the vectors' identities by their hashes", () => {
      assert.strictEqual(
        toHex(alice.destination.hash),
        "ff33f5ca92e3f3135f0db8e68a71749f9b9a037e2a3e83192f9eb05f6c4e02d1"
      )
      assert.strictEqual(
        toHex(bob.destination.hash),
        "511d5e49dca4fe10128319ac7bdb3b8659dfb039619d4c76ef3ae7ae220e9f62"
      )
    })
  })

  describe("model", () => {
    it("makes an empty acknowledgment of no fields", () => {
      assert.strictEqual(toHex(Packet.encode(Packet.make({}))), "00".repeat(22))
    })

    it("tells a first SYN from a SYN-ACK by the id it does not know", () => {
      assert.isTrue(Packet.isFirstSyn(Packet.make({ flags: Packet.SYNCHRONIZE })))
      assert.isFalse(Packet.isFirstSyn(Packet.make({ flags: Packet.SYNCHRONIZE, sendStreamId: 1 })))
      assert.isFalse(Packet.isFirstSyn(Packet.make({})))
    })

    it("counts SYN, data, CLOSE and the keepalive, but no acknowledgment, RESET or ECHO", () => {
      const sequenced = (fields: Partial<Packet.Packet>) => Packet.isSequenced(Packet.make(fields))
      assert.isTrue(sequenced({ flags: Packet.SYNCHRONIZE }))
      assert.isTrue(sequenced({ sequenceNumber: 1 }))
      assert.isTrue(sequenced({ sequenceNumber: 1, flags: Packet.CLOSE }))
      assert.isFalse(sequenced({}))
      assert.isFalse(sequenced({ flags: Packet.CLOSE }))
      assert.isFalse(sequenced({ sequenceNumber: 1, flags: Packet.RESET }))
      assert.isFalse(sequenced({ sequenceNumber: 1, flags: Packet.ECHO }))
      assert.isFalse(sequenced({ sequenceNumber: 0, payload: ascii("x") }))
    })

    it("writes a destination's hash as eight big-endian words", () => {
      const hash = Hash.unsafeFromBytes(Uint8Array.from({ length: 32 }, (_, i) => i + 1))
      assert.deepStrictEqual(
        Packet.replayHash(hash),
        [0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x11121314, 0x15161718, 0x191a1b1c, 0x1d1e1f20]
      )
    })

    it("refuses option bits among the control flags", () => {
      const is = Schema.is(Packet.Packet)
      assert.isTrue(is(Packet.make({ flags: 0xf717 })))
      for (const bit of [0x0008, 0x0020, 0x0040, 0x0080, 0x0800]) assert.isFalse(is(Packet.make({ flags: bit })))
      assert.isFalse(is(Packet.make({ maxPacketSize: 0 })))
      assert.isFalse(is(Packet.make({ nacks: new Array(256).fill(1) })))
      assert.isFalse(is(Packet.make({ sequenceNumber: 2 ** 32 })))
    })
  })

  describe("options", () => {
    it("stand in their order for every subset of flags", () => {
      for (let subset = 0; subset < 32; subset++) {
        const offline = (subset & 8) !== 0
        if (offline && (subset & 2) === 0) continue
        const packet = Packet.make({
          sendStreamId: bobId,
          receiveStreamId: aliceId,
          requestedDelay: (subset & 1) !== 0 ? 0x1234 : undefined,
          from: (subset & 2) !== 0 ? alice.destination : undefined,
          maxPacketSize: (subset & 4) !== 0 ? 0x0714 : undefined,
          offlineSignature: offline ? aliceOffline.offline : undefined,
          signature: (subset & 16) !== 0 ? hex(signature) : undefined,
          payload: ascii("payload")
        })
        const options = [
          (subset & 1) !== 0 ? "1234" : "",
          (subset & 2) !== 0 ? from : "",
          (subset & 4) !== 0 ? "0714" : ""
        ].join("")
        const bytes = Packet.encode(packet)
        assert.isTrue(toHex(bytes).slice(44).startsWith(options))
        assert.strictEqual(toHex(bytes).slice(-14), toHex(ascii("payload")))
        assert.strictEqual(bytes.length, Packet.byteLength(packet))
        if ((subset & 16) !== 0) {
          const offset = Packet.signatureOffset(packet)
          assert.strictEqual(toHex(bytes.subarray(offset, offset + 64)), signature)
        }
        assert.deepStrictEqual(plain(decoded(bytes)), plain(packet))
      }
    })

    it("survive with every subset of control flags, unknown ones included", () => {
      const control = [0, 1, 2, 4, 8, 9, 10, 12, 13, 14, 15]
      for (let subset = 0; subset < 1 << control.length; subset++) {
        let flags = 0
        control.forEach((bit, i) => {
          if ((subset & (1 << i)) !== 0) flags |= 1 << bit
        })
        const packet = Packet.make({ flags, requestedDelay: 7 })
        const bytes = Packet.encode(packet)
        assert.strictEqual(new DataView(bytes.buffer, bytes.byteOffset).getUint16(18), flags | 0x0040)
        assert.strictEqual(decoded(bytes).flags, flags)
      }
    })

    it("take every delay, the largest hint and the smallest choke among them", () => {
      for (const delay of [0, 1, 60_000, 60_001, 61_000, 65_535]) {
        assert.strictEqual(decoded(Packet.encode(Packet.make({ requestedDelay: delay }))).requestedDelay, delay)
      }
    })

    it("take every maximum packet size but 0", () => {
      for (const size of [1, 511, 512, 65_535]) {
        assert.strictEqual(decoded(Packet.encode(Packet.make({ maxPacketSize: size }))).maxPacketSize, size)
      }
      assert.strictEqual(failure(raw(0x0080, "0000")).field, "maxPacketSize")
    })

    it("end where the option size says: more is ignored, and no payload", () => {
      const packet = decoded(raw(0x0040, "0064ffffff", "68656c6c6f"))
      assert.strictEqual(packet.requestedDelay, 100)
      assert.strictEqual(toHex(packet.payload), "68656c6c6f")
      assert.strictEqual(toHex(decoded(raw(0, "ffffff", "6869")).payload), "6869")
    })

    it("are refused when they do not fit the option size", () => {
      assert.strictEqual(failure(raw(0x0040, "", "ffff")).field, "requestedDelay")
      assert.strictEqual(failure(raw(0x0040, "00", "ffff")).field, "requestedDelay")
      assert.strictEqual(failure(raw(0x00c0, "0001", "ffff")).field, "maxPacketSize")
      for (let length = 0; length < alice.destination.bytes.length; length++) {
        failure(raw(0x0020, from.slice(0, 2 * length), from.slice(2 * length)))
      }
      assert.strictEqual(failure(raw(0x0028, from + signature.slice(2), signature)).field, "signature")
    })

    it("are refused when the option size runs past the packet", () => {
      assert.strictEqual(failure(raw(0, "", "", 1)).field, "options")
      assert.strictEqual(failure(raw(0x0040, "0000", "", 3)).field, "options")
      assert.strictEqual(failure(raw(0x0040, "0000", "", 0xffff)).field, "options")
    })

    it("refuse an offline block without a destination", () => {
      assert.strictEqual(failure(raw(0x0800, "00".repeat(102))).field, "offlineSignature")
    })

    it("leave to the verifier how long a signature without FROM is", () => {
      const packet = decoded(raw(0x0008, `${signature}ffff`, "6869"))
      assert.strictEqual(toHex(packet.signature!), `${signature}ffff`)
      assert.strictEqual(toHex(packet.payload), "6869")
    })

    it("know how long a signature with FROM is, and ignore what follows it", () => {
      const packet = decoded(raw(0x0028, `${from}${signature}ffff`))
      assert.strictEqual(toHex(packet.signature!), signature)
    })
  })

  describe("NACKs", () => {
    it("are as many as one byte counts", () => {
      for (const n of [0, 1, 8, 255]) {
        const nacks = Array.from({ length: n }, (_, i) => 0xffff_ff00 + i)
        const packet = Packet.make({ nacks, payload: ascii("p") })
        const bytes = Packet.encode(packet)
        assert.strictEqual(bytes.length, 22 + 4 * n + 1)
        assert.strictEqual(bytes[16], n)
        assert.deepStrictEqual(decoded(bytes).nacks, nacks)
      }
    })

    it("are refused when the packet is too short for them", () => {
      const bytes = Packet.encode(Packet.make({ nacks: [1, 2, 3] }))
      bytes[16] = 255
      assert.strictEqual(failure(bytes).field, "nacks")
    })
  })

  describe("hostile bytes", () => {
    it("cut short within header or options are refused, cut within the payload are a shorter packet", () => {
      const full = Packet.encode({
        ...synToBob,
        from: alice.destination,
        offlineSignature: aliceOffline.offline,
        signature: hex(signature)
      })
      const payloadAt = full.length - synToBob.payload.length
      for (const bytes of truncations(full)) {
        if (bytes.length < payloadAt) failure(bytes)
        else assert.strictEqual(decoded(bytes).payload.length, bytes.length - payloadAt)
      }
    })

    it("never make the decoder throw, and what it accepts can be encoded again", () => {
      fc.assert(
        fc.property(Arbitraries.hostileBytes, (bytes) => {
          const result = Packet.decode(bytes)
          if (Either.isLeft(result)) assert.instanceOf(result.left, DecodeError)
          else assert.deepStrictEqual(plain(decoded(Packet.encode(result.right))), plain(result.right))
        }),
        { numRuns: 500 }
      )
    })
  })

  describe("round trip", () => {
    it("gives back every packet that can be built", () => {
      fc.assert(
        fc.property(Arbitraries.packet, (packet) => {
          const bytes = Packet.encode(packet)
          assert.strictEqual(bytes.length, Packet.byteLength(packet))
          assert.deepStrictEqual(plain(decoded(bytes)), plain(packet))
        }),
        { numRuns: 300 }
      )
    })

    it("goes through the Schema as well", () => {
      const codec = Schema.decodeUnknownEither(Packet.PacketFromBytes)
      const bytes = hex("55667788112233440000000000000005000000400002ea61")
      const packet = Either.getOrThrow(codec(bytes))
      assert.strictEqual(packet.requestedDelay, 60_001)
      assert.deepStrictEqual(Schema.encodeSync(Packet.PacketFromBytes)(packet), bytes)
      assert.isTrue(Either.isLeft(codec(bytes.subarray(1))))
    })

    it("gives bytes of its own, and views of what it was given", () => {
      const payload = ascii("hello")
      const bytes = Packet.encode(Packet.make({ payload }))
      payload[0] = 0
      assert.strictEqual(bytes[22], 0x68)
      const packet = decoded(bytes)
      assert.strictEqual(packet.payload.buffer, bytes.buffer)
    })
  })

  describe("format", () => {
    it("names what matters in one line", () => {
      assert.deepStrictEqual(
        [
          synToBob,
          Packet.make({ sequenceNumber: 5, ackThrough: 3, nacks: [1, 2], payload: ascii("secret") }),
          Packet.make({ ackThrough: 7, requestedDelay: 60_001 }),
          Packet.make({ sequenceNumber: 2, flags: Packet.CLOSE, signature: hex(signature) })
        ].map(Packet.format),
        [
          "SYN+NO_ACK seq=0 nacks=hash delay=0 mtu=1812 len=18",
          "DATA seq=5 ack=3 nacks=1,2 len=6",
          "ACK seq=0 ack=7 delay=60001",
          "CLOSE seq=2 ack=0"
        ]
      )
    })

    it("never shows payload, destination or signature", () => {
      fc.assert(
        fc.property(Arbitraries.packet, fc.string({ minLength: 8 }), (packet, secret) => {
          const quiet = Packet.format(packet)
          const loud = Packet.format({ ...packet, payload: ascii(secret.padEnd(packet.payload.length)) })
          assert.strictEqual(loud.replace(/ len=\d+/, ""), quiet.replace(/ len=\d+/, ""))
          if (packet.from !== undefined) assert.notInclude(quiet, packet.from.short)
        }),
        { numRuns: 50 }
      )
    })
  })
})
