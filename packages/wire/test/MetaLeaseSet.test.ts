import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { filled, flipBit, hex, keys, toHex } from "./vectors.js"

const { noble } = Signatures
const right = Either.getOrThrow
const offlineKeys = right(
  DestinationKeys.makeOffline(keys, { expires: 1_800_000_000, random: SecureRandom.makeSeeded("meta") })
)

const hash = (byte: number) => Hash.unsafeFromBytes(filled(byte))
const content = {
  published: 1_700_000_000,
  expires: 65_535,
  entries: [
    { hash: hash(0xaa), storeType: 3, cost: 5, endDate: 1_700_000_600_999 },
    { hash: hash(0xbb), storeType: 5, cost: 255, endDate: 1_700_000_500_000 }
  ],
  revocations: [hash(0xcc)]
}

const make = (overrides: Partial<Parameters<typeof MetaLeaseSet.make>[1]> = {}, as = keys) =>
  MetaLeaseSet.make(as, { ...content, ...overrides }, noble)
const leaseSet = right(make())
const reasonOf = (result: Either.Either<unknown, { readonly message: string }>) =>
  Either.match(result, { onLeft: (error) => error.message, onRight: () => "made" })

describe("MetaLeaseSet", () => {
  it("encodes to the layout of the specification, and signs it with 07 in front", () => {
    const expected = hex(
      `6553f100 ffff 0000 0000 02
       ${"aa".repeat(32)} 000003 05 6553f358 ${"bb".repeat(32)} 000005 ff 6553f2f4
       01 ${"cc".repeat(32)}`
    )
    assert.strictEqual(toHex(leaseSet.bytes.subarray(391, -64)), toHex(expected))
    const signed = Uint8Array.of(7, ...leaseSet.bytes.subarray(0, -64))
    assert.deepStrictEqual(noble.verify(keys.destination.signingKey, signed, leaseSet.signature), Either.right(true))
  })

  it("decodes what it encodes, for every content the Schema allows, offline or not", () => {
    fc.assert(
      fc.property(Arbitrary.make(MetaLeaseSet.Content), fc.boolean(), (value, offline) => {
        const made = right(MetaLeaseSet.make(offline ? offlineKeys : keys, value, noble))
        const decoded = right(MetaLeaseSet.decode(made.bytes))
        assert.deepStrictEqual(
          { ...decoded, options: Object.fromEntries(decoded.options), destination: decoded.destination.bytes },
          { ...made, options: Object.fromEntries(value.options), destination: made.destination.bytes }
        )
        assert.deepStrictEqual(MetaLeaseSet.verify(decoded, noble), Either.right(true))
      }),
      { numRuns: 30 }
    )
  })

  it("verifies no longer once any part of it changes", () => {
    for (const at of [391, 395, 400, 410, 435, 450, 490, 520, 550]) {
      const changed = MetaLeaseSet.decode(flipBit(leaseSet.bytes, at * 8))
      const verified = Either.flatMap(changed, (one) => MetaLeaseSet.verify(one, noble))
      assert.isFalse(
        Either.getOrElse(verified, () => false),
        `byte ${at}`
      )
    }
  })

  it("refuses counts and times out of bounds", () => {
    const one = content.entries[0]!
    assert.include(reasonOf(make({ entries: [] })), "entries: 0, must be 1 to 255")
    assert.include(reasonOf(make({ entries: new Array(256).fill(one) })), "entries: 256")
    assert.include(reasonOf(make({ revocations: new Array(256).fill(hash(1)) })), "revocations: 256, must be 0 to 255")
    assert.include(reasonOf(make({ entries: [{ ...one, endDate: 2 ** 32 * 1000 }] })), "does not fit 32 bits")
    assert.strictEqual(reasonOf(make({ entries: [{ ...one, endDate: 2 ** 32 * 1000 - 1 }] })), "made")
    assert.include(reasonOf(make({ published: 2 ** 32 })), "do not fit 32 bits")
  })
})
