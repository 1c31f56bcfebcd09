import * as Packet from "@effect-i2p/streaming/Packet"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as DestinationKeysModule from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import type { Signing } from "../../src/core/Action.js"
import * as SigningModule from "../../src/internal/connection/signing.js"
import {
  alice,
  aliceId,
  aliceOffline,
  ascii,
  bob,
  bobId,
  flipBit,
  hex,
  offlineExpires,
  pingToBob,
  sha256,
  synAckToAlice,
  synToBob,
  toHex,
  whole
} from "../vectors.js"

const signer = (keys: DestinationKeys): SigningModule.Signer => ({
  keys,
  signatures: Signatures.noble,
  random: SecureRandom.makeSeeded("signing")
})

const seal = (packet: Packet.Packet, signing: Signing, keys: DestinationKeys): Uint8Array =>
  Either.getOrThrow(SigningModule.seal(packet, signing, signer(keys), 0))

const strangers = { key: undefined, destinationBytes: undefined }
const knowing = (keys: DestinationKeys) => ({
  key: keys.destination.signingKey,
  destinationBytes: keys.destination.bytes
})

const verify = (
  bytes: Uint8Array,
  expected: Parameters<typeof SigningModule.verify>[2] = strangers,
  now = 0
): SigningKey.PublicKey | SigningModule.Unverified =>
  Either.merge(SigningModule.verify(Either.getOrThrow(Packet.decode(bytes)), bytes, expected, Signatures.noble, now))

const vector = (name: string): Uint8Array => whole.find((vector) => vector.name.startsWith(`${name} `))!.bytes

const close = Packet.make({ sendStreamId: bobId, receiveStreamId: aliceId, sequenceNumber: 9, flags: Packet.CLOSE })

