import * as Net from "node:net"
import { it } from "@effect/vitest"
import type { LocalRouter } from "@effect-i2p/router/LocalRouter"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as NodeI2p from "../src/NodeI2p.js"

/** A test in real time, with an embedded router that outlives the sessions on it. */
export const live = <E>(name: string, body: Effect.Effect<void, E, Scope.Scope | LocalRouter>): void =>
  it.live(name, () => Effect.provide(Effect.scoped(body), NodeI2p.layerLocalRouter()))

/** A destination on the embedded router at hand. */
export const session = (
  options: NodeI2p.SessionOptions = {}
): Effect.Effect<StreamManager["Type"], never, Scope.Scope | LocalRouter> =>
  // A test that leaves a peer without an answer shall not wait for it.
  Layer.build(
    NodeI2p.layerOnLocalRouter({ ...options, streaming: { shutdownTimeout: "100 millis", ...options.streaming } })
  ).pipe(
    Effect.map(Context.get(StreamManager)),
    Effect.tap((streams) => streams.ready),
    Effect.orDie
  )

/** Two destinations, and both ends of a stream between them. */
export const pair: Effect.Effect<
  {
    readonly a: StreamManager["Type"]
    readonly b: StreamManager["Type"]
    readonly near: StreamConnection
    readonly far: StreamConnection
  },
  never,
  Scope.Scope | LocalRouter
> = Effect.gen(function* () {
  const a = yield* session()
  const b = yield* session()
  const listener = yield* b.listen({ port: 80 })
  const accepted = yield* Effect.fork(listener.accept)
  const near = yield* a.connect({ destination: b.destination, port: 80 })
  return { a, b, near, far: yield* Fiber.join(accepted) }
}).pipe(Effect.orDie)

/** A value that a callback brings. */
export const callback = <A>(register: (resume: (value: A) => void) => void): Effect.Effect<A> =>
  Effect.async((resume) => register((value) => resume(Effect.succeed(value))))

/** The event's first argument, when it is emitted next. */
export const event = <A = unknown>(
  emitter: { once(name: string, listener: (value: A) => void): unknown },
  name: string
): Effect.Effect<A> => callback((resume) => emitter.once(name, resume))

/** Bytes that differ enough to show what is missing, doubled or out of order. */
export const pattern = (length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)
  return bytes
}

/** A TCP service; `handler` gets each connection. */
export const service = (handler: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    callback<Net.Server>((resume) => {
      const server: Net.Server = Net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("error", () => {})
        handler(socket)
      }).listen(0, "127.0.0.1", () => resume(server))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => ({ host: "127.0.0.1", port: (server.address() as Net.AddressInfo).port })))
