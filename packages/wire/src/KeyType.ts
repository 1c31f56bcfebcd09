/**
 * The registry of signature and encryption types: numbers, names and lengths.
 *
 * A type being listed means its lengths are known, so that structures containing it can be parsed. Which types can sign
 * and verify is `Signatures`' business.
 *
 * **Source** I2P common structures (Key Certificates); proposal 169 for 12 to 20 and the ML-KEM hybrids.
 *
 * @since 0.1.0
 */

/**
 * A signature type. Lengths in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface SigningType {
  readonly code: number
  readonly name: string
  readonly publicKeyLength: number
  readonly signatureLength: number
  readonly privateKeyLength: number
}

/**
 * An encryption type. Lengths in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncryptionType {
  readonly code: number
  readonly name: string
  readonly publicKeyLength: number
  readonly privateKeyLength: number
}

/**
 * Codes that appear in code by name.
 *
 * @category constants
 * @since 0.1.0
 */
export const DsaSha1 = 0
/** Signature type ECDSA on P-256 with SHA-256. @since 0.1.0 @category constants */
export const EcdsaP256 = 1
/** Signature type ECDSA on P-384 with SHA-384. @since 0.1.0 @category constants */
export const EcdsaP384 = 2
/** Signature type ECDSA on P-521 with SHA-512. @since 0.1.0 @category constants */
export const EcdsaP521 = 3
/** Signature type RSA of 2048 bits with SHA-256; verified, not signed with. @since 0.1.0 @category constants */
export const Rsa2048 = 4
/** Signature type RSA of 3072 bits with SHA-384; verified, not signed with. @since 0.1.0 @category constants */
export const Rsa3072 = 5
/** Signature type RSA of 4096 bits with SHA-512; verified, not signed with. @since 0.1.0 @category constants */
export const Rsa4096 = 6
/** Signature type Ed25519, the one of new destinations. @since 0.1.0 @category constants */
export const Ed25519 = 7
/** Signature type Ed25519 over a hash. @since 0.1.0 @category constants */
export const Ed25519ph = 8
/** Signature type RedDSA, for encrypted lease sets. @since 0.1.0 @category constants */
export const RedDsaEd25519 = 11
/** Signature type ML-DSA-44. @since 0.1.0 @category constants */
export const MlDsa44 = 12
/** Signature type ML-DSA-65. @since 0.1.0 @category constants */
export const MlDsa65 = 13
/** Signature type ML-DSA-87. @since 0.1.0 @category constants */
export const MlDsa87 = 14
/** Encryption type ElGamal of 2048 bits, legacy. @since 0.1.0 @category constants */
export const ElGamal = 0
/** Encryption type ECIES-X25519, the one of new destinations. @since 0.1.0 @category constants */
export const X25519 = 4
/** Encryption type ML-KEM-512 with X25519. @since 0.1.0 @category constants */
export const MlKem512X25519 = 5
/** Encryption type ML-KEM-768 with X25519. @since 0.1.0 @category constants */
export const MlKem768X25519 = 6
/** Encryption type ML-KEM-1024 with X25519. @since 0.1.0 @category constants */
export const MlKem1024X25519 = 7
/** No encryption type. @since 0.1.0 @category constants */
export const NoEncryption = 255

const signing = (
  code: number,
  name: string,
  publicKeyLength: number,
  signatureLength: number,
  privateKeyLength: number
): SigningType => ({ code, name, publicKeyLength, signatureLength, privateKeyLength })

/**
 * All signature types, by code.
 *
 * @category constants
 * @since 0.1.0
 */
export const signingTypes: ReadonlyArray<SigningType> = [
  signing(0, "DSA_SHA1", 128, 40, 20),
  signing(1, "ECDSA_SHA256_P256", 64, 64, 32),
  signing(2, "ECDSA_SHA384_P384", 96, 96, 48),
  signing(3, "ECDSA_SHA512_P521", 132, 132, 66),
  signing(4, "RSA_SHA256_2048", 256, 256, 512),
  signing(5, "RSA_SHA384_3072", 384, 384, 768),
  signing(6, "RSA_SHA512_4096", 512, 512, 1024),
  signing(7, "EdDSA_SHA512_Ed25519", 32, 64, 32),
  signing(8, "EdDSA_SHA512_Ed25519ph", 32, 64, 32),
  // Reserved by the specification, which gives no private lengths; i2pd implements both, with half the public length.
  signing(9, "GOSTR3410_GOSTR3411_256_CRYPTO_PRO_A", 64, 64, 32),
  signing(10, "GOSTR3410_GOSTR3411_512_TC26_A", 128, 128, 64),
  signing(11, "RedDSA_SHA512_Ed25519", 32, 64, 32),
  signing(12, "MLDSA44", 1312, 2420, 2560),
  signing(13, "MLDSA65", 1952, 3309, 4032),
  signing(14, "MLDSA87", 2592, 4627, 4896),
  // Preliminary in proposal 169: the Ed25519 part comes first.
  signing(15, "MLDSA44_EdDSA_SHA512_Ed25519", 1344, 2484, 2592),
  signing(16, "MLDSA65_EdDSA_SHA512_Ed25519", 1984, 3373, 4064),
  signing(17, "MLDSA87_EdDSA_SHA512_Ed25519", 2624, 4691, 4928),
  // Pre-hash variants: signed files only, never a destination.
  signing(18, "MLDSA44ph", 1312, 2420, 2560),
  signing(19, "MLDSA65ph", 1952, 3309, 4032),
  signing(20, "MLDSA87ph", 2592, 4627, 4896)
]

const encryption = (code: number, name: string, publicKeyLength: number, privateKeyLength: number): EncryptionType => ({
  code,
  name,
  publicKeyLength,
  privateKeyLength
})

/**
 * All encryption types.
 *
 * @category constants
 * @since 0.1.0
 */
export const encryptionTypes: ReadonlyArray<EncryptionType> = [
  encryption(0, "ElGamal_2048", 256, 256),
  // Reserved, never deployed.
  encryption(1, "P256", 64, 32),
  encryption(2, "P384", 96, 48),
  encryption(3, "P521", 132, 66),
  encryption(4, "ECIES_X25519", 32, 32),
  // Only the X25519 part is in lease sets; the router makes the ML-KEM keys for each handshake.
  encryption(5, "MLKEM512_X25519", 32, 32),
  encryption(6, "MLKEM768_X25519", 32, 32),
  encryption(7, "MLKEM1024_X25519", 32, 32),
  encryption(255, "NONE", 0, 0)
]

const encryptionByCode = new Map(encryptionTypes.map((type) => [type.code, type]))

/**
 * The signature type with this code, if it is registered.
 *
 * @category lookups
 * @since 0.1.0
 */
export const signingType = (code: number): SigningType | undefined => signingTypes[code]

/**
 * Bytes in a signature of this type, if it is registered.
 *
 * @category lookups
 * @since 0.1.0
 */
export const signatureLength = (code: number): number | undefined => signingTypes[code]?.signatureLength

/**
 * The encryption type with this code, if it is registered.
 *
 * @category lookups
 * @since 0.1.0
 */
export const encryptionType = (code: number): EncryptionType | undefined => encryptionByCode.get(code)

/**
 * `EdDSA_SHA512_Ed25519 (7)`, or `unknown type 99`.
 *
 * @category lookups
 * @since 0.1.0
 */
export const signingTypeName = (code: number): string => {
  const type = signingType(code)
  return type === undefined ? `unknown type ${code}` : `${type.name} (${code})`
}
