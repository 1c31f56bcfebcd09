/**
 * The streaming packet: its model, its byte codec and a one-line printer.
 *
 * Layout, all integers big-endian (streaming specification, "Packet Format"):
 *
 * | offset  | width | field             |
 * |---------|-------|-------------------|
 * | 0       | 4     | `sendStreamId`    |
 * | 4       | 4     | `receiveStreamId` |
 * | 8       | 4     | `sequenceNumber`  |
 * | 12      | 4     | `ackThrough`      |
 * | 16      | 1     | n, number of NACKs |
 * | 17      | 4n    | `nacks`           |
 * | 17 + 4n | 1     | `resendDelay`     |
 * | 18 + 4n | 2     | flags             |
 * | 20 + 4n | 2     | o, size of options |
 * | 22 + 4n | o     | options, in the order DELAY, FROM, MAX_PACKET_SIZE, OFFLINE_SIGNATURE, SIGNATURE |
 * | 22 + 4n + o | rest | `payload`      |
 *
 * The option flags are not part of the model: an option is present when its field is, so that no packet can be built
 * whose flags and options disagree. Signing and verifying live in the shell (`internal/signing.ts`).
 *
 * @since 0.1.0
 */
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import * as Bytes from "@effect-i2p/wire/Bytes"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as Destination from "@effect-i2p/wire/Destination"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import type { DecodeError } from "@effect-i2p/wire/WireError"
import * as WireSchema from "@effect-i2p/wire/WireSchema"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/** First packet in each direction. @since 0.1.0 @category flags */
export const SYNCHRONIZE = 0x0001
/** No more data from the sender. @since 0.1.0 @category flags */
export const CLOSE = 0x0002
/** The sender aborts the stream. @since 0.1.0 @category flags */
export const RESET = 0x0004
/** Named by the specification, used by nobody. @since 0.1.0 @category flags */
export const SIGNATURE_REQUESTED = 0x0010
/** The sender favours latency; receivers ignore it. @since 0.1.0 @category flags */
export const PROFILE_INTERACTIVE = 0x0100
/** Ping or pong. @since 0.1.0 @category flags */
export const ECHO = 0x0200
/** `ackThrough` carries no acknowledgment. @since 0.1.0 @category flags */
export const NO_ACK = 0x0400

const SIGNATURE_INCLUDED = 0x0008
const FROM_INCLUDED = 0x0020
const DELAY_REQUESTED = 0x0040
const MAX_PACKET_SIZE_INCLUDED = 0x0080
const OFFLINE_SIGNATURE = 0x0800

const optionFlags = SIGNATURE_INCLUDED | FROM_INCLUDED | DELAY_REQUESTED | MAX_PACKET_SIZE_INCLUDED | OFFLINE_SIGNATURE

/**
 * Bytes of a packet with neither NACKs nor options nor payload.
 *
 * @since 0.1.0
 * @category constants
 */
export const headerBytes = 22

/**
 * Largest `requestedDelay` that is still an acknowledgment hint, in milliseconds; anything above says that the
 * sender's receive window is closed.
 *
 * **Source** streaming specification, DELAY_REQUESTED.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxDelayHint = 60_000

/**
 * The `requestedDelay` we send to close our receive window. Java sends 61000, by which i2pd takes a peer for Java and
 * caps every stream of that routing session at 64 packets; 60001 means the same to everybody and tells nothing.
 *
 * @since 0.1.0
 * @category constants
 */
export const chokeDelay = 60_001

const ControlFlags = WireSchema.Uint16.pipe(
  Schema.filter((flags) => (flags & optionFlags) === 0 || "option flags follow from the option fields"),
  Schema.annotations({
    arbitrary: () => (fc) => fc.nat(0xffff).map((flags) => flags & ~optionFlags)
  })
)

const packetFields = Schema.Struct({
  sendStreamId: WireSchema.Uint32,
  receiveStreamId: WireSchema.Uint32,
  sequenceNumber: WireSchema.Uint32,
  ackThrough: WireSchema.Uint32,
  nacks: Schema.Array(WireSchema.Uint32).pipe(Schema.maxItems(255)),
  resendDelay: WireSchema.Uint8,
  flags: ControlFlags,
  requestedDelay: Schema.UndefinedOr(WireSchema.Uint16),
  from: Schema.UndefinedOr(Destination.Schema),
  maxPacketSize: Schema.UndefinedOr(WireSchema.Uint16.pipe(Schema.greaterThan(0))),
  offlineSignature: Schema.UndefinedOr(OfflineSignature.OfflineSignature),
  signature: Schema.UndefinedOr(WireSchema.bytes(0, 0xffff)),
  payload: WireSchema.Bytes
})

