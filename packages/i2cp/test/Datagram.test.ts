/**
 * Golden bytes: keys of `vectors.ts`, put together from the specification by a script of its own with OpenSSL's Ed25519
 * (Python's `cryptography` 48); the DSA signature by integer arithmetic in Python, over I2P's group with the private key
 * 01 02 … 14. No code was shared.
 */
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import type * as Mapping from "@effect-i2p/wire/Mapping"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { filled, fromHex, keys, sha256, text, toHex } from "./vectors.js"

const { noble } = Signatures
const right = <A, E>(either: Either.Either<A, E>): A => Either.getOrThrowWith(either, (error) => new Error(`${error}`))
const tagOf = (either: Either.Either<unknown, { readonly _tag: string }>): string =>
  Either.match(either, {
    onLeft: (error) => ("reason" in error ? `${error._tag} ${error.reason}` : error._tag),
    onRight: () => "Right"
  })

/** Public key of 01 02 … 14 in I2P's DSA group. */
const dsaPublicKey = fromHex(
  "1ae2f76ecdd437bd0f874b59ab45df66c350043ff95d8738b5276c27c34e80a47c91e57a7273707ee30616bce3fd99f2df8c" +
    "5abc5e03f764af00a81cb57ccc2bc8c74a0eff06c68032c7facb0ff58f5f38f43e6e374ca5be6886769e56a5ac76718de490" +
    "73c32841421f0595cc0e4d11c43d2d0ff07528cd8708f77cfe9a628f"
)
/** Offline block of the transient key 05 05 … until 1800000000. */
const offlineBlock =
  "6b49d20000076e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf145133d9c8a9385cb11266ea2" +
  "994f3fcd112f6d3169f698fc4ab578cb191753993fbaac701fc63d786be13089c22a4dbbefcc092b5721cbfd2a6041945d013903"

const hello = text("hello")
const options = { b: "é", a: "1" }
const mapping = new Map([
  ["a", "1"],
  ["b", "é"]
])
const target = DestinationKeys.fromSigningKey(
  SigningKey.makePrivate(KeyType.Ed25519, filled(2)),
  Uint8Array.from({ length: 32 }, (_, at) => at)
).destination
const EXPIRES = 1_800_000_000
const NOW = EXPIRES * 1000 - 1
const offlineKeys: DestinationKeys.DestinationKeys = {
  ...keys,
  signingKey: SigningKey.makePrivate(KeyType.Ed25519, filled(5)),
  offline: right(
    OfflineSignature.make({
      expires: EXPIRES,
      transientKey: right(noble.publicKey(SigningKey.makePrivate(KeyType.Ed25519, filled(5)))),
      destinationKey: keys.signingKey,
      signatures: noble
    })
  )
}
const { length: own } = keys.destination.bytes

