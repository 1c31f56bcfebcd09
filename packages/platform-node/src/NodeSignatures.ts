/**
 * The `Signatures` service over `node:crypto`: OpenSSL in place of JavaScript, more than ten times faster.
 *
 * Ed25519, ECDSA on P-256, P-384 and P-521, and verification of RedDSA, RSA and DSA run natively; for the rest
 * (Ed25519ph, ML-DSA, signing RedDSA; DSA on Bun, whose `node:crypto` is BoringSSL) `Signatures.noble` answers. Both give the same answers and the same errors, which
 * property tests hold them to. OpenSSL is less strict about keys than RFC 8032 and noble, so non-canonical and small-order
 * Ed25519 keys, and ECDSA scalars and DSA keys out of range, are refused here.
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

interface Verifier {
  /** As `node:crypto` names it; `null` where the signature scheme hashes for itself. */
  readonly digest: string | null
  readonly importPublic: (bytes: Uint8Array) => Crypto.KeyObject | undefined
}

interface Algorithm extends Verifier {
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

const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256]
  return Buffer.concat([Buffer.from([tag, ...header]), content])
}

/** The object identifier of EC keys, in DER. **Source** RFC 5480 section 2.1.1. */
const ecPublicKey = Buffer.from("06072a8648ce3d0201", "hex")

const derSmall = (value: number): Buffer => Buffer.from([0x02, 1, value])

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
      // PrivateKeyInfo around an ECPrivateKey without the public point, which OpenSSL and BoringSSL then compute; BoringSSL
      // refuses the ECPrivateKey alone. Source: RFC 5208 section 5, RFC 5915 section 3.
      const inner = der(0x30, derSmall(1), der(0x04, bytes))
      const key = der(0x30, derSmall(0), der(0x30, ecPublicKey, oid), der(0x04, inner))
      return Crypto.createPrivateKey({ key, format: "der", type: "pkcs8" })
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

const rsa = (digest: string): Verifier => ({
  digest,
  importPublic: (bytes) =>
    Crypto.createPublicKey({ key: { kty: "RSA", n: base64Url(bytes), e: "AQAB" }, format: "jwk" })
})

const derInteger = (bytes: Uint8Array): Buffer => {
  const minimal = bytes.subarray(bytes.findIndex((byte) => byte !== 0))
  return der(0x02, Buffer.from(minimal[0]! >= 0x80 ? [0] : []), minimal)
}

/** Source: Java I2P, `net.i2p.crypto.CryptoConstants`; I2P cryptography specification, "DSA". */
const dsaGroup = {
  p: Buffer.from(
    "9c05b2aa960d9b97b8931963c9cc9e8c3026e9b8ed92fad0a69cc886d5bf8015fcadae31a0ad18fab3f01b00a358de237655c4964afaa2b3" +
      "37e96ad316b9fb1cc564b5aec5b69a9ff6c3e4548707fef8503d91dd8602e867e6d35d2235c1869ce2479c3b9d5401de04e0727fb33d6511" +
      "285d4cf29538d9e3b6051f5b22cc1c93",
    "hex"
  ),
  q: Buffer.from("a5dfc28fef4ca1e286744cd8eed9d29d684046b7", "hex"),
  g: Buffer.from(
    "0c1f4d27d40093b429e962d7223824e0bbc47e7c832a39236fc683af84889581075ff9082ed32353d4374d7301cda1d23c431f4698599dda" +
      "02451824ff369752593647cc3ddc197de985e43d136cdcfc6bd5409cd2f450821142a5e6f8eb1c3ab5d0484b8129fcf17bce4f7f33321c3c" +
      "b3dbb14a905e7b2b3e93be4708cbcc82",
    "hex"
  )
}

/** AlgorithmIdentifier of id-dsa with its parameters. Source: RFC 3279 section 2.3.2. */
const dsaIdentifier = der(
  0x30,
  Buffer.from("06072a8648ce380401", "hex"),
  der(0x30, derInteger(dsaGroup.p), derInteger(dsaGroup.q), derInteger(dsaGroup.g))
)

const dsaLargest = Buffer.from(dsaGroup.p)
dsaLargest[127]! -= 1

const dsa: Verifier = {
  digest: "sha1",
  importPublic: (bytes) => {
    // 1 < y < p - 1: one signature under the excluded ones fits many messages.
    const isSmall = bytes.subarray(0, 127).every((byte) => byte === 0) && bytes[127]! <= 1
    if (isSmall || Buffer.compare(bytes, dsaLargest) >= 0) return undefined
    const key = der(0x30, dsaIdentifier, der(0x03, Buffer.from([0]), derInteger(bytes)))
    return Crypto.createPublicKey({ key, format: "der", type: "spki" })
  }
}

/** Whether `node:crypto` supports DSA; BoringSSL does not. Tried with y = g. */
const hasDsa = (): boolean => {
  try {
    return dsa.importPublic(dsaGroup.g) !== undefined
  } catch {
    return false
  }
}

const verifying = new Map<number, Verifier>([
  ...algorithms,
  // Verified as Ed25519 is; it only signs differently.
  [KeyType.RedDsaEd25519, ed25519],
  ...(hasDsa() ? [[KeyType.DsaSha1, dsa] as const] : []),
  [KeyType.Rsa2048, rsa("sha256")],
  [KeyType.Rsa3072, rsa("sha384")],
  [KeyType.Rsa4096, rsa("sha512")]
])

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
  sign: (key, message, random) => {
    const algorithm = algorithms.get(key.type)
    if (algorithm === undefined) return Signatures.noble.sign(key, message, random)
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
    try {
      return Either.right(Crypto.verify(algorithm.digest, message, { key: object, ...encoding }, signature))
    } catch {
      // OpenSSL has thrown on what it imported without complaint before; a peer's key must not be able to.
      return Either.right(false)
    }
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