/** What the wire says only through other fields: how long signatures are, and how much fits the options. */
const refuse = (packet: typeof packetFields.Type): string | undefined => {
  const { from, offlineSignature: offline, signature } = packet
  if (offline !== undefined) {
    if (from === undefined) return "an offline block needs FROM beside it"
    if (offline.signature.length !== KeyType.signatureLength(from.signingType)) {
      return `an offline signature of ${offline.signature.length} bytes by ${KeyType.signingTypeName(from.signingType)}`
    }
  }
  const type = signerOf(packet)
  const length = type === undefined ? undefined : KeyType.signatureLength(type)
  if (signature !== undefined && length !== undefined && signature.length !== length) {
    return `a signature of ${signature.length} bytes by ${KeyType.signingTypeName(type!)}, which has ${length}`
  }
  const options = signatureOffset(packet) + (signature?.length ?? 0) - headerBytes - 4 * packet.nacks.length
  return options <= 0xffff ? undefined : `${options} bytes of options, at most 65535`
}

/** The type of the key that signs, if the packet says it. */
const signerOf = ({ from, offlineSignature }: Pick<Packet, "from" | "offlineSignature">): number | undefined =>
  offlineSignature?.transientKey.type ?? from?.signingType

/** A generated packet with signatures as long as their keys have them. */
const fit = (packet: typeof packetFields.Type): Packet => {
  const { from, signature } = packet
  const offlineSignature =
    from === undefined ? undefined : OfflineSignature.fit(packet.offlineSignature, from.signingType)
  const type = signerOf({ from, offlineSignature })
  const length = type === undefined ? undefined : KeyType.signatureLength(type)
  const fitted = signature === undefined || length === undefined ? signature : Bytes.fit(signature, length)
  return { ...packet, offlineSignature, signature: fitted }
}

/**
 * A streaming packet.
 *
 * **Shape** `sendStreamId` was chosen by the receiver of this packet, `receiveStreamId` by its sender. `flags` holds
 * every bit but the five option flags. A first SYN has the hash of its target in `nacks`, as eight words.
 * A signature has the length of its key's type, as far as FROM tells it, and an offline block needs FROM beside it.
 * **Units** sequence numbers count packets; `resendDelay` seconds; `requestedDelay` milliseconds; `maxPacketSize`
 * payload bytes.
 *
 * @since 0.1.0
 * @category models
 */
export const Packet = packetFields.pipe(
  Schema.filter((packet) => refuse(packet), {
    identifier: "Packet",
    arbitrary: (from) => (fc) => from(fc).map(fit)
  })
)

/**
 * @since 0.1.0
 * @category models
 */
export interface Packet extends Schema.Schema.Type<typeof packetFields> {}
const noNacks: ReadonlyArray<number> = []

/**
 * Some fields of a packet.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = { readonly [K in keyof Packet]?: Packet[K] | undefined }

/**
 * A packet from the fields that matter, the others empty or zero.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (fields: Fields, ids: Pick<Fields, "sendStreamId" | "receiveStreamId"> = fields): Packet => ({
  sendStreamId: ids.sendStreamId ?? 0,
  receiveStreamId: ids.receiveStreamId ?? 0,
  sequenceNumber: fields.sequenceNumber ?? 0,
  ackThrough: fields.ackThrough ?? 0,
  nacks: fields.nacks ?? noNacks,
  resendDelay: fields.resendDelay ?? 0,
  flags: fields.flags ?? 0,
  requestedDelay: fields.requestedDelay,
  from: fields.from,
  maxPacketSize: fields.maxPacketSize,
  offlineSignature: fields.offlineSignature,
  signature: fields.signature,
  payload: fields.payload ?? Bytes.empty
})

/**
 * Whether all of `flags` are set.
 *
 * @since 0.1.0
 * @category getters
 */
export const has = (packet: Packet, flags: number): boolean => (packet.flags & flags) === flags

/**
 * Whether the packet is the first of an opening: SYN, addressed to nobody yet.
 *
 * @since 0.1.0
 * @category getters
 */
export const isFirstSyn = (packet: Packet): boolean => has(packet, SYNCHRONIZE) && packet.sendStreamId === 0

