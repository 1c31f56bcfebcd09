/**
 * The message by which a client gives its router what it takes to read somebody's encrypted lease set.
 *
 * @since 0.1.0
 */
import type { ByteReader } from "@effect-i2p/wire/ByteReader"
import type { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import { bytes, ShortString } from "@effect-i2p/wire/WireSchema"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import type { Descriptor } from "../internal/message/descriptor.js"

/**
 * Whose lease set. Java I2P ignores the first two kinds.
 *
 * @category models
 * @since 0.1.0
 */
export const BlindingEndpoint = Schema.Union(
  Schema.TaggedStruct("Hash", { hash: Hash.Schema }),
  Schema.TaggedStruct("Name", { name: ShortString }),
  Schema.TaggedStruct("Destination", { destination: Destination.Schema }),
  Schema.TaggedStruct("Key", { signingKey: SigningKey.RegisteredPublicKey })
)

/**
 * @category models
 * @since 0.1.0
 */
export type BlindingEndpoint = typeof BlindingEndpoint.Type

/**
 * The key of an authorised client.
 *
 * **Shape** `Dh`: an X25519 private key; `Psk`: a pre-shared one. 32 bytes.
 *
 * @category models
 * @since 0.1.0
 */
export const ClientKey = Schema.Struct({
  scheme: Schema.Literal("Dh", "Psk"),
  key: Schema.RedactedFromSelf(bytes(32))
})

/**
 * @category models
 * @since 0.1.0
 */
export type ClientKey = typeof ClientKey.Type

/**
 * 42, client → router: secret and key for the lease sets of one destination. There is no reply; i2pd and emissary ignore
 * it, Java I2P knows it since 0.9.43.
 *
 * **Units** `expires` in seconds since 1970: until then the router remembers it.
 * **Source** I2CP specification "BlindingInfoMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const BlindingInfo = Schema.TaggedStruct("BlindingInfo", {
  sessionId: Ids.SessionId,
  endpoint: BlindingEndpoint,
  blindedType: Ids.Uint16,
  expires: Ids.Uint32,
  clientKey: Schema.UndefinedOr(ClientKey),
  secret: Schema.UndefinedOr(Schema.RedactedFromSelf(ShortString))
})

/**
 * @category messages
 * @since 0.1.0
 */
export type BlindingInfo = typeof BlindingInfo.Type

const flagPerClient = 1
const schemePsk = 2
const schemeBits = 0x0e
const flagSecret = 0x10

const blindingInfo: Descriptor<typeof BlindingInfo, "ToRouter"> = {
  schema: BlindingInfo,
  direction: "ToRouter",
  tag: "BlindingInfo",
  type: 42,
  isAddressed: true,
  write: (writer, { blindedType, clientKey, endpoint, expires, secret, sessionId }) => {
    writer.u16(sessionId)
    const authorization = clientKey === undefined ? 0 : flagPerClient | (clientKey.scheme === "Psk" ? schemePsk : 0)
    writer.u8(authorization | (secret === undefined ? 0 : flagSecret))
    writer.u8(endpointTypes.indexOf(endpoint._tag))
    writer.u16(blindedType)
    writer.u32(expires)
    writeEndpoint(writer, endpoint)
    if (clientKey !== undefined) writer.bytes(Redacted.value(clientKey.key))
    if (secret !== undefined) writer.string(Redacted.value(secret))
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const flags = reader.u8("flags")
    const type = reader.u8("endpointType")
    const blindedType = reader.u16("blindedType")
    const expires = reader.u32("expires")
    const endpoint = readEndpoint(reader, type)
    const isPsk = (flags & schemeBits) === schemePsk
    if ((flags & flagPerClient) !== 0 ? !isPsk && (flags & schemeBits) !== 0 : (flags & schemeBits) !== 0) {
      reader.fail("flags", `authorisation ${flags & (flagPerClient | schemeBits)} is not supported`)
    }
    const clientKey: ClientKey | undefined =
      (flags & flagPerClient) === 0
        ? undefined
        : { scheme: isPsk ? "Psk" : "Dh", key: Redacted.make(reader.copy(32, "clientKey")) }
    const secret = (flags & flagSecret) === 0 ? undefined : Redacted.make(reader.string("secret"))
    return endpoint && { _tag: "BlindingInfo", sessionId, endpoint, blindedType, expires, clientKey, secret }
  }
}

/** By their number on the wire. */
const endpointTypes: ReadonlyArray<BlindingEndpoint["_tag"]> = ["Hash", "Name", "Destination", "Key"]

const writeEndpoint = (writer: ByteWriter, endpoint: BlindingEndpoint): void => {
  switch (endpoint._tag) {
    case "Hash":
      return writer.bytes(endpoint.hash)
    case "Name":
      return writer.string(endpoint.name)
    case "Destination":
      return writer.bytes(endpoint.destination.bytes)
    case "Key":
      writer.u16(endpoint.signingKey.type)
      return writer.bytes(endpoint.signingKey.bytes)
  }
}

const readEndpoint = (reader: ByteReader, type: number): BlindingEndpoint | undefined => {
  switch (endpointTypes[type]) {
    case "Hash":
      return { _tag: "Hash", hash: Hash.read(reader, "hash") }
    case "Name":
      return { _tag: "Name", name: reader.string("name") }
    case "Destination": {
      const destination = Destination.read(reader)
      return destination && { _tag: "Destination", destination }
    }
    case "Key": {
      const signingType = reader.u16("signingType")
      const known = KeyType.signingType(signingType)
      if (known === undefined) reader.fail("signingType", KeyType.signingTypeName(signingType))
      const bytes = reader.copy(known?.publicKeyLength ?? 0, "signingKey")
      return { _tag: "Key", signingKey: { type: signingType, bytes } }
    }
    default:
      reader.fail("endpointType", `endpoint type ${type} is not supported`)
      return undefined
  }
}

/** @internal */
export const blindingMessages = [blindingInfo] as const
