import { inspect } from "node:util"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import { format } from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import { assert, describe, it } from "vitest"
import {
  b32,
  filled,
  flipBit,
  keys,
  offlineBlock,
  offlineExpires,
  padding,
  signingKey,
  toHex,
  transientKey,
  transientPublicKey,
  truncations
} from "./vectors.js"

const file = DestinationKeys.encode(keys)

const offlineKeys: DestinationKeys.DestinationKeys = {
  ...keys,
  signingKey: transientKey,
  offline: { expires: offlineExpires, transientKey: transientPublicKey, signature: offlineBlock.slice(38) }
}
const offlineFile = DestinationKeys.encode(offlineKeys)

const secretsOf = (value: DestinationKeys.DestinationKeys) => ({
  bytes: value.destination.bytes,
  signing: Redacted.value(value.signingKey.bytes),
  signingType: value.signingKey.type,
  encryption: Redacted.value(value.encryptionPrivateKey),
  offline: value.offline
})

const refusal = (bytes: Uint8Array) =>
  Either.match(DestinationKeys.decode(bytes), {
    onLeft: (error) => `${error.field} at ${error.offset}: ${error.reason}`,
    onRight: () => "decoded"
  })

describe("DestinationKeys.generateSubsession", () => {
  const random = SecureRandom.makeSeeded("subsession")

  it("shares the encryption key field of any destination, and nothing else that is signed with", () => {
    const old = keys.destination.bytes.slice()
    for (let at = 0; at < 256; at++) old[at] = at
    const primaries = [keys.destination, Either.getOrThrow(Destination.decode(old))]
    for (const primary of primaries) {
      for (const type of [KeyType.Ed25519, KeyType.EcdsaP256, KeyType.EcdsaP521]) {
        const made = DestinationKeys.generateSubsession(primary, random, Signatures.noble, type)
        assert.deepEqual(made.destination.bytes.slice(0, 256), primary.bytes.slice(0, 256))
        assert.strictEqual(made.destination.signingType, type)
        assert.isTrue(Destination.isSubsessionOf(made.destination, primary))
        const decoded = Either.getOrThrow(DestinationKeys.decode(DestinationKeys.encode(made)))
        assert.isTrue(Destination.equals(decoded.destination, made.destination))
      }
    }
  })

  it("does not take for one: the destination itself, its key with other padding, a stranger", () => {
    const { destination } = keys
    const padded = destination.bytes.slice()
    padded[300]! ^= 1
    const samekey = Either.getOrThrow(Destination.decode(padded))
    const stranger = DestinationKeys.generate(random).destination
    for (const other of [destination, samekey, stranger]) {
      assert.isFalse(Destination.isSubsessionOf(other, destination))
    }
  })

  it("refuses ML-DSA, whose keys take the field themselves", () => {
    assert.throws(
      () => DestinationKeys.generateSubsession(keys.destination, random, Signatures.noble, KeyType.MlDsa44),
      RangeError
    )
  })
})

