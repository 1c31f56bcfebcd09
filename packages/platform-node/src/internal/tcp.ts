/**
 * TCP sockets one effect at a time, with back-pressure both ways, and a listener that bounds how many it serves.
 */
import * as Net from "node:net"
import { TunnelError } from "@effect-i2p/platform/TunnelError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { errorCode } from "./errorCode.js"
import * as Guard from "./guard.js"
import type { Meter } from "./meter.js"

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export const format = ({ host, port }: Endpoint): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** The connection broke: nothing more comes, and what was written may not have arrived. */
export class TcpBroken extends Data.TaggedError("TcpBroken")<{ readonly code: string }> {
  override get message(): string {
    return `the TCP connection broke (${this.code})`
  }
}

/** One reader and one writer at a time. */
export interface Connection {
  readonly socket: Net.Socket
  /** What has come, at least one byte; none once the other side has ended. An interrupted read loses nothing. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, TcpBroken>
  /** Puts bytes back, for the next read. */
  readonly unread: (bytes: Uint8Array) => void
  /** Waits until the system has taken the bytes. */
  readonly write: (chunks: Iterable<Uint8Array | string>) => Effect.Effect<void, TcpBroken>
  /** Sends FIN; reading goes on. */
  readonly end: Effect.Effect<void>
  /** Sends RST. */
  readonly reset: Effect.Effect<void>
  /** Fails when the connection breaks, and waits for ever if it does not. */
  readonly broken: Effect.Effect<never, TcpBroken>
}

const brokenBy = (error: unknown): string => errorCode(error) || "closed"

/** `socket` must allow half-open ends. */
export const fromSocket = (socket: Net.Socket): Connection => {
  // A later error is kept in `socket.errored`, where the next read finds it; unheard it would end the process.
  socket.on("error", Guard.ignore)
  let unread: Array<Uint8Array> = []
  const broke = () => new TcpBroken({ code: brokenBy(socket.errored) })
  return {
    socket,
    read: Effect.async((resume) => {
      const events = ["readable", "end", "close"] as const
      const cleanup = () => {
        for (const event of events) socket.off(event, look)
      }
      const finish = (result: Effect.Effect<Option.Option<Uint8Array>, TcpBroken>) => {
        cleanup()
        resume(result)
      }
      const look = () => {
        const first = unread.shift()
        const chunk: Uint8Array | null = first ?? socket.read()
        if (chunk !== null) finish(Effect.succeedSome(chunk))
        else if (socket.readableEnded) finish(Effect.succeedNone)
        else if (socket.errored || socket.destroyed) finish(broke())
      }
      for (const event of events) socket.on(event, look)
      look()
      return Effect.sync(cleanup)
    }),
    unread: (bytes) => {
      if (bytes.length > 0) unread = [bytes, ...unread]
    },
    write: (chunks) =>
      Effect.async((resume) => {
        if (socket.destroyed || socket.writableEnded) return resume(broke())
        const done = (error?: Error | null) => resume(error ? new TcpBroken({ code: brokenBy(error) }) : Effect.void)
        const all = [...chunks]
        const last = all.pop()
        if (last === undefined) return done()
        socket.cork()
        for (const chunk of all) socket.write(chunk)
        socket.write(last, done)
        socket.uncork()
      }),
    end: Effect.sync(() => void socket.end()),
    reset: Effect.sync(() => void socket.resetAndDestroy()),
    broken: Effect.async((resume) => {
      const look = () => {
        if (socket.errored) resume(broke())
      }
      socket.once("close", look)
      if (socket.destroyed) look()
      return Effect.sync(() => socket.off("close", look))
    })
  }
}

const reasons: Readonly<Record<string, readonly [reason: TunnelError["reason"], detail: string]>> = {
  EADDRINUSE: ["AddressInUse", "the port is taken"],
  EACCES: ["NotPermitted", "that port is not allowed to us"],
  EPERM: ["NotPermitted", "that port is not allowed to us"],
  EADDRNOTAVAIL: ["BadAddress", "this machine has no such address"],
  ENOTFOUND: ["BadAddress", "no such host"]
}

/** Why an address cannot be listened on. */
export const reasonOf = (error: Error): Pick<TunnelError, "reason" | "detail"> => {
  const [reason, detail] = reasons[brokenBy(error)] ?? ["Io", error.message]
  return { reason, detail }
}

const listenFailed = (at: Endpoint, error: Error): TunnelError =>
  new TunnelError({ address: format(at), ...reasonOf(error) })

/** Begins to listen; the address is the one it got, should the port have been 0. */
export const bind = (server: Net.Server, at: Endpoint): Effect.Effect<Endpoint, TunnelError> =>
  Effect.async((resume) => {
    server.once("error", (error) => resume(listenFailed(at, error)))
    server.listen(at.port, at.host, () => {
      const address = server.address() as Net.AddressInfo
      resume(Effect.succeed({ host: at.host, port: address.port }))
    })
  })

/**
 * Serves each connection in a fiber, for as long as the scope lasts; `handler` sees to how it ends. Connections beyond
 * `maxConnections` are reset.
 */
export const serve = <R>(
  at: Endpoint,
  maxConnections: number,
  meter: Meter,
  handler: (connection: Connection) => Effect.Effect<void, never, R>
): Effect.Effect<Endpoint, TunnelError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.makeRuntime<R, void, never>()
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
          Guard.guarded(
            () => void socket.destroy(),
            () => {
              const connection = fromSocket(socket)
              if (meter.active >= maxConnections) {
                meter.refused++
                socket.resetAndDestroy()
                return
              }
              meter.opened++
              meter.active++
              run(
                handler(connection).pipe(
                  Effect.ensuring(
                    Effect.sync(() => {
                      meter.active--
                      socket.destroySoon()
                    })
                  )
                )
              )
            }
          )()
        )
      ),
      (server) => Effect.sync(() => server.close())
    )
    return yield* bind(server, at)
  })

/** Dials; the scope's end destroys the socket. */
export const connect = (
  to: Endpoint,
  options: { readonly localAddress?: string | undefined; readonly timeoutMillis: number }
): Effect.Effect<Connection, TcpBroken, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Connection, TcpBroken>((resume) => {
      const socket = Net.connect({
        host: to.host,
        port: to.port,
        allowHalfOpen: true,
        noDelay: true,
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress })
      })
      const connection = fromSocket(socket)
      socket.once("error", (error) => resume(new TcpBroken({ code: brokenBy(error) })))
      socket.once("connect", () => resume(Effect.succeed(connection)))
      return Effect.sync(() => socket.destroy())
    }).pipe(
      Effect.timeoutFail({
        duration: options.timeoutMillis,
        onTimeout: () => new TcpBroken({ code: "ETIMEDOUT" })
      }),
      Effect.interruptible
    ),
    ({ socket }) => Effect.sync(() => socket.destroySoon())
  )
