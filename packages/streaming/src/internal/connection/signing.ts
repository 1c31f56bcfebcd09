/**
 * Signatures of packets: added as the last thing before a packet leaves, checked before the core sees one that came.
 *
 * @since 0.1.0
 */

import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import type { Service as SecureRandom } from "@effect-i2p/wire/SecureRandom"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Signing } from "../../core/Action.js"
import * as Packet from "../../Packet.js"

/**
 * What signs for a session: its keys, the backend, and the randomness that some types of signature need.
 */
export interface Signer {
  readonly keys: DestinationKeys.DestinationKeys
  readonly signatures: Signatures.Service
  readonly random: SecureRandom
}

/**
 * Completes a packet and gives its bytes: the signature covers the whole packet with the signature's own bytes zero.
 *
 * With offline keys the block goes where FROM goes, and only there is its date checked: peers know the transient key
 * after that, and take its CLOSE and RESET as long as the stream lives.
 *
 * **Errors** the backend's, if it cannot sign with our type of key; `OfflineKeysExpired` for a packet no peer would take.
 * **Source** streaming specification, "Signature Notes".
 */
export const seal = (
  packet: Packet.Packet,
  signing: Signing,
  signer: Signer,
  nowMillis: number
): Either.Either<Uint8Array, Signatures.SignatureError | DestinationKeys.OfflineKeysExpired> => {
  if (signing === "none") return Either.right(Packet.encode(packet))
  const { keys, random, signatures } = signer
  if (signing === "identity") {
    const valid = DestinationKeys.checkExpiry(keys, nowMillis)
    if (Either.isLeft(valid)) return Either.left(valid.left)
  }
  const length = KeyType.signatureLength(DestinationKeys.activePublicKey(keys).type) ?? 0
  const unsigned: Packet.Packet = {
    ...packet,
    ...(signing === "identity" ? { from: keys.destination, offlineSignature: keys.offline } : undefined),
    signature: new Uint8Array(length)
  }
  const bytes = Packet.encode(unsigned)
  return Either.map(signatures.sign(keys.signingKey, bytes, random), (signature) => {
    bytes.set(signature, Packet.signatureOffset(unsigned))
    return bytes
  })
}

/** Largest packet that every router takes. i2pd's buffer, unless built for post-quantum types. */
const maxPacketBytes = 4096

/** Header of 22 bytes, the eight words of a replay hash, a delay and a maximum packet size. */
const firstSynBytes = 22 + 32 + 2 + 2

/**
 * Bytes of payload for which a SYN has room beside the identity it carries: thousands with the usual types, some hundred
 * with ML-DSA-44, none with larger ones, whose SYN is over the limit without any.
 */
export const synRoom = (keys: DestinationKeys.DestinationKeys): number => {
  const { bytes } = keys.destination
  const offline = keys.offline === undefined ? 0 : OfflineSignature.byteLength(keys.offline)
  const signature = KeyType.signatureLength(DestinationKeys.activePublicKey(keys).type) ?? 0
  return Math.max(0, maxPacketBytes - firstSynBytes - bytes.length - offline - signature)
}

/** Timers of JavaScript end at 24.8 days; offline keys may last longer. */
const longestSleep = 86_400_000

/**
 * Logs the moment from which no stream can be opened any more, and ends; at once for keys without a date.
 */
export const announceExpiry = Effect.fnUntraced(
  function* (keys: DestinationKeys.DestinationKeys) {
    if (keys.offline === undefined) return
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const expired = DestinationKeys.checkExpiry(keys, now)
      if (Either.isLeft(expired)) return yield* Effect.logWarning(`${expired.left.message}; open streams go on`)
      yield* Effect.sleep(Math.min(longestSleep, keys.offline.expires * 1000 - now))
    }
  },
  Effect.annotateLogs({ package: "streaming", module: "StreamManager" })
)

/**
 * Why a packet's signature does not count.
 */
export type Unverified = "Missing" | "UnknownKey" | "WrongIdentity" | "BadOfflineSignature" | "Expired" | "BadSignature"

/**
 * Whether the packet means nothing without a signature.
 */
export const needsSignature = (packet: Packet.Packet): boolean =>
  (packet.flags & (Packet.SYNCHRONIZE | Packet.CLOSE | Packet.RESET)) !== 0

/**
 * What a packet's signature is checked with, before it is.
 *
 * **Shape** `type` is the signature type that the check is charged to, the dear one if there are two. `isAccepted`: the
 * key of a destination that is not known yet, and any transient key, must be of an accepted type. A destination that we
 * have dialed, or that has a stream, may have any.
 */
export interface Claim {
  readonly type: number
  readonly isAccepted: boolean
}

/**
 * `known` is the key remembered for the stream, undefined for a caller.
 */
export const claimOf = (
  packet: Packet.Packet,
  known: SigningKey.PublicKey | undefined,
  acceptedTypes: ReadonlyArray<number>
): Claim => {
  const own = packet.from?.signingKey.type ?? known?.type ?? KeyType.Ed25519
  const transient = packet.from === undefined ? undefined : packet.offlineSignature?.transientKey.type
  const isAccepted =
    (known !== undefined || acceptedTypes.includes(own)) &&
    (transient === undefined || acceptedTypes.includes(transient))
  return { type: transient !== undefined && !VerificationBudget.isDear(own) ? transient : own, isAccepted }
}

/**
 * Checks a packet's signature over the bytes as they came, and gives the key that made it: the transient one of its
 * offline block, else that of its FROM, else the one remembered for the stream.
 */
export const verify = (
  packet: Packet.Packet,
  bytes: Uint8Array,
  expected: { readonly key: SigningKey.PublicKey | undefined; readonly destinationBytes: Uint8Array | undefined },
  signatures: Signatures.Service,
  nowMillis: number
): Either.Either<SigningKey.PublicKey, Unverified> => {
  const signature = packet.signature
  if (signature === undefined) return Either.left("Missing")
  if (
    packet.from !== undefined &&
    expected.destinationBytes !== undefined &&
    !Bytes.equals(packet.from.bytes, expected.destinationBytes)
  ) {
    return Either.left("WrongIdentity")
  }
  let key = expected.key
  // A key that is known has been imported by the backend already; another object of the same bytes has not.
  if (packet.from !== undefined && (key === undefined || !SigningKey.equals(key, packet.from.signingKey))) {
    key = packet.from.signingKey
  }
  if (packet.from !== undefined && packet.offlineSignature !== undefined) {
    if (OfflineSignature.isExpired(packet.offlineSignature, nowMillis)) return Either.left("Expired")
    const block = OfflineSignature.verify(packet.offlineSignature, packet.from.signingKey, signatures)
    if (!Either.getOrElse(block, () => false)) return Either.left("BadOfflineSignature")
    key = packet.offlineSignature.transientKey
  }
  if (key === undefined) return Either.left("UnknownKey")
  const length = KeyType.signatureLength(key.type)
  if (length === undefined || signature.length < length) return Either.left("BadSignature")
  const offset = Packet.signatureOffset(packet)
  const signed = bytes.slice()
  signed.fill(0, offset, offset + length)
  const valid = signatures.verify(key, signed, signature.subarray(0, length))
  return Either.getOrElse(valid, () => false) ? Either.right(key) : Either.left("BadSignature")
}