describe("signing", () => {
  describe("seal", () => {
    it("makes the vectors' SYN, V1", () => {
      const bytes = seal(synToBob, "identity", alice)
      assert.strictEqual(bytes.length, 531)
      assert.strictEqual(toHex(bytes.subarray(18 + 32, 22 + 32)), "04e901cb")
      assert.strictEqual(sha256(bytes), "bd166ef4cd9531e55bca109c817298670b1046d342c3517fb9334e522198c43c")
      assert.strictEqual(
        toHex(bytes.subarray(449, 513)),
        "36afa24243cfaac34483ad13dd731db97779013c98df83a214e051eab71a0687" +
          "9c5d53fc972a7450c5813d5a0a21bf8f0dc88ef618f757360844c480637a350f"
      )
    })

    it("makes the vectors' SYN-ACK, V2", () => {
      const bytes = seal(synAckToAlice, "identity", bob)
      assert.strictEqual(bytes.length, 500)
      assert.strictEqual(sha256(bytes), "4d6f19cf6c64ee3fffbd7ed35440e933e798938aed26f7178ba4bc07a3baa9c4")
      assert.strictEqual(Packet.signatureOffset(Either.getOrThrow(Packet.decode(bytes))), 417)
    })

    it("makes the vectors' ping, V10", () => {
      const bytes = seal(pingToBob, "identity", alice)
      assert.strictEqual(bytes.length, 481)
      assert.strictEqual(sha256(bytes), "3faf97cbdb4fe94a59e008594b511963f3801a72f211156c45543ccc0112d5fd")
      assert.strictEqual(Packet.signatureOffset(Either.getOrThrow(Packet.decode(bytes))), 413)
    })

    it("makes the vectors' SYN with an offline key, V13", () => {
      const bytes = seal(synToBob, "identity", aliceOffline)
      assert.strictEqual(bytes.length, 633)
      assert.strictEqual(
        toHex(bytes.subarray(449, 551)),
        "f486570000072543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d154d52d832b20ff053a9b9d94c06c2" +
          "9dcbffd14bf6eb74a42e22e0f381912cbe177d4bb52fd63598284bc954a555d78c9d2b6b5b956d6a8875988a506c7f5c07"
      )
      assert.strictEqual(sha256(bytes), "f4216b6d47b72d6612b0a4876d30a1da1a3fe697c9e1ee77928df2659ec03393")
      assert.strictEqual(Packet.signatureOffset(Either.getOrThrow(Packet.decode(bytes))), 551)
    })

    it("makes the vectors' CLOSE, RESET and signed pong, V8, V9 and V12", () => {
      for (const [name, keys] of [
        ["V8", alice],
        ["V9", alice],
        ["V12", bob]
      ] as const) {
        const { signature: _, ...unsigned } = whole.find((vector) => vector.name.startsWith(`${name} `))!.packet
        assert.strictEqual(toHex(seal(Packet.make(unsigned), "signature", keys)), toHex(vector(name)), name)
      }
    })

    it("adds nothing when asked for nothing", () => {
      const packet = Packet.make({ sendStreamId: bobId, receiveStreamId: aliceId })
      assert.deepStrictEqual(seal(packet, "none", alice), Packet.encode(packet))
    })

    it("refuses to say who we are with an offline block that has expired, and still signs for open streams", () => {
      const at = offlineExpires * 1000
      const outcome = (signing: Signing, now: number) =>
        Either.match(SigningModule.seal(close, signing, signer(aliceOffline), now), {
          onLeft: (error) => error._tag,
          onRight: () => "sealed"
        })
      assert.deepStrictEqual(
        (["identity", "signature", "none"] as const).map((signing) => [outcome(signing, at - 1), outcome(signing, at)]),
        [
          ["sealed", "OfflineKeysExpired"],
          ["sealed", "sealed"],
          ["sealed", "sealed"]
        ]
      )
    })

    it("signs again what a retransmission changed", () => {
      const first = seal(close, "signature", alice)
      const second = seal({ ...close, ackThrough: 1 }, "signature", alice)
      assert.notDeepEqual(first.subarray(22), second.subarray(22))
      assert.notStrictEqual(verify(second, knowing(alice)), "BadSignature")
    })
  })

  describe("verify", () => {
    it("accepts the vectors' packets with the right key", () => {
      for (const [name, keys] of [
        ["V8", alice],
        ["V9", alice],
        ["V12", bob]
      ] as const) {
        assert.deepStrictEqual(verify(vector(name), knowing(keys)), keys.destination.signingKey, name)
      }
      assert.deepStrictEqual(verify(seal(synToBob, "identity", alice)), alice.destination.signingKey)
      assert.deepStrictEqual(verify(seal(synToBob, "identity", aliceOffline)), aliceOffline.offline!.transientKey)
    })

    it("refuses them with another key", () => {
      assert.strictEqual(verify(vector("V8"), { ...knowing(alice), key: bob.destination.signingKey }), "BadSignature")
      assert.strictEqual(verify(vector("V12"), knowing(alice)), "BadSignature")
    })

    it("refuses a packet with a bit flipped, wherever it is", () => {
      const bytes = seal({ ...synToBob, flags: synToBob.flags | 0x1000 }, "identity", alice)
      const regions = {
        sendStreamId: 0,
        receiveStreamId: 7,
        sequenceNumber: 11,
        ackThrough: 12,
        nacks: 17,
        resendDelay: 49,
        "unknown flags": 50,
        delay: 54,
        "padding of FROM": 60,
        "key of FROM": 56 + 383,
        maxPacketSize: 448,
        signature: 449,
        "end of signature": 512,
        payload: 513,
        "end of payload": bytes.length - 1
      }
      assert.notStrictEqual(verify(bytes), "BadSignature")
      for (const [region, offset] of Object.entries(regions)) {
        // Flags 12 to 15 are the upper half of the byte: one that a receiver knows would change how the rest is read.
        const flipped = flipBit(bytes, offset, region === "unknown flags" ? 6 : 1)
        assert.strictEqual(verify(flipped), "BadSignature", region)
      }
    })

    it("covers the bytes as they came, unknown flags and trailing options included", () => {
      const unsigned = Packet.encode({
        ...synToBob,
        flags: synToBob.flags | 0xf000,
        from: alice.destination,
        signature: new Uint8Array(64)
      })
      const optionsEnd = unsigned.length - synToBob.payload.length
      const bytes = Uint8Array.from([
        ...unsigned.subarray(0, optionsEnd),
        ...[0xde, 0xad],
        ...unsigned.subarray(optionsEnd)
      ])
      new DataView(bytes.buffer).setUint16(52, optionsEnd + 2 - 54)
      bytes.set(Either.getOrThrow(Signatures.noble.sign(alice.signingKey, bytes)), 449)
      assert.deepStrictEqual(verify(bytes), alice.destination.signingKey)
      assert.strictEqual(verify(flipBit(bytes, 514)), "BadSignature")
    })

    it("takes from a signature without FROM what the known key needs", () => {
      const bytes = seal({ ...close, payload: ascii("bye") }, "signature", alice)
      const longer = Uint8Array.from([...bytes.subarray(0, 86), 1, 2, 3, ...bytes.subarray(86)])
      new DataView(longer.buffer).setUint16(20, 67)
      longer.fill(0, 22, 86)
      longer.set(Either.getOrThrow(Signatures.noble.sign(alice.signingKey, longer)), 22)
      assert.deepStrictEqual(verify(longer, knowing(alice)), alice.destination.signingKey)
    })

    it("refuses a signature that is missing, short or empty", () => {
      assert.strictEqual(verify(Packet.encode(close), knowing(alice)), "Missing")
      for (const length of [0, 1, 63]) {
        const bytes = Packet.encode({ ...close, signature: new Uint8Array(length) })
        assert.strictEqual(verify(bytes, knowing(alice)), "BadSignature")
      }
    })

    it("refuses whom it does not know without FROM", () => {
      assert.strictEqual(verify(vector("V8")), "UnknownKey")
    })

    it("refuses a FROM that is not the stream's peer, however well signed", () => {
      assert.strictEqual(verify(seal(synToBob, "identity", alice), knowing(bob)), "WrongIdentity")
    })

    it("remembers the transient key for packets without FROM", () => {
      const bytes = seal(close, "signature", aliceOffline)
      const transient = aliceOffline.offline!.transientKey
      assert.deepStrictEqual(verify(bytes, { ...knowing(alice), key: transient }), transient)
      assert.strictEqual(verify(bytes, knowing(alice)), "BadSignature")
    })

    it("refuses an offline block from the second it expires", () => {
      const bytes = seal(synToBob, "identity", aliceOffline)
      assert.deepStrictEqual(verify(bytes, strangers, offlineExpires * 1000 - 1), aliceOffline.offline!.transientKey)
      assert.strictEqual(verify(bytes, strangers, offlineExpires * 1000), "Expired")
    })

    it("refuses an offline block that somebody else signed", () => {
      const offline = Either.getOrThrow(
        OfflineSignature.make({
          expires: offlineExpires,
          transientKey: aliceOffline.offline!.transientKey,
          destinationKey: bob.signingKey,
          signatures: Signatures.noble
        })
      )
      assert.strictEqual(verify(seal(synToBob, "identity", { ...aliceOffline, offline })), "BadOfflineSignature")
    })

    it("refuses a destination key where its block gave the word to a transient one", () => {
      const bytes = seal(synToBob, "identity", { ...aliceOffline, signingKey: alice.signingKey })
      assert.strictEqual(verify(bytes), "BadSignature")
    })

    it("works across key types: a P-256 destination with an Ed25519 transient key, and the reverse", () => {
      const scalar = new Uint8Array(32).fill(7)
      for (const [destinationType, transientType] of [
        [KeyType.EcdsaP256, KeyType.Ed25519],
        [KeyType.Ed25519, KeyType.EcdsaP256],
        [KeyType.EcdsaP384, KeyType.EcdsaP521]
      ] as const) {
        const secret = (type: number): SigningKey.PrivateKey => {
          const length = KeyType.signingType(type)!.privateKeyLength
          const bytes = new Uint8Array(length)
          bytes.set(scalar, length - 32)
          return SigningKey.makePrivate(type, bytes)
        }
        const keys = DestinationKeysModule.fromSigningKey(secret(destinationType), scalar)
        const transient = secret(transientType)
        const offline = Either.getOrThrow(
          OfflineSignature.make({
            expires: offlineExpires,
            transientKey: Either.getOrThrow(Signatures.noble.publicKey(transient)),
            destinationKey: keys.signingKey,
            signatures: Signatures.noble
          })
        )
        const bytes = seal(synToBob, "identity", { ...keys, signingKey: transient, offline })
        assert.deepStrictEqual(verify(bytes), offline.transientKey)
        const later = seal(close, "signature", { ...keys, signingKey: transient, offline })
        assert.deepStrictEqual(
          verify(later, { key: offline.transientKey, destinationBytes: keys.destination.bytes }),
          offline.transientKey
        )
        assert.strictEqual(verify(flipBit(bytes, bytes.length - 1)), "BadSignature")
      }
    })
  })

  it("asks for a signature of SYN, CLOSE and RESET, and of nothing else", () => {
    assert.deepStrictEqual(
      [0, Packet.SYNCHRONIZE, Packet.CLOSE, Packet.RESET, Packet.ECHO, Packet.NO_ACK].map((flags) =>
        SigningModule.needsSignature(Packet.make({ flags, signature: hex("00") }))
      ),
      [false, true, true, true, false, false]
    )
  })
})
