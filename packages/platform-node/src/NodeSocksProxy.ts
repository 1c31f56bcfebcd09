/**
 * A SOCKS 5 proxy to I2P: CONNECT to names that end in `.i2p`, resolved by the router, without authentication.
 *
 * It fails closed. IP addresses and other names are refused with the reply code that says so; nothing is looked up or opened
 * outside of I2P. Programs must leave the resolving to the proxy: `socks5h://` in curl, "Proxy DNS" in Firefox.
 *
 * @since 0.1.0
 */

import * as Socks5 from "@effect-i2p/platform/Socks5"
import type { TunnelError } from "@effect-i2p/platform/TunnelError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Address from "@effect-i2p/wire/Address"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Meter from "./internal/meter.js"
import * as Splice from "./internal/splice.js"
import * as Tcp from "./internal/tcp.js"
import * as NodeTunnel from "./NodeTunnel.js"

/**
 * **Shape** `listen` is the TCP address. `greetingTimeout` bounds what comes before the stream: from the connection to the
 * whole request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends NodeTunnel.Options {
  readonly listen: NodeTunnel.Endpoint
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly greetingTimeout?: Duration.DurationInput | undefined
}

/**
 * **Source** `greetingTimeout`: 30 s, ours. The others: `NodeTunnel.defaults`.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = { greetingTimeout: Duration.seconds(30) } as const

/** The client is told `answer` and let go. */
class Refused extends Data.TaggedError("Refused")<{ readonly answer: Uint8Array; readonly message: string }> {}

/**
 * Opens the proxy.
 *
 * **Errors** `TunnelError` when it cannot listen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<NodeTunnel.Tunnel, TunnelError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* StreamManager
    const meter = Meter.make()
    const splicing = NodeTunnel.spliceOptions(options, false)
    const greetingTimeout = options.greetingTimeout ?? defaults.greetingTimeout
    const connectTimeout = options.connectTimeout ?? NodeTunnel.defaults.connectTimeout

    /** Reads one message of the handshake; what came with it stays for the next. */
    const receive = <A>(tcp: Tcp.Connection, parse: (bytes: Uint8Array) => Socks5.Step<A>) =>
      Effect.gen(function* () {
        let bytes: Uint8Array = new Uint8Array(0)
        for (;;) {
          const chunk = yield* tcp.read
          if (Option.isNone(chunk)) return yield* new Tcp.TcpBroken({ code: "ended" })
          bytes = bytes.length === 0 ? chunk.value : Buffer.concat([bytes, chunk.value])
          const step = parse(bytes)
          if (step._tag === "Refuse") return yield* new Refused({ answer: step.answer, message: step.reason })
          if (step._tag === "Done") {
            tcp.unread(bytes.subarray(step.length))
            return step.value
          }
        }
      })

    const negotiate = (tcp: Tcp.Connection) =>
      Effect.gen(function* () {
        yield* receive(tcp, Socks5.greeting)
        yield* tcp.write([Socks5.noAuthentication])
        const { host, port } = yield* receive(tcp, Socks5.request)
        const address = Address.parse(host)
        if (Either.isRight(address)) return { destination: host, port }
        return yield* new Refused({
          answer: Socks5.reply(Socks5.Reply.NotAllowed),
          message: `${address.left.message}; nothing but I2P is reached`
        })
      }).pipe(
        Effect.timeoutFail({
          duration: greetingTimeout,
          onTimeout: () => new Refused({ answer: new Uint8Array(0), message: "it did not say where to in time" })
        })
      )

    const handle = (tcp: Tcp.Connection) =>
      Effect.gen(function* () {
        const target = yield* negotiate(tcp)
        const connect = Effect.catchAll(manager.connect({ ...target, timeout: connectTimeout }), (error) =>
          Effect.fail(new Refused({ answer: Socks5.reply(Socks5.replyTo(error)), message: error.message }))
        )
        const stream = yield* Effect.raceFirst(connect, tcp.broken)
        yield* tcp.write([Socks5.reply(Socks5.Reply.Succeeded)])
        yield* Splice.run(tcp, stream, splicing, meter)
      }).pipe(
        Effect.catchTags({
          Refused: (error) =>
            Effect.zipRight(
              Effect.sync(() => Meter.fail(meter, error)),
              Effect.ignore(tcp.write([error.answer]))
            ),
          TcpBroken: () => Effect.void
        }),
        Effect.scoped
      )

    const address = yield* Tcp.serve(
      options.listen,
      options.maxConnections ?? NodeTunnel.defaults.maxConnections,
      meter,
      handle
    )
    return { address, stats: NodeTunnel.statsOf(meter) }
  })
