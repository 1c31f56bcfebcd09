/**
 * What clients send to the bridge's UDP port: one header line, then the payload.
 *
 *     3.x ID DESTINATION [FROM_PORT=n] [TO_PORT=n] [PROTOCOL=n] [SEND_TAGS=n] [TAG_THRESHOLD=n] [EXPIRES=n]
 *       [SEND_LEASESET={true,false}] \n payload
 *
 * Pure.
 *
 * **Source** SAM V3 specification, "Sending Repliable or Raw Datagrams". The header of i2pd is the same without options.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Descriptor from "./internal/descriptor.js"
import * as Fields from "./internal/fields.js"
import * as SamLine from "./SamLine.js"

const optional = Schema.optional

/**
 * The header. Absent fields hold as the session says.
 *
 * **Units** `expires` in seconds from now.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Header = Schema.TaggedStruct("Header", {
  version: Fields.Word.pipe(Schema.pattern(/^3(?:\.\d{1,3})?$/)).annotations({
    message: () => ({ message: "is not 3.x", override: true })
  }),
  id: Fields.Word,
  destination: Fields.Word,
  fromPort: optional(Fields.Port),
  toPort: optional(Fields.Port),
  protocol: optional(Fields.Protocol),
  sendTags: optional(Fields.integer(0, 65_535)),
  tagThreshold: optional(Fields.integer(0, 65_535)),
  expires: optional(Fields.integer(0, 86_400)),
  sendLeaseset: optional(Fields.Flag)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Header extends Schema.Schema.Type<typeof Header> {}

/**
 * **Shape** `payload` is a view of what was decoded.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamDatagram {
  readonly header: Header
  readonly payload: Uint8Array
}

/**
 * Bytes of a header line.
 *
 * **Source** ours: the largest destination is 3.5 KB of Base64, and the options are 200 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxHeaderBytes = 8192

const descriptor = Descriptor.make("Header", [], Header)

/**
 * The parts of a datagram.
 *
 * **Errors** what is wrong with it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Either.Either<SamDatagram, string> => {
  const reader = new SamLine.Reader(maxHeaderBytes)
  reader.feed(bytes)
  const line = reader.line()
  if (line === undefined || line === SamLine.tooLong) return Either.left("there is no header line")
  // A destination may end in `=` and would be a pair.
  const [, version, id, destination, rest] = /^(\S+) +(\S+) +(\S+)(.*)$/.exec(line) ?? []
  if (version === undefined || id === undefined || destination === undefined) {
    return Either.left("the header line begins with version, ID and DESTINATION")
  }
  return Either.gen(function* () {
    const { pairs } = yield* SamLine.parse(rest ?? "")
    const header = yield* descriptor.decode({ ...pairs, VERSION: version, ID: id, DESTINATION: destination })
    return { header, payload: reader.rest() }
  })
}

/**
 * The bytes of a datagram.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = ({ header, payload }: SamDatagram): Uint8Array => {
  const { destination, id, version } = header
  const pairs = Schema.encodeSync(Header)(header)
  const line = SamLine.print([version, id, destination], {
    FROM_PORT: pairs.fromPort,
    TO_PORT: pairs.toPort,
    PROTOCOL: pairs.protocol,
    SEND_TAGS: pairs.sendTags,
    TAG_THRESHOLD: pairs.tagThreshold,
    EXPIRES: pairs.expires,
    SEND_LEASESET: pairs.sendLeaseset
  })
  return withLine(line, payload)
}

/**
 * A line, its end, and a payload behind it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const withLine = (line: string, payload: Uint8Array): Uint8Array => {
  const head = new TextEncoder().encode(`${line}\n`)
  const bytes = new Uint8Array(head.length + payload.length)
  bytes.set(head)
  bytes.set(payload, head.length)
  return bytes
}
