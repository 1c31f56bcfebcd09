/**
 * A transfer between two destinations of ours that something interrupts: the router of either is killed, or another takes over.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { assert } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Payload from "../src/Payload.js"
import * as Sessions from "../src/Sessions.js"
import type * as Topology from "../src/Topology.js"

const MIB = 1_048_576
const SIZE = 32 * MIB

type Router = Pick<Topology.RouterSpec, "i2cpPort" | "name">

/**
 * A destination with its streams, on the first of these routers that has it.
 */
export const open = Effect.fnUntraced(function* (...[first, ...rest]: readonly [Router, ...ReadonlyArray<Router>]) {
  const dial = ({ i2cpPort, name }: Router) => ({
    name,
    socket: NodeSocket.layerNet({ host: "127.0.0.1", port: i2cpPort })
  })
  const context = yield* StreamManager.layerI2cp().pipe(
    Layer.provideMerge(I2cpSession.layerRouters([dial(first), ...rest.map(dial)])),
    Layer.provide([Sessions.layerConfig(), NodeSignatures.layer]),
    Layer.fresh,
    Layer.build
  )
  const session = Context.get(context, I2cpSession.I2cpSession)
  yield* session.ready
  return { session, streams: Context.get(context, StreamManager) }
})

/** One end. */
export type Node = Effect.Effect.Success<ReturnType<typeof open>>

/**
 * Sends `SIZE` bytes from one to the other and calls `blow` when a quarter has arrived. Answers how long nothing arrived
 * at the most, in ms.
 */
export const transfer = Effect.fnUntraced(function* <E, R>(from: Node, to: Node, blow: Effect.Effect<void, E, R>) {
  const bytes = Payload.random(SIZE)
  const listener = yield* to.streams.listen({ port: 80 })
  const arrived = yield* Ref.make(0)
  const gap = yield* Ref.make({ last: yield* Clock.currentTimeMillis, longest: 0 })
  const taking = yield* Effect.fork(
    Effect.flatMap(listener.accept, (far) =>
      Payload.sha256(
        Stream.tap(far.readable, (chunk) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            Effect.zipRight(
              Ref.update(arrived, (size) => size + chunk.length),
              Ref.update(gap, ({ last, longest }) => ({ last: now, longest: Math.max(longest, now - last) }))
            )
          )
        )
      )
    )
  )
  const near = yield* from.streams
    .connect({ destination: to.streams.destination, port: 80, timeout: "30 seconds" })
    .pipe(Effect.retry(Schedule.recurs(3)))
  const sending = yield* Effect.fork(
    Effect.zipRight(
      Effect.forEach(
        Array.from({ length: SIZE / 65_536 }, (_, n) => bytes.subarray(n * 65_536, (n + 1) * 65_536)),
        near.write,
        { discard: true }
      ),
      near.end
    )
  )
  yield* Ref.get(arrived).pipe(
    Effect.repeat({ until: (size) => size > SIZE / 4, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("60 seconds")
  )
  const before = yield* Ref.get(arrived)
  yield* blow
  assert.isBelow(before, SIZE, "the transfer was under way")
  yield* Fiber.join(sending)
  assert.strictEqual(yield* Fiber.join(taking), Payload.sha256Of(bytes))
  const { longest } = yield* Ref.get(gap)
  yield* Console.log(`      ${SIZE / MIB} MiB arrived; for ${longest} ms nothing did`)

  // The listener of before takes new streams, under the same address.
  const again = yield* Effect.fork(Effect.flatMap(listener.accept, (far) => Payload.sha256(far.readable)))
  const second = yield* from.streams.connect({ destination: to.streams.destination, port: 80, timeout: "60 seconds" })
  yield* second.write(bytes.subarray(0, 1_000))
  yield* second.end
  assert.strictEqual(yield* Fiber.join(again), Payload.sha256Of(bytes.subarray(0, 1_000)))
  return longest
}, Effect.scoped)
