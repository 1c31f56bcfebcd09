/**
 * What every transport must be able to carry: one suite, run unchanged in memory on simulated time, over the embedded
 * router, over TCP, and over real routers.
 *
 * Cases are data, so this module needs no test runner. A test file registers them:
 *
 *     for (const { name, run } of Compliance.cases({ pair })) it.effect(name, () => SimulatedTime.run(run))   // virtual
 *     for (const { name, run } of Compliance.cases({ pair, scale })) it.live(name, () => run, 60_000)         // real
 *
 * Each case keeps to ports of its own and looks at its own streams only, so a `pair` may be shared between cases where
 * sessions are dear. Sessions must not have a listener on port 0.
 *
 * @since 0.1.0
 */
import type { StreamConnection, StreamStats } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import type { StreamListener } from "@effect-i2p/streaming/StreamListener"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { concat } from "./internal/bytes.js"
import { keysOf } from "./MemoryTransport.js"
import * as Suite from "./Suite.js"
import { ExpectationFailed, expectEqual } from "./Suite.js"

/**
 * Two sessions that can reach each other and are ready to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pair {
  readonly client: StreamManager["Type"]
  readonly server: StreamManager["Type"]
}

/**
 * How much and how long; the defaults are for transports without a network.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scale {
  /** Bytes of the bulk transfer, each way. */
  readonly bulkBytes: number
  /** Streams at a time. */
  readonly streams: number
  /** How long a case may take. */
  readonly patience: Duration.DurationInput
  /** How long a connection to nobody is tried. */
  readonly connectTimeout: Duration.DurationInput
}

/**
 * As much as simulated time allows.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Scale = {
  bulkBytes: 8 * 1024 * 1024,
  streams: 100,
  patience: "5 minutes",
  connectTimeout: "10 seconds"
}

/**
 * What the suite works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E, R> {
  /** Gives the sessions a case works with, for as long as the case's scope lives or longer. */
  readonly pair: Effect.Effect<Pair, E, R>
  readonly scale?: Partial<Scale> | undefined
}

/**
 * The suite.
 *
 * @since 0.1.0
 * @category constructors
 */
export const cases = <E, R>(options: Options<E, R>): ReadonlyArray<Suite.Case<R>> => {
  const scale = { ...defaults, ...options.scale }
  return bodies.map(({ body, name }, index) =>
    Suite.makeCase<R>(
      name,
      scale.patience,
      Effect.flatMap(options.pair, (pair) => body({ ...pair, scale, port: firstPort + index }))
    )
  )
}

interface Context extends Pair {
  readonly scale: Scale
  /** A port for this case alone. */
  readonly port: number
}

interface Body {
  readonly name: string
  readonly body: (context: Context) => Effect.Effect<void, unknown, Scope.Scope>
}

/** Ports that no service has; any would do. */
const firstPort = 7700

const expectBytes = (what: string, actual: Uint8Array, expected: Uint8Array): Effect.Effect<void, ExpectationFailed> =>
  Effect.zipRight(
    expectEqual(`${what}: length`, actual.length, expected.length),
    expectEqual(`${what}: SHA-256`, Hash.toBase32(Hash.of(actual)), Hash.toBase32(Hash.of(expected)))
  )

/** The tag, and the reason if it has one, of how an effect fails. */
const failureOf = <A, E extends { readonly _tag: string; readonly reason?: unknown }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<string, never, R> =>
  Effect.match(effect, {
    onFailure: (error) => (error._tag === "StreamReset" ? `${error._tag} ${String(error.reason)}` : error._tag),
    onSuccess: () => "success"
  })

/** Waits for something that comes about by itself, within the patience of the case. */
const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) =>
    holds
      ? Effect.void
      : Effect.zipRight(
          Effect.sleep("20 millis"),
          Effect.suspend(() => until(condition))
        )
  )

const find = (streams: StreamManager["Type"], isIt: (stats: StreamStats) => boolean) =>
  Effect.map(streams.active, (all) => all.find(isIt))

const untilGone = (streams: StreamManager["Type"], localStreamId: number) =>
  until(
    Effect.map(
      find(streams, (stats) => stats.localStreamId === localStreamId),
      (stats) => stats === undefined
    )
  )

