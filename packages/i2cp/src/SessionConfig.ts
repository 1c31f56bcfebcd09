/**
 * The signed configuration that creates a session: who we are, what we want, when we said so.
 *
 * | part | bytes |
 * |---|---|
 * | Destination | 387+ |
 * | options | Mapping, sorted by UTF-16 code units |
 * | created | u64 ms since 1970, router clock |
 * | signature | by the Destination's signing key, or the transient key of an offline-signed session |
 *
 * The signature covers everything before it. Sorting is part of the signature: Java parses the mapping, writes it
 * again sorted and checks that.
 *
 * A value keeps the bytes it was signed as or decoded from, so verifying never depends on writing it again.
 *
 * **Source** I2CP specification "SessionConfig"; offline keys: proposal 123 and the I2CP overview's options.
 *
 * @since 0.1.0
 */
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as ByteArrays from "@effect-i2p/wire/Bytes"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as Destination from "@effect-i2p/wire/Destination"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import { decodeBase64, encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Mapping from "@effect-i2p/wire/Mapping"
import type { SignatureError } from "@effect-i2p/wire/SignatureError"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type * as SigningKey from "@effect-i2p/wire/SigningKey"
import type { DecodeError, EncodeError } from "@effect-i2p/wire/WireError"
import * as WireSchema from "@effect-i2p/wire/WireSchema"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Ids from "./Ids.js"

/**
 * A signed configuration.
 *
 * **Shape** `bytes` is the whole structure, signature included; the other fields are what it says.
 * **Units** `created` ms since 1970 by the router's clock. Java wants it within 3 minutes of its own.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionConfig: Schema.Schema<SessionConfig> = WireSchema.withBytes(
  Schema.Struct({
    destination: Destination.Registered,
    options: Mapping.Schema,
    created: Ids.Millis,
    signature: WireSchema.Bytes,
    bytes: WireSchema.Bytes
  }),
  {
    identifier: "SessionConfig",
    decode: (bytes): Either.Either<SessionConfig, DecodeError> => decode(bytes),
    write: ({ created, destination, options, signature }) => {
      const writer = new ByteWriter(1024)
      writeSigned(writer, destination, Either.getOrThrow(Mapping.encode(options)), created)
      const type = transientKey(options)?.type ?? destination.signingType
      writer.bytes(ByteArrays.fit(signature, KeyType.signatureLength(type)!))
      return writer.toBytes()
    }
  }
)

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionConfig {
  readonly destination: Destination.Destination
  readonly options: Mapping.Mapping
  readonly created: number
  readonly signature: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * Options that say a session is signed by a transient key; {@link sign} adds them for offline keys.
 *
 * **Source** I2CP overview, its tables of options. i2pd and emissary refuse such sessions.
 */
const OFFLINE_EXPIRATION = "i2cp.leaseSetOfflineExpiration"
const OFFLINE_TRANSIENT = "i2cp.leaseSetTransientPublicKey"
const OFFLINE_SIGNATURE = "i2cp.leaseSetOfflineSignature"

/**
 * Signs a configuration.
 *
 * **Errors** `EncodeError` when an option has a string over 255 bytes or all have more than 65,535;
 * `SignatureError` when the key cannot sign.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sign = (
  keys: DestinationKeys,
  options: Mapping.Input,
  created: number,
  signatures: Signatures.Service
): Either.Either<SessionConfig, EncodeError | SignatureError> => {
  const all = new Map(options instanceof Map ? options : Object.entries(options))
  if (keys.offline !== undefined) {
    const { expires, signature, transientKey } = keys.offline
    all.set(OFFLINE_EXPIRATION, String(expires))
    all.set(OFFLINE_TRANSIENT, `${transientKey.type}:${encodeBase64(transientKey.bytes)}`)
    all.set(OFFLINE_SIGNATURE, encodeBase64(signature))
  }
  return Either.flatMap(Mapping.encode(all), (mapping) => {
    const writer = new ByteWriter(1024)
    writeSigned(writer, keys.destination, mapping, created)
    return Either.map(signatures.sign(keys.signingKey, writer.toBytes()), (signature) => {
      writer.bytes(signature)
      return { destination: keys.destination, options: all, created, signature, bytes: writer.toBytes() }
    })
  })
}

/** What the signature covers. */
const writeSigned = (
  writer: ByteWriter,
  destination: Destination.Destination,
  mapping: Uint8Array,
  created: number
): void => {
  writer.bytes(destination.bytes)
  writer.bytes(mapping)
  writer.u64(created)
}

/**
 * Exactly one configuration. Does not verify.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Either.Either<SessionConfig, DecodeError> => {
  const reader = new ByteReader("SessionConfig", bytes)
  return Either.map(reader.finish(read(reader)), (config) => config!)
}

/**
 * Reads a configuration out of a message; `undefined` with the reader's error when it is malformed or the length of
 * its signature cannot be known. Does not verify.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): SessionConfig | undefined => {
  const start = reader.offset
  const destination = Destination.read(reader)
  const options = Mapping.read(reader, "options")
  const created = reader.u64("created")
  if (destination === undefined || reader.failed) return undefined
  const type = transientKey(options)?.type ?? destination.signingType
  const signing = KeyType.signingType(type)
  if (signing === undefined) {
    reader.fail("signature", `unknown signature type ${type}`)
    return undefined
  }
  const signature = reader.copy(signing.signatureLength, "signature")
  if (reader.failed) return undefined
  const bytes = new Uint8Array(reader.bytes.subarray(start, reader.offset))
  return { destination, options, created, signature, bytes }
}

/**
 * Whether the Destination signed this configuration. For an offline-signed one this checks the transient key's
 * signature only; who vouches for the transient key is `OfflineSignature`'s business.
 *
 * **Errors** `SignatureError` for key types the backend has not.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (
  config: SessionConfig,
  signatures: Signatures.Service
): Either.Either<boolean, SignatureError> => {
  const signed = config.bytes.subarray(0, config.bytes.length - config.signature.length)
  return signatures.verify(transientKey(config.options) ?? config.destination.signingKey, signed, config.signature)
}

/** The transient key named in the options, if it can be read. */
const transientKey = (options: Mapping.Mapping): SigningKey.PublicKey | undefined => {
  const text = options.get(OFFLINE_TRANSIENT)
  const match = text === undefined ? null : /^(\d{1,5}):(.+)$/.exec(text)
  if (match === null) return undefined
  const bytes = decodeBase64(match[2]!)
  return Either.isRight(bytes) ? { type: Number(match[1]), bytes: bytes.right } : undefined
}

/**
 * Configurations from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: Schema.Schema<SessionConfig, Uint8Array> = WireSchema.fromBytes(SessionConfig, {
  decode,
  encode: ({ bytes }) => bytes
})
