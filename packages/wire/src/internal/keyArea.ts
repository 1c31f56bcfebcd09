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
import { encryptionFieldLength, keyAreaLength, signingFieldLength } from "./lengths.js"

interface Fields {
  /** Signing key bytes inside the key area. */
  readonly signing: number
  /** Signing key bytes in the certificate. */
  readonly signingExcess: number
  /** All key bytes in the certificate; `undefined` if the encryption type is not registered. */
  readonly excess: number | undefined
}

type KeyTypes = Pick<typeof Certificate.Key.Type, "signingType" | "encryptionType">

/** `undefined` if the signing type is not registered, so that nothing can be said. */
export const fieldLengths = (key: KeyTypes): Fields | undefined => {
  const type = KeyType.signingType(key.signingType)
  if (type === undefined) return undefined
  const whole = key.encryptionType === KeyType.NoEncryption && type.code >= KeyType.MlDsa44
  const signing = Math.min(type.publicKeyLength, whole ? keyAreaLength : signingFieldLength)
  const signingExcess = type.publicKeyLength - signing
  const encryption = KeyType.encryptionType(key.encryptionType)
  const excess = encryption && signingExcess + Math.max(0, encryption.publicKeyLength - encryptionFieldLength)
  return { signing, signingExcess, excess }
}

/** The signing key of a checked destination: a view, unless it has to be joined from two places. */
export const signingKeyAt = (bytes: Uint8Array, certificate: Certificate.Certificate): SigningKey.PublicKey => {
  const type = Certificate.signingType(certificate)
  const field = bytes.subarray(keyAreaLength - signingFieldLength, keyAreaLength)
  if (certificate._tag !== "Key") return { type, bytes: field }
  const fields = fieldLengths(certificate)
  if (fields === undefined) return { type, bytes: concat(field, certificate.excess) }
  const inArea = bytes.subarray(keyAreaLength - fields.signing, keyAreaLength)
  const excess = certificate.excess.subarray(0, fields.signingExcess)
  return { type, bytes: excess.length === 0 ? inArea : concat(inArea, excess) }
}
