/**
 * A chat room over WebSocket: what one says all hear, each under the address of its destination.
 *
 * @since 0.1.0
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as I2pCaller from "@effect-i2p/platform-node/I2pCaller"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as I2pHttpServer from "@effect-i2p/platform-node/I2pHttpServer"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"

/** Who does not read in time misses the oldest: nobody's slowness holds the others up. */
const backlog = 64

/** Everything that is said. */
class Said extends Context.Tag("chat/Said")<Said, PubSub.PubSub<string>>() {}

const room = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/",
    Effect.gen(function* () {
      const said = yield* Said
      const { destination } = yield* I2pCaller.fromRequest
      const heard = yield* PubSub.subscribe(said)
      const socket = yield* HttpServerRequest.upgrade
      const write = yield* socket.writer
      const decoder = new TextDecoder()
      yield* socket
        .runRaw((message) => {
          const text = typeof message === "string" ? message : decoder.decode(message)
          return PubSub.publish(said, `${destination.short}: ${text}`)
        })
        .pipe(
          Effect.raceFirst(Effect.forever(Effect.flatMap(Queue.take(heard), write))),
          // How a visitor leaves is all the same.
          Effect.ignore
        )
      return HttpServerResponse.empty()
    })
  )
)

const server = HttpServer.serve(room).pipe(
  Layer.provide(Layer.effect(Said, PubSub.sliding<string>(backlog))),
  Layer.provide(I2pHttpServer.layer({ port: 80 }))
)

/** Comes, waits for the others, says something, and listens until everybody has said something. */
const visitor = (text: string, { all, arrive, size }: Meeting) =>
  Effect.gen(function* () {
    const socket = yield* Socket.makeWebSocket("ws://chat.i2p/")
    const write = yield* socket.writer
    const lines = yield* Queue.unbounded<string>()
    yield* Effect.forkScoped(socket.runRaw((message) => Queue.offer(lines, String(message)), { onOpen: arrive }))
    yield* all
    yield* write(text)
    const heard = yield* Effect.replicateEffect(Queue.take(lines), size)
    return heard.map((line) => line.split(": ")[1]).sort()
  }).pipe(
    Effect.scoped,
    Effect.provide(I2pHttpClient.layer()),
    // A destination of one's own.
    Effect.provide(NodeI2p.layerOnLocalRouter())
  )

/** As many as there will be, and what lets them wait for one another. */
interface Meeting {
  readonly size: number
  readonly arrive: Effect.Effect<void>
  readonly all: Effect.Effect<void>
}

const meeting = (size: number): Effect.Effect<Meeting> =>
  Effect.map(Effect.makeLatch(), (latch) => {
    let missing = size
    return { size, all: latch.await, arrive: Effect.suspend(() => (--missing === 0 ? latch.open : Effect.void)) }
  })

/**
 * Runs the room and two visitors on one embedded router, 20 ms apart, and answers what each of them has heard.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({
    names: { "chat.i2p": keys.destination },
    link: { latencyMillis: 20 }
  })
  const both = yield* meeting(2)
  const heard = yield* Effect.all([visitor("hello", both), visitor("hi", both)], { concurrency: "unbounded" }).pipe(
    Effect.provide(Layer.provide(server, NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
  return heard.map((lines) => lines.join(" and ")).join("; ")
})
