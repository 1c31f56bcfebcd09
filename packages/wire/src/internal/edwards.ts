/**
 * Signatures on the Edwards curve: Ed25519, its pre-hashed variant, and RedDSA as I2P deployed it.
 *
 * All are verified with `zip215: false`: points must be encoded canonically and the key must not be of small order, as
 * RFC 8032 says. noble's default is the lenient ZIP-215. Every signature an I2P router makes passes both; the strict mode
 * refuses the keys under which one signature fits many messages.
 */
import { ed25519, ed25519ph } from "@noble/curves/ed25519.js"
import { bytesToNumberLE } from "@noble/curves/utils.js"
import { sha512 } from "@noble/hashes/sha2.js"
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

export const ed25519Algorithm = eddsa(KeyType.Ed25519, ed25519)

/** RFC 8032 section 5.1 with PH = SHA-512 and an empty context. For signed files; no router takes it in a destination. */
export const ed25519phAlgorithm = eddsa(KeyType.Ed25519ph, ed25519ph)

const { BASE, Fn } = ed25519.Point

const hashToScalar = (...parts: ReadonlyArray<Uint8Array>): bigint =>
  Fn.create(bytesToNumberLE(sha512(concat(...parts))))

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
