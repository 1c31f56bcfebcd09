/**
 * The portable signature backend: noble's curves and lattices, and big integers for DSA and RSA. Which checks each type
 * makes is said in its own module.
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as KeyType from "../KeyType.js"
import * as SecureRandom from "../SecureRandom.js"
import { SignatureError } from "../SignatureError.js"
import * as SigningKey from "../SigningKey.js"
import type { Algorithm } from "./algorithm.js"
import { dsaAlgorithm } from "./dsa.js"
import { ecdsaAlgorithms } from "./ecdsa.js"
import { ed25519Algorithm, ed25519phAlgorithm, reddsaAlgorithm } from "./edwards.js"
import { mldsaAlgorithms } from "./mldsa.js"
import { rsaAlgorithms } from "./rsa.js"

const algorithms = new Map<number, Algorithm>(
  [
    dsaAlgorithm,
    ...ecdsaAlgorithms,
    ...rsaAlgorithms,
    ed25519Algorithm,
    ed25519phAlgorithm,
    reddsaAlgorithm,
    ...mldsaAlgorithms
  ].map((algorithm) => [algorithm.type, algorithm])
)

const failure = (
  type: number,
  operation: SignatureError["operation"],
  reason: SignatureError["reason"]
): Either.Either<never, SignatureError> => Either.left(new SignatureError({ type, operation, reason }))

const withPrivate = (
  key: SigningKey.PrivateKey,
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
    // All that is left to refuse is a scalar that is zero or not below the group order, or a malformed lattice key.
    return failure(key.type, operation, "BadKey")
  }
}

export const sign = (
  key: SigningKey.PrivateKey,
  message: Uint8Array,
  random: SecureRandom.Service = SecureRandom.system
): Either.Either<Uint8Array, SignatureError> => {
  const algorithm = algorithms.get(key.type)?.sign
  return withPrivate(key, "sign", algorithm && ((privateKey) => algorithm(privateKey, message, random)))
}

export const verify = (
  key: SigningKey.PublicKey,
  message: Uint8Array,
  signature: Uint8Array
): Either.Either<boolean, SignatureError> => {
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
}

export const publicKey = (key: SigningKey.PrivateKey): Either.Either<SigningKey.PublicKey, SignatureError> =>
  Either.map(
    withPrivate(key, "publicKey", algorithms.get(key.type)?.publicKey),
    (bytes): SigningKey.PublicKey => ({ type: key.type, bytes })
  )

export const generate = (
  type: number,
  random: SecureRandom.Service
): Either.Either<SigningKey.PrivateKey, SignatureError> => {
  const algorithm = algorithms.get(type)?.generate
  return algorithm === undefined
    ? failure(type, "generate", "UnsupportedType")
    : Either.right(SigningKey.makePrivate(type, algorithm(random)))
}