describe("golden bytes", () => {
  it("of the target's hash", () => {
    assert.strictEqual(toHex(target.hash), "f4e4f360991d249c828069a2164a1ae23ce1ca43c0df77c63a0f81b3a97ae289")
  })

  it("of a Datagram1", () => {
    const bytes = right(Datagram.encode1(keys, hello, noble))
    assert.strictEqual(bytes.length, 460)
    assert.strictEqual(sha256(bytes), "6bca865827dc6faf65498d5661048f651a02d33dde58e348f4584137614b9c69")
    assert.strictEqual(
      toHex(bytes.subarray(own)),
      "e1430c6ebd0d53573b5c803452174f8991ef5955e0906a09e8fdc7310459e9c82a402526748c3431fe7f0e5faafbf7e703234789734063ee42be17af16438d0868656c6c6f"
    )
  })

  it("of a Datagram1 signed with DSA, over the hash of the payload", () => {
    const from = Destination.fromSigningKey({ type: KeyType.DsaSha1, bytes: dsaPublicKey }, filled(0))
    const signature = fromHex("06cfdc64bec0be5cd3a5f5b9df588fa41e1c85399ab566c62b2a30001d3580957654d3366aa3599b")
    const bytes = Uint8Array.of(...from.bytes, ...signature, ...hello)
    assert.strictEqual(bytes.length, 427 + 5, "the least that the specification names")
    const decoded = right(Datagram.decode1(bytes, noble))
    assert.strictEqual(decoded.from.b32, from.b32)
    assert.deepStrictEqual(decoded.payload, hello)
    bytes[bytes.length - 1]! ^= 1
    assert.strictEqual(tagOf(Datagram.decode1(bytes, noble)), "DatagramUntrusted BadSignature")
  })

  const second: ReadonlyArray<
    readonly [name: string, of: DestinationKeys.DestinationKeys, options: Mapping.Input | undefined, hex: string]
  > = [
    [
      "a Datagram2",
      keys,
      undefined,
      "000268656c6c6feba1c0c07fe39c9e73ae8f99c69d2abda9afd7fff735b78a320cc63637541ed52b707dd5f8dbaaf16aab857d6bbcf4f1091e5f422e770412c9e47f8817e32c02"
    ],
    [
      "a Datagram2 with options",
      keys,
      options,
      "0012000d01613d01313b01623d02c3a93b68656c6c6f3e323d4db6c5b0e6eb3e3b3d7cee4e29bb050c9f9bd3f1d05bb45ff81c9a7938542055d61dc4ea939ee323f7bd57eb9330f71792e7e463f35f819d9a4c1b8009"
    ],
    [
      "a Datagram2 of offline keys",
      offlineKeys,
      undefined,
      `0022${offlineBlock}68656c6c6f603af0f2a3bcd17cd9376e3b2048fcb2733ae6398cf268f74201e54f0d57cfbea88ebfe9ba805a108e564965d775e19a4f53e6fd277a2e7b64f6c707bc6f4b0d`
    ],
    [
      "a Datagram2 of offline keys with options",
      offlineKeys,
      options,
      `0032000d01613d01313b01623d02c3a93b${offlineBlock}68656c6c6fc43a67386b23a2067088c6b908d4fb383f005bfaace1d8fedf27602692e533bb24fc1276895b82d3d94ef4b761dc34db53a765256da1d4508fcda750532acb0e`
    ]
  ]
  for (const [name, of, options, hex] of second) {
    it(`of ${name}, and back`, () => {
      const bytes = right(Datagram.encode2(of, target.hash, { payload: hello, options }, noble))
      assert.strictEqual(toHex(bytes.subarray(own)), hex)
      const decoded = right(Datagram.decode2(bytes, target.hash, NOW, noble))
      assert.strictEqual(decoded.from.b32, keys.destination.b32)
      assert.deepStrictEqual(decoded.options, options === undefined ? new Map() : mapping)
      assert.deepStrictEqual(decoded.payload, hello)
    })
  }

  it("of a Datagram3, without options and with, and back", () => {
    const hash = toHex(keys.destination.hash)
    for (const [given, hex] of [
      [undefined, `${hash}000368656c6c6f`],
      [options, `${hash}0013000d01613d01313b01623d02c3a93b68656c6c6f`]
    ] as const) {
      const bytes = right(Datagram.encode3(keys.destination.hash, { payload: hello, options: given }))
      assert.strictEqual(toHex(bytes), hex)
      assert.deepStrictEqual(right(Datagram.decode3(bytes)), {
        fromHash: keys.destination.hash,
        options: given === undefined ? new Map() : mapping,
        payload: hello
      })
    }
  })
})

describe("what cannot be made", () => {
  it("is a Datagram1 of offline keys", () => {
    assert.strictEqual(tagOf(Datagram.encode1(offlineKeys, hello, noble)), "DatagramRejected OfflineKeys")
  })

  it("is one of keys nobody signs with, and one of options that are too long", () => {
    const dsa = { ...keys, signingKey: SigningKey.makePrivate(KeyType.DsaSha1, filled(1, 20)) }
    assert.strictEqual(tagOf(Datagram.encode1(dsa, hello, noble)), "DatagramRejected CannotSign")
    const long = { payload: hello, options: { a: "x".repeat(256) } }
    assert.strictEqual(tagOf(Datagram.encode2(keys, target.hash, long, noble)), "DatagramRejected BadOptions")
    assert.strictEqual(tagOf(Datagram.encode3(target.hash, long)), "DatagramRejected BadOptions")
  })
})

