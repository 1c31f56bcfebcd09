/**
 * What the generators of signed structures share. Their signatures are random bytes of the right length: nothing here
 * needs to verify, and real signatures would make generating slow.
 */
import * as Destination from "@effect-i2p/wire/Destination"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

/** A destination, and a backend that signs with the same bytes whatever the message. */
export interface Signer {
  readonly keys: DestinationKeys
  readonly signatures: Signatures.Service
}

export const signer: Arbitrary.LazyArbitrary<Signer> = (fc) =>
  Arbitrary.makeLazy(Destination.Schema)(fc).chain((destination) => {
    const { signatureLength } = KeyType.signingType(destination.signingType)!
    return fc.uint8Array({ minLength: signatureLength, maxLength: signatureLength }).map((signature) => ({
      keys: {
        destination,
        signingKey: SigningKey.makePrivate(destination.signingType, new Uint8Array(0)),
        encryptionPrivateKey: Redacted.make(new Uint8Array(0)),
        offline: undefined
      },
      signatures: { ...Signatures.noble, sign: () => Either.right(signature) }
    }))
  })
