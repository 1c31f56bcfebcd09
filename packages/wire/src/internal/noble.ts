/**
 * The portable signature backend, over `@noble/curves`.
 *
 * Ed25519 is verified with `zip215: false`: points must be encoded canonically and the key must not be of small order, as
 * RFC 8032 says. noble's default is the lenient ZIP-215. Every signature an I2P router makes passes both; the strict mode
 * refuses the keys under which one signature fits many messages.
 *
 * ECDSA is verified with `lowS: false`: neither Java I2P nor i2pd normalise S, noble's default would refuse half of theirs.
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { p256, p384, p521 } from "@noble/curves/nist.js"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as KeyType from "../KeyType.js"
import { SignatureError } from "../SignatureError.js"
import type { Service } from "../Signatures.js"
import type { PrivateKey, PublicKey } from "../SigningKey.js"

interface Algorithm {
  readonly type: number
  readonly sign?: (privateKey: Uint8Array, message: Uint8Array) => Uint8Array
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
  readonly publicKey: (privateKey: Uint8Array) => Uint8Array
}

const verifyEd25519: Algorithm["verify"] = (publicKey, message, signature) =>
  ed25519.verify(signature, message, publicKey, { zip215: false })

const eddsa: Algorithm = {
  type: KeyType.Ed25519,
  sign: (privateKey, message) => ed25519.sign(message, privateKey),
  verify: verifyEd25519,
  publicKey: (privateKey) => ed25519.getPublicKey(privateKey)
}

/** As deployed, RedDSA differs from Ed25519 only in how it signs: the key is a scalar and the nonce is random. */
const reddsa: Algorithm = {
  type: KeyType.RedDsaEd25519,
  verify: verifyEd25519,
  publicKey: (privateKey) => {
    const { BASE, Fn } = ed25519.Point
    return BASE.multiply(Fn.fromBytes(privateKey)).toBytes()
  }
}

const ecdsa = (type: number, curve: typeof p256, publicKeyLength: number): Algorithm => {
  const uncompressed = (publicKey: Uint8Array): Uint8Array => {
    const point = new Uint8Array(publicKeyLength + 1)
    point[0] = 0x04
    point.set(publicKey, 1)
    return point
  }
  return {
    type,
    sign: (privateKey, message) => curve.sign(message, privateKey, { lowS: false }),
    verify: (publicKey, message, signature) =>
      curve.verify(signature, message, uncompressed(publicKey), { lowS: false }),
    publicKey: (privateKey) => curve.getPublicKey(privateKey, false).slice(1)
  }
}

const algorithms = new Map<number, Algorithm>(
  [
    eddsa,
    reddsa,
    ecdsa(KeyType.EcdsaP256, p256, 64),
    ecdsa(KeyType.EcdsaP384, p384, 96),
    ecdsa(KeyType.EcdsaP521, p521, 132)
  ].map((algorithm) => [algorithm.type, algorithm])
)

const failure = (
  type: number,
  operation: SignatureError["operation"],
  reason: SignatureError["reason"]
): Either.Either<never, SignatureError> => Either.left(new SignatureError({ type, operation, reason }))

const withPrivate = (
  key: PrivateKey,
  operation: "sign" | "publicKey",
  compute: ((privateKey: Uint8Array) => Uint8Array) | undefined
): Either.Either<Uint8Array, SignatureError> => {
  if (compute === undefined) return failure(key.type, operation, "UnsupportedType")
  const privateKey = Redacted.value(key.bytes)
  if (privateKey.length !== KeyType.signingType(key.type)!.privateKeyLength) {
    return failure(key.type, operation, "BadKey")
  }
  try {
    return Either.right(compute(privateKey))
  } catch {
    // All that is left for noble to refuse is a scalar that is zero or not below the group order.
    return failure(key.type, operation, "BadKey")
  }
}

export const nobleSignatures: Service = {
  sign: (key, message) => {
    const sign = algorithms.get(key.type)?.sign
    return withPrivate(key, "sign", sign && ((privateKey) => sign(privateKey, message)))
  },
  verify: (key, message, signature) => {
    const algorithm = algorithms.get(key.type)
    if (algorithm === undefined) return failure(key.type, "verify", "UnsupportedType")
    const { publicKeyLength, signatureLength } = KeyType.signingType(key.type)!
    if (key.bytes.length !== publicKeyLength) return failure(key.type, "verify", "BadKey")
    if (signature.length !== signatureLength) return Either.right(false)
    try {
      return Either.right(algorithm.verify(key.bytes, message, signature))
    } catch {
      // The peer's key is not a point, or its r or s is out of range: whatever it is, it does not verify.
      return Either.right(false)
    }
  },
  publicKey: (key) =>
    Either.map(
      withPrivate(key, "publicKey", algorithms.get(key.type)?.publicKey),
      (bytes): PublicKey => ({ type: key.type, bytes })
    )
}
