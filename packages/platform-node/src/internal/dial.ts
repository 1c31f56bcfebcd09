/**
 * Dialling over Node's sockets, and what a dial that failed means.
 */
import * as Net from "node:net"
import * as Socket from "@effect/platform/Socket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { I2cpConfig } from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpError from "@effect-i2p/i2cp/I2cpError"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Guard from "./guard.js"

/**
 * **Shape** `host` default `RouterAddress.DEFAULT_HOST`, `port` default `RouterAddress.DEFAULT_PORT`. `allowClearText`: send user name and
 * password (`I2cpConfig.credentials`) to a host that is not this machine although everybody on the way can read them;
 * default false, as the I2CP overview has it.
 * **Units** `connectTimeout` default 10 s: ours; the router is on this machine or near.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly allowClearText?: boolean | undefined
}

/**
 * A router's Unix socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnixOptions {
  readonly path: string
  readonly connectTimeout?: Duration.DurationInput | undefined
}

/** Connect and handshake. Source: ours. */
const CONNECT_TIMEOUT = "10 seconds"

/** The error a session fails with, as the cause of the socket's. */
export type Told = I2cpError.RouterUnreachable | I2cpError.TlsFailed | I2cpError.SessionRejected

export const openError = (cause: Told): Socket.SocketGenericError =>
  new Socket.SocketGenericError({ reason: "Open", cause })

export const tcp = (options: TcpOptions): Effect.Effect<Socket.Socket> => {
  const host = options.host ?? RouterAddress.DEFAULT_HOST
  const port = options.port ?? RouterAddress.DEFAULT_PORT
  const place = RouterAddress.format({ _tag: "Tcp", host, port, allowClearText: false })
  return NodeSocket.fromDuplex(
    Effect.zipRight(
      refuseClearText(host, options.allowClearText === true),
      open({
        make: () => Net.createConnection({ host, port, ...socketOptions }),
        event: "connect",
        timeout: options.connectTimeout,
        explain: (cause) => unreachable(cause, place, I2cpError.ENABLE_HINT),
        onTimeout: () => silent(place, I2cpError.ENABLE_HINT)
      })
    )
  )
}

const UNIX_HINT =
  "check the path; Java I2P and i2pd listen on TCP only, so something has to make that socket: i2p router, or socat " +
  "UNIX-LISTEN:/path,mode=600,fork TCP:127.0.0.1:7654"

export const unix = ({ connectTimeout, path }: UnixOptions): Effect.Effect<Socket.Socket> =>
  NodeSocket.fromDuplex(
    open({
      make: () => Net.createConnection({ path }),
      event: "connect",
      timeout: connectTimeout,
      explain: (cause) => unreachable(cause, `unix:${path}`, UNIX_HINT),
      onTimeout: () => silent(`unix:${path}`, UNIX_HINT)
    })
  )

/** A socket that cannot be dialled, for text that is no address. */
export const never = (detail: string): Effect.Effect<Socket.Socket> =>
  NodeSocket.fromDuplex(
    openError(new I2cpError.RouterUnreachable({ reason: "BadAddress", detail, hint: "correct the address" }))
  )

export const socketOptions = { noDelay: true, keepAlive: true } as const

/**
 * Opens a socket for as long as the scope lives. `explain` is asked what the error before `event` means.
 */
export const open = <A extends Net.Socket>(options: {
  readonly make: () => A
  readonly event: "connect" | "secureConnect"
  readonly timeout: Duration.DurationInput | undefined
  readonly explain: (cause: NodeJS.ErrnoException) => Told
  readonly onTimeout: () => Told
}): Effect.Effect<A, Socket.SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    let isOpen = false
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const made = options.make()
        // For good: an error after everybody has left would bring the process down.
        made.on("error", Guard.ignore)
        return made
      }),
      // What is written still goes out, but a dial that did not come through has nothing to finish.
      (made) => Effect.sync(() => (isOpen ? made.destroySoon() : made.destroy()))
    )
    yield* Effect.async<void, Socket.SocketError>((resume) => {
      socket.once("error", (cause) => resume(Effect.fail(openError(options.explain(cause)))))
      socket.once(options.event, () => {
        isOpen = true
        resume(Effect.void)
      })
    }).pipe(
      Effect.timeoutFail({
        duration: options.timeout ?? CONNECT_TIMEOUT,
        onTimeout: () => openError(options.onTimeout())
      })
    )
    return socket
  })

/** Fails before the dial when the session's credentials would be readable on the way. */
const refuseClearText = (host: string, isAllowed: boolean): Effect.Effect<void, Socket.SocketError> =>
  Effect.flatMap(I2cpConfig, ({ credentials }) =>
    credentials === undefined || isAllowed || RouterAddress.isLoopback(host)
      ? Effect.void
      : openError(
          new I2cpError.SessionRejected({
            reason: "Misconfigured",
            detail: `user name and password would cross the network to ${host} in clear; use tls://, or allow it: allowClearText, ?cleartext`,
            retryable: false
          })
        )
  )

export const silent = (place: string, hint: string): I2cpError.RouterUnreachable =>
  new I2cpError.RouterUnreachable({ reason: "Timeout", detail: `no connection to ${place} in time`, hint })

/** What the code of the operating system or of the resolver means. */
export const unreachable = (cause: NodeJS.ErrnoException, place: string, hint: string): I2cpError.RouterUnreachable => {
  const detail = I2cpError.sanitize(textOf(cause, place))
  switch (cause.code) {
    case "ECONNREFUSED":
      return new I2cpError.RouterUnreachable({ reason: "Refused", detail, hint, cause })
    case "ETIMEDOUT":
      return new I2cpError.RouterUnreachable({ reason: "Timeout", detail, hint, cause })
    case "ENOENT":
      return new I2cpError.RouterUnreachable({ reason: "NotFound", detail, hint, cause })
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new I2cpError.RouterUnreachable({
        reason: "NotFound",
        detail,
        hint: "check the name of the router's host",
        cause
      })
    case "EACCES":
    case "EPERM":
      return new I2cpError.RouterUnreachable({
        reason: "NotPermitted",
        detail,
        hint: "run as the user the socket belongs to, or change its permissions and those of its directory",
        cause
      })
    default:
      return new I2cpError.RouterUnreachable({ reason: "Failed", detail, hint, cause })
  }
}

/** Node tries each address of a name, and then has an error for each but no message of its own. */
const textOf = (cause: NodeJS.ErrnoException, place: string): string => {
  const messages = cause instanceof AggregateError ? cause.errors.map((error) => String(error?.message ?? error)) : []
  return cause.message || messages.join(", ") || `connect ${cause.code ?? "failed"} ${place}`
}
