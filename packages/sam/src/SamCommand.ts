/**
 * Every command of SAM 3.0 to 3.3, as a schema: what a client says to the bridge.
 *
 * `decode` makes a command from a line, `encode` prints one. Words may be in either case, as
 * the specification recommends; keys and values are as they are. Keys that a command does not know are passed over, as both
 * routers do, since later versions add some. Pure.
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

const { Flag, Port, Protocol, SignatureType, Text, Word, integer } = Fields
const optional = Schema.optional

/**
 * What a session carries. `PRIMARY` has subsessions and carries nothing itself; `MASTER` is its name before 0.9.47.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Style = Schema.Literal("STREAM", "DATAGRAM", "DATAGRAM2", "DATAGRAM3", "RAW", "PRIMARY", "MASTER")

/**
 * @category models
 * @since 0.1.0
 */
export type Style = typeof Style.Type

/**
 * What a subsession carries.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SubsessionStyle = Style.pipe(Schema.pickLiteral("STREAM", "DATAGRAM", "DATAGRAM2", "DATAGRAM3", "RAW"))

/** Those of sessions and their streams all have a small letter; what has none is for the bridge. */
const optionNames = Fields.names(/^[^\s="]*[a-z][^\s="]*$/)

/** By their I2P names. */
const Options = Schema.Record({ key: optionNames.schema, value: Text })

const Style_ = Style.annotations({ message: () => ({ message: "is unknown", override: true }) })
const SubsessionStyle_ = SubsessionStyle.annotations({
  message: () => ({ message: "is not one of STREAM, DATAGRAM, DATAGRAM2, DATAGRAM3, RAW", override: true })
})

/** Where datagrams are delivered, and what they say of ports. */
const delivery = {
  port: optional(Port),
  host: optional(Word),
  fromPort: optional(Port),
  toPort: optional(Port),
  protocol: optional(Protocol),
  header: optional(Flag)
}

/** **Source** I2CP: 32 bits of seconds are more than a router takes; a day is more than any datagram is worth. */
const Expires = integer(0, 86_400)

/** How a datagram is sent; `sendTags` and `tagThreshold` are for ElGamal, which nobody uses any more. */
const sending = {
  fromPort: optional(Port),
  toPort: optional(Port),
  sendTags: optional(integer(0, 65_535)),
  tagThreshold: optional(integer(0, 65_535)),
  expires: optional(Expires),
  sendLeaseset: optional(Flag)
}

const silent = optional(Flag)

/**
 * Bytes that a command on the control socket may announce.
 *
 * **Source** SAM V3 specification: datagrams are at most 31,744 bytes and raw ones 32,768; I2CP's own limit is 64 KiB.
 */
const Size = integer(1, 65_535)

const Hello = Schema.TaggedStruct("Hello", {
  min: optional(Word),
  max: optional(Word),
  user: optional(Text),
  password: optional(Text)
})

const SessionCreate = Schema.TaggedStruct("SessionCreate", {
  style: Style_,
  id: Word,
  destination: Word,
  signatureType: optional(SignatureType),
  ...delivery,
  listenPort: optional(Port),
  listenProtocol: optional(Protocol),
  options: Options
})

const SessionAdd = Schema.TaggedStruct("SessionAdd", {
  style: SubsessionStyle_,
  id: Word,
  ...delivery,
  listenPort: optional(Port),
  listenProtocol: optional(Protocol),
  options: Options
})

const SessionRemove = Schema.TaggedStruct("SessionRemove", { id: Word })

const StreamConnect = Schema.TaggedStruct("StreamConnect", {
  id: Word,
  destination: Word,
  silent,
  fromPort: optional(Port),
  toPort: optional(Port)
})

const StreamAccept = Schema.TaggedStruct("StreamAccept", { id: Word, silent })

const StreamForward = Schema.TaggedStruct("StreamForward", {
  id: Word,
  port: integer(1, 65_535),
  host: optional(Word),
  silent,
  ssl: optional(Flag)
})

const DatagramSend = Schema.TaggedStruct("DatagramSend", { destination: Word, size: Size, ...sending })

const RawSend = Schema.TaggedStruct("RawSend", {
  destination: Word,
  size: Size,
  ...sending,
  protocol: optional(Protocol)
})

const NamingLookup = Schema.TaggedStruct("NamingLookup", { name: Word, options: optional(Flag) })

const DestGenerate = Schema.TaggedStruct("DestGenerate", { signatureType: optional(SignatureType) })

const AuthEnable = Schema.TaggedStruct("AuthEnable", {})
const AuthDisable = Schema.TaggedStruct("AuthDisable", {})
const AuthAdd = Schema.TaggedStruct("AuthAdd", { user: Text, password: Text })
const AuthRemove = Schema.TaggedStruct("AuthRemove", { user: Text })

/** Everything behind the word and one blank. */
const Ping = Schema.TaggedStruct("Ping", { text: Text })
const Pong = Schema.TaggedStruct("Pong", { text: Text })

const Quit = Schema.TaggedStruct("Quit", { word: Schema.Literal("QUIT", "STOP", "EXIT") })
const Help = Schema.TaggedStruct("Help", {})