describe("what is not believed", () => {
  it("is a Datagram2 for somebody else", () => {
    const bytes = right(Datagram.encode2(keys, target.hash, { payload: hello }, noble))
    assert.strictEqual(
      tagOf(Datagram.decode2(bytes, keys.destination.hash, NOW, noble)),
      "DatagramUntrusted BadSignature"
    )
  })

  it("is one of offline keys whose time is up, or whom the destination does not vouch for", () => {
    const bytes = right(Datagram.encode2(offlineKeys, target.hash, { payload: hello }, noble))
    const decode = (nowMillis: number) => tagOf(Datagram.decode2(bytes, target.hash, nowMillis, noble))
    assert.strictEqual(decode(EXPIRES * 1000 - 1), "Right")
    assert.strictEqual(decode(EXPIRES * 1000), "DatagramUntrusted Expired")
    const forged = { ...offlineKeys.offline!, signature: filled(9, 64) }
    const unvouched = right(
      Datagram.encode2({ ...offlineKeys, offline: forged }, target.hash, { payload: hello }, noble)
    )
    assert.strictEqual(
      tagOf(Datagram.decode2(unvouched, target.hash, NOW, noble)),
      "DatagramUntrusted OfflineSignature"
    )
  })

  it("is one with any bit changed in what is signed, in the signature or in the key", () => {
    const first = right(Datagram.encode1(keys, hello, noble))
    const second = right(Datagram.encode2(offlineKeys, target.hash, { payload: hello, options }, noble))
    // The signing key takes the last bytes of the key area; see `Destination`.
    const bit = (length: number) =>
      FastCheck.oneof(
        FastCheck.integer({ min: (384 - 32) * 8, max: 384 * 8 - 1 }),
        FastCheck.integer({ min: own * 8, max: length * 8 - 1 })
      )
    FastCheck.assert(
      FastCheck.property(bit(first.length), bit(second.length), (a, b) => {
        assert.notStrictEqual(tagOf(Datagram.decode1(flip(first, a), noble)), "Right")
        assert.notStrictEqual(tagOf(Datagram.decode2(flip(second, b), target.hash, NOW, noble)), "Right")
      })
    )
  })

  it("but the padding of the sender's Destination is nobody's word: another one has the same key", () => {
    const disguised = flip(right(Datagram.encode2(keys, target.hash, { payload: hello }, noble)), 0)
    const { from } = right(Datagram.decode2(disguised, target.hash, NOW, noble))
    assert.notStrictEqual(from.b32, keys.destination.b32)
    assert.isTrue(SigningKey.equals(from.signingKey, keys.destination.signingKey))
  })
})

describe("decoding", () => {
  it("refuses another version, and does not look at flags that have no meaning yet", () => {
    const third = right(Datagram.encode3(target.hash, { payload: hello }))
    third[33] = 2
    assert.match(tagOf(Datagram.decode3(third)), /^DecodeError version 2, not 3/)
    third[33] = 0xe3
    third[32] = 0xff
    assert.deepStrictEqual(right(Datagram.decode3(third)).payload, hello)
    const body = Uint8Array.of(0x80, 0x02, ...hello)
    const signature = right(noble.sign(keys.signingKey, Uint8Array.of(...target.hash, ...body)))
    const second = Uint8Array.of(...keys.destination.bytes, ...body, ...signature)
    assert.deepStrictEqual(right(Datagram.decode2(second, target.hash, NOW, noble)).payload, hello)
  })

  it("names what is missing at every cut, and never throws", () => {
    const first = right(Datagram.encode1(keys, hello, noble))
    const second = right(Datagram.encode2(offlineKeys, target.hash, { payload: hello, options }, noble))
    for (let length = 0; length < first.length; length++) {
      assert.notStrictEqual(tagOf(Datagram.decode1(first.slice(0, length), noble)), "Right")
    }
    for (let length = 0; length < second.length; length++) {
      assert.notStrictEqual(tagOf(Datagram.decode2(second.slice(0, length), target.hash, NOW, noble)), "Right")
    }
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 1_000 }), (bytes) => {
        assert.notStrictEqual(tagOf(Datagram.decode1(bytes, noble)), "Right")
        assert.notStrictEqual(tagOf(Datagram.decode2(bytes, target.hash, NOW, noble)), "Right")
        Datagram.decode3(bytes)
      })
    )
  })

  it("gives back what was encoded, for every type that signs", () => {
    const types = [KeyType.Ed25519, KeyType.EcdsaP256, KeyType.EcdsaP384, KeyType.EcdsaP521, KeyType.RedDsaEd25519]
    const senders = types.map((type) => DestinationKeys.generate(SecureRandom.makeSeeded(type), noble, type))
    const random = SecureRandom.makeSeeded("signing")
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...senders),
        FastCheck.uint8Array({ maxLength: 2_000 }),
        FastCheck.option(
          FastCheck.dictionary(FastCheck.string({ maxLength: 20 }), FastCheck.string({ maxLength: 20 })),
          {
            nil: undefined
          }
        ),
        (sender, payload, given) => {
          const first = right(Datagram.decode1(right(Datagram.encode1(sender, payload, noble, random)), noble))
          assert.strictEqual(first.from.b32, sender.destination.b32)
          assert.deepStrictEqual(first.payload, payload)
          const content = { payload, options: given }
          const bytes = right(Datagram.encode2(sender, target.hash, content, noble, random))
          const second = right(Datagram.decode2(bytes, target.hash, NOW, noble))
          assert.strictEqual(second.from.b32, sender.destination.b32)
          assert.deepStrictEqual(second.payload, payload)
          assert.deepStrictEqual(Object.fromEntries(second.options), { ...given })
          const third = right(Datagram.decode3(right(Datagram.encode3(sender.destination.hash, content))))
          assert.isTrue(Hash.equals(third.fromHash, sender.destination.hash))
          assert.deepStrictEqual(third.payload, payload)
        }
      ),
      { numRuns: 40 }
    )
  })
})

const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice()
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}
