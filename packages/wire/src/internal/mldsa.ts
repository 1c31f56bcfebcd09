/**
 * ML-DSA, the lattice signatures of FIPS 204, pure and without context, as proposal 169 has them. Signing is hedged: 32
 * random bytes go into the nonce, so that a fault or a bad generator alone does not give the key away.
 */
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js"
import * as KeyType from "../KeyType.js"
import type { Algorithm } from "./algorithm.js"

const mldsa = (type: number, scheme: typeof ml_dsa44): Algorithm => ({
  type,
  verify: (publicKey, message, signature) => scheme.verify(signature, message, publicKey),
  publicKey: (privateKey) => scheme.getPublicKey(privateKey),
  sign: (privateKey, message, random) => scheme.sign(message, privateKey, { extraEntropy: random.bytes(32) }),
  generate: (random) => scheme.keygen(random.bytes(32)).secretKey
})

export const mldsaAlgorithms: ReadonlyArray<Algorithm> = [
  mldsa(KeyType.MlDsa44, ml_dsa44),
  mldsa(KeyType.MlDsa65, ml_dsa65),
  mldsa(KeyType.MlDsa87, ml_dsa87)
]
