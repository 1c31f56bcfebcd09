/**
 * ECDSA on the NIST curves: keys are X ‖ Y and scalars, signatures r ‖ s, all of fixed width.
 *
 * Verified with `lowS: false`: neither Java I2P nor i2pd normalise S, noble's default would refuse half of theirs.
 */
import { p256, p384, p521 } from "@noble/curves/nist.js"
import * as KeyType from "../KeyType.js"
import type { Algorithm } from "./algorithm.js"

const ecdsa = (type: number, curve: typeof p256): Algorithm => {
  const uncompressed = (publicKey: Uint8Array): Uint8Array => {
    const point = new Uint8Array(publicKey.length + 1)
    point[0] = 0x04
    point.set(publicKey, 1)
    return point
  }
  return {
    type,
    verify: (publicKey, message, signature) =>
      curve.verify(signature, message, uncompressed(publicKey), { lowS: false }),
    publicKey: (privateKey) => curve.getPublicKey(privateKey, false).slice(1),
    sign: (privateKey, message) => curve.sign(message, privateKey, { lowS: false }),
    // Half again as many bytes as a scalar has, so that reducing favours none (FIPS 186-5, A.2.1).
    generate: (random) => curve.utils.randomSecretKey(random.bytes(curve.lengths.seed!))
  }
}

export const ecdsaAlgorithms: ReadonlyArray<Algorithm> = [
  ecdsa(KeyType.EcdsaP256, p256),
  ecdsa(KeyType.EcdsaP384, p384),
  ecdsa(KeyType.EcdsaP521, p521)
]
