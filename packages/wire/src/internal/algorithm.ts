/** What one type of signature needs to be served by the portable backend. */
import type { Service as SecureRandom } from "../SecureRandom.js"

/**
 * Keys have their registered lengths when they get here. Any of these may throw: `verify` on a key or signature that is
 * none, which means `false`, the others on a private key out of range, which means `BadKey`.
 */
export interface Algorithm {
  readonly type: number
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
  readonly publicKey: (privateKey: Uint8Array) => Uint8Array
  /** Absent where this library only verifies. */
  readonly sign?: (privateKey: Uint8Array, message: Uint8Array, random: SecureRandom) => Uint8Array
  /** A fresh private key; absent together with `sign`. */
  readonly generate?: (random: SecureRandom) => Uint8Array
}
