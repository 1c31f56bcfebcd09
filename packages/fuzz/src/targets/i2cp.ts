/**
 * I2CP in both directions: what is in a frame, and where frames begin and end.
 *
 * @since 0.1.0
 */
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as SendFrame from "@effect-i2p/router/core/SendFrame"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import { must, roundTrip, type Target } from "../Target.js"
import * as Samples from "./samples.js"

const lease = { gateway: Hash.unsafeFromBytes(new Uint8Array(32).fill(1)), tunnelId: 1, endDate: 600_000 }

/**
 * A client's messages from the first to a sent payload, signed.
 *
 * @since 0.1.0
 * @category samples
 */
export const clientMessages = (): ReadonlyArray<Message.Message> => {
  const { keys } = Samples
  const encryption = EncryptionKey.make(SecureRandom.makeSeeded("fuzz encryption"))
  const config = Either.getOrThrow(SessionConfig.sign(keys, { "inbound.quantity": "2" }, 0, Signatures.noble))
  const leaseSet = Either.getOrThrow(
    LeaseSet2.make(
      keys,
      { published: 0, expires: 600, leases: [lease], encryptionKeys: [{ type: 4, publicKey: encryption.publicKey }] },
      Signatures.noble
    )
  )
  const { destination } = keys
  const payload = new Uint8Array(40).fill(7)
  return [
    { _tag: "GetDate", version: "0.9.67" },
    { _tag: "GetBandwidthLimits" },
    { _tag: "CreateSession", config },
    {
      _tag: "CreateLeaseSet2",
      sessionId: 1,
      leaseSet,
      privateKeys: [{ type: 4, privateKey: encryption.privateKey }]
    },
    { _tag: "SendMessageExpires", sessionId: 1, destination, payload, nonce: 5, flags: 0, expiration: 60_000 },
    { _tag: "SendMessage", sessionId: 1, destination, payload, nonce: 6 },
    { _tag: "HostLookup", sessionId: 1, requestId: 1, timeout: 1_000, query: { _tag: "Hash", hash: destination.hash } },
    { _tag: "ReconfigureSession", sessionId: 1, config },
    { _tag: "DestroySession", sessionId: 1 }
  ]
}

/**
 * A router's messages from the first to a received payload.
 *
 * @since 0.1.0
 * @category samples
 */
export const routerMessages = (): ReadonlyArray<Message.Message> => [
  { _tag: "SetDate", date: 1_000, version: "0.9.67" },
  { _tag: "BandwidthLimits", limits: Array.from({ length: 16 }, (_, n) => n) },
  { _tag: "SessionStatus", sessionId: 1, status: "Created" },
  { _tag: "RequestVariableLeaseSet", sessionId: 1, leases: [lease, lease] },
  { _tag: "MessageStatus", sessionId: 1, messageId: 2, status: 4, size: 40, nonce: 5 },
  { _tag: "MessagePayload", sessionId: 1, messageId: 3, payload: new Uint8Array(40).fill(7) }
]

const generated = (): ReadonlyArray<Message.Message> =>
  Message.descriptors.flatMap(({ schema }) => Samples.some<Message.Message>(Arbitrary.make(schema), 3))

const frames = () => [...clientMessages(), ...routerMessages(), ...generated()].map(Message.encode)

/** The type's byte, then the body. */
const checkMessage = (input: Uint8Array): void => {
  if (input.length === 0) return
  const type = input[0]!
  const body = input.subarray(1)
  if (!Message.isKnown(type)) return must(Either.isLeft(Message.decode(type, body)), "a message of an unknown type")
  roundTrip(
    body,
    (bytes) => Message.decode(type, bytes),
    (message) => Message.encode(message).subarray(Framer.HEADER_BYTES)
  )
  if (type !== SendFrame.SEND_MESSAGE && type !== SendFrame.SEND_MESSAGE_EXPIRES) return
  // The router's shortcut takes whatever the decoder takes, and finds the same in it.
  const short = SendFrame.parse(type, body)
  const decoded = Message.decode(type, body)
  if (Either.isLeft(decoded)) return
  const message = decoded.right
  must(typeof short !== "string", "the router's shortcut refuses a good message")
  must("nonce" in message && "payload" in message && message.nonce === short.nonce, "the shortcut finds another nonce")
  must(
    Bytes.equals(message.payload, body.subarray(short.payloadStart, short.payloadEnd)),
    "the shortcut finds another payload"
  )
}

/**
 * @since 0.1.0
 * @category targets
 */
export const message: Target = {
  _tag: "Codec",
  name: "message",
  about: "bodies of I2CP messages, and the router's shortcut for sends",
  maxBytes: 4_096,
  seeds: () => frames().map((frame) => frame.subarray(Framer.HEADER_BYTES - 1)),
  check: checkMessage
}

const types = Array.from({ length: 256 }, (_, type) => type)
const largestBody = Math.max(...types.map((type) => Framer.capOf("ToClient", type)))

const collect = (direction: Framer.Direction, chunks: ReadonlyArray<Uint8Array>) => {
  const framer = new Framer.Framer(direction)
  const found: Array<string> = []
  let error: Framer.FrameError | undefined
  for (const chunk of chunks) {
    error = framer.push(chunk, (type, body) => found.push(`${type} ${Buffer.from(body).toString("latin1")}`))
    must(framer.buffered <= Framer.HEADER_BYTES + largestBody, "more is held than the largest frame")
  }
  return { found, held: framer.buffered, error: error && `${error.reason} ${error.type} ${error.length}` }
}

/** Direction, size of chunks, then what came. */
const checkFrames = (input: Uint8Array): void => {
  if (input.length < 2) return
  const direction = (input[0]! & 1) === 0 ? "ToClient" : "ToRouter"
  const stream = input.subarray(2)
  const whole = collect(direction, [stream])
  const size = 1 + (input[1]! & 0x3f)
  const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, n) =>
    stream.subarray(n * size, (n + 1) * size)
  )
  const parts = collect(direction, chunks)
  must(whole.found.join("\n") === parts.found.join("\n"), "chunks make other frames")
  must(whole.error === parts.error, `chunks make another error: ${parts.error}, not ${whole.error}`)
  must(whole.error !== undefined || whole.held === parts.held, "chunks leave another rest")
}

/**
 * @since 0.1.0
 * @category targets
 */
export const frame: Target = {
  _tag: "Codec",
  name: "frame",
  about: "the splitter of I2CP frames, in both directions, at any chunking",
  maxBytes: 2_048,
  seeds: () => [
    ...frames().map((bytes, n) => Uint8Array.of(0, n * 5, ...bytes)),
    Uint8Array.of(1, 3, Framer.PREAMBLE, ...clientMessages().flatMap((message) => [...Message.encode(message)])),
    Uint8Array.of(0, 9, ...routerMessages().flatMap((message) => [...Message.encode(message)]))
  ],
  check: checkFrames
}
