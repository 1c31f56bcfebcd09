import { inspect } from "node:util"
import { describe, it } from "@effect/vitest"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { assert } from "vitest"
import { encryptionKey, filled, toHex } from "./vectors.js"

const draw = Effect.map(SecureRandom.SecureRandom, (random) => [
  toHex(random.bytes(5)),
  random.u32(),
  toHex(random.bytes(100))
])

describe("SecureRandom", () => {
  it.effect("gives the same values for the same seed, each time the layer is built", () =>
    Effect.gen(function* () {
      const first = yield* draw.pipe(Effect.provide(SecureRandom.layerSeeded(7)))
      const again = yield* draw.pipe(Effect.provide(SecureRandom.layerSeeded(7)))
      const other = yield* draw.pipe(Effect.provide(SecureRandom.layerSeeded(8)))
      assert.deepStrictEqual(first, again)
      assert.notDeepEqual(first, other)
    })
  )

  it("gives one stream of bytes, however it is cut", () => {
    const whole = toHex(SecureRandom.makeSeeded("seed").bytes(200))
    const cut = SecureRandom.makeSeeded("seed")
    let joined = ""
    for (const size of [0, 1, 31, 32, 33, 64, 39]) joined += toHex(cut.bytes(size))
    assert.strictEqual(joined, whole)
  })

  it("does not repeat itself", () => {
    const random = SecureRandom.makeSeeded(1)
    const seen = new Set(Array.from({ length: 1000 }, () => random.u32()))
    assert.isAbove(seen.size, 995)
    assert.isTrue(Array.from(seen).some((n) => n > 0x7fff_ffff))
  })

  it("is cryptographic by default, also beyond what WebCrypto gives in one call", () => {
    const one = SecureRandom.system.bytes(70_000)
    assert.strictEqual(one.length, 70_000)
    assert.notStrictEqual(toHex(one.subarray(69_900)), toHex(new Uint8Array(100)))
    assert.notStrictEqual(toHex(SecureRandom.system.bytes(16)), toHex(SecureRandom.system.bytes(16)))
  })
})

describe("EncryptionKey", () => {
  it("computes the known X25519 public key", () => {
    assert.strictEqual(
      toHex(encryptionKey.publicKey),
      "5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22"
    )
  })

  it("is made from the source of randomness it is given", () => {
    const pair = EncryptionKey.make({ bytes: (n) => filled(3, n), u32: () => 0 })
    assert.strictEqual(pair.type, KeyType.X25519)
    assert.deepStrictEqual(pair.publicKey, encryptionKey.publicKey)
    assert.deepStrictEqual(Redacted.value(pair.privateKey), filled(3))
    assert.throws(() => EncryptionKey.fromPrivate(filled(3, 31)), RangeError)
  })

  it("does not print its private half", () => {
    const secret = EncryptionKey.fromPrivate(filled(0xab))
    assert.notMatch(inspect(secret.privateKey, { showHidden: true }) + JSON.stringify(secret), /171,171|ab ab|abab/)
  })
})
