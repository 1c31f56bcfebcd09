import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet from "@effect-i2p/wire/LeaseSet"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { filled, flipBit, hex, keys, toHex } from "./vectors.js"

const { noble } = Signatures
const right = Either.getOrThrow
const { publicKey } = EncryptionKey.make(SecureRandom.makeSeeded("elgamal"), KeyType.ElGamal)
const lease = { gateway: Hash.unsafeFromBytes(filled(0xaa)), tunnelId: 0x0102_0304, endDate: 1_700_000_600_123 }
const make = (overrides: Partial<Parameters<typeof LeaseSet.make>[1]> = {}, as = keys) =>
  LeaseSet.make(as, { encryptionKey: publicKey, leases: [lease], ...overrides }, noble)
const leaseSet = right(make())
const reasonOf = (result: Either.Either<unknown, { readonly message: string }>) =>
  Either.match(result, { onLeft: (error) => error.message, onRight: () => "made" })

describe("LeaseSet", () => {
  it("encodes to the layout of the specification, and signs it as it is", () => {
    const expected = hex(`${toHex(publicKey)} ${"00".repeat(32)} 01 ${"aa".repeat(32)} 01020304 0000018bcfee903b`)
    assert.strictEqual(toHex(leaseSet.bytes.subarray(391, -64)), toHex(expected))
    const signed = leaseSet.bytes.subarray(0, -64)
    assert.deepStrictEqual(noble.verify(keys.destination.signingKey, signed, leaseSet.signature), Either.right(true))
  })

  it.each([KeyType.Ed25519, KeyType.EcdsaP256, KeyType.EcdsaP521])(
    "decodes and verifies what a destination of type %i signed, and nothing else",
    (type) => {
      const own = DestinationKeys.generate(SecureRandom.makeSeeded(type), noble, type)
      const made = right(make({ leases: new Array(16).fill(lease) }, own))
      const decoded = right(LeaseSet.decode(made.bytes))
      assert.deepStrictEqual({ ...decoded, destination: undefined }, { ...made, destination: undefined })
      assert.deepStrictEqual(decoded.destination.bytes, made.destination.bytes)
      assert.deepStrictEqual(LeaseSet.verify(decoded, noble), Either.right(true))
      const changed = right(LeaseSet.decode(flipBit(made.bytes, 500 * 8)))
      assert.deepStrictEqual(LeaseSet.verify(changed, noble), Either.right(false))
      assert.strictEqual(LeaseSet.expiryMillis(decoded), lease.endDate)
    }
  )

  it("refuses counts and keys out of bounds, and offline keys", () => {
    assert.include(reasonOf(make({ leases: [] })), "leases: 0, must be 1 to 16")
    assert.include(reasonOf(make({ leases: new Array(17).fill(lease) })), "leases: 17")
    assert.include(reasonOf(make({ encryptionKey: filled(1) })), "32 bytes, must be 256")
    const offline = DestinationKeys.makeOffline(keys, { expires: 1, random: SecureRandom.system })
    assert.include(reasonOf(make({}, right(offline))), "a transient key cannot sign a LeaseSet")
    for (const count of [0, 17]) {
      const bytes = leaseSet.bytes.slice()
      bytes[391 + 256 + 32] = count
      assert.match(reasonOf(LeaseSet.decode(bytes)), /must be 1 to 16/)
    }
  })
})
