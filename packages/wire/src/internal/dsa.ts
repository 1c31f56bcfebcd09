/**
 * DSA with SHA-1 over I2P's 1024-bit group: the type of destinations from before 2014. Verification only; nobody should
 * sign with it any more, and big integers in JavaScript leak the key through time.
 */
import { invert, mod, pow } from "@noble/curves/abstract/modular.js"
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js"
import { sha1 } from "@noble/hashes/legacy.js"
import * as KeyType from "../KeyType.js"
import type { Algorithm } from "./algorithm.js"

/** Source of the three numbers: Java I2P, `net.i2p.crypto.CryptoConstants`; I2P cryptography specification, "DSA". */
const p = BigInt(
  "0x9c05b2aa960d9b97b8931963c9cc9e8c3026e9b8ed92fad0a69cc886d5bf8015fcadae31" +
    "a0ad18fab3f01b00a358de237655c4964afaa2b337e96ad316b9fb1cc564b5aec5b69a9f" +
    "f6c3e4548707fef8503d91dd8602e867e6d35d2235c1869ce2479c3b9d5401de04e0727f" +
    "b33d6511285d4cf29538d9e3b6051f5b22cc1c93"
)
const q = BigInt("0xa5dfc28fef4ca1e286744cd8eed9d29d684046b7")
const g = BigInt(
  "0xc1f4d27d40093b429e962d7223824e0bbc47e7c832a39236fc683af84889581075ff9082" +
    "ed32353d4374d7301cda1d23c431f4698599dda02451824ff369752593647cc3ddc197de" +
    "985e43d136cdcfc6bd5409cd2f450821142a5e6f8eb1c3ab5d0484b8129fcf17bce4f7f3" +
    "3321c3cb3dbb14a905e7b2b3e93be4708cbcc82"
)

/** g^a · y^b mod p, squaring once for both exponents (Shamir's trick): 160 squarings and about 120 products. */
const doublePower = (a: bigint, y: bigint, b: bigint): bigint => {
  const both = mod(g * y, p)
  let result = 1n
  for (let bit = 159n; bit >= 0n; bit--) {
    result = (result * result) % p
    const inA = (a >> bit) & 1n
    const inB = (b >> bit) & 1n
    if (inA === 1n) result = (result * (inB === 1n ? both : g)) % p
    else if (inB === 1n) result = (result * y) % p
  }
  return result
}

export const dsaAlgorithm: Algorithm = {
  type: KeyType.DsaSha1,
  /** FIPS 186-4 section 4.7, and of its checks of y the range. */
  verify: (publicKey, message, signature) => {
    const y = bytesToNumberBE(publicKey)
    const r = bytesToNumberBE(signature.subarray(0, 20))
    const s = bytesToNumberBE(signature.subarray(20))
    if (y <= 1n || y >= p - 1n || r <= 0n || r >= q || s <= 0n || s >= q) return false
    const w = invert(s, q)
    const digest = bytesToNumberBE(sha1(message))
    return mod(doublePower(mod(digest * w, q), y, mod(r * w, q)), q) === r
  },
  publicKey: (privateKey) => {
    const x = bytesToNumberBE(privateKey)
    if (x <= 0n || x >= q) throw new RangeError("DSA: private key out of range")
    return numberToBytesBE(pow(g, x, p), 128)
  }
}
