/**
 * Messages that turn a hash or a name into a Destination.
 *
 * @since 0.1.0
 */
import * as Destination from "@effect-i2p/wire/Destination"
import * as Hash from "@effect-i2p/wire/Hash"
import { bytes, ShortString } from "@effect-i2p/wire/WireSchema"
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import { type Descriptor, TO_ROUTER_CAP } from "../internal/message/descriptor.js"

/** Bytes of a HostLookup before its key. */
const LOOKUP_HEAD = 11

/**
 * What a {@link HostLookup} asks for: type 0 a hash, type 1 a name. `Other` holds the types 2–4 (lookup with options),
 * which we never send (older Java closes the connection on them) but a router has to answer with code 7.
 *
 * @category models
 * @since 0.1.0
 */
export const Query = Schema.Union(
  Schema.TaggedStruct("Hash", { hash: Hash.Schema }),
  Schema.TaggedStruct("Name", { name: ShortString }),
  Schema.TaggedStruct("Other", {
    type: Ids.Uint8.pipe(Schema.greaterThan(1)),
    key: bytes(0, TO_ROUTER_CAP - LOOKUP_HEAD)
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type Query = typeof Query.Type

/**
 * 38, client → router: asks for the Destination behind a hash or a name.
 *
 * **Units** `timeout` ms, greater than 0; i2pd ignores it.
 * **Source** I2CP specification "HostLookupMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const HostLookup = Schema.TaggedStruct("HostLookup", {
  sessionId: Ids.SessionId,
  requestId: Ids.RequestId,
  timeout: Ids.Uint32,
  query: Query
})

/**
 * @category messages
 * @since 0.1.0
 */
export type HostLookup = typeof HostLookup.Type

const hostLookup: Descriptor<typeof HostLookup, "ToRouter"> = {
  schema: HostLookup,
  direction: "ToRouter",
  tag: "HostLookup",
  type: 38,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u32(message.requestId)
    writer.u32(message.timeout)
    const { query } = message
    switch (query._tag) {
      case "Hash":
        writer.u8(0)
        return writer.bytes(query.hash)
      case "Name":
        writer.u8(1)
        return writer.string(query.name)
      case "Other":
        writer.u8(query.type)
        return writer.bytes(query.key)
    }
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const requestId = reader.u32("requestId")
    const timeout = reader.u32("timeout")
    const type = reader.u8("type")
    const query: Query =
      type === 0
        ? { _tag: "Hash", hash: Hash.read(reader, "hash") }
        : type === 1
          ? { _tag: "Name", name: reader.string("name") }
          : { _tag: "Other", type, key: reader.copy(reader.remaining, "key") }
    return { _tag: "HostLookup", sessionId, requestId, timeout, query }
  }
}

/**
 * The answer inside a {@link HostReply}.
 *
 * **Shape** `code` 1 failed, 2 secret required, 3 private key required, 4 both, 5 decryption failed, 6 lease-set
 * lookup failed, 7 lookup type unsupported; others are unknown failures.
 *
 * @category models
 * @since 0.1.0
 */
export const Answer = Schema.Union(
  Schema.TaggedStruct("Found", { destination: Destination.Schema }),
  Schema.TaggedStruct("NotFound", { code: Ids.Uint8.pipe(Schema.greaterThan(0)) })
)

/**
 * @category models
 * @since 0.1.0
 */
export type Answer = typeof Answer.Type

/**
 * 39, router → client: the answer to a {@link HostLookup}, correlated by `requestId` only.
 *
 * **Shape** bytes behind the answer (options asked for with types 2–4, a Destination behind code 6) are ignored.
 * **Source** I2CP specification "HostReplyMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const HostReply = Schema.TaggedStruct("HostReply", {
  sessionId: Ids.SessionId,
  requestId: Ids.RequestId,
  answer: Answer
})

/**
 * @category messages
 * @since 0.1.0
 */
export type HostReply = typeof HostReply.Type

const hostReply: Descriptor<typeof HostReply, "ToClient"> = {
  schema: HostReply,
  direction: "ToClient",
  cap: 68_200,
  tag: "HostReply",
  type: 39,
  isAddressed: true,
  hasLooseTail: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u32(message.requestId)
    const { answer } = message
    if (answer._tag === "Found") {
      writer.u8(0)
      writer.bytes(answer.destination.bytes)
    } else {
      writer.u8(answer.code)
    }
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const requestId = reader.u32("requestId")
    const code = reader.u8("code")
    if (code !== 0) return { _tag: "HostReply", sessionId, requestId, answer: { _tag: "NotFound", code } }
    const destination = Destination.read(reader)
    return destination === undefined
      ? undefined
      : { _tag: "HostReply", sessionId, requestId, answer: { _tag: "Found", destination } }
  }
}

/** @internal */
export const lookupMessages = [hostLookup, hostReply] as const
