/**
 * The `Signatures` service over `node:crypto`: OpenSSL in place of JavaScript, more than ten times faster.
 *
 * Ed25519, ECDSA on P-256, P-384 and P-521, and verification of RedDSA run natively; for the rest `Signatures.noble`
 * answers. Both give the same answers and the same errors, which a property test holds them to. OpenSSL is less strict about
 * keys than RFC 8032 and noble, so non-canonical and small-order Ed25519 keys, and ECDSA scalars out of range, are
 * refused here. One difference is left: OpenSSL checks Ed25519 without the cofactor, as Java I2P and i2pd do, noble with it.
 * It takes a signer who builds a torsion component into his own key or nonce to see it.
 *
 * Importing a key costs as much as using it, so key objects are kept for as long as the `PublicKey` or `PrivateKey` they
 * came from is alive: as many as there are peers, without a table anybody could fill. Key bytes must not be changed.
 *
 * @since 0.1.0
 */

import * as Crypto from "node:crypto"
import * as KeyType from "@effect-i2p/wire/KeyType"
import { SignatureError } from "@effect-i2p/wire/SignatureError"
import * as Signatures from "@effect-i2p/wire/Signatures"
import type * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

interface Algorithm {
  /** As `node:crypto` names it; `null` where the signature scheme hashes for itself. */
  readonly digest: string | null
  readonly importPublic: (bytes: Uint8Array) => Crypto.KeyObject | undefined
  readonly importPrivate: (bytes: Uint8Array) => Crypto.KeyObject | undefined
  readonly exportPublic: (key: Crypto.KeyObject) => Uint8Array
}

const base64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url")

const fromBase64Url = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? "", "base64url"))

/**
 * Keys that RFC 8032 decoding or noble's strict mode refuse and OpenSSL takes: y of at least p = 2^255 - 19, and points
 * whose order divides 8, which are those with one of five values of y.
 *
 * **Source** RFC 8032 section 5.1.3; "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko), table of small-order points.
 */
const smallOrderY = new Set([
  `00${"00".repeat(31)}`,
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
])

const isStrictEd25519 = (bytes: Uint8Array): boolean => {
  const y = Buffer.from(bytes)
  y[31]! &= 0x7f
  const aboveP = y[31] === 0x7f && y[0]! >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff)
  return !aboveP && !smallOrderY.has(y.toString("hex"))
}

/** PrivateKeyInfo around a 32-byte seed. Source: RFC 8410 section 7. */
const ed25519Pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex")

const ed25519: Algorithm = {
  digest: null,
  // Node imports a JWK about eight times faster than DER.
  importPublic: (bytes) =>
    isStrictEd25519(bytes)
      ? Crypto.createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: base64Url(bytes) }, format: "jwk" })
      : undefined,
  importPrivate: (bytes) =>
    Crypto.createPrivateKey({ key: Buffer.concat([ed25519Pkcs8, bytes]), format: "der", type: "pkcs8" }),
  exportPublic: (key) => fromBase64Url(Crypto.createPublicKey(key).export({ format: "jwk" }).x)
}

const ecdsa = (options: {
  readonly crv: string
  readonly digest: string
  /** The object identifier of the curve, in DER. Source: RFC 5480 section 2.1.1.1. */
  readonly oid: string
  /** Source: FIPS 186-4, appendix D.1.2. */
  readonly order: string
}): Algorithm => {
  const oid = Buffer.from(options.oid, "hex")
  const order = Buffer.from(options.order, "hex")
  return {
    digest: options.digest,
    importPublic: (bytes) => {
      const half = bytes.length / 2
      const x = base64Url(bytes.subarray(0, half))
      const y = base64Url(bytes.subarray(half))
      return Crypto.createPublicKey({ key: { kty: "EC", crv: options.crv, x, y }, format: "jwk" })
    },
    importPrivate: (bytes) => {
      // OpenSSL takes zero and scalars above the order, and signs with them.
      if (bytes.every((byte) => byte === 0) || Buffer.compare(bytes, order) >= 0) return undefined
      // ECPrivateKey without the public point, which OpenSSL then computes. Source: RFC 5915 section 3.
      const body = Buffer.concat([
        Buffer.from([0x02, 1, 1, 0x04, bytes.length]),
        bytes,
        Buffer.from([0xa0, oid.length]),
        oid
      ])
      const key = Buffer.concat([Buffer.from([0x30, body.length]), body])
      return Crypto.createPrivateKey({ key, format: "der", type: "sec1" })
    },
    exportPublic: (key) => {
      const { x, y } = Crypto.createPublicKey(key).export({ format: "jwk" })
      return new Uint8Array([...fromBase64Url(x), ...fromBase64Url(y)])
    }
  }
}

