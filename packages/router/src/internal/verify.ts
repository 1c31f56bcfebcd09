/**
 * The half of judging what a client sent that needs cryptography or passwords; the hub judges the rest. Answers what is wrong, in words for
 * the client, or `undefined`.
 */
import type * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { AUTHORIZE } from "../core/Hub.js"

/** Passwords by user name; without any, everybody is welcome. @internal */
export type Users = ReadonlyMap<string, Redacted.Redacted<string>>

/** @internal */
export const problemOf = (
  message: Message.Message,
  signatures: Signatures.Service,
  now: number,
  users: Users
): string | undefined => {
  switch (message._tag) {
    case "GetDate":
      return users.size === 0 ? undefined : credentialsProblem(message, users)
    case "CreateSession":
      return configProblem(message.config, signatures, now, "CreateSessionMessage")
    case "ReconfigureSession":
      return configProblem(message.config, signatures, now, "ReconfigureSessionMessage")
    case "CreateLeaseSet2":
      return leaseSetProblem(message, signatures, now)
    default:
      return undefined
  }
}

const credentialsProblem = ({ options }: Message.GetDate, users: Users): string | undefined => {
  const username = options?.get("i2cp.username")
  const given = options?.get("i2cp.password")
  if (username === undefined || given === undefined) return AUTHORIZE
  const password = users.get(username)
  return password !== undefined && Redacted.value(password) === given ? undefined : "Authorization failed"
}

const configProblem = (
  config: SessionConfig.SessionConfig,
  signatures: Signatures.Service,
  now: number,
  where: string
): string | undefined => {
  if (!isSorted(config)) return `Invalid signature on ${where}: options are not sorted by key`
  const verified = SessionConfig.verify(config, signatures)
  if (Either.isLeft(verified)) return `Unsupported signature type: ${verified.left.message}`
  if (!verified.right) return `Invalid signature on ${where}`
  return config.options.has(TRANSIENT_KEY) ? offlineProblem(config, signatures, now) : undefined
}

/** Java writes the mapping again, sorted, before it checks the signature: unsorted options never verify there. */
const isSorted = ({ bytes, destination, options }: SessionConfig.SessionConfig): boolean => {
  const sorted = Either.getOrUndefined(Mapping.encode(options))
  return sorted?.every((byte, i) => bytes[destination.bytes.length + i] === byte) ?? false
}

/** Options of an offline-signed session. **Source** I2CP overview, its tables of options; proposal 123. */
const TRANSIENT_KEY = "i2cp.leaseSetTransientPublicKey"
const EXPIRATION = "i2cp.leaseSetOfflineExpiration"
const SIGNATURE = "i2cp.leaseSetOfflineSignature"

/** The transient key signed the configuration; this asks whether the destination vouches for that key. */
const offlineProblem = (
  { destination, options }: SessionConfig.SessionConfig,
  signatures: Signatures.Service,
  now: number
): string | undefined => {
  const [type = "", key = ""] = (options.get(TRANSIENT_KEY) ?? "").split(":")
  const keyBytes = Either.getOrUndefined(decodeBase64(key))
  const signature = Either.getOrUndefined(decodeBase64(options.get(SIGNATURE) ?? ""))
  const expires = Number(options.get(EXPIRATION) ?? Number.NaN)
  if (keyBytes === undefined || signature === undefined || !(expires >= 0 && expires <= 0xffff_ffff)) {
    return "bad session configuration parameters: offline signature options"
  }
  return vouchProblem(
    { expires, signature, transientKey: { type: Number(type), bytes: keyBytes } },
    destination,
    signatures,
    now
  )
}

const vouchProblem = (
  offline: OfflineSignature.OfflineSignature,
  destination: Destination,
  signatures: Signatures.Service,
  now: number
): string | undefined => {
  if (OfflineSignature.isExpired(offline, now)) return "Offline signature for tunnel expired"
  const vouched = OfflineSignature.verify(offline, destination.signingKey, signatures)
  return Either.getOrElse(vouched, () => false) ? undefined : "Invalid offline signature"
}

const leaseSetProblem = (
  { leaseSet, privateKeys }: Message.CreateLeaseSet2,
  signatures: Signatures.Service,
  now: number
): string | undefined => {
  if (leaseSet.offline !== undefined && OfflineSignature.isExpired(leaseSet.offline, now)) {
    return "Offline signature for tunnel expired"
  }
  const verified = LeaseSet2.verify(leaseSet, signatures)
  if (Either.isLeft(verified)) return verified.left.message
  if (!verified.right) return "bad signature"
  for (const [i, { publicKey, type }] of leaseSet.encryptionKeys.entries()) {
    const known = KeyType.encryptionType(type)
    if (known === undefined || type === KeyType.NoEncryption) return `unsupported encryption type ${type}`
    const privateKey = Redacted.value(privateKeys[i]?.privateKey ?? Redacted.make(new Uint8Array(0)))
    if (publicKey.length !== known.publicKeyLength || privateKey.length !== known.privateKeyLength) {
      return `Bad private key in LS: key ${i} has the wrong length`
    }
    if (type >= KeyType.X25519 && !isPair(privateKey, publicKey)) {
      return `Private/public crypto key mismatch in LS for key: ${i}`
    }
  }
  return undefined
}

const isPair = (privateKey: Uint8Array, publicKey: Uint8Array): boolean => {
  const computed = EncryptionKey.fromPrivate(privateKey).publicKey
  return computed.every((byte, i) => byte === publicKey[i])
}
