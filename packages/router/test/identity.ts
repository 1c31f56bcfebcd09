import type * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import type * as Lease from "@effect-i2p/wire/Lease"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import type * as Mapping from "@effect-i2p/wire/Mapping"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
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