describe("DestinationKeys", () => {
  it("encodes the key file i2pd parses, to known bytes", () => {
    assert.strictEqual(file.length, 679)
    assert.strictEqual(toHex(Hash.of(file)), "2e4ab1e5ba974a16f1ddcbdd341c5da492d729f24b642c36ac8a352587148f35")
  })

  it("decodes what it encodes, also from SAM's Base64", () => {
    for (const value of [keys, offlineKeys]) {
      const decoded = Either.getOrThrow(DestinationKeys.decode(DestinationKeys.encode(value)))
      assert.deepStrictEqual(secretsOf(decoded), secretsOf(value))
      const fromText = Either.getOrThrow(DestinationKeys.fromBase64(DestinationKeys.toBase64(value)))
      assert.deepStrictEqual(secretsOf(fromText), secretsOf(value))
    }
  })

  it("reads a file of either form, and says which it was", () => {
    for (const value of [keys, offlineKeys]) {
      for (const form of ["dat", "base64"] as const) {
        const read = Either.getOrThrow(DestinationKeys.fromFile(DestinationKeys.toFile(value, form)))
        assert.strictEqual(read.form, form)
        assert.deepStrictEqual(secretsOf(read.keys), secretsOf(value))
      }
    }
    const text = Redacted.value(DestinationKeys.toBase64(keys))
    const typed = (content: string) => DestinationKeys.fromFile(new TextEncoder().encode(content))
    for (const content of [text, text.replaceAll("=", ""), `\r\n  ${text}\r\n`]) {
      assert.strictEqual(Either.getOrThrow(typed(content)).form, "base64")
    }
    for (const content of ["", "not a key", `${text} ${text}`, `x${text}`, text.slice(4)]) {
      assert.isTrue(Either.isLeft(typed(content)), content.slice(0, 20))
    }
  })

  it("keeps what Java puts in the unused 256 bytes", () => {
    const java = file.slice()
    java.fill(0x5a, 391, 647)
    const decoded = Either.getOrThrow(DestinationKeys.decode(java))
    assert.deepStrictEqual(DestinationKeys.encode(decoded), java)
  })

  it("writes an offline file with the destination's private key zero and the transient one last", () => {
    assert.strictEqual(offlineFile.length, 679 + 102 + 32)
    assert.deepStrictEqual(offlineFile.subarray(647, 679), new Uint8Array(32))
    assert.deepStrictEqual(offlineFile.subarray(679, 781), offlineBlock)
    assert.deepStrictEqual(offlineFile.subarray(781), filled(5))
    assert.deepStrictEqual(DestinationKeys.activePublicKey(offlineKeys), transientPublicKey)
    assert.deepStrictEqual(DestinationKeys.activePublicKey(keys), keys.destination.signingKey)
  })

  it("round-trips files of the ECDSA types, whose private lengths differ", () => {
    for (const [type, length] of [
      [KeyType.EcdsaP256, 32],
      [KeyType.EcdsaP384, 48],
      [KeyType.EcdsaP521, 66]
    ] as const) {
      const bytes = filled(1, length)
      if (type === KeyType.EcdsaP521) bytes[0] = 0
      const value = DestinationKeys.fromSigningKey(SigningKey.makePrivate(type, bytes), padding)
      const decoded = Either.getOrThrow(DestinationKeys.decode(DestinationKeys.encode(value)))
      assert.deepStrictEqual(secretsOf(decoded), secretsOf(value))
    }
  })

  it("reads a 32-byte encryption key where the certificate names X25519", () => {
    const bytes = keys.destination.bytes.slice()
    bytes[390] = KeyType.X25519
    const decoded = Either.getOrThrow(DestinationKeys.decode(Uint8Array.of(...bytes, ...filled(3), ...filled(1))))
    assert.deepStrictEqual(Redacted.value(decoded.encryptionPrivateKey), filled(3))
  })

  it("takes the private key of a type it cannot compute with on trust", () => {
    const gost = { type: 9, bytes: filled(7, 64) }
    const destination = Destination.fromSigningKey(gost, padding)
    assert.strictEqual(refusal(Uint8Array.of(...destination.bytes, ...filled(0, 256), ...filled(9, 32))), "decoded")
  })

  it("refuses a private key of another destination, and says where it lies", () => {
    const expected = "signing private key at 647: does not belong to the public key"
    assert.strictEqual(refusal(flipBit(file, 650 * 8)), expected)
    assert.strictEqual(refusal(flipBit(file, 360 * 8)), expected)
    assert.strictEqual(
      refusal(flipBit(offlineFile, 790 * 8)),
      "transient private key at 781: does not belong to the public key"
    )
    assert.strictEqual(
      refusal(flipBit(offlineFile, 682 * 8)),
      "offline signature at 679: not made by the destination's key"
    )
  })

  it("refuses types of unknown length", () => {
    const unknownSigning = file.slice()
    unknownSigning[387 + 1] = 99
    assert.strictEqual(refusal(unknownSigning), "signing private key at 391: unknown type 99")
    const unknownEncryption = file.slice()
    unknownEncryption[390] = 99
    assert.strictEqual(refusal(unknownEncryption), "encryption private key at 391: encryption type of unknown length")
  })

  it("refuses every truncation of both forms and any byte too many", () => {
    for (const whole of [file, offlineFile]) {
      for (const part of truncations(whole)) {
        assert.isTrue(Either.isLeft(DestinationKeys.decode(part)), `${part.length} of ${whole.length}`)
      }
      assert.strictEqual(refusal(Uint8Array.of(...whole, 0)), `end at ${whole.length}: 1 bytes left over`)
    }
  })

  it("generates Ed25519 destinations, the same from the same randomness", () => {
    const generated = DestinationKeys.generate(SecureRandom.makeSeeded(1))
    const again = DestinationKeys.generate(SecureRandom.makeSeeded(1))
    assert.strictEqual(generated.destination.signingType, KeyType.Ed25519)
    assert.deepStrictEqual(DestinationKeys.encode(generated), DestinationKeys.encode(again))
    assert.notStrictEqual(
      generated.destination.b32,
      DestinationKeys.generate(SecureRandom.makeSeeded(2)).destination.b32
    )
    assert.strictEqual(DestinationKeys.fromSigningKey(signingKey, padding).destination.b32, b32)
    assert.isTrue(Either.isRight(DestinationKeys.decode(DestinationKeys.encode(generated))))
  })

  it("makes offline keys whose file a session can use and the destination's own key is not in", () => {
    const master = keys
    for (const transientType of [KeyType.Ed25519, KeyType.EcdsaP256, KeyType.MlDsa44]) {
      const made = Either.getOrThrow(
        DestinationKeys.makeOffline(master, {
          expires: offlineExpires,
          transientType,
          random: SecureRandom.makeSeeded(1)
        })
      )
      assert.strictEqual(made.destination.b32, b32)
      assert.strictEqual(DestinationKeys.activePublicKey(made).type, transientType)
      const offline = DestinationKeys.encode(made)
      assert.notInclude(toHex(offline), toHex(filled(1)))
      const decoded = Either.getOrThrow(DestinationKeys.decode(offline))
      assert.deepStrictEqual(secretsOf(decoded), secretsOf(made))
    }
  })

  it("does not make offline keys from offline ones, for no date, or of a type that cannot sign", () => {
    const random = SecureRandom.makeSeeded(1)
    assert.throws(() => DestinationKeys.makeOffline(offlineKeys, { expires: 1, random }), RangeError)
    for (const expires of [-1, 0.5, 2 ** 32, Number.NaN]) {
      assert.throws(() => DestinationKeys.makeOffline(keys, { expires, random }), RangeError)
    }
    const rsa = DestinationKeys.makeOffline(keys, { expires: 1, random, transientType: KeyType.Rsa2048 })
    assert.isTrue(Either.isLeft(rsa))
  })

  it("says when offline keys are over, and what to do", () => {
    const at = offlineExpires * 1000
    assert.deepStrictEqual(DestinationKeys.checkExpiry(keys, at), Either.void)
    assert.deepStrictEqual(DestinationKeys.checkExpiry(offlineKeys, at - 1), Either.void)
    const expired = DestinationKeys.checkExpiry(offlineKeys, at)
    assert.strictEqual(
      Either.getOrThrow(Either.flip(expired)).message,
      "the offline keys of g4vcl4ps expired at 2027-01-15T08:00:00.000Z; make new ones with the destination's own key"
    )
  })

  it("never prints a private byte, whatever is printed and however", () => {
    const own = DestinationKeys.fromSigningKey(SigningKey.makePrivate(7, filled(0xab)), padding)
    const secret = { ...own, encryptionPrivateKey: Redacted.make(filled(0xab, 256)) }
    const offline = Either.getOrThrow(
      DestinationKeys.makeOffline(secret, {
        expires: offlineExpires,
        random: { bytes: (n) => filled(0xab, n), u32: () => 0 }
      })
    )
    const damaged = DestinationKeys.encode(secret)
    damaged[360]! ^= 1
    const values: ReadonlyArray<unknown> = [
      secret,
      offline,
      secret.signingKey,
      secret.encryptionPrivateKey,
      DestinationKeys.toBase64(secret),
      EncryptionKey.fromPrivate(filled(0xab)),
      Either.getOrThrow(Either.flip(DestinationKeys.decode(damaged))),
      Either.getOrThrow(Either.flip(DestinationKeys.fromFile(DestinationKeys.toFile(secret, "base64").slice(4)))),
      Either.getOrThrow(
        Either.flip(Signatures.noble.sign(SigningKey.makePrivate(7, filled(0xab, 31)), new Uint8Array()))
      )
    ]
    for (const value of values) {
      for (const text of [
        inspect(value, { depth: 9, showHidden: true, maxArrayLength: null }),
        JSON.stringify(value),
        format(value),
        `${value}`
      ]) {
        // 0xab as decimal bytes, as hex, and as Base64 at each of the three offsets.
        assert.notMatch(text, /\b171\b|abab|q6ur|urq6|6urq/i)
      }
    }
  })
})