/**
 * Whether the packet occupies a sequence number: it does unless it is a plain acknowledgment (number 0 without SYN),
 * a RESET or an ECHO. An empty packet with a number above 0 is Java's keepalive and counts.
 *
 * @since 0.1.0
 * @category getters
 */
export const isSequenced = (packet: Packet): boolean =>
  (packet.flags & (RESET | ECHO)) === 0 && (packet.sequenceNumber > 0 || has(packet, SYNCHRONIZE))

/**
 * The hash of a destination as it stands in the NACK area of a first SYN.
 *
 * **Source** proposal 164: eight words, so that a SYN cannot be replayed to somebody else.
 *
 * @since 0.1.0
 * @category constructors
 */
export const replayHash = (hash: Uint8Array): ReadonlyArray<number> => {
  const reader = new ByteReader("replay hash", hash)
  return Array.from({ length: 8 }, () => reader.u32("word"))
}

/**
 * Size of the packet on the wire.
 *
 * @since 0.1.0
 * @category getters
 */
export const byteLength = (packet: Packet): number =>
  signatureOffset(packet) + (packet.signature?.length ?? 0) + packet.payload.length

/**
 * Where the signature stands, in bytes from the start of the packet: it is always the last option.
 *
 * @since 0.1.0
 * @category getters
 */
export const signatureOffset = (packet: Packet): number =>
  headerBytes +
  4 * packet.nacks.length +
  (packet.requestedDelay === undefined ? 0 : 2) +
  (packet.from === undefined ? 0 : packet.from.bytes.length) +
  (packet.maxPacketSize === undefined ? 0 : 2) +
  (packet.offlineSignature === undefined ? 0 : OfflineSignature.byteLength(packet.offlineSignature))

const wireFlags = (packet: Packet): number =>
  packet.flags |
  (packet.requestedDelay === undefined ? 0 : DELAY_REQUESTED) |
  (packet.from === undefined ? 0 : FROM_INCLUDED) |
  (packet.maxPacketSize === undefined ? 0 : MAX_PACKET_SIZE_INCLUDED) |
  (packet.offlineSignature === undefined ? 0 : OFFLINE_SIGNATURE) |
  (packet.signature === undefined ? 0 : SIGNATURE_INCLUDED)

/** A packet is gone once its transport has it, so nothing keeps a slab for long. */
const slab = new ByteSlab(65_536)

/**
 * The packet's bytes, which nobody else has.
 *
 * @since 0.1.0
 * @category codecs
 */
export const encode = (packet: Packet): Uint8Array => {
  const optionsEnd = signatureOffset(packet) + (packet.signature?.length ?? 0)
  const writer = new ByteWriter(slab.allocate(optionsEnd + packet.payload.length))
  writer.u32(packet.sendStreamId)
  writer.u32(packet.receiveStreamId)
  writer.u32(packet.sequenceNumber)
  writer.u32(packet.ackThrough)
  writer.u8(packet.nacks.length)
  for (const nack of packet.nacks) writer.u32(nack)
  writer.u8(packet.resendDelay)
  writer.u16(wireFlags(packet))
  writer.u16(optionsEnd - headerBytes - 4 * packet.nacks.length)
  if (packet.requestedDelay !== undefined) writer.u16(packet.requestedDelay)
  if (packet.from !== undefined) writer.bytes(packet.from.bytes)
  if (packet.maxPacketSize !== undefined) writer.u16(packet.maxPacketSize)
  if (packet.offlineSignature !== undefined) OfflineSignature.write(writer, packet.offlineSignature)
  if (packet.signature !== undefined) writer.bytes(packet.signature)
  writer.bytes(packet.payload)
  return writer.toBytes()
}

