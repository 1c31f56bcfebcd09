/**
 * Randomness, as a service with a default, so that a whole network of sessions can be replayed from one seed.
 *
 * @since 0.1.0
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { randomBytes } from "@noble/hashes/utils.js"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { concat, utf8Encode } from "./internal/bytes.js"

/**
 * A source of random bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** `n` fresh bytes. */
  readonly bytes: (n: number) => Uint8Array
  /** A uniformly distributed unsigned 32-bit integer. */
  readonly u32: () => number
}

/**
 * The source in use; the platform's cryptographic one unless a layer says otherwise.
 *
 * @category services
 * @since 0.1.0
 */
export class SecureRandom extends Context.Reference<SecureRandom>()("@effect-i2p/wire/SecureRandom", {
  defaultValue: (): Service => system
}) {}

const make = (bytes: (n: number) => Uint8Array): Service => ({
  bytes,
  u32: () => {
    const four = bytes(4)
    return ((four[0]! << 24) | (four[1]! << 16) | (four[2]! << 8) | four[3]!) >>> 0
  }
})

/** WebCrypto's `getRandomValues` gives at most this many bytes a call. Source: W3C Web Cryptography API. */
const webCryptoQuota = 65_536

/**
 * The platform's cryptographic generator.
 *
 * @category constructors
 * @since 0.1.0
 */
export const system: Service = {
  bytes: (n) => {
    if (n <= webCryptoQuota) return randomBytes(n)
    const out = new Uint8Array(n)
    for (let at = 0; at < n; at += webCryptoQuota) out.set(randomBytes(Math.min(webCryptoQuota, n - at)), at)
    return out
  },
  u32: () => {
    if (drawn === stock.length) {
      crypto.getRandomValues(stock)
      drawn = 0
    }
    return stock[drawn++]!
  }
}

/**
 * Numbers that are drawn at once: a call of the platform's is 2 µs, for one as for all of these, and a connection takes a
 * dozen.
 */
const stock = new Uint32Array(256)
let drawn = stock.length

/**
 * A reproducible source: SHA-256 of the seed and a counter. **For tests and simulations only**; keys made from it are as
 * secret as the seed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeSeeded = (seed: number | string): Service => {
  const prefix = utf8Encode(`effect-i2p seeded random ${seed} `)
  let counter = 0
  let block = new Uint8Array(0)
  let used = 0
  return make((n) => {
    const out = new Uint8Array(n)
    for (let at = 0; at < n; ) {
      if (used === block.length) {
        block = sha256(concat(prefix, utf8Encode(String(counter++))))
        used = 0
      }
      const take = Math.min(block.length - used, n - at)
      out.set(block.subarray(used, used + take), at)
      used += take
      at += take
    }
    return out
  })
}

/**
 * A reproducible source as a layer. Each build of the layer starts over.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSeeded = (seed: number | string): Layer.Layer<never> =>
  Layer.sync(SecureRandom, () => makeSeeded(seed))
