/**
 * A TCP connection read and written one effect at a time, with back-pressure both ways.
 *
 * The harness uses it where the bytes themselves are under test: SAM, tunnels, raw I2CP. A peer that stops reading
 * stops our `write`; bytes that nobody reads stay in the kernel.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/**
 * The connection could not be made, broke, or ended where more was expected.
 *
 * @category errors
 * @since 0.1.0
 */
export class TcpError extends Schema.TaggedError<TcpError>()("TcpError", {
  operation: Schema.Literal("connect", "read", "write"),
  peer: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `TCP ${this.operation} with ${this.peer} failed: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/**
 * An open connection; one reader and one writer at a time.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpConnection {
  /** What has arrived, at least one byte; `none` once the peer has ended. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, TcpError>
  /** Exactly this many bytes; fails if the peer ends first. */
  readonly readExactly: (length: number) => Effect.Effect<Uint8Array, TcpError>
  /** Up to and without the next line feed. */
  readonly readLine: Effect.Effect<string, TcpError>
  readonly write: (bytes: Uint8Array | string) => Effect.Effect<void, TcpError>
  /** Sends FIN; reading goes on. */
  readonly end: Effect.Effect<void>
}

/**
 * Dials; the scope's end destroys the socket.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (address: {
  readonly host?: string | undefined
  readonly port: number
}): Effect.Effect<TcpConnection, TcpError, Scope.Scope> => {
  const host = address.host ?? "127.0.0.1"
  const peer = `${host}:${address.port}`
  return Effect.acquireRelease(
    Effect.async<Net.Socket, TcpError>((resume) => {
      const socket = Net.connect({ host, port: address.port, allowHalfOpen: true, noDelay: true })
      const onError = (cause: Error) => resume(new TcpError({ operation: "connect", peer, cause }))
      socket.once("error", onError)
      socket.once("connect", () => {
        socket.off("error", onError)
        // A later error is kept in `socket.errored`, where the next read finds it; unhandled it would end the process.
        socket.on("error", () => {})
        resume(Effect.succeed(socket))
      })
      return Effect.sync(() => socket.destroy())
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(Effect.map((socket) => fromSocket(socket, peer)))
}

const decoder = new TextDecoder()

const fromSocket = (socket: Net.Socket, peer: string): TcpConnection => {
  // Bytes read past the end of a line or of an exact length, handed out first.
  let unread: Uint8Array = new Uint8Array()

  const receive = Effect.async<Option.Option<Uint8Array>, TcpError>((resume) => {
    const events = ["readable", "end", "close", "error"] as const
    const cleanup = () => {
      for (const event of events) socket.off(event, attempt)
    }
    const finish = (result: Effect.Effect<Option.Option<Uint8Array>, TcpError>) => {
      cleanup()
      resume(result)
    }
    const attempt = () => {
      const chunk: Uint8Array | null = socket.read()
      if (chunk !== null) finish(Effect.succeedSome(chunk))
      else if (socket.errored) finish(new TcpError({ operation: "read", peer, cause: socket.errored }))
      else if (socket.readableEnded || socket.destroyed) finish(Effect.succeedNone)
    }
    for (const event of events) socket.on(event, attempt)
    attempt()
    return Effect.sync(cleanup)
  })

  const read = Effect.suspend(() => {
    if (unread.length === 0) return receive
    const bytes = unread
    unread = new Uint8Array()
    return Effect.succeedSome(bytes)
  })

  /** Reads until `find` says where to cut; the rest stays unread. */
  const readUntil = (find: (bytes: Uint8Array) => number | undefined) =>
    Effect.gen(function* () {
      let bytes: Uint8Array = new Uint8Array()
      while (true) {
        const cut = find(bytes)
        if (cut !== undefined) {
          unread = bytes.subarray(cut)
          return bytes.subarray(0, cut)
        }
        const more = yield* read
        if (Option.isNone(more)) {
          const cause = new Error(`the peer ended after ${bytes.length} bytes of an answer`)
          return yield* new TcpError({ operation: "read", peer, cause })
        }
        bytes = bytes.length === 0 ? more.value : Buffer.concat([bytes, more.value])
      }
    })

  return {
    read,
    readExactly: (length) => readUntil((bytes) => (bytes.length >= length ? length : undefined)),
    readLine: readUntil((bytes) => {
      const lineFeed = bytes.indexOf(10)
      return lineFeed < 0 ? undefined : lineFeed + 1
    }).pipe(Effect.map((bytes) => decoder.decode(bytes.subarray(0, -1)))),
    write: (bytes) =>
      Effect.async((resume) => {
        socket.write(bytes, (cause) => resume(cause ? new TcpError({ operation: "write", peer, cause }) : Effect.void))
      }),
    end: Effect.sync(() => socket.end())
  }
}
