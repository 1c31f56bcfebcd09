/**
 * RSA with PKCS#1 v1.5 padding and the exponent 65537. Verification only: I2P signs files with it, destinations were
 * allowed it and hardly any took it.
 *
 * The padded message is built and compared whole, not taken apart: parsing it is how forgeries with a small exponent got
 * through elsewhere (Bleichenbacher 2006).
 */
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js"
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js"
import * as Bytes from "../Bytes.js"
import * as KeyType from "../KeyType.js"
import type { Algorithm } from "./algorithm.js"

interface Digest {
  readonly hash: (message: Uint8Array) => Uint8Array
  /** DigestInfo up to the hash. Source: RFC 8017 section 9.2, note 1. */
  readonly prefix: ReadonlyArray<number>
}

const digestInfo = (oid: number, length: number): ReadonlyArray<number> => [
  ...[0x30, 17 + length, 0x30, 13, 0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, oid],
  ...[0x05, 0, 0x04, length]
]

/** EMSA-PKCS1-v1_5: 00 01 FF… 00 DigestInfo. Source: RFC 8017 section 9.2. */
const pad = (digest: Digest, message: Uint8Array, length: number): Uint8Array => {
  const hash = digest.hash(message)
  const out = new Uint8Array(length).fill(0xff)
  const infoAt = length - digest.prefix.length - hash.length
  out[0] = 0
  out[1] = 1
  out[infoAt - 1] = 0
  out.set(digest.prefix, infoAt)
  out.set(hash, length - hash.length)
  return out
}

/** x^65537 mod n: sixteen squarings and a product. */
const power65537 = (x: bigint, n: bigint): bigint => {
  let result = x
  for (let i = 0; i < 16; i++) result = (result * result) % n
  return (result * x) % n
}

const rsa = (type: number, digest: Digest): Algorithm => ({
  type,
  verify: (publicKey, message, signature) => {
    // As OpenSSL: a modulus has its whole length, and an even one is none.
    if (publicKey[0] === 0 || (publicKey[publicKey.length - 1]! & 1) === 0) return false
    const n = bytesToNumberBE(publicKey)
    const s = bytesToNumberBE(signature)
    if (s >= n) return false
    const padded = numberToBytesBE(power65537(s, n), publicKey.length)
    return Bytes.equals(padded, pad(digest, message, publicKey.length))
  },
  // Java's private key is modulus ‖ private exponent (`SigUtil.fromJavaKey`), so the public one is its first half.
  publicKey: (privateKey) => privateKey.slice(0, privateKey.length / 2)
})

export const rsaAlgorithms: ReadonlyArray<Algorithm> = [
  rsa(KeyType.Rsa2048, { hash: sha256, prefix: digestInfo(1, 32) }),
  rsa(KeyType.Rsa3072, { hash: sha384, prefix: digestInfo(2, 48) }),
  rsa(KeyType.Rsa4096, { hash: sha512, prefix: digestInfo(3, 64) })
]