const algorithms = new Map<number, Algorithm>([
  [KeyType.Ed25519, ed25519],
  [
    KeyType.EcdsaP256,
    ecdsa({
      crv: "P-256",
      digest: "sha256",
      oid: "06082a8648ce3d030107",
      order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
    })
  ],
  [
    KeyType.EcdsaP384,
    ecdsa({
      crv: "P-384",
      digest: "sha384",
      oid: "06052b81040022",
      order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
    })
  ],
  [
    KeyType.EcdsaP521,
    ecdsa({
      crv: "P-521",
      digest: "sha512",
      oid: "06052b81040023",
      order: `01ff${"ff".repeat(31)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`
    })
  ]
])

/** RedDSA is verified as Ed25519 is; it only signs differently. */
const verifying = new Map(algorithms).set(KeyType.RedDsaEd25519, ed25519)

const publicObjects = new WeakMap<SigningKey.PublicKey, Crypto.KeyObject | "invalid">()
const privateObjects = new WeakMap<SigningKey.PrivateKey, Crypto.KeyObject | "invalid">()

const imported = <K extends WeakKey>(
  cache: WeakMap<K, Crypto.KeyObject | "invalid">,
  key: K,
  importKey: () => Crypto.KeyObject | undefined
): Crypto.KeyObject | "invalid" => {
  const known = cache.get(key)
  if (known !== undefined) return known
  let object: Crypto.KeyObject | "invalid"
  try {
    object = importKey() ?? "invalid"
  } catch {
    object = "invalid"
  }
  cache.set(key, object)
  return object
}

const badKey = (type: number, operation: SignatureError["operation"]): Either.Either<never, SignatureError> =>
  Either.left(new SignatureError({ type, operation, reason: "BadKey" }))

const privateObject = (key: SigningKey.PrivateKey, algorithm: Algorithm): Crypto.KeyObject | "invalid" =>
  imported(privateObjects, key, () => {
    const bytes = Redacted.value(key.bytes)
    return bytes.length === KeyType.signingType(key.type)!.privateKeyLength ? algorithm.importPrivate(bytes) : undefined
  })

/** Signatures are r ‖ s in fixed width, not DER. */
const encoding = { dsaEncoding: "ieee-p1363" } as const

/**
 * The native backend.
 *
 * @category constructors
 * @since 0.1.0
 */
export const native: Signatures.Service = {
  sign: (key, message) => {
    const algorithm = algorithms.get(key.type)
    if (algorithm === undefined) return Signatures.noble.sign(key, message)
    const object = privateObject(key, algorithm)
    if (object === "invalid") return badKey(key.type, "sign")
    return Either.right(new Uint8Array(Crypto.sign(algorithm.digest, message, { key: object, ...encoding })))
  },
  verify: (key, message, signature) => {
    const algorithm = verifying.get(key.type)
    if (algorithm === undefined) return Signatures.noble.verify(key, message, signature)
    const { publicKeyLength, signatureLength } = KeyType.signingType(key.type)!
    if (key.bytes.length !== publicKeyLength) return badKey(key.type, "verify")
    if (signature.length !== signatureLength) return Either.right(false)
    const object = imported(publicObjects, key, () => algorithm.importPublic(key.bytes))
    if (object === "invalid") return Either.right(false)
    return Either.right(Crypto.verify(algorithm.digest, message, { key: object, ...encoding }, signature))
  },
  publicKey: (key) => {
    const algorithm = algorithms.get(key.type)
    if (algorithm === undefined) return Signatures.noble.publicKey(key)
    const object = privateObject(key, algorithm)
    if (object === "invalid") return badKey(key.type, "publicKey")
    return Either.right({ type: key.type, bytes: algorithm.exportPublic(object) })
  }
}

/**
 * Makes everything above sign and verify natively.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.succeed(Signatures.Signatures, native)
