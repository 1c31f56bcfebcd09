/**
 * The half of judging what a client sent that needs cryptography or passwords; the hub judges the rest.
 */
import type * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as AnyLeaseSet from "@effect-i2p/wire/AnyLeaseSet"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AUTHORIZE } from "../core/Hub.js"
import type * as HubState from "../core/HubState.js"

/** Passwords by user name; without any, everybody is welcome. @internal */
export type Users = ReadonlyMap<string, Redacted.Redacted<string>>

/** What is wrong, in words for the client, if anything; and what was in an encrypted lease set. @internal */
export interface Finding {
  readonly problem?: string | undefined
  readonly inner?: EncryptedLeaseSet.Inner | undefined
}

/** `session` is the one the message is about, if it is of the connection that the message came on. @internal */
export const examine = (
  message: Message.Message,
  {
    now,
    session,
    signatures,
    users
  }: {
    readonly session: HubState.Session | undefined
    readonly signatures: Signatures.Service
    readonly users: Users
    readonly now: number
  }
): Finding => {
  switch (message._tag) {
    case "GetDate":
      return { problem: users.size === 0 ? undefined : credentialsProblem(message, users) }
    case "CreateSession":
      return { problem: configProblem(message.config, signatures, now, "CreateSessionMessage") }
    case "ReconfigureSession":
      return { problem: configProblem(message.config, signatures, now, "ReconfigureSessionMessage") }
    case "CreateLeaseSet2":
      return examineLeaseSet(message, session, signatures, now)
    default:
      return {}
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
  const offline = { expires, signature, transientKey: { type: Number(type), bytes: keyBytes } }
  // Options are text: a block that could not be written down would throw where its signature is checked.
  return isBlock(offline)
    ? vouchProblem(offline, destination, signatures, now)
    : "bad session configuration parameters: offline signature options"
}

const isBlock = Schema.is(OfflineSignature.OfflineSignature)

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

const examineLeaseSet = (
  { leaseSet, privateKeys }: Message.CreateLeaseSet2,
  session: HubState.Session | undefined,
  signatures: Signatures.Service,
  now: number
): Finding => {
  const problem = signatureProblem(leaseSet, signatures, now)
  switch (leaseSet.storeType) {
    case MetaLeaseSet.storeType:
      return { problem }
    case LeaseSet2.storeType:
      return { problem: problem ?? keysProblem(leaseSet, privateKeys) }
    case EncryptedLeaseSet.storeType: {
      if (problem !== undefined || session === undefined) return { problem }
      const opened = EncryptedLeaseSet.decrypt(leaseSet, ownCredentials(session), signatures)
      if (Either.isLeft(opened)) return { problem: opened.left.message }
      const inner = opened.right
      return {
        inner,
        problem:
          expiryProblem(inner, now) ??
          (inner.storeType === LeaseSet2.storeType ? keysProblem(inner, privateKeys) : undefined)
      }
    }
  }
}

/**
 * What the client said opens its own lease set. Rubbish counts as nothing: then it will not open, which the client is
 * told. **Source** I2CP overview, options `i2cp.leaseSetSecret` and `i2cp.leaseSetPrivKey`.
 */
const ownCredentials = ({ destination, options }: HubState.Session): EncryptedLeaseSet.Credentials => {
  const bytes = (key: string): Uint8Array | undefined => {
    const text = options.get(key)
    return text === undefined ? undefined : Either.getOrUndefined(decodeBase64(text))
  }
  const secret = bytes("i2cp.leaseSetSecret")
  const clientKey = bytes("i2cp.leaseSetPrivKey")
  return {
    signingKey: destination.signingKey,
    secret: secret && Redacted.make(new TextDecoder().decode(secret)),
    clientKey: clientKey && Redacted.make(clientKey)
  }
}

const expiryProblem = ({ offline }: Pick<Message.LeaseSet, "offline">, now: number): string | undefined =>
  offline !== undefined && OfflineSignature.isExpired(offline, now) ? "Offline signature for tunnel expired" : undefined

const signatureProblem = (
  leaseSet: Message.LeaseSet,
  signatures: Signatures.Service,
  now: number
): string | undefined => {
  const expired = expiryProblem(leaseSet, now)
  if (expired !== undefined) return expired
  const verified = AnyLeaseSet.verify(leaseSet, signatures)
  if (Either.isLeft(verified)) return verified.left.message
  return verified.right ? undefined : "bad signature"
}

const keysProblem = (
  { encryptionKeys }: LeaseSet2.LeaseSet2,
  privateKeys: Message.CreateLeaseSet2["privateKeys"]
): string | undefined => {
  for (const [i, { publicKey, type }] of encryptionKeys.entries()) {
    if (!EncryptionKey.supportedTypes.includes(type)) return `unsupported encryption type ${type}`
    const privateKey = privateKeys[i]?.privateKey ?? Redacted.make(new Uint8Array(0))
    if (Redacted.value(privateKey).length !== KeyType.encryptionType(type)!.privateKeyLength) {
      return `Bad private key in LS: key ${i} has the wrong length`
    }
    if (!EncryptionKey.isPair(type, publicKey, privateKey)) {
      return `Private/public crypto key mismatch in LS for key: ${i}`
    }
  }
  return undefined
}
