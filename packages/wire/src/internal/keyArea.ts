/**
 * Where the signing key lies in a Destination.
 *
 * Normally in the last 128 of the 384 bytes, right-aligned, with what does not fit in the certificate (P-521: 132 = 128 +
 * 4). ML-DSA destinations name encryption type 255, none, and let the signing key take all 384 bytes first (proposal 169).
 */
import * as Certificate from "../Certificate.js"
import * as KeyType from "../KeyType.js"
import type * as SigningKey from "../SigningKey.js"
import { concat } from "./bytes.js"

/** Source: I2P common structures, KeysAndCert. */
export const keyAreaLength = 384
const signingFieldLength = 128
const encryptionFieldLength = 256

interface Fields {
  /** Signing key bytes inside the key area. */
  readonly signing: number
  /** Signing key bytes in the certificate. */
  readonly signingExcess: number
  /** All key bytes in the certificate. */
  readonly excess: number
}

/** `undefined` when a type is not registered, so that nothing can be said about lengths. */
export const fieldLengths = (certificate: typeof Certificate.Key.Type): Fields | undefined => {
  const signing = KeyType.signingType(certificate.signingType)
  const encryption = KeyType.encryptionType(certificate.encryptionType)
  if (signing === undefined || encryption === undefined) return undefined
  const whole = encryption.code === KeyType.NoEncryption && signing.publicKeyLength > keyAreaLength
  const inArea = Math.min(signing.publicKeyLength, whole ? keyAreaLength : signingFieldLength)
  const signingExcess = signing.publicKeyLength - inArea
  return {
    signing: inArea,
    signingExcess,
    excess: signingExcess + Math.max(0, encryption.publicKeyLength - encryptionFieldLength)
  }
}

/** The signing key of a checked destination: a view, unless it has to be joined from two places. */
export const signingKeyAt = (bytes: Uint8Array, certificate: Certificate.Certificate): SigningKey.PublicKey => {
  const type = Certificate.signingType(certificate)
  if (certificate._tag !== "Key") {
    return { type, bytes: bytes.subarray(keyAreaLength - signingFieldLength, keyAreaLength) }
  }
  const registered = KeyType.signingType(type)
  const fields = fieldLengths(certificate)
  const signing = fields?.signing ?? Math.min(registered?.publicKeyLength ?? signingFieldLength, signingFieldLength)
  const signingExcess =
    fields?.signingExcess ?? (registered ? registered.publicKeyLength - signing : certificate.excess.length)
  const inArea = bytes.subarray(keyAreaLength - signing, keyAreaLength)
  return {
    type,
    bytes: signingExcess <= 0 ? inArea : concat(inArea, certificate.excess.subarray(0, signingExcess))
  }
}
