import type * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import type * as Lease from "@effect-i2p/wire/Lease"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import type * as Mapping from "@effect-i2p/wire/Mapping"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"

/** A destination with everything a client needs to serve it, the same for the same name in every run. */
export interface Identity {
  readonly keys: DestinationKeys.DestinationKeys
  readonly encryption: EncryptionKey.EncryptionKey
}

const known = new Map<string, Identity>()

export const identity = (name: string): Identity => {
  const random = SecureRandom.makeSeeded(name)
  const made = known.get(name) ?? {
    keys: DestinationKeys.generate(random),
    encryption: EncryptionKey.make(random)
  }
  known.set(name, made)
  return made
}

/** The same destination, signing with a transient key it vouches for (or somebody else does) until `expires` seconds. */
export const offline = ({ encryption, keys }: Identity, expires: number, vouchedBy = keys): Identity => {
  const signingKey = SigningKey.makePrivate(KeyType.Ed25519, new Uint8Array(32).fill(5))
  const transientKey = Either.getOrThrow(Signatures.noble.publicKey(signingKey))
  const destinationKey = vouchedBy.signingKey
  const block = OfflineSignature.make({ expires, transientKey, destinationKey, signatures: Signatures.noble })
  return { encryption, keys: { ...keys, signingKey, offline: Either.getOrThrow(block) } }
}

export const createSession = (
  { keys }: Identity,
  created: number,
  options: Mapping.Input = { "i2cp.messageReliability": "none" }
): Message.CreateSession => ({
  _tag: "CreateSession",
  config: Either.getOrThrow(SessionConfig.sign(keys, options, created, Signatures.noble))
})

/** The answer to a lease request. `published` in seconds. */
export const createLeaseSet = (
  { encryption, keys }: Identity,
  sessionId: number,
  leases: ReadonlyArray<Lease.Lease>,
  published: number,
  overrides: { readonly unpublished?: boolean; readonly signedBy?: Identity; readonly encryption?: Identity } = {}
): Message.CreateLeaseSet2 => ({
  _tag: "CreateLeaseSet2",
  sessionId,
  leaseSet: Either.getOrThrow(
    LeaseSet2.make(
      { ...keys, signingKey: (overrides.signedBy?.keys ?? keys).signingKey },
      {
        published,
        expires: 600,
        leases,
        encryptionKeys: [{ type: 4, publicKey: (overrides.encryption?.encryption ?? encryption).publicKey }],
        unpublished: overrides.unpublished
      },
      Signatures.noble
    )
  ),
  privateKeys: [{ type: 4, privateKey: encryption.privateKey }]
})
