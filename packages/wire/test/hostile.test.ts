/** Every decoder against bytes nobody meant: random, cut short, or with one bit flipped. None may throw. */
import * as Blinding from "@effect-i2p/wire/Blinding"
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Lease from "@effect-i2p/wire/Lease"
import * as LeaseSet from "@effect-i2p/wire/LeaseSet"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import { DecodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { encryptionKey, filled, flipBit, keys, offlineBlock } from "./vectors.js"

const reading =
  <A>(structure: string, read: (reader: ByteReader) => A) =>
  (bytes: Uint8Array): Either.Either<A, DecodeError> => {
    const reader = new ByteReader(structure, bytes)
    return reader.finish(read(reader))
  }

const leaseSet = Either.getOrThrow(
  LeaseSet2.make(
    keys,
    {
      published: 1,
      expires: 600,
      options: { a: "b", c: "d" },
      encryptionKeys: [{ type: 4, publicKey: encryptionKey.publicKey }],
      leases: [{ gateway: Hash.unsafeFromBytes(filled(1)), tunnelId: 1, endDate: 601_000 }]
    },
    Signatures.noble
  )
)

const legacy = Either.getOrThrow(
  LeaseSet.make(keys, { encryptionKey: filled(1, 256), leases: leaseSet.leases }, Signatures.noble)
)

const meta = Either.getOrThrow(
  MetaLeaseSet.make(
    keys,
    {
      published: 1,
      expires: 600,
      options: { a: "b" },
      entries: [{ hash: Hash.unsafeFromBytes(filled(2)), storeType: 3, cost: 1, endDate: 601_000 }],
      revocations: [Hash.unsafeFromBytes(filled(3))]
    },
    Signatures.noble
  )
)

const encrypted = Either.getOrThrow(
  EncryptedLeaseSet.make({
    inner: leaseSet,
    outer: Either.getOrThrow(Blinding.offlineOuterKeys(keys, { seconds: 1, random: SecureRandom.makeSeeded("outer") })),
    random: SecureRandom.makeSeeded("hostile"),
    signatures: Signatures.noble
  })
)

const decoders: ReadonlyArray<{
  readonly name: string
  readonly decode: (bytes: Uint8Array) => Either.Either<unknown, DecodeError>
  readonly sample: Uint8Array
}> = [
  {
    name: "Mapping",
    decode: Mapping.decode,
    sample: Either.getOrThrow(Mapping.encode({ "inbound.length": "3", k: "é" }))
  },
  { name: "Destination", decode: Destination.decode, sample: keys.destination.bytes },
  { name: "LeaseSet", decode: LeaseSet.decode, sample: legacy.bytes },
  { name: "MetaLeaseSet", decode: MetaLeaseSet.decode, sample: meta.bytes },
  { name: "EncryptedLeaseSet", decode: EncryptedLeaseSet.decode, sample: encrypted.bytes },
  { name: "LeaseSet2", decode: LeaseSet2.decode, sample: leaseSet.bytes },
  {
    name: "OfflineSignature",
    decode: reading("OfflineSignature", (reader) => OfflineSignature.read(reader, 7)),
    sample: offlineBlock
  },
  { name: "Lease", decode: reading("Lease", Lease.readLease), sample: filled(0, 44) },
  { name: "Lease2", decode: reading("Lease", Lease.readLease2), sample: filled(0, 40) },
  { name: "DestinationKeys", decode: DestinationKeys.decode, sample: DestinationKeys.encode(keys) }
]

/** An error that says what, where and why, with a place inside the input. */
const isPrecise = (result: Either.Either<unknown, DecodeError>, length: number): boolean =>
  Either.isRight(result) ||
  (result.left instanceof DecodeError &&
    result.left.structure !== "" &&
    result.left.field !== "" &&
    result.left.reason !== "" &&
    result.left.offset >= 0 &&
    result.left.offset <= length)

describe.each(decoders)("$name", ({ decode, sample }) => {
  it("decodes its sample", () => {
    assert.isTrue(Either.isRight(decode(sample)))
  })

  it("answers random bytes with a precise error or a value", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => isPrecise(decode(bytes), bytes.length)))
  })

  it("answers any flipped bit with a precise error or a value", () => {
    const last = sample.length * 8 - 1
    fc.assert(
      fc.property(fc.integer({ min: 0, max: last }), (bit) => isPrecise(decode(flipBit(sample, bit)), sample.length))
    )
  })

  it("refuses every truncation, wherever the next byte would have been missing", () => {
    for (let length = 0; length < sample.length; length++) {
      const result = decode(sample.subarray(0, length))
      assert.isTrue(Either.isLeft(result) && isPrecise(result, length), `${length}`)
    }
  })

  it("answers appended bytes with a precise error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (extra) => {
        const result = decode(Uint8Array.of(...sample, ...extra))
        return Either.isLeft(result) && isPrecise(result, sample.length + extra.length)
      })
    )
  })
})