/**
 * A command. Absent fields were not given; defaults are the bridge's.
 *
 * **Shape** `options` of sessions are those of I2CP and streaming, by their I2P names.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SamCommand = Schema.Union(
  Hello,
  SessionCreate,
  SessionAdd,
  SessionRemove,
  StreamConnect,
  StreamAccept,
  StreamForward,
  DatagramSend,
  RawSend,
  NamingLookup,
  DestGenerate,
  AuthEnable,
  AuthDisable,
  AuthAdd,
  AuthRemove,
  Ping,
  Pong,
  Quit,
  Help
)

/**
 * @category models
 * @since 0.1.0
 */
export type SamCommand = typeof SamCommand.Type

/**
 * One kind of command.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<Tag extends SamCommand["_tag"]> = Extract<SamCommand, { readonly _tag: Tag }>

/**
 * A line that is no command.
 *
 * **Shape** `word` is the first word in capitals, by which an answer begins; empty for an empty line. `message` says what
 * is wrong with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface BadCommand {
  readonly word: string
  readonly message: string
}

const options = { field: "options", prefix: "", isRest: optionNames.is } as const

const withPairs = [
  Descriptor.make("Hello", ["HELLO", "VERSION"], Hello),
  Descriptor.make("SessionCreate", ["SESSION", "CREATE"], SessionCreate, options),
  Descriptor.make("SessionAdd", ["SESSION", "ADD"], SessionAdd, options),
  Descriptor.make("SessionRemove", ["SESSION", "REMOVE"], SessionRemove),
  Descriptor.make("StreamConnect", ["STREAM", "CONNECT"], StreamConnect),
  Descriptor.make("StreamAccept", ["STREAM", "ACCEPT"], StreamAccept),
  Descriptor.make("StreamForward", ["STREAM", "FORWARD"], StreamForward),
  Descriptor.make("DatagramSend", ["DATAGRAM", "SEND"], DatagramSend),
  Descriptor.make("RawSend", ["RAW", "SEND"], RawSend),
  Descriptor.make("NamingLookup", ["NAMING", "LOOKUP"], NamingLookup),
  Descriptor.make("DestGenerate", ["DEST", "GENERATE"], DestGenerate),
  Descriptor.make("AuthEnable", ["AUTH", "ENABLE"], AuthEnable),
  Descriptor.make("AuthDisable", ["AUTH", "DISABLE"], AuthDisable),
  Descriptor.make("AuthAdd", ["AUTH", "ADD"], AuthAdd),
  Descriptor.make("AuthRemove", ["AUTH", "REMOVE"], AuthRemove)
] as ReadonlyArray<Descriptor.Descriptor<SamCommand>>

const byWords = new Map(withPairs.map((descriptor) => [descriptor.words.join(" "), descriptor]))
const byTag = new Map(withPairs.map((descriptor) => [descriptor.tag, descriptor]))

/** By first word, for what to say of a second one that is missing or wrong. */
const seconds = new Map<string, Array<string>>()
for (const { words } of withPairs) seconds.set(words[0]!, [...(seconds.get(words[0]!) ?? []), words[1]!])

/**
 * The command of a line, which comes without its end.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (line: string): Either.Either<SamCommand, BadCommand> => {
  const first = SamLine.split(line)
  const word = first.word.toUpperCase()
  // Said again, it would be two lines.
  if (/[\r\n]/.test(line)) return Either.left({ word, message: "a line holds no carriage return but at its end" })
  switch (word) {
    case "PING":
      return Either.right({ _tag: "Ping", text: first.text })
    case "PONG":
      return Either.right({ _tag: "Pong", text: first.text })
    case "QUIT":
    case "STOP":
    case "EXIT":
      return Either.right({ _tag: "Quit", word })
    case "HELP":
      return Either.right({ _tag: "Help" })
    default:
      return Either.mapLeft(
        Either.flatMap(SamLine.parse(line), (parsed) => decodePairs(word, parsed)),
        (message) => ({ word, message })
      )
  }
}

const decodePairs = (word: string, { pairs, words }: SamLine.SamLine): Either.Either<SamCommand, string> => {
  const second = (words[1] ?? "").toUpperCase()
  const descriptor = words.length === 0 ? undefined : byWords.get(`${word} ${second}`)
  return descriptor === undefined ? Either.left(unknown(word, second)) : descriptor.decode(pairs)
}

const unknown = (word: string, second: string): string => {
  const known = seconds.get(word)
  if (known === undefined) return "unknown command; HELP lists those there are"
  const what = second === "" ? "is not complete" : "is unknown"
  return `${word} command ${what}: use ${known.join(", ")}`
}

/**
 * The line of a command, without its end.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (command: SamCommand): string => {
  switch (command._tag) {
    case "Ping":
    case "Pong": {
      const word = command._tag.toUpperCase()
      return command.text === "" ? word : `${word} ${command.text}`
    }
    case "Quit":
      return command.word
    case "Help":
      return "HELP"
    default:
      return byTag.get(command._tag)!.encode(command)
  }
}

/**
 * All commands in one line each, for HELP.
 *
 * @category constants
 * @since 0.1.0
 */
export const commands: ReadonlyArray<string> = [
  ...withPairs.map(({ words }) => words.join(" ")),
  "PING",
  "QUIT",
  "STOP",
  "EXIT",
  "HELP"
]
