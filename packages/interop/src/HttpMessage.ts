/**
 * HTTP/1.1 as strictly as RFC 9112 has it, read by nobody's parser but this one: what proxies of ours sent is judged by it.
 *
 * @since 0.1.0
 */

/**
 * **Shape** `start` is the request line or the status line; header names are as they came.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly start: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
  readonly trailers: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * What came of reading one message: it, and what is behind it; or more is needed; or that is not HTTP.
 *
 * @category models
 * @since 0.1.0
 */
export type Result =
  | { readonly _tag: "Message"; readonly message: Message; readonly rest: Buffer }
  | { readonly _tag: "More" }
  | { readonly _tag: "Bad"; readonly why: string }

const more: Result = { _tag: "More" }
const bad = (why: string): Result => ({ _tag: "Bad", why })

/**
 * The values of a header, in their order.
 *
 * @category getters
 * @since 0.1.0
 */
export const values = (message: Pick<Message, "headers">, name: string): ReadonlyArray<string> =>
  message.headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value)

/**
 * The status of an answer.
 *
 * @category getters
 * @since 0.1.0
 */
export const status = ({ start }: Message): number => Number(start.slice(9, 12))

const fieldLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[ \t\x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/

const fieldsOf = (lines: ReadonlyArray<string>): Message["headers"] | undefined => {
  const fields: Array<readonly [string, string]> = []
  for (const line of lines) {
    const match = fieldLine.exec(line)
    if (match === null) return undefined
    fields.push([match[1]!, match[2]!])
  }
  return fields
}

/** The chunks of a body, and the trailers behind them. */
const readChunks = (start: string, headers: Message["headers"], bytes: Buffer): Result => {
  const chunks: Array<Buffer> = []
  let at = 0
  for (;;) {
    const line = bytes.indexOf("\r\n", at)
    if (line < 0) return more
    const size = /^([0-9a-f]+)(?:;.*)?$/i.exec(bytes.toString("latin1", at, line))
    if (size === null) return bad("a chunk has no size")
    const length = Number.parseInt(size[1]!, 16)
    at = line + 2
    if (length === 0) break
    if (bytes.length < at + length + 2) return more
    chunks.push(bytes.subarray(at, at + length))
    at += length
    if (bytes.toString("latin1", at, at + 2) !== "\r\n") return bad("a chunk is not as long as it says")
    at += 2
  }
  const lines: Array<string> = []
  for (;;) {
    const line = bytes.indexOf("\r\n", at)
    if (line < 0) return more
    const text = bytes.toString("latin1", at, line)
    at = line + 2
    if (text === "") break
    lines.push(text)
  }
  const trailers = fieldsOf(lines)
  if (trailers === undefined) return bad("a trailer is not a field")
  const message = { start, headers, body: Buffer.concat(chunks), trailers }
  return { _tag: "Message", message, rest: bytes.subarray(at) }
}

const read = (
  bytes: Buffer,
  startLine: RegExp,
  hasNoBody: (start: string) => boolean,
  endsWithConnection: boolean,
  hasEnded: boolean
): Result => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return more
  const [start = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n")
  if (!startLine.test(start)) return bad(`not a start line: ${JSON.stringify(start)}`)
  const headers = fieldsOf(lines)
  if (headers === undefined) return bad("a header is not a field")
  const rest = bytes.subarray(end + 4)
  const codings = values({ headers }, "transfer-encoding")
  const lengths = values({ headers }, "content-length")
  if (codings.length + lengths.length > 1) return bad("more than one header says where the body ends")
  if (hasNoBody(start)) {
    return { _tag: "Message", message: { start, headers, body: Buffer.alloc(0), trailers: [] }, rest }
  }
  if (codings.length === 1) {
    return codings[0]!.toLowerCase() === "chunked"
      ? readChunks(start, headers, rest)
      : bad("an unknown transfer coding")
  }
  const [length = endsWithConnection ? "" : "0"] = lengths
  if (length === "") {
    return hasEnded
      ? { _tag: "Message", message: { start, headers, body: rest, trailers: [] }, rest: Buffer.alloc(0) }
      : more
  }
  if (!/^\d+$/.test(length)) return bad("a length that is no number")
  if (rest.length < Number(length)) return more
  const body = rest.subarray(0, Number(length))
  return { _tag: "Message", message: { start, headers, body, trailers: [] }, rest: rest.subarray(Number(length)) }
}

/**
 * Reads a request.
 *
 * @category reading
 * @since 0.1.0
 */
export const readRequest = (bytes: Buffer): Result =>
  read(bytes, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.[01]$/, () => false, false, false)

/**
 * Reads an answer to a request of that method. One without a length is over when the connection is.
 *
 * @category reading
 * @since 0.1.0
 */
export const readAnswer = (bytes: Buffer, method: string, hasEnded: boolean): Result =>
  read(
    bytes,
    /^HTTP\/1\.[01] [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/,
    (start) => method === "HEAD" || /^HTTP\/1\.[01] (1\d\d|204|304)/.test(start),
    true,
    hasEnded
  )
