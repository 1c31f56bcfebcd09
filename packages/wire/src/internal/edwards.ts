/**
 * Signatures on the Edwards curve: Ed25519, its pre-hashed variant, and RedDSA as I2P deployed it.
 *
 * Keys are verified strictly: encoded canonically and not of small order, under which one signature fits many messages.
 * noble's default is the lenient ZIP-215. Every signature an I2P router makes passes both.
 *
 * Ed25519 is checked without the cofactor, by comparing R's bytes with those of S·B - k·A. RFC 8032 leaves the choice, and
 * noble multiplies by 8 first. Java I2P, i2pd and OpenSSL compare bytes, and an implementation that takes what its peers
 * refuse can be split from them by a signer who adds a torsion point to his key or nonce.
 */
import { ed25519, ed25519ph } from "@noble/curves/ed25519.js"
import { bytesToNumberLE } from "@noble/curves/utils.js"
import { sha512 } from "@noble/hashes/sha2.js"
import * as Bytes from "../Bytes.js"
import * as KeyType from "../KeyType.js"
import type { Algorithm } from "./algorithm.js"
import { concat } from "./bytes.js"

const eddsa = (type: number, curve: typeof ed25519): Algorithm => ({
  type,
  verify: (publicKey, message, signature) => curve.verify(signature, message, publicKey, { zip215: false }),
  publicKey: (privateKey) => curve.getPublicKey(privateKey),
  sign: (privateKey, message) => curve.sign(message, privateKey),
  generate: (random) => random.bytes(32)
})

const { BASE, Fn } = ed25519.Point

const hashToScalar = (...parts: ReadonlyArray<Uint8Array>): bigint =>
  Fn.create(bytesToNumberLE(sha512(concat(...parts))))

export const ed25519Algorithm: Algorithm = {
  ...eddsa(KeyType.Ed25519, ed25519),
  /** RFC 8032 section 5.1.7, without the cofactor. */
  verify: (publicKey, message, signature) => {
    const key = ed25519.Point.fromBytes(publicKey, false)
    if (key.isSmallOrder()) return false
    const commitment = signature.subarray(0, 32)
    const s = bytesToNumberLE(signature.subarray(32))
    // S and S + L would be two signatures for one message.
    if (s >= Fn.ORDER) return false
    const challenge = hashToScalar(commitment, publicKey, message)
    const expected = BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(challenge))
    return Bytes.equals(expected.toBytes(), commitment)
  }
}

/** RFC 8032 section 5.1 with PH = SHA-512 and an empty context. For signed files; no router takes it in a destination. */
export const ed25519phAlgorithm = eddsa(KeyType.Ed25519ph, ed25519ph)

/** Source: I2P encrypted lease set specification, "Red25519": 80 bytes for a 512-bit hash. */
const nonceBytes = 80

/**
 * RedDSA is verified as Ed25519 is. To sign, the private key is a scalar and not a seed, so there is no prefix to derive
 * the nonce from: it is hashed from fresh random bytes. Two signatures of one message differ.
 *
 * Source: I2P encrypted lease set specification, section "Blinding" and "Red25519". The separate red25519 page hashes
 * with a domain and lengths; no router does.
 */
export const reddsaAlgorithm: Algorithm = {
  type: KeyType.RedDsaEd25519,
  verify: ed25519Algorithm.verify,
  publicKey: (privateKey) => BASE.multiply(Fn.fromBytes(privateKey)).toBytes(),
  sign: (privateKey, message, random) => {
    const scalar = Fn.fromBytes(privateKey)
    const publicKey = BASE.multiply(scalar).toBytes()
    const nonce = hashToScalar(random.bytes(nonceBytes), publicKey, message)
    const commitment = BASE.multiply(nonce).toBytes()
    const challenge = hashToScalar(commitment, publicKey, message)
    return concat(commitment, Fn.toBytes(Fn.add(nonce, Fn.mul(challenge, scalar))))
  },
  // Twice the length of the order, so that reducing favours no scalar.
  generate: (random) => Fn.toBytes(Fn.create(bytesToNumberLE(random.bytes(64))))
}
