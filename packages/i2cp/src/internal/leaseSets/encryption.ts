/**
 * What an encrypted lease set takes besides its content: who may read it, and the keys of the day that sign it.
 */
import * as Blinding from "@effect-i2p/wire/Blinding"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import type * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import type * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import type { SignatureError } from "@effect-i2p/wire/SignatureError"
import { EncodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import type * as I2cpConfig from "../../I2cpConfig.js"

/** With a key of our own among the clients, the router can be one of them. */
export const ownClient = (
  authorization: EncryptedLeaseSet.Authorization | undefined,
  random: SecureRandom.Service
): {
  readonly authorization: EncryptedLeaseSet.Authorization
  readonly clientKey: Redacted.Redacted<Uint8Array> | undefined
} => {
  if (authorization === undefined || authorization._tag === "Everybody") {
    return { authorization: { _tag: "Everybody" }, clientKey: undefined }
  }
  const { privateKey, publicKey } = EncryptionKey.make(random)
  return {
    authorization:
      authorization._tag === "Dh"
        ? { _tag: "Dh", clients: [publicKey, ...authorization.clients] }
        : { _tag: "Psk", clients: [privateKey, ...authorization.clients] },
    clientKey: privateKey
  }
}

export const outerKeys = (
  keys: DestinationKeys.DestinationKeys,
  { days, secret }: I2cpConfig.EncryptedLeaseSetOptions,
  published: number
): Either.Either<Blinding.OuterKeys, EncodeError | SignatureError> => {
  if (keys.offline === undefined) return Blinding.outerKeys(keys, published, secret)
  const date = Blinding.dateOf(published)
  const found = days?.find((day) => day.date === date)
  return found === undefined
    ? Either.left(
        new EncodeError({ structure: "EncryptedLeaseSet", field: "days", reason: `no blinded keys for ${date}` })
      )
    : Either.right(found)
}
