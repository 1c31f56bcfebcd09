/**
 * A small site for the demo: as much of HTTP/1.0 as it takes to serve two files and to take an upload, over streams.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import type { StreamConnection, StreamStats } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type CliError, noAnswer } from "../output/Failure.js"

/** What came back for a request. */
interface Response {
  readonly status: string
  readonly body: Uint8Array
}

/** Most bytes of a head. Ours; servers have 8 KiB. */
const maxHeadBytes = 8_192

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Bytes that look random and are the same each time, so that both ends can check them.
 *
 * @category content
 * @since 0.1.0
 */
export const content = (seed: string, length: number): Uint8Array => {
  const cipher = Crypto.createCipheriv("aes-128-ctr", Crypto.createHash("md5").update(seed).digest(), Buffer.alloc(16))
  return new Uint8Array(cipher.update(Buffer.alloc(length)))
}

/**
 * The SHA-256 of bytes, in hexadecimal digits.
 *
 * @category content
 * @since 0.1.0
 */
export const sha256 = (bytes: Uint8Array): string => Crypto.createHash("sha256").update(bytes).digest("hex")

/**
 * The head of a request, to travel with the SYN.
 *
 * @category requests
 * @since 0.1.0
 */
export const request = (method: "GET" | "PUT", path: string, length = 0): Uint8Array =>
  encoder.encode(`${method} ${path} HTTP/1.0\r\nContent-Length: ${length}\r\n\r\n`)

/**
 * Reads a response to its end. `onBody` is told how many bytes of the body have come.
 *
 * @category requests
 * @since 0.1.0
 */
export const response = (
  stream: StreamConnection,
  onBody: (bytes: number, total: number) => void = () => {}
): Effect.Effect<Response, StreamError | CliError> =>
  Effect.map(message(stream, onBody), ({ body, head }) => ({
    status: head.split("\r\n", 1)[0]!.replace(/^HTTP\/1\.\d /, ""),
    body
  }))

/**
 * Serves one stream: the files by `GET`, and for a `PUT` the SHA-256 of what came. `onServed` gets the stream's statistics
 * once everything is acknowledged.
 *
 * @category serving
 * @since 0.1.0
 */
export const serve = Effect.fnUntraced(function* (
  stream: StreamConnection,
  files: Readonly<Record<string, Uint8Array>>,
  onServed: (stats: StreamStats) => Effect.Effect<unknown>
) {
  const { body, head } = yield* message(stream, () => {})
  const [method, path] = head.split(" ", 2)
  const file = method === "PUT" ? encoder.encode(sha256(body)) : files[path ?? ""]
  const status = file === undefined ? "404 Not Found" : "200 OK"
  const answer = file ?? encoder.encode("no such file\n")
  const headBytes = encoder.encode(`HTTP/1.0 ${status}\r\nContent-Length: ${answer.length}\r\n\r\n`)
  const bytes = new Uint8Array(headBytes.length + answer.length)
  bytes.set(headBytes)
  bytes.set(answer, headBytes.length)
  yield* stream.write(bytes)
  yield* stream.flush
  yield* onServed(yield* stream.stats)
  yield* stream.close
})

/** A head and as many bytes of body as it announces. */
const message = Effect.fnUntraced(function* (
  stream: StreamConnection,
  onBody: (bytes: number, total: number) => void
): Effect.fn.Return<{ readonly head: string; readonly body: Uint8Array }, StreamError | CliError> {
  let start: Uint8Array = new Uint8Array(0)
  let end = -1
  while (end < 0) {
    if (start.length > maxHeadBytes) return yield* noAnswer(`${stream.remote.short} sent a head without an end`)
    start = concat(start, yield* next(stream))
    end = decoder.decode(start).indexOf("\r\n\r\n")
  }
  const head = decoder.decode(start.subarray(0, end))
  const length = Number(/^content-length: *(\d{1,9})$/im.exec(head)?.[1] ?? 0)
  const body = new Uint8Array(length)
  let filled = 0
  let chunk = start.subarray(end + 4)
  for (;;) {
    body.set(chunk.subarray(0, length - filled), filled)
    filled = Math.min(length, filled + chunk.length)
    onBody(filled, length)
    if (filled >= length) return { head, body }
    chunk = yield* next(stream)
  }
})

const next = (stream: StreamConnection): Effect.Effect<Uint8Array, StreamError | CliError> =>
  Effect.flatMap(
    stream.read,
    Option.match({
      onNone: () => noAnswer(`${stream.remote.short} closed the stream in the middle of a message`),
      onSome: Effect.succeed
    })
  )

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
