import { ByteReader } from "@effect-i2p/wire/ByteReader"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Lease from "@effect-i2p/wire/Lease"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"
import {
  encryptionKey,
  filled,
  flipBit,
  hex,
  keys,
  offlineBlock,
  offlineExpires,
  toHex,
  transientKey,
  transientPublicKey,
  truncations
} from "./vectors.js"

const { noble } = Signatures
const lease = (byte: number, tunnelId: number, endSeconds: number): Lease.Lease => ({
  gateway: Hash.unsafeFromBytes(filled(byte)),
  tunnelId,
  endDate: endSeconds * 1000
})

const content = {
  published: 1_700_000_000,
  expires: 600,
  encryptionKeys: [{ type: encryptionKey.type, publicKey: encryptionKey.publicKey }],
  leases: [lease(0xaa, 0x0102_0304, 1_700_000_600), lease(0xbb, 0xffff_fffe, 1_700_000_500)]
}

const offlineKeys: DestinationKeys.DestinationKeys = {
  ...keys,
  signingKey: transientKey,
  offline: { expires: offlineExpires, transientKey: transientPublicKey, signature: offlineBlock.slice(38) }
}

const make = (overrides: Partial<Parameters<typeof LeaseSet2.make>[1]> = {}, as = keys) =>
  LeaseSet2.make(as, { ...content, ...overrides }, noble)

const leaseSet = Either.getOrThrow(make())

const reasonOf = <A>(result: Either.Either<A, { readonly message: string }>) =>
  Either.match(result, { onLeft: (error) => error.message, onRight: () => "made" })

