/**
 * Everything that the bridge says: answers, datagrams that arrived, who has connected. As schemas, with both directions for
 * clients and tests.
 *
 * **Source** SAM V3 specification, API 0.9.66.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Descriptor from "./internal/descriptor.js"
import * as Fields from "./internal/fields.js"
import * as SamLine from "./SamLine.js"

const { Port, Protocol, Text, Word, integer } = Fields
const optional = Schema.optional

/**
 * How a command went. `NOVERSION` is only for HELLO; `INVALID_ID` and `LEASESET_NOT_FOUND` are in the text of the
 * specification, and not in its table.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Result = Schema.Literal(
  "OK",
  "CANT_REACH_PEER",
  "DUPLICATED_DEST",
  "DUPLICATED_ID",
  "I2P_ERROR",
  "INVALID_ID",
  "INVALID_KEY",
  "KEY_NOT_FOUND",
  "LEASESET_NOT_FOUND",
  "NOVERSION",
  "PEER_NOT_FOUND",
  "TIMEOUT"
)

/**
 * @category models
 * @since 0.1.0
 */
export type Result = typeof Result.Type

const status = { result: Result, message: optional(Text) }

const HelloReply = Schema.TaggedStruct("HelloReply", {
  result: Result,
  version: optional(Word),
  message: optional(Text)
})
const SessionStatus = Schema.TaggedStruct("SessionStatus", {
  result: Result,
  destination: optional(Word),
  id: optional(Word),
  message: optional(Text)
})
const StreamStatus = Schema.TaggedStruct("StreamStatus", status)
/** Keys of a lease set's options. */
const optionNames = Fields.names(/^[^\s=]+$/)

const NamingReply = Schema.TaggedStruct("NamingReply", {
  result: Result,
  name: optional(Text),
  value: optional(Word),
  message: optional(Text),
  options: Schema.Record({ key: optionNames.schema, value: Text })
})
const DestReply = Schema.TaggedStruct("DestReply", {
  result: optional(Result),
  pub: optional(Word),
  priv: optional(Word),
  message: optional(Text)
})
const AuthStatus = Schema.TaggedStruct("AuthStatus", status)
const DatagramStatus = Schema.TaggedStruct("DatagramStatus", status)
const RawStatus = Schema.TaggedStruct("RawStatus", status)

const Size = integer(0, 65_535)

const DatagramReceived = Schema.TaggedStruct("DatagramReceived", {
  destination: Word,
  size: Size,
  fromPort: optional(Port),
  toPort: optional(Port)
})
const RawReceived = Schema.TaggedStruct("RawReceived", {
  size: Size,
  fromPort: optional(Port),
  toPort: optional(Port),
  protocol: optional(Protocol)
})

/** Who has connected: the first line of an accepted or forwarded stream. */
const Peer = Schema.TaggedStruct("Peer", {
  destination: Word,
  fromPort: optional(Port),
  toPort: optional(Port)
})

const Ping = Schema.TaggedStruct("Ping", { text: Text })
const Pong = Schema.TaggedStruct("Pong", { text: Text })

/** The answer to a command that the bridge does not know, or that has no answer of its own. `word` is its first word. */
const Status = Schema.TaggedStruct("Status", { word: Word, ...status })

/**
 * A line of the bridge.
 *
 * **Shape** ports and protocol are for clients of 3.2 and later.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SamReply = Schema.Union(
  HelloReply,
  SessionStatus,
  StreamStatus,
  NamingReply,
  DestReply,
  AuthStatus,
  DatagramStatus,
  RawStatus,
  DatagramReceived,
  RawReceived,
  Peer,
  Ping,
  Pong,
  Status
)

/**
 * @category models
 * @since 0.1.0
 */
export type SamReply = typeof SamReply.Type

const optionPrefix = "OPTION:"

const lookupOptions = {
  field: "options",
  prefix: optionPrefix,
  isRest: (key: string) => key.startsWith(optionPrefix) && optionNames.is(key.slice(optionPrefix.length))
} as const

const withPairs = [
  Descriptor.make("HelloReply", ["HELLO", "REPLY"], HelloReply),
  Descriptor.make("SessionStatus", ["SESSION", "STATUS"], SessionStatus),
  Descriptor.make("StreamStatus", ["STREAM", "STATUS"], StreamStatus),
  Descriptor.make("NamingReply", ["NAMING", "REPLY"], NamingReply, lookupOptions),
  Descriptor.make("DestReply", ["DEST", "REPLY"], DestReply),
  Descriptor.make("AuthStatus", ["AUTH", "STATUS"], AuthStatus),
  Descriptor.make("DatagramStatus", ["DATAGRAM", "STATUS"], DatagramStatus),
  Descriptor.make("RawStatus", ["RAW", "STATUS"], RawStatus),
  Descriptor.make("DatagramReceived", ["DATAGRAM", "RECEIVED"], DatagramReceived),
  Descriptor.make("RawReceived", ["RAW", "RECEIVED"], RawReceived)
] as ReadonlyArray<Descriptor.Descriptor<SamReply>>

const byWords = new Map(withPairs.map((descriptor) => [descriptor.words.join(" "), descriptor]))
const byTag = new Map(withPairs.map((descriptor) => [descriptor.tag, descriptor]))

const peer = Descriptor.make("Peer", [], Peer)

const statusOf = (word: string) => Descriptor.make("Status", [word, "STATUS"], Status)

/**
 * The line of a reply, without its end.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (reply: SamReply): string => {
  switch (reply._tag) {
    case "Ping":
    case "Pong": {
      const word = reply._tag.toUpperCase()
      return reply.text === "" ? word : `${word} ${reply.text}`
    }
    case "Peer": {
      const { destination, fromPort, toPort } = reply
      return SamLine.print([destination], { FROM_PORT: fromPort?.toString(), TO_PORT: toPort?.toString() })
    }
    case "Status":
      return SamLine.print([reply.word, "STATUS"], { RESULT: reply.result, MESSAGE: reply.message })
    default:
      return byTag.get(reply._tag)!.encode(reply)
  }
}

/** A destination in Base64, or the hash of one: neither is a pair, though both may end in `=`. */
const peerLine = /^(?<destination>[A-Za-z0-9~-]{43,}={0,2})(?: (?<rest>.*))?$/

/**
 * The reply of a line.
 *
 * **Errors** what is wrong with it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): Either.Either<SamReply, string> => {
  if (/[\r\n]/.test(text)) return Either.left("not one line")
  const first = SamLine.split(text)
  if (first.word === "PING") return Either.right({ _tag: "Ping", text: first.text })
  if (first.word === "PONG") return Either.right({ _tag: "Pong", text: first.text })
  const { destination, rest = "" } = peerLine.exec(text)?.groups ?? {}
  return destination === undefined
    ? Either.flatMap(SamLine.parse(text), decodeLine)
    : Either.flatMap(SamLine.parse(rest), ({ pairs }) => peer.decode({ ...pairs, DESTINATION: destination }))
}

const decodeLine = ({ pairs, words }: SamLine.SamLine): Either.Either<SamReply, string> => {
  const [word = "", second] = words
  const descriptor = byWords.get(`${word} ${second}`)
  if (descriptor !== undefined) return descriptor.decode(pairs)
  return second === "STATUS" ? statusOf(word).decode({ ...pairs, WORD: word }) : Either.left("not a line of a bridge")
}
