import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as RouterIdentity from "../src/RouterIdentity.js"

/** 384 bytes of keys, a KEY certificate of 4 bytes, and `rest`. */
const identity = (rest: ReadonlyArray<number> = []) =>
  new Uint8Array([...new Uint8Array(384).fill(7), 5, 0, 4, 0, 7, 0, 0, ...rest])

describe("hash", () => {
  it("covers the identity with its certificate and nothing after it", () => {
    assert.deepStrictEqual(
      Either.getOrThrow(RouterIdentity.hash(identity())),
      Either.getOrThrow(RouterIdentity.hash(identity([1, 2, 3])))
    )
  })

  it("depends on the certificate", () => {
    const other = identity()
    other[388] = 11
    assert.notDeepEqual(
      Either.getOrThrow(RouterIdentity.hash(identity())),
      Either.getOrThrow(RouterIdentity.hash(other))
    )
  })

  it("refuses a file that ends inside its identity", () => {
    for (const length of [0, 386, 390]) {
      const result = RouterIdentity.hash(identity().subarray(0, length))
      assert.isTrue(Either.isLeft(result), `${length} bytes`)
    }
  })
})

describe("netDbPath", () => {
  it("files the router info under the first character of its Base64 hash, in the alphabet of I2P", () => {
    // 0xfb, 0xff, … is "+/" in plain Base64 and "-~" here.
    const path = RouterIdentity.netDbPath(new Uint8Array(32).fill(0xff))
    assert.strictEqual(path, `netDb/r~/routerInfo-${"~".repeat(42)}8=.dat`)
    assert.match(RouterIdentity.netDbPath(new Uint8Array(32).fill(0xfb)), /^netDb\/r-\/routerInfo--~v7/)
  })
})

describe("b32", () => {
  it("renders 32 bytes in 52 characters", () => {
    assert.strictEqual(RouterIdentity.b32(new Uint8Array(32)), `${"a".repeat(52)}.b32.i2p`)
    assert.strictEqual(RouterIdentity.b32(new Uint8Array(32).fill(0xff)), `${"7".repeat(51)}q.b32.i2p`)
  })

  it("takes five bits at a time, the highest first", () => {
    // 01 23 45 67 89 is "aerukz4j" in RFC 4648.
    assert.strictEqual(RouterIdentity.b32(new Uint8Array([0x01, 0x23, 0x45, 0x67, 0x89])), "aerukz4j.b32.i2p")
  })
})