/**
 * Parses one packet. Payload and signature are views of `bytes`.
 *
 * Option bytes after the last known option are ignored, as the specification asks of receivers. Without FROM the
 * length of a signature is not on the wire: `signature` is then all that is left of the options, and the verifier,
 * who knows the key, takes what it needs.
 *
 * **Errors** `DecodeError` when a field, a list or an option runs past its end, or MAX_PACKET_SIZE is 0.
 *
 * @since 0.1.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Either.Either<Packet, DecodeError> => {
  const reader = new ByteReader("Packet", bytes)
  const sendStreamId = reader.u32("sendStreamId")
  const receiveStreamId = reader.u32("receiveStreamId")
  const sequenceNumber = reader.u32("sequenceNumber")
  const ackThrough = reader.u32("ackThrough")
  const nackCount = reader.u8("nackCount")
  let nacks = noNacks
  if (nackCount > 0) {
    const list: Array<number> = []
    for (let i = 0; i < nackCount; i++) list.push(reader.u32("nacks"))
    nacks = list
  }
  const resendDelay = reader.u8("resendDelay")
  const flags = reader.u16("flags")
  const optionSize = reader.u16("optionSize")
  const optionsStart = reader.offset
  let options: Options = noOptions
  if (optionSize > 0 || (flags & optionFlags) !== 0) {
    reader.skip(optionSize, "options")
    if (!reader.failed) {
      const parsed = decodeOptions(flags, new ByteReader("Packet", bytes, optionsStart, optionsStart + optionSize))
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      options = parsed.right
    }
  }
  const payload = reader.rest("payload")
  return reader.finish({
    sendStreamId,
    receiveStreamId,
    sequenceNumber,
    ackThrough,
    nacks,
    resendDelay,
    flags: flags & ~optionFlags,
    requestedDelay: options.requestedDelay,
    from: options.from,
    maxPacketSize: options.maxPacketSize,
    offlineSignature: options.offlineSignature,
    signature: options.signature,
    payload
  })
}

type Options = Pick<Packet, "requestedDelay" | "from" | "maxPacketSize" | "offlineSignature" | "signature">

const noOptions: Options = {
  requestedDelay: undefined,
  from: undefined,
  maxPacketSize: undefined,
  offlineSignature: undefined,
  signature: undefined
}

const decodeOptions = (flags: number, reader: ByteReader): Either.Either<Options, DecodeError> => {
  const requestedDelay = (flags & DELAY_REQUESTED) === 0 ? undefined : reader.u16("requestedDelay")
  const from = (flags & FROM_INCLUDED) === 0 ? undefined : Destination.read(reader)
  const maxPacketSize = (flags & MAX_PACKET_SIZE_INCLUDED) === 0 ? undefined : reader.u16("maxPacketSize")
  if (maxPacketSize === 0) reader.fail("maxPacketSize", "must be above 0")
  if ((flags & OFFLINE_SIGNATURE) !== 0 && from === undefined) reader.fail("offlineSignature", "needs FROM beside it")
  const offlineSignature =
    (flags & OFFLINE_SIGNATURE) === 0 || from === undefined
      ? undefined
      : OfflineSignature.read(reader, from.signingType)
  const signingType = signerOf({ from, offlineSignature })
  const signature =
    (flags & SIGNATURE_INCLUDED) === 0
      ? undefined
      : signingType === undefined
        ? reader.rest("signature")
        : reader.view(KeyType.signatureLength(signingType) ?? reader.remaining, "signature")
  return reader.finishLoose({ requestedDelay, from, maxPacketSize, offlineSignature, signature })
}

/**
 * The codec as a Schema, for users who compose schemas; the stack itself calls `decode` and `encode`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const PacketFromBytes: Schema.Schema<Packet, Uint8Array> = WireSchema.fromBytes(Packet, { decode, encode })

const names: ReadonlyArray<readonly [number, string]> = [
  [SYNCHRONIZE, "SYN"],
  [CLOSE, "CLOSE"],
  [RESET, "RESET"],
  [ECHO, "ECHO"],
  [NO_ACK, "NO_ACK"]
]

/**
 * One line about a packet for traces and failing tests: no payload, no destination, no signature.
 *
 * @since 0.1.0
 * @category printing
 */
export const format = (packet: Packet): string => {
  const flags = names.filter(([flag]) => has(packet, flag)).map(([, name]) => name)
  const kind = flags.length > 0 ? flags.join("+") : isSequenced(packet) ? "DATA" : "ACK"
  const parts = [`${kind} seq=${packet.sequenceNumber}`]
  if (!has(packet, NO_ACK)) parts.push(`ack=${packet.ackThrough}`)
  if (packet.nacks.length > 0) parts.push(`nacks=${isFirstSyn(packet) ? "hash" : packet.nacks.join(",")}`)
  if (packet.requestedDelay !== undefined) parts.push(`delay=${packet.requestedDelay}`)
  if (packet.maxPacketSize !== undefined) parts.push(`mtu=${packet.maxPacketSize}`)
  if (packet.payload.length > 0) parts.push(`len=${packet.payload.length}`)
  return parts.join(" ")
}
