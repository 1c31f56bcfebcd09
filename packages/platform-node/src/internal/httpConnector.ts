/**
 * Opens the connections of all HTTP clients: a stream, and TLS in it for https.
 *
 * The Duplex is there at once and opens with the first bytes written to it, so that a request travels with the SYN.
 *
 * It ends as a TCP socket does, `halfClose`: an HTTP client ends its side when it has its answer, so nothing is lost by saying
 * it, and a program that an upgrade or a CONNECT has given the socket waits for the answer to its end.
 */
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import * as HttpTarget from "@effect-i2p/platform/HttpTarget"
import { type NotI2pHost, TlsTimedOut } from "@effect-i2p/platform/I2pHttpError"
import type { ConnectOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as NodeDuplex from "../NodeDuplex.js"
import * as Guard from "./guard.js"
import * as Timers from "./timers.js"

export interface Options {
  readonly hosts?: HttpTarget.Hosts | undefined
  readonly connect?: Omit<ConnectOptions, "destination" | "port" | "initialData"> | undefined
  readonly tls?: Tls.ConnectionOptions | undefined
  readonly tlsTimeout?: Duration.DurationInput | undefined
}

export interface Request {
  readonly protocol: string
  readonly host: string
  readonly port: string | number
  /** The name in the certificate, if it is not the host. */
  readonly servername?: string | undefined
}

export interface Connector {
  /** What `connect` would refuse. */
  readonly check: (request: Request) => NotI2pHost | undefined
  readonly connect: (request: Request) => Either.Either<Duplex, NotI2pHost>
}

/** Ours; as long as a stream may take to open. */
const defaultTlsTimeout = Duration.seconds(60)

export const make = (options: Options): Effect.Effect<Connector, never, StreamManager> =>
  Effect.map(NodeDuplex.connector, (connect) => {
    const tlsTimeout = Timers.millis(options.tlsTimeout ?? defaultTlsTimeout)
    const resolve = ({ host, port, protocol }: Request) => HttpTarget.resolve(options.hosts ?? {}, protocol, host, port)
    return {
      check: (request) => Either.match(resolve(request), { onLeft: (error) => error, onRight: () => undefined }),
      connect: (request) =>
        Either.map(resolve(request), (target) => {
          const isSecure = request.protocol === "https:"
          const duplex = connect({ ...options.connect, halfClose: true, allowHalfOpen: isSecure, ...target })
          return isSecure ? secure(duplex, request, options.tls, tlsTimeout) : duplex
        })
    }
  })

/**
 * TLS inside of a stream: with `socket` given, Node opens none. The Duplex stays open when the peer has ended, for TLS still
 * writes its own end to it; TLS itself does not, though Node would let it do as its socket does.
 */
const secure = (
  duplex: NodeDuplex.NodeDuplex,
  { host, servername }: Request,
  options: Tls.ConnectionOptions | undefined,
  timeout: number
): Duplex => {
  const socket = Tls.connect({
    ALPNProtocols: ["http/1.1"],
    servername: servername === undefined || servername === "" ? host : servername,
    ...options,
    host,
    socket: duplex
  })
  socket.allowHalfOpen = false
  const late = new Timers.Timer(() => socket.destroy(new TlsTimedOut({ host, millis: timeout })))
  late.arm(timeout)
  const stop = Guard.guarded(Guard.ignore, () => late.stop())
  socket.once("secureConnect", stop)
  socket.once("close", stop)
  // A stream that fails takes TLS with it, and with its own error instead of "socket disconnected".
  duplex.once(
    "error",
    Guard.guarded(Guard.ignore, (error: Error) => void socket.destroy(error))
  )
  return socket
}
