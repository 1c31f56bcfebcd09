/**
 * The formats of datagrams: what is inside of a payload whose protocol number is not streaming's.
 *
 *     Raw        18   payload
 *     Datagram1  17   Destination · signature · payload
 *     Datagram2  19   Destination · u16 flags · [Mapping] · [offline signature block] · payload · signature
 *     Datagram3  20   hash of the Destination · u16 flags · [Mapping] · payload
 *
 * | format | says who sent it | proves it | for this receiver only | offline keys |
 * |---|---|---|---|---|
 * | Raw | no | – | – | – |
 * | Datagram1 | yes | yes | no: whoever got it can pass it on | no |
 * | Datagram2 | yes | yes | yes: the receiver's hash is signed too, though not sent | yes |
 * | Datagram3 | yes | **no**: anybody can write any hash | – | – |
 *
 * The low four bits of the flags are the version, 2 or 3; bit 4 says that options follow, bit 5 (Datagram2 only) an
 * offline block. Other bits are written as 0 and not looked at, as the specification keeps them for later; in Datagram2
 * they are signed like the rest.
 *
 * Datagram1's signature is over the payload; of a DSA key over the payload's SHA-256. Datagram2's is over receiver's hash,
 * flags, options, offline block and payload, of every key. None of them keeps the same bytes from coming twice, and none
 * covers the sender's Destination beyond its signing key: who passes a datagram on can change the padding and so the hash.
 * Where that matters, know senders by `from.signingKey`.
 *
 * Pure; `Datagrams` sends and receives them.
 *
 * **Source** I2P datagram specification (API 0.9.66), proposal 163; Datagram1's signature: i2pd's `Datagram.cpp` too.
 *
 * @since 0.1.0
 */
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Bytes from "@effect-i2p/wire/Bytes"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as Destination from "@effect-i2p/wire/Destination"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import type * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type * as SigningKey from "@effect-i2p/wire/SigningKey"
import type { DecodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import { DatagramRejected, DatagramUntrusted } from "./DatagramError.js"

/**
 * The formats there are; the table in the README says who understands which.
 *
 * @category models
 * @since 0.1.0
 */
export type Format = "Raw" | "Datagram1" | "Datagram2" | "Datagram3"

/**
 * The protocol number of each format.
 *
 * **Source** I2P datagram specification; I2CP overview, protocol numbers.
 *
 * @category constants
 * @since 0.1.0
 */
export const protocols: Readonly<Record<Format, number>> = { Raw: 18, Datagram1: 17, Datagram2: 19, Datagram3: 20 }

/**
 * Beyond this a datagram is in so many fragments that the loss of one of them becomes likely.
 *
 * **Source** I2P datagram specification, "Datagram Size": at most 10 KB. i2pd's receivers stop at 32,768, Java's at 40,960.
 *
 * @category constants
 * @since 0.1.0
 */
export const ADVISED_BYTES = 10_240

/**
 * **Shape** `payload` is a view of what was decoded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagram1 {
  readonly from: Destination.Destination
  readonly payload: Uint8Array
}

/**
 * **Shape** `signature` and `payload` are views of what was decoded; `options` is empty where there are none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagram2 {
  readonly from: Destination.Destination
  readonly options: Mapping.Mapping
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/**
 * **Shape** `fromHash` is what the sender wrote, true or not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagram3 {
  readonly fromHash: Hash.Hash
  readonly options: Mapping.Mapping
  readonly payload: Uint8Array
}

/**
 * A datagram on its way out.
 *
 * **Errors** a port outside of 0 to 65,535 is a defect.
 * **Shape** `to` is a Destination, or any address that `I2cpSession.lookup` takes. `port` is the receiver's, `sourcePort`
 * (default 0) where an answer may go. `options` only in Datagram2 and 3. `compress` (default true, as every sender of
 * Destinations has it: most of one is padding) deflates when that gains. `onStatus` and `expiresAt` as in `Payload.Outgoing`.
 *
 * @category models
 * @since 0.1.0
 */
export type Outgoing = {
  readonly to: Destination.Destination | string
  readonly port: number
  readonly sourcePort?: number | undefined
  readonly payload: Uint8Array
  readonly compress?: boolean | undefined
  readonly expiresAt?: number | undefined
  readonly onStatus?: ((status: number) => void) | undefined
} & (
  | { readonly format: "Raw" | "Datagram1" }
  | { readonly format: "Datagram2" | "Datagram3"; readonly options?: Mapping.Input | undefined }
)

interface Ports {
  readonly port: number
  readonly sourcePort: number
  readonly payload: Uint8Array
}

/**
 * A datagram that arrived; its bytes are the receiver's to keep.
 *
 * **Shape** `port` is ours, `sourcePort` the sender's. `from` has signed it; `fromHash` is only what was written there, and
 * `Hash.toB32(fromHash)` is an address to answer to.
 *
 * @category models
 * @since 0.1.0
 */
export type Incoming =
  | ({ readonly _tag: "Raw" } & Ports)
  | ({ readonly _tag: "Datagram1"; readonly from: Destination.Destination } & Ports)
  | ({ readonly _tag: "Datagram2"; readonly from: Destination.Destination; readonly options: Mapping.Mapping } & Ports)
  | ({ readonly _tag: "Datagram3"; readonly fromHash: Hash.Hash; readonly options: Mapping.Mapping } & Ports)

const VERSION_MASK = 0x0f
const HAS_OPTIONS = 0x10
const IS_OFFLINE = 0x20

/**
 * A Datagram1. `random` is for key types that sign with some, as in `Signatures`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode1 = (
  keys: DestinationKeys,
  payload: Uint8Array,
  signatures: Signatures.Service,
  random?: SecureRandom.Service
): Either.Either<Uint8Array, DatagramRejected> => {
  if (keys.offline !== undefined) {
    return reject("OfflineKeys", "Datagram1 has no room for the transient key of offline keys; use Datagram2")
  }
  return Either.map(sign(keys, signed1(keys.destination, payload), signatures, random), (signature) =>
    concat(keys.destination.bytes, signature, payload)
  )
}

/**
 * Exactly one Datagram1, whose sender has signed it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode1 = (
  bytes: Uint8Array,
  signatures: Signatures.Service
): Either.Either<Datagram1, DecodeError | DatagramUntrusted> =>
  Either.gen(function* () {
    const reader = new ByteReader("Datagram1", bytes)
    const from = Destination.read(reader)
    const signature = reader.view(lengthOf(reader, from?.signingType), "signature")
    const payload = reader.rest("payload")
    yield* reader.finishLoose(undefined)
    const destination = from!
    yield* judge(destination, destination.signingKey, signed1(destination, payload), signature, signatures)
    return { from: destination, payload }
  })

/** What a DSA key signs is the hash of a hash, a habit from before other keys. */
const signed1 = (from: Destination.Destination, payload: Uint8Array): Uint8Array =>
  from.signingType === KeyType.DsaSha1 ? Hash.of(payload) : payload

/**
 * A Datagram2 that only `target` will accept.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode2 = (
  keys: DestinationKeys,
  target: Hash.Hash,
  content: { readonly payload: Uint8Array; readonly options?: Mapping.Input | undefined },
  signatures: Signatures.Service,
  random?: SecureRandom.Service
): Either.Either<Uint8Array, DatagramRejected> =>
  Either.gen(function* () {
    const flags = keys.offline === undefined ? 2 : 2 | IS_OFFLINE
    const head = yield* headOf(flags, content.options)
    const offline = keys.offline === undefined ? Bytes.empty : OfflineSignature.encode(keys.offline)
    const body = concat(head, offline, content.payload)
    const signature = yield* sign(keys, concat(target, body), signatures, random)
    return concat(keys.destination.bytes, body, signature)
  })

/**
 * Exactly one Datagram2 that its sender has signed for `self`, at `nowMillis` (which only offline blocks care about).
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode2 = (
  bytes: Uint8Array,
  self: Hash.Hash,
  nowMillis: number,
  signatures: Signatures.Service
): Either.Either<Datagram2, DecodeError | DatagramUntrusted> =>
  Either.gen(function* () {
    const reader = new ByteReader("Datagram2", bytes)
    const from = Destination.read(reader)
    const start = reader.offset
    const flags = flagsOf(reader, 2)
    const options = (flags & HAS_OPTIONS) === 0 ? Mapping.empty : Mapping.read(reader, "options")
    const offline =
      (flags & IS_OFFLINE) === 0 || from === undefined ? undefined : OfflineSignature.read(reader, from.signingType)
    const length = lengthOf(reader, offline?.transientKey.type ?? from?.signingType)
    const payload = reader.view(reader.remaining - length, "payload")
    const end = reader.offset
    const signature = reader.view(length, "signature")
    yield* reader.finish(undefined)
    const destination = from!
    if (offline !== undefined) yield* vouched(destination, offline, nowMillis, signatures)
    const key = offline?.transientKey ?? destination.signingKey
    yield* judge(destination, key, concat(self, bytes.subarray(start, end)), signature, signatures)
    return { from: destination, options, payload, signature }
  })

/**
 * A Datagram3 that says it is from `from`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode3 = (
  from: Hash.Hash,
  content: { readonly payload: Uint8Array; readonly options?: Mapping.Input | undefined }
): Either.Either<Uint8Array, DatagramRejected> =>
  Either.map(headOf(3, content.options), (head) => concat(from, head, content.payload))

/**
 * Exactly one Datagram3. Nothing proves who wrote it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode3 = (bytes: Uint8Array): Either.Either<Datagram3, DecodeError> => {
  const reader = new ByteReader("Datagram3", bytes)
  const fromHash = Hash.read(reader, "from")
  const flags = flagsOf(reader, 3)
  const options = (flags & HAS_OPTIONS) === 0 ? Mapping.empty : Mapping.read(reader, "options")
  const payload = reader.rest("payload")
  return reader.finish({ fromHash, options, payload })
}

/**
 * The types of the keys that a datagram's signatures are to be checked with: the sender's, and the transient one of an
 * offline block. None if it has no signature, or is malformed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const keyTypes = (format: Format, bytes: Uint8Array): ReadonlyArray<number> => {
  if (format === "Raw" || format === "Datagram3") return []
  const reader = new ByteReader(format, bytes)
  const from = Destination.read(reader)
  if (from === undefined || reader.failed) return []
  if (format === "Datagram1") return [from.signingType]
  const flags = flagsOf(reader, 2)
  if ((flags & HAS_OPTIONS) !== 0) Mapping.read(reader, "options")
  const offline = (flags & IS_OFFLINE) === 0 ? undefined : OfflineSignature.read(reader, from.signingType)
  if (reader.failed) return []
  return offline === undefined ? [from.signingType] : [from.signingType, offline.transientKey.type]
}

// --- parts -------------------------------------------------------------------------------------------------------

const reject = (reason: DatagramRejected["reason"], detail: string): Either.Either<never, DatagramRejected> =>
  Either.left(new DatagramRejected({ reason, detail }))

const headOf = (flags: number, options: Mapping.Input | undefined): Either.Either<Uint8Array, DatagramRejected> => {
  const writer = new ByteWriter(64)
  writer.u16(options === undefined ? flags : flags | HAS_OPTIONS)
  if (options === undefined) return Either.right(writer.toBytes())
  return Either.mapBoth(Mapping.encode(options), {
    onLeft: (error) => new DatagramRejected({ reason: "BadOptions", detail: error.message }),
    onRight: (bytes) => {
      writer.bytes(bytes)
      return writer.toBytes()
    }
  })
}

const flagsOf = (reader: ByteReader, version: number): number => {
  const at = reader.offset
  const flags = reader.u16("flags")
  if (!reader.failed && (flags & VERSION_MASK) !== version) {
    reader.fail("flags", `version ${flags & VERSION_MASK}, not ${version}`, at)
  }
  return flags
}

/** Bytes of the signature; a type nobody knows has none that could be found. */
const lengthOf = (reader: ByteReader, type: number | undefined): number => {
  const length = type === undefined ? undefined : KeyType.signatureLength(type)
  if (length === undefined && type !== undefined) reader.fail("signature", KeyType.signingTypeName(type))
  return length ?? 0
}

const sign = (
  keys: DestinationKeys,
  message: Uint8Array,
  signatures: Signatures.Service,
  random: SecureRandom.Service | undefined
): Either.Either<Uint8Array, DatagramRejected> =>
  Either.mapLeft(
    signatures.sign(keys.signingKey, message, random),
    (error) => new DatagramRejected({ reason: "CannotSign", detail: error.message })
  )

const untrusted = (
  from: Destination.Destination,
  reason: DatagramUntrusted["reason"]
): Either.Either<never, DatagramUntrusted> => Either.left(new DatagramUntrusted({ from: from.short, reason }))

const judge = (
  from: Destination.Destination,
  key: SigningKey.PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
  signatures: Signatures.Service
): Either.Either<void, DatagramUntrusted> => {
  const verified = signatures.verify(key, message, signature)
  if (Either.isLeft(verified)) return untrusted(from, "UnsupportedType")
  return verified.right ? Either.void : untrusted(from, "BadSignature")
}

const vouched = (
  from: Destination.Destination,
  offline: OfflineSignature.OfflineSignature,
  nowMillis: number,
  signatures: Signatures.Service
): Either.Either<void, DatagramUntrusted> => {
  if (OfflineSignature.isExpired(offline, nowMillis)) return untrusted(from, "Expired")
  const verified = OfflineSignature.verify(offline, from.signingKey, signatures)
  if (Either.isLeft(verified)) return untrusted(from, "UnsupportedType")
  return verified.right ? Either.void : untrusted(from, "OfflineSignature")
}

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const writer = new ByteWriter(parts.reduce((length, part) => length + part.length, 0))
  for (const part of parts) writer.bytes(part)
  return writer.toBytes()
}