/** Reproducible bytes without a pattern that a shifted or repeated packet could hide in. Xorshift32. */
const noise = (length: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let x = seed | 1
  for (let i = 0; i < length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    bytes[i] = x
  }
  return bytes
}

const readAll = (connection: StreamConnection): Effect.Effect<Uint8Array, StreamError> =>
  Effect.map(Stream.runCollect(connection.readable), concat)

const read = Effect.fnUntraced(function* (connection: StreamConnection, length: number) {
  const parts: Array<Uint8Array> = []
  let missing = length
  while (missing > 0) {
    const next = yield* connection.read
    if (Option.isNone(next)) break
    parts.push(next.value)
    missing -= next.value.length
  }
  return concat(parts)
})

const echo = (connection: StreamConnection) => Stream.run(connection.readable, connection.writable)

const serve = (listener: StreamListener, handler: (connection: StreamConnection) => Effect.Effect<void, StreamError>) =>
  Effect.forkScoped(listener.run(handler))

/** A connection as both sides have it. */
const established = Effect.fnUntraced(function* ({ client, port, server }: Context) {
  const listener = yield* server.listen({ port })
  const near = yield* client.connect({ destination: server.destination, port })
  const far = yield* listener.accept
  return { near, far }
})

const bodies: ReadonlyArray<Body> = [
  {
    name: "connects, and both sides know whom they talk to and on which ports",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const listener = yield* server.listen({ port })
      const near = yield* client.connect({ destination: server.destination, port, localPort: 4242 })
      const far = yield* listener.accept
      yield* expectEqual("the client's peer", near.remote.b32, server.destination.b32)
      yield* expectEqual("the server's peer", far.remote.b32, client.destination.b32)
      yield* expectEqual("the client's ports", `${near.localPort} ${near.remotePort}`, `4242 ${port}`)
      yield* expectEqual("the server's ports", `${far.localPort} ${far.remotePort}`, `${port} 4242`)
    })
  },
  {
    name: "finds a peer by its b32 and its Base64 address",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const listener = yield* server.listen({ port })
      for (const destination of [server.destination.b32, server.destination.base64]) {
        const near = yield* client.connect({ destination, port })
        yield* expectEqual("the peer", near.remote.b32, server.destination.b32)
        yield* listener.accept
      }
    })
  },
  {
    name: "delivers data that came with the SYN before the client knows of the connection",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const request = noise(1000, 1)
      const listener = yield* server.listen({ port })
      let isConnected = false
      const served = yield* Effect.forkScoped(
        Effect.flatMap(listener.accept, (far) => Effect.map(read(far, request.length), (got) => ({ got, isConnected })))
      )
      yield* client.connect({ destination: server.destination, port, initialData: request })
      isConnected = true
      const { got, isConnected: wasConnected } = yield* Fiber.join(served)
      yield* expectBytes("the request", got, request)
      yield* expectEqual("connected before the data was read", wasConnected, false)
    })
  },
  {
    name: "takes more data with connect than a SYN can carry",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const request = noise(100_000, 2)
      const listener = yield* server.listen({ port })
      const near = yield* client.connect({ destination: server.destination, port, initialData: request })
      yield* near.write(Uint8Array.of(7))
      const far = yield* listener.accept
      yield* expectBytes("the request", yield* read(far, 100_001), concat([request, Uint8Array.of(7)]))
    })
  },
  {
    name: "echoes writes of all sizes in order",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      yield* serve(yield* server.listen({ port }), echo)
      const near = yield* client.connect({ destination: server.destination, port })
      const writes = [1, 0, 511, 512, 1729, 1730, 1811, 1812, 1813, 3, 16_384, 70_000].map(noise)
      yield* Effect.forkScoped(Effect.forEach(writes, near.write, { discard: true }))
      const sent = concat(writes)
      yield* expectBytes("the echo", yield* read(near, sent.length), sent)
    })
  },
  {
    name: "carries bulk both ways at once, whole and in order",
    body: Effect.fnUntraced(function* (context) {
      const { far, near } = yield* established(context)
      const there = noise(context.scale.bulkBytes, 3)
      const back = noise(context.scale.bulkBytes, 4)
      const [, , received, returned] = yield* Effect.all(
        [near.write(there), far.write(back), read(far, there.length), read(near, back.length)],
        { concurrency: "unbounded" }
      )
      yield* expectBytes("what the server got", received, there)
      yield* expectBytes("what the client got", returned, back)
    })
  },
  {
    name: "carries many streams on one session at the same time",
    body: Effect.fnUntraced(function* ({ client, port, scale, server }) {
      const count = scale.streams
      yield* serve(yield* server.listen({ port, backlog: count }), echo)
      const all = yield* Effect.forEach(
        Array.from({ length: count }),
        () => client.connect({ destination: server.destination, port }),
        { concurrency: "unbounded" }
      )
      const open = (yield* client.active).filter((stats) => stats.remotePort === port && stats.status === "Established")
      yield* expectEqual("streams open at the same time", open.length, count)
      yield* Effect.forEach(
        all,
        Effect.fnUntraced(function* (near, index) {
          const message = noise(5000, index + 1)
          yield* near.write(message)
          yield* expectBytes(`the echo of stream ${index}`, yield* read(near, message.length), message)
        }),
        { concurrency: "unbounded", discard: true }
      )
    })
  },
  {
    name: "chokes a sender whose reader is slow, and recovers without losing a byte",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const listener = yield* server.listen({ port, receiveBufferBytes: 65_536 })
      const near = yield* client.connect({ destination: server.destination, port })
      const far = yield* listener.accept
      const message = noise(400_000, 5)
      const writing = yield* Effect.forkScoped(near.write(message))
      yield* until(Effect.map(near.stats, (stats) => stats.choked))
      const { bytesUnread } = yield* far.stats
      // What fills a hole finds room although later packets have taken some already.
      const limit = 2 * 65_536
      if (bytesUnread > limit)
        return yield* new ExpectationFailed({
          what: "bytes held for the reader",
          expected: `at most ${limit}`,
          actual: bytesUnread
        })
      yield* expectBytes("the message", yield* read(far, message.length), message)
      yield* Fiber.join(writing)
      yield* near.flush
      // The last acknowledgment may have come before the reader had made room: that it has comes after it.
      yield* until(Effect.map(near.stats, (stats) => !stats.choked))
    })
  },
  {
    name: "acknowledges everything written before flush returns",
    body: Effect.fnUntraced(function* (context) {
      const { near } = yield* established(context)
      yield* near.write(noise(30_000, 6))
      yield* near.flush
      const stats = yield* near.stats
      yield* expectEqual("bytes acknowledged", stats.bytesAcknowledged, 30_000)
      yield* expectEqual("packets in flight", stats.packetsInFlight, 0)
    })
  },
  {
    name: "closes gracefully: everything written arrives, then the end, and nothing is left",
    body: Effect.fnUntraced(function* (context) {
      const { far, near } = yield* established(context)
      const message = noise(50_000, 7)
      yield* near.write(message)
      const closing = yield* Effect.forkScoped(near.close)
      yield* expectBytes("the message", yield* readAll(far), message)
      yield* expectEqual("reading after the end", Option.isNone(yield* far.read), true)
      yield* far.close
      yield* Fiber.join(closing)
      yield* expectEqual("writing after close", yield* failureOf(near.write(Uint8Array.of(1))), "StreamClosed")
      yield* untilGone(context.client, near.localStreamId)
      yield* untilGone(context.server, far.localStreamId)
    })
  },
  {
    name: "half-closes: the answer comes after the end of the request",
    body: Effect.fnUntraced(function* (context) {
      const { far, near } = yield* established(context)
      const request = noise(5000, 8)
      const answer = noise(60_000, 9)
      yield* near.write(request)
      yield* near.end
      yield* expectBytes("the request", yield* readAll(far), request)
      yield* far.write(answer)
      yield* far.end
      yield* expectBytes("the answer", yield* readAll(near), answer)
      yield* untilGone(context.client, near.localStreamId)
      yield* untilGone(context.server, far.localStreamId)
    })
  },
  {
    name: "resets: both sides learn who did it, and nothing is left",
    body: Effect.fnUntraced(function* (context) {
      const { far, near } = yield* established(context)
      yield* near.write(Uint8Array.of(1))
      yield* near.flush
      yield* near.reset
      yield* read(far, 1)
      yield* expectEqual("the peer's read", yield* failureOf(far.read), "StreamReset ResetByPeer")
      yield* expectEqual("the peer's write", yield* failureOf(far.write(noise(1, 1))), "StreamReset ResetByPeer")
      yield* expectEqual("our read", yield* failureOf(near.read), "StreamReset Aborted")
      yield* untilGone(context.client, near.localStreamId)
      yield* untilGone(context.server, far.localStreamId)
    })
  },
  {
    name: "refuses a port where nobody listens",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const outcome = yield* failureOf(client.connect({ destination: server.destination, port }))
      yield* expectEqual("connect", outcome, "ConnectRefused")
    })
  },
  {
    name: "refuses connections beyond the backlog, and takes them again when there is room",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const listener = yield* server.listen({ port, backlog: 2 })
      const connect = client.connect({ destination: server.destination, port })
      yield* connect
      yield* connect
      yield* expectEqual("the third", yield* failureOf(connect), "ConnectRefused")
      yield* listener.accept
      yield* expectEqual("with room again", yield* failureOf(connect), "success")
    })
  },
  {
    name: "listens again on a port that was given back",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const serveOne = Effect.gen(function* () {
        const listener = yield* server.listen({ port })
        yield* expectEqual("a second listener", yield* failureOf(server.listen({ port })), "PortInUse")
        const near = yield* client.connect({ destination: server.destination, port })
        const far = yield* listener.accept
        yield* far.write(Uint8Array.of(1))
        yield* expectEqual("bytes", (yield* read(near, 1)).length, 1)
      })
      yield* Effect.scoped(serveOne)
      yield* Effect.scoped(serveOne)
      const outcome = yield* failureOf(client.connect({ destination: server.destination, port }))
      yield* expectEqual("after the last listener", outcome, "ConnectRefused")
    })
  },
  {
    name: "gives up on a peer that is not there when the time is up",
    body: Effect.fnUntraced(function* ({ client, port, scale }) {
      const destination = keysOf("nobody is here").destination
      const attempt = failureOf(client.connect({ destination, port, timeout: scale.connectTimeout }))
      const [took, outcome] = yield* Effect.timed(attempt)
      yield* expectEqual("connect", outcome, "ConnectTimedOut")
      const limit = Duration.sum(scale.connectTimeout, "5 seconds")
      if (Duration.greaterThan(took, limit)) {
        return yield* new ExpectationFailed({
          what: "time",
          expected: `about ${Duration.format(Duration.decode(scale.connectTimeout))}`,
          actual: took
        })
      }
    })
  },
  {
    name: "leaves nothing behind when connect is interrupted",
    body: Effect.fnUntraced(function* ({ client, port }) {
      const destination = keysOf("nobody is here").destination
      const connecting = yield* Effect.fork(Effect.scoped(client.connect({ destination, port })))
      const isIt = (stats: StreamStats) => stats.remotePort === port && stats.destination.b32 === destination.b32
      yield* until(Effect.map(find(client, isIt), (stats) => stats !== undefined))
      yield* Fiber.interrupt(connecting)
      yield* until(Effect.map(find(client, isIt), (stats) => stats === undefined))
    })
  },
  {
    name: "closes with the scope: the peer gets everything and the end",
    body: Effect.fnUntraced(function* ({ client, port, server }) {
      const message = noise(20_000, 10)
      const listener = yield* server.listen({ port })
      const id = yield* Effect.scoped(
        Effect.gen(function* () {
          const near = yield* client.connect({ destination: server.destination, port })
          yield* near.write(message)
          return near.localStreamId
        })
      )
      const far = yield* listener.accept
      yield* expectBytes("the message", yield* readAll(far), message)
      yield* far.close
      yield* untilGone(client, id)
      yield* untilGone(server, far.localStreamId)
    })
  },
  {
    name: "answers a ping with its payload",
    body: Effect.fnUntraced(function* ({ client, server }) {
      const payload = noise(32, 11)
      const pong = yield* client.ping({ destination: server.destination, payload })
      yield* expectBytes("the payload", pong.payload, payload)
    })
  }
]
