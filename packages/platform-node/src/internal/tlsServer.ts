/**
 * A platform `SocketServer` over TLS, which the platform has not: a connection is handed on once its handshake is done.
 */
import * as Tls from "node:tls"
import * as Socket from "@effect/platform/Socket"
import * as SocketServer from "@effect/platform/SocketServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Guard from "./guard.js"

/**
 * A server's side of TLS, as PEM text.
 *
 * **Shape** `certificate` is what clients see, followed by those of the authorities between it and the root, if any. With
 * `clientCa` clients have to show a certificate that one of these authorities signed.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions {
  readonly certificate: string
  readonly key: Redacted.Redacted<string>
  readonly clientCa?: string | ReadonlyArray<string> | undefined
}

/** Connections that may wait until `run` takes them, as `listen`'s backlog does before the handshake. Source: Node's 511. */
const BACKLOG = 511

export const make = (
  options: TlsOptions & { readonly host: string; readonly port: number }
): Effect.Effect<SocketServer.SocketServer["Type"], SocketServer.SocketServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Tls.TLSSocket>()
    const waiting: Array<Tls.TLSSocket> = []
    let take: (socket: Tls.TLSSocket) => void = (socket) => {
      if (waiting.length < BACKLOG) waiting.push(socket)
      else socket.destroy()
    }
    const server = yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          Tls.createServer({
            cert: options.certificate,
            key: Redacted.value(options.key),
            noDelay: true,
            keepAlive: true,
            ...(options.clientCa === undefined
              ? {}
              : {
                  ca: typeof options.clientCa === "string" ? options.clientCa : [...options.clientCa],
                  requestCert: true,
                  rejectUnauthorized: true
                })
          }),
        catch: (cause) => new SocketServer.SocketServerError({ reason: "Open", cause })
      }),
      (made) =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          made.close(() => resume(Effect.void))
        })
    )
    server.on("secureConnection", (socket) =>
      Guard.guarded(
        () => void socket.destroy(),
        () => {
          // A reset may come when nobody listens yet, or no more.
          socket.on("error", Guard.ignore)
          sockets.add(socket)
          socket.on(
            "close",
            Guard.guarded(Guard.ignore, () => sockets.delete(socket))
          )
          take(socket)
        }
      )()
    )
    // A client that speaks no TLS, or does not trust us, gets no more than the alert.
    server.on(
      "tlsClientError",
      Guard.guarded(Guard.ignore, (_: Error, socket: Tls.TLSSocket) => void socket.destroy())
    )
    yield* Effect.async<void, SocketServer.SocketServerError>((resume) => {
      server.once("error", (cause) =>
        resume(Effect.fail(new SocketServer.SocketServerError({ reason: "Open", cause })))
      )
      server.listen({ host: options.host, port: options.port }, () => resume(Effect.void))
    })

    const run = <R, E, _>(handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>) =>
      Effect.scoped(
        Effect.gen(function* () {
          const fork = yield* FiberSet.makeRuntime<R, void, never>()
          take = (socket) => {
            fork(
              NodeSocket.fromDuplex(opened(socket)).pipe(
                Effect.flatMap(handler),
                Effect.catchAllCause((cause) => Effect.logDebug("a connection failed", cause)),
                Effect.asVoid
              )
            )
          }
          for (const socket of waiting.splice(0)) take(socket)
          return yield* Effect.never
        })
      )

    const address = server.address()
    if (address === null || typeof address === "string") return yield* Effect.dieMessage("a TCP server has a port")
    return SocketServer.SocketServer.of({
      address: { _tag: "TcpAddress", hostname: address.address, port: address.port },
      run
    })
  })

const opened = (socket: Tls.TLSSocket): Effect.Effect<Tls.TLSSocket, Socket.SocketError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() =>
      socket.destroyed ? new Socket.SocketCloseError({ reason: "Close", code: 1000 }) : Effect.succeed(socket)
    ),
    () => Effect.sync(() => socket.destroySoon())
  )
