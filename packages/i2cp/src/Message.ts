/**
 * Every I2CP message of a working session as one tagged union of Schemas, and their hand-written codecs, both read from the
 * descriptors that the files of `message/` list.
 *
 * Both directions are here: a client encodes its own and decodes the router's, the embedded router the other way
 * round. Types that are deprecated or for modes we never ask for (4, 6, 7, 21, 29, 34, 35) are not; a receiver
 * ignores and counts them.
 *
 * Nothing here validates against the Schemas: they are the types, the generators and the documentation, the codecs
 * are the check.
 *
 * **Source** I2CP specification, "Message types".
 *
 * @since 0.1.0
 */
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import { DecodeError } from "@effect-i2p/wire/WireError"
import * as WireSchema from "@effect-i2p/wire/WireSchema"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { capOf, type Descriptor, type Direction, HEADER_BYTES } from "./internal/message/descriptor.js"
import { blindingMessages } from "./message/BlindingInfo.js"
import { deliveryMessages } from "./message/Delivery.js"
import { handshakeMessages } from "./message/Handshake.js"
import { leaseSetMessages } from "./message/LeaseSets.js"
import { lookupMessages } from "./message/Lookup.js"
import { sessionMessages } from "./message/SessionControl.js"

const all = [
  ...handshakeMessages,
  ...sessionMessages,
  ...leaseSetMessages,
  ...blindingMessages,
  ...deliveryMessages,
  ...lookupMessages
] as const

type SchemasOf<All extends ReadonlyArray<{ readonly schema: Schema.Schema.AnyNoContext }>> = {
  readonly [K in keyof All]: All[K]["schema"]
}

type Schemas = SchemasOf<typeof all>

/**
 * Any message this package understands.
 *
 * @category models
 * @since 0.1.0
 */
export const Message: Schema.Union<Schemas> = Schema.Union(...(all.map(({ schema }) => schema) as unknown as Schemas))

/**
 * @category models
 * @since 0.1.0
 */
export type Message = typeof Message.Type

/**
 * Every message as what it consists of: tag, type number, schema, direction, cap, addressee and codec. Whatever has to
 * know all messages iterates over these.
 *
 * @category descriptors
 * @since 0.1.0
 */
export const descriptors = all as unknown as ReadonlyArray<Descriptor<typeof Message, Direction | "Both">>

const byTag = Object.fromEntries(descriptors.map((descriptor) => [descriptor.tag, descriptor])) as Readonly<
  Record<Message["_tag"], (typeof descriptors)[number]>
>

/** By type number: an array, because every frame asks. */
const byType = Array.from({ length: 256 }, (_, type) => descriptors.find((descriptor) => descriptor.type === type))

/**
 * The type number a message travels under.
 *
 * @category getters
 * @since 0.1.0
 */
export const typeOf = (tag: Message["_tag"]): number => byTag[tag].type

/**
 * Whether {@link decode} knows this type number; others are to be ignored and counted.
 *
 * @category getters
 * @since 0.1.0
 */
export const isKnown = (type: number): boolean => byType[type] !== undefined

/**
 * Whom a router's frame of this type is for: one `Session`, whose id its body begins with, or the whole `Connection`.
 *
 * **Shape** `undefined` for types that are unknown or that only clients send.
 *
 * @category getters
 * @since 0.1.0
 */
export const addresseeOf = (type: number): "Session" | "Connection" | undefined => {
  const descriptor = byType[type]
  if (descriptor === undefined || descriptor.direction === "ToRouter") return undefined
  return descriptor.isAddressed ? "Session" : "Connection"
}

/**
 * Encodes a whole frame: length, type, body.
 *
 * **Errors** none for a value its Schema accepts; one it would not (a string of 300 bytes) is a caller bug and throws.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (message: Message): Uint8Array => {
  const codec = byTag[message._tag]
  const writer = new ByteWriter()
  writer.u32(0)
  writer.u8(codec.type)
  codec.write(writer, message)
  writer.patchU32(0, writer.length - HEADER_BYTES)
  return writer.toBytes()
}

/**
 * Decodes a body that arrived under a type number.
 *
 * **Shape** payloads are views of `body`; everything else owns its bytes.
 * **Errors** truncated or surplus bytes, more than the cap of the type, values out of range, and type numbers for which {@link isKnown} is false.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (type: number, body: Uint8Array): Either.Either<Message, DecodeError> => {
  const codec = byType[type]
  if (codec === undefined) {
    return Either.left(
      new DecodeError({ structure: "I2CP", field: "type", offset: 4, reason: `unknown message type ${type}` })
    )
  }
  const reader = new ByteReader(`I2CP message ${type}`, body)
  const cap = capOf(codec)
  if (body.length > cap) reader.fail("length", `${body.length} bytes, at most ${cap}`)
  const message = codec.read(reader)
  if (message === undefined) {
    return Either.left(
      reader.error ??
        new DecodeError({
          structure: `I2CP message ${type}`,
          field: "body",
          offset: reader.offset,
          reason: "malformed"
        })
    )
  }
  return codec.hasLooseTail === true ? reader.finishLoose(message) : reader.finish(message)
}

/**
 * Decodes one whole frame, as {@link encode} makes it: length, type, body. A connection takes frames out of its bytes with
 * a `Framer`.
 *
 * **Shape** payloads are views of `frame`; everything else owns its bytes.
 * **Errors** a length that is not the body's, and all of {@link decode}.
 *
 * @example
 * import * as Message from "@effect-i2p/i2cp/Message"
 * import * as Either from "effect/Either"
 *
 * const frame = Message.encode({ _tag: "GetDate", version: "0.9.67" })
 * const message = Either.getOrThrow(Message.decodeFrame(frame)) // what was encoded
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeFrame = (frame: Uint8Array): Either.Either<Message, DecodeError> => {
  const reader = new ByteReader("I2CP frame", frame)
  const length = reader.u32("length")
  const type = reader.u8("type")
  if (!reader.failed && length !== reader.remaining) {
    reader.fail("length", `announces ${length} bytes, has ${reader.remaining}`, 0)
  }
  const body = reader.rest("body")
  return reader.failed ? Either.left(reader.error!) : decode(type, body)
}

/**
 * Messages from and to whole frames.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageFromBytes: Schema.Schema<Message, Uint8Array> = WireSchema.fromBytes(Message, {
  decode: decodeFrame,
  encode
})

export * from "./message/BlindingInfo.js"
export * from "./message/Delivery.js"
export * from "./message/Handshake.js"
export * from "./message/LeaseSets.js"
export * from "./message/Lookup.js"
export * from "./message/SessionControl.js"
