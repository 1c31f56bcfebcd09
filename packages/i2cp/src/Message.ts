/**
 * Every I2CP message of a working session as one tagged union of Schemas, and the hand-written codecs by type number.
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
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { HEADER_BYTES } from "./core/Framer.js"
import type { Codec } from "./internal/codec.js"
import * as BlindingInfo from "./message/BlindingInfo.js"
import * as Delivery from "./message/Delivery.js"
import * as Handshake from "./message/Handshake.js"
import * as LeaseSets from "./message/LeaseSets.js"
import * as Lookup from "./message/Lookup.js"
import * as SessionControl from "./message/SessionControl.js"

/**
 * Any message this package understands.
 *
 * @category models
 * @since 0.1.0
 */
export const Message = Schema.Union(
  Handshake.GetDate,
  Handshake.SetDate,
  Handshake.GetBandwidthLimits,
  Handshake.BandwidthLimits,
  Handshake.Disconnect,
  SessionControl.CreateSession,
  SessionControl.ReconfigureSession,
  SessionControl.DestroySession,
  SessionControl.SessionStatus,
  LeaseSets.RequestVariableLeaseSet,
  LeaseSets.CreateLeaseSet2,
  BlindingInfo.BlindingInfo,
  Delivery.SendMessage,
  Delivery.SendMessageExpires,
  Delivery.MessagePayload,
  Delivery.MessageStatus,
  Lookup.HostLookup,
  Lookup.HostReply
)

/**
 * @category models
 * @since 0.1.0
 */
export type Message = typeof Message.Type

type Codecs = { readonly [Tag in Message["_tag"]]: Codec<Extract<Message, { readonly _tag: Tag }>> }

const codecs: Codecs = {
  GetDate: Handshake.getDate,
  SetDate: Handshake.setDate,
  GetBandwidthLimits: Handshake.getBandwidthLimits,
  BandwidthLimits: Handshake.bandwidthLimits,
  Disconnect: Handshake.disconnect,
  CreateSession: SessionControl.createSession,
  ReconfigureSession: SessionControl.reconfigureSession,
  DestroySession: SessionControl.destroySession,
  SessionStatus: SessionControl.sessionStatus,
  RequestVariableLeaseSet: LeaseSets.requestVariableLeaseSet,
  CreateLeaseSet2: LeaseSets.createLeaseSet2,
  BlindingInfo: BlindingInfo.blindingInfo,
  SendMessage: Delivery.sendMessage,
  SendMessageExpires: Delivery.sendMessageExpires,
  MessagePayload: Delivery.messagePayload,
  MessageStatus: Delivery.messageStatus,
  HostLookup: Lookup.hostLookup,
  HostReply: Lookup.hostReply
}

const codecOf = <M extends Message>(tag: M["_tag"]): Codec<M> => codecs[tag] as unknown as Codec<M>

const byType = new Map<number, Codec<Message>>(
  Object.values(codecs).map((codec) => [codec.type, codec as unknown as Codec<Message>])
)

/**
 * The type number a message travels under.
 *
 * @category getters
 * @since 0.1.0
 */
export const typeOf = (tag: Message["_tag"]): number => codecs[tag].type

/**
 * Whether {@link decode} knows this type number; others are to be ignored and counted.
 *
 * @category getters
 * @since 0.1.0
 */
export const isKnown = (type: number): boolean => byType.has(type)

/**
 * Encodes a whole frame: length, type, body.
 *
 * **Errors** none for a value its Schema accepts; one it would not (a string of 300 bytes) is a caller bug and throws.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (message: Message): Uint8Array => {
  const codec = codecOf(message._tag)
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
 * **Errors** truncated or surplus bytes, values out of range, and type numbers for which {@link isKnown} is false.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (type: number, body: Uint8Array): Either.Either<Message, DecodeError> => {
  const codec = byType.get(type)
  if (codec === undefined) {
    return Either.left(
      new DecodeError({ structure: "I2CP", field: "type", offset: 4, reason: `unknown message type ${type}` })
    )
  }
  const reader = new ByteReader(`I2CP message ${type}`, body)
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
  return codec.looseTail === true ? reader.finishLoose(message) : reader.finish(message)
}

export * from "./message/BlindingInfo.js"
export * from "./message/Delivery.js"
export * from "./message/Handshake.js"
export * from "./message/LeaseSets.js"
export * from "./message/Lookup.js"
export * from "./message/SessionControl.js"