describe("LeaseSet2", () => {
  it("encodes and signs to known bytes", () => {
    assert.strictEqual(leaseSet.bytes.length, 583)
    assert.strictEqual(
      toHex(Hash.of(LeaseSet2.encode(leaseSet))),
      "8fd35b34574d5225782b748efc1eddb1c95c6963a171c5dec37553274f290891"
    )
    assert.strictEqual(
      toHex(leaseSet.bytes.subarray(391)),
      toHex(
        hex(
          `6553f100 0258 0000 0000 01 0004 0020 ${toHex(encryptionKey.publicKey)} 02 ${"aa".repeat(32)} 01020304 6553f358
           ${"bb".repeat(32)} fffffffe 6553f2f4
           bb181ce647bf1d628c5505b8d964a3ca4b4ae1e9c4ce78cc47707227bae299f2
           8dd986548e4c56c785c82810a7496d51d5223c22d3bdf5782e2048a73ea51603`
        )
      )
    )
  })

  it("decodes what it encodes, for every content the Schema allows", () => {
    fc.assert(
      fc.property(Arbitrary.make(LeaseSet2.Content), fc.boolean(), (value, offline) => {
        const { leases } = value
        const result = LeaseSet2.make(offline ? offlineKeys : keys, value, noble)
        if (Either.isLeft(result) && Either.isRight(Mapping.encode(value.options))) {
          // Nothing but its size may be wrong, and that by this count.
          const keyBytes = value.encryptionKeys.reduce((sum, { publicKey }) => sum + 4 + publicKey.length, 0)
          const optionBytes = Either.getOrThrow(Mapping.encode(value.options)).length
          const size = 391 + 8 + (offline ? 102 : 0) + optionBytes + 2 + keyBytes + 40 * leases.length + 64
          assert.strictEqual(reasonOf(result), `LeaseSet2: size: ${size} bytes, at most 3072`)
          assert.isAbove(size, 3072)
          return
        }
        const made = Either.getOrThrow(result)
        const decoded = Either.getOrThrow(LeaseSet2.decode(made.bytes))
        // Options are written sorted; as a map their order says nothing.
        assert.deepStrictEqual(
          { ...decoded, options: Object.fromEntries(decoded.options), destination: decoded.destination.bytes },
          { ...made, options: Object.fromEntries(value.options), destination: made.destination.bytes }
        )
      }),
      // Each run signs.
      { numRuns: 40 }
    )
  })

  it("says of leases what its bytes say, which have whole seconds", () => {
    const made = Either.getOrThrow(make({ leases: [{ ...content.leases[0]!, endDate: 1_700_000_600_999 }] }))
    assert.strictEqual(made.leases[0]!.endDate, 1_700_000_600_000)
    assert.isTrue(Schema.is(LeaseSet2.Schema)(made))
    assert.isFalse(Schema.is(LeaseSet2.Schema)({ ...made, expires: made.expires + 1 }))
    assert.isFalse(Schema.is(LeaseSet2.Schema)({ storeType: 3, bytes: new Uint8Array(0) }))
  })

  it("verifies, and no longer once any part of it changes", () => {
    const verify = (bytes: Uint8Array) =>
      Either.flatMap(LeaseSet2.decode(bytes), (decoded) => LeaseSet2.verify(decoded, noble))
    assert.deepStrictEqual(verify(leaseSet.bytes), Either.right(true))
    for (const at of [391, 395, 398, 405, 450, 480, 520, 582]) {
      const result = verify(flipBit(leaseSet.bytes, at * 8))
      assert.isFalse(
        Either.getOrElse(result, () => false),
        `byte ${at}`
      )
    }
  })

  it("verifies options in the order they came, which need not be sorted", () => {
    const tail = leaseSet.bytes.subarray(401, 583 - 64)
    const head = leaseSet.bytes.subarray(0, 399)
    const unsorted = hex("000c 01623d01313b 01613d01323b")
    const body = Uint8Array.of(...head, ...unsorted, ...tail)
    const signature = Either.getOrThrow(noble.sign(keys.signingKey, Uint8Array.of(3, ...body)))
    const decoded = Either.getOrThrow(LeaseSet2.decode(Uint8Array.of(...body, ...signature)))
    assert.deepStrictEqual(Array.from(decoded.options.keys()), ["b", "a"])
    assert.deepStrictEqual(LeaseSet2.verify(decoded, noble), Either.right(true))
  })

  it("is signed by the transient key of offline keys, which the destination must vouch for", () => {
    const offline = Either.getOrThrow(make({}, offlineKeys))
    const decoded = Either.getOrThrow(LeaseSet2.decode(offline.bytes))
    assert.strictEqual(offline.bytes.length, 583 + 102)
    assert.deepStrictEqual(LeaseSet2.verify(decoded, noble), Either.right(true))
    const forged = make({}, { ...offlineKeys, offline: { ...offlineKeys.offline!, expires: offlineExpires + 1 } })
    assert.deepStrictEqual(LeaseSet2.verify(Either.getOrThrow(forged), noble), Either.right(false))
    const wrongSigner = make({}, { ...offlineKeys, signingKey: keys.signingKey })
    assert.deepStrictEqual(LeaseSet2.verify(Either.getOrThrow(wrongSigner), noble), Either.right(false))
  })

  it("sets the flags it is asked for", () => {
    const flagsOf = (overrides: { readonly unpublished?: boolean; readonly blinded?: boolean }, as = keys) =>
      toHex(Either.getOrThrow(make(overrides, as)).bytes.subarray(397, 399))
    assert.strictEqual(flagsOf({ unpublished: true }), "0002")
    assert.strictEqual(flagsOf({ blinded: true }), "0004")
    assert.strictEqual(flagsOf({ unpublished: true, blinded: true }, offlineKeys), "0007")
  })

  it("refuses counts and dates out of bounds", () => {
    const key = content.encryptionKeys[0]!
    const one = content.leases[0]!
    assert.include(reasonOf(make({ encryptionKeys: [] })), "encryption keys: 0, must be 1 to 8")
    assert.include(reasonOf(make({ encryptionKeys: new Array(9).fill(key) })), "9, must be 1 to 8")
    assert.include(reasonOf(make({ leases: [] })), "leases: 0, must be 1 to 16")
    assert.include(reasonOf(make({ leases: new Array(17).fill(one) })), "17, must be 1 to 16")
    assert.strictEqual(reasonOf(make({ leases: new Array(16).fill(one) })), "made")
    assert.include(reasonOf(make({ leases: [{ ...one, endDate: 2 ** 32 * 1000 }] })), "does not fit 32 bits")
    assert.strictEqual(reasonOf(make({ leases: [{ ...one, endDate: 2 ** 32 * 1000 - 1 }] })), "made")
    assert.include(reasonOf(make({ options: { k: "v".repeat(256) } })), "256 bytes")
    const counts: ReadonlyArray<readonly [number, number]> = [
      [401, 0],
      [401, 9],
      [438, 0],
      [438, 17]
    ]
    for (const [at, count] of counts) {
      const bytes = leaseSet.bytes.slice()
      bytes[at] = count
      assert.match(reasonOf(LeaseSet2.decode(bytes)), /must be 1 to/)
    }
  })

  it("holds a key of every type at once, and the services of the destination", () => {
    const random = SecureRandom.makeSeeded("keys")
    const pairs = EncryptionKey.supportedTypes.map((type) => EncryptionKey.make(random, type))
    const options = Either.getOrThrow(ServiceRecord.toOptions([ServiceRecord.here("smtp", 25)]))
    const encryptionKeys = pairs.map(({ publicKey, type }) => ({ type, publicKey }))
    const decoded = Either.getOrThrow(
      LeaseSet2.decode(Either.getOrThrow(make({ encryptionKeys, options }, offlineKeys)).bytes)
    )
    assert.deepStrictEqual(decoded.encryptionKeys, encryptionKeys)
    assert.deepStrictEqual(ServiceRecord.fromOptions(decoded.options), [ServiceRecord.here("smtp", 25)])
    assert.deepStrictEqual(LeaseSet2.verify(decoded, noble), Either.right(true))
  })

  it("refuses keys of another length than their type has, read or written", () => {
    const short = { type: KeyType.ElGamal, publicKey: filled(1) }
    assert.include(reasonOf(make({ encryptionKeys: [short] })), "32 bytes for ElGamal_2048, must be 256")
    const bytes = leaseSet.bytes.slice()
    bytes[403] = KeyType.ElGamal
    assert.include(reasonOf(LeaseSet2.decode(bytes)), "32 bytes for ElGamal_2048, must be 256")
    bytes[403] = 99
    assert.strictEqual(reasonOf(LeaseSet2.decode(bytes)), "made")
  })

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    "keeps published %i and what follows unsigned and apart",
    (published) => {
      const endSeconds = Math.min(published + 600, 2 ** 32 - 1)
      const made = Either.getOrThrow(make({ published, expires: 0xffff, leases: [lease(1, 2, endSeconds)] }))
      const decoded = Either.getOrThrow(LeaseSet2.decode(made.bytes))
      assert.strictEqual(decoded.published, published)
      assert.strictEqual(decoded.leases[0]?.endDate, endSeconds * 1000)
      assert.strictEqual(LeaseSet2.expiryMillis(decoded), (published + 65_535) * 1000)
      assert.deepStrictEqual(LeaseSet2.verify(decoded, noble), Either.right(true))
    }
  )

  it("refuses times that do not fit", () => {
    assert.include(reasonOf(make({ published: 2 ** 32 })), "do not fit 32 bits")
    assert.include(reasonOf(make({ published: -1 })), "do not fit 32 bits")
    assert.include(reasonOf(make({ published: 1.5 })), "do not fit 32 bits")
    assert.include(reasonOf(make({ expires: 65_536 })), "do not fit 16 bits")
  })

  it("refuses more bytes than i2pd takes", () => {
    const elgamal = { type: KeyType.ElGamal, publicKey: filled(1, 256) }
    const leases = new Array(16).fill(content.leases[0])
    assert.include(reasonOf(make({ encryptionKeys: new Array(8).fill(elgamal), leases })), "3187 bytes, at most 3072")
    assert.strictEqual(reasonOf(make({ encryptionKeys: new Array(7).fill(elgamal), leases })), "made")
  })

  it("refuses every truncation", () => {
    const offline = Either.getOrThrow(make({ options: { a: "b" } }, offlineKeys)).bytes
    for (const part of truncations(offline)) assert.isTrue(Either.isLeft(LeaseSet2.decode(part)), `${part.length}`)
  })
})

describe("Lease", () => {
  it("round-trips in 44 bytes, and in 40 to the second", () => {
    fc.assert(
      fc.property(Arbitrary.make(Lease.Schema), (value) => {
        const long = new ByteWriter()
        Lease.writeLease(long, value)
        assert.strictEqual(long.length, Lease.leaseLength)
        const reader = new ByteReader("Lease", long.toBytes())
        assert.deepStrictEqual(Either.getOrThrow(reader.finish(Lease.readLease(reader))), value)
        const endDate = value.endDate % (2 ** 32 * 1000)
        const short = new ByteWriter()
        Lease.writeLease2(short, { ...value, endDate })
        assert.strictEqual(short.length, Lease.lease2Length)
        const reader2 = new ByteReader("Lease", short.toBytes())
        assert.deepStrictEqual(Either.getOrThrow(reader2.finish(Lease.readLease2(reader2))), {
          ...value,
          endDate: endDate - (endDate % 1000)
        })
      })
    )
  })
})
