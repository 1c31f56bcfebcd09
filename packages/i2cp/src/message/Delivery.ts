/**
 * Messages that carry payloads and tell what became of them.
 *
 * `payload` is the gzip envelope of `Payload.ts`, not its content. Decoded payloads are views of the frame.
 *
 * @since 0.1.0
 */
import * as Destination from "@effect-i2p/wire/Destination"
import * as WireSchema from "@effect-i2p/wire/WireSchema"
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import { type Descriptor, fitsRouter, TO_ROUTER_CAP } from "../internal/message/descriptor.js"

/**
 * 5, client → router: a payload for a Destination. Use {@link SendMessageExpires}; emissary knows only that one.
 *
 * **Source** I2CP specification "SendMessageMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const SendMessage = fitsRouter(
  Schema.TaggedStruct("SendMessage", {
    sessionId: Ids.SessionId,
    destination: Destination.Schema,
    payload: WireSchema.bytes(0, TO_ROUTER_CAP),
    nonce: Ids.Nonce
  }),
  ({ destination, payload }) => 10 + destination.bytes.length + payload.length
)

/**
 * @category messages
 * @since 0.1.0
 */
export type SendMessage = typeof SendMessage.Type

const sendMessage: Descriptor<typeof SendMessage, "ToRouter"> = {
  schema: SendMessage,
  direction: "ToRouter",
  tag: "SendMessage",
  type: 5,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.bytes(message.destination.bytes)
    writer.u32(message.payload.length)
    writer.bytes(message.payload)
    writer.u32(message.nonce)
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const destination = Destination.read(reader)
    const payload = reader.view(reader.u32("payloadLength"), "payload")
    const nonce = reader.u32("nonce")
    return destination === undefined ? undefined : { _tag: "SendMessage", sessionId, destination, payload, nonce }
  }
}

/**
 * Flag of {@link SendMessageExpires}: do not bundle our lease set with the message.
 *
 * **Source** I2CP specification "SendMessageExpiresMessage", flags bit 8.
 *
 * @category constants
 * @since 0.1.0
 */
export const DO_NOT_BUNDLE_LEASE_SET = 0x0100

/**
 * 36, client → router: a payload for a Destination, with flags and an expiry.
 *
 * **Units** `expiration` ms since 1970 by the router's clock.
 * **Source** I2CP specification "SendMessageExpiresMessage". i2pd ignores flags and expiry.
 *
 * @category messages
 * @since 0.1.0
 */
export const SendMessageExpires = fitsRouter(
  Schema.TaggedStruct("SendMessageExpires", {
    sessionId: Ids.SessionId,
    destination: Destination.Schema,
    payload: WireSchema.bytes(0, TO_ROUTER_CAP),
    nonce: Ids.Nonce,
    flags: Ids.Uint16,
    expiration: Ids.Millis48
  }),
  ({ destination, payload }) => 18 + destination.bytes.length + payload.length
)

/**
 * @category messages
 * @since 0.1.0
 */
export type SendMessageExpires = typeof SendMessageExpires.Type

const sendMessageExpires: Descriptor<typeof SendMessageExpires, "ToRouter"> = {
  schema: SendMessageExpires,
  direction: "ToRouter",
  tag: "SendMessageExpires",
  type: 36,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.bytes(message.destination.bytes)
    writer.u32(message.payload.length)
    writer.bytes(message.payload)
    writer.u32(message.nonce)
    writer.u16(message.flags)
    writer.u48(message.expiration)
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const destination = Destination.read(reader)
    const payload = reader.view(reader.u32("payloadLength"), "payload")
    const nonce = reader.u32("nonce")
    const flags = reader.u16("flags")
    const expiration = reader.u48("expiration")
    return destination === undefined
      ? undefined
      : { _tag: "SendMessageExpires", sessionId, destination, payload, nonce, flags, expiration }
  }
}

/**
 * 31, router → client: a payload for us. I2CP does not say who sent it.
 *
 * **Source** I2CP specification "MessagePayloadMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const MessagePayload = Schema.TaggedStruct("MessagePayload", {
  sessionId: Ids.SessionId,
  messageId: Ids.MessageId,
  payload: WireSchema.bytes(0, 65_536)
})

/**
 * @category messages
 * @since 0.1.0
 */
export type MessagePayload = typeof MessagePayload.Type

const messagePayload: Descriptor<typeof MessagePayload, "ToClient"> = {
  schema: MessagePayload,
  direction: "ToClient",
  cap: 65_546,
  tag: "MessagePayload",
  type: 31,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u32(message.messageId)
    writer.u32(message.payload.length)
    writer.bytes(message.payload)
  },
  read: (reader) => ({
    _tag: "MessagePayload",
    sessionId: reader.u16("sessionId"),
    messageId: reader.u32("messageId"),
    payload: reader.view(reader.u32("payloadLength"), "payload")
  })
}

/**
 * 22, router → client: what became of the send with this nonce.
 *
 * **Shape** `status` is one of the specification's codes; see {@link isDelivered}. `size` says nothing of use.
 * **Source** I2CP specification "MessageStatusMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const MessageStatus = Schema.TaggedStruct("MessageStatus", {
  sessionId: Ids.SessionId,
  messageId: Ids.MessageId,
  status: Ids.Uint8,
  size: Ids.Uint32,
  nonce: Ids.Nonce
})

/**
 * @category messages
 * @since 0.1.0
 */
export type MessageStatus = typeof MessageStatus.Type

const messageStatus: Descriptor<typeof MessageStatus, "ToClient"> = {
  schema: MessageStatus,
  direction: "ToClient",
  cap: 15,
  tag: "MessageStatus",
  type: 22,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u32(message.messageId)
    writer.u8(message.status)
    writer.u32(message.size)
    writer.u32(message.nonce)
  },
  read: (reader) => ({
    _tag: "MessageStatus",
    sessionId: reader.u16("sessionId"),
    messageId: reader.u32("messageId"),
    status: reader.u8("status"),
    size: reader.u32("size"),
    nonce: reader.u32("nonce")
  })
}

/**
 * Whether a {@link MessageStatus} code is one of success: 1 accepted (not final), 2, 4, 6. No code ever promises that
 * the peer saw the message; unknown codes count as failure.
 *
 * **Source** I2CP specification "MessageStatusMessage"; i2pd sends 4 when it has given the message to a tunnel.
 *
 * @category getters
 * @since 0.1.0
 */
export const isDelivered = (status: number): boolean => status === 1 || status === 2 || status === 4 || status === 6

/** @internal */
export const deliveryMessages = [sendMessage, sendMessageExpires, messagePayload, messageStatus] as const
