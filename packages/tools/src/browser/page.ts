/**
 * What `browser.ts` bundles and a browser runs: the compliance suite between two whole stacks of this page, on the network in
 * memory and on the embedded router in simulated time, and an echo in real time. Posts a list of results to its server.
 *
 * @since 0.1.0
 */
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Compliance from "@effect-i2p/testkit/compliance"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/**
 * How a case went in the browser: `message` is why it failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly name: string
  readonly message: string | undefined
}

const keys = { client: MemoryTransport.keysOf("alice"), server: MemoryTransport.keysOf("bob") }

const inMemory = Effect.all({
  client: MemoryTransport.streams(keys.client),
  server: MemoryTransport.streams(keys.server)
})

const session = (name: keyof typeof keys) =>
  StreamManager.layerI2cp().pipe(
    Layer.provide(I2cpSession.layer({ keys: keys[name] })),
    Layer.provide(LocalRouter.layerSocket()),
    // Two sessions do not share a connection.
    Layer.fresh,
    Layer.build,
    Effect.map(Context.get(StreamManager)),
    Effect.tap((streams) => streams.ready)
  )

const onRouter = Effect.gen(function* () {
  return { client: yield* session("client"), server: yield* session("server") }
})

const echo = Effect.gen(function* () {
  const { client, server } = yield* onRouter
  const listener = yield* server.listen({ port: 7 })
  yield* Effect.forkScoped(listener.run((stream) => Stream.run(stream.readable, stream.writable)))
  const stream = yield* client.connect({ destination: keys.server.destination.b32, port: 7 })
  yield* stream.write(new TextEncoder().encode("hello"))
  yield* stream.end
  const answer = yield* Stream.mkString(Stream.decodeText(stream.readable))
  if (answer !== "hello") return yield* Effect.dieMessage(`the echo is ${JSON.stringify(answer)}`)
}).pipe(Effect.scoped, Effect.provide(LocalRouter.layer()), Effect.timeout("20 seconds"))

const link = { latencyMillis: 50, jitterMillis: 5, loss: 0.005 }

const cases: ReadonlyArray<readonly [name: string, run: Effect.Effect<unknown, unknown>]> = [
  ["echoes in real time", echo],
  ...Compliance.cases({ pair: inMemory }).map(
    ({ name, run }) =>
      [
        `on the network in memory ${name}`,
        SimulatedTime.run(Effect.provide(run, MemoryTransport.layer({ link })))
      ] as const
  ),
  ...Compliance.cases({ pair: onRouter }).map(
    ({ name, run }) =>
      [`on the embedded router ${name}`, SimulatedTime.run(Effect.provide(run, LocalRouter.layer({ link })))] as const
  )
]

const program = Effect.forEach(cases, ([name, run]) =>
  Effect.map(
    Effect.exit(run),
    (exit): Result => ({ name, message: exit._tag === "Failure" ? Cause.pretty(exit.cause) : undefined })
  )
)

const results = await Effect.runPromise(program)
await fetch("/results", { method: "POST", body: JSON.stringify(results) })
