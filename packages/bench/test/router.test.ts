import { assert, it } from "@effect/vitest"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import { describe } from "vitest"
import * as Duplex from "../src/router/duplex.js"
import * as Raw from "../src/router/raw.js"

/** Two ends that hand each other what they are given. */
const joined = Effect.gen(function* () {
  const [there, back] = [yield* Mailbox.make<Uint8Array>(), yield* Mailbox.make<Uint8Array>()]
  const end = (from: Mailbox.Mailbox<Uint8Array>, to: Mailbox.Mailbox<Uint8Array>): Duplex.Duplex => ({
    write: (bytes) => to.offer(bytes),
    read: Effect.option(from.take)
  })
  return { ends: { near: end(back, there), far: end(there, back) }, there }
})

const onEmbeddedRouter = Effect.gen(function* () {
  const served = NodeLocalRouter.layerTcp({ port: 0 }).pipe(Layer.provide(NodeI2p.layerBackends))
  const port = yield* Effect.provide(NodeLocalRouter.port, yield* Layer.build(served))
  const peer = Raw.open({ host: "127.0.0.1", port }, {})
  const [near, far] = yield* Effect.all([peer, peer], { concurrency: 2 })
  yield* Raw.meet(near, far)
  return [near, far] as const
})

describe("bulk", () => {
  it.effect("ends with the last byte, whatever the writes are", () =>
    Effect.gen(function* () {
      const { ends } = yield* joined
      const transfer = yield* Duplex.bulk(ends, 200_001)
      assert.strictEqual(transfer.bytes, 200_001)
      assert.isAbove(transfer.seconds, 0)
    })
  )

  it.effect("fails when the stream ends early", () =>
    Effect.gen(function* () {
      const { ends, there } = yield* joined
      yield* there.end
      assert.match(String(yield* Effect.flip(Duplex.bulk(ends, 10))), /10 bytes early/)
    })
  )

  it.scopedLive("of raw messages brings each of them", () =>
    Effect.gen(function* () {
      const [near, far] = yield* onEmbeddedRouter
      const transfer = yield* Raw.bulk(near, far, 100_000, 1_834)
      assert.strictEqual(transfer.bytes, 55 * 1_834)
    })
  )
})

describe("echo", () => {
  it.effect("asks so many times, and leaves nothing in the stream", () =>
    Effect.gen(function* () {
      const { ends } = yield* joined
      assert.strictEqual((yield* Duplex.echo(ends, 5)).length, 5)
      assert.strictEqual((yield* Duplex.bulk(ends, 3)).bytes, 3)
    })
  )

  it.scopedLive("of raw messages goes there and back", () =>
    Effect.gen(function* () {
      const [near, far] = yield* onEmbeddedRouter
      const millis = yield* Raw.echo(near, far, 20, 54)
      assert.strictEqual(millis.length, 20)
      assert.isTrue(millis.every((one) => one > 0))
    })
  )
})

it("several transfers count by their bytes and times together", () => {
  const transfers = [
    { bytes: 10, seconds: 1, cpuSeconds: 1 },
    { bytes: 30, seconds: 3, cpuSeconds: 1 }
  ]
  assert.strictEqual(Duplex.goodput(transfers), 10)
  assert.strictEqual(Duplex.cpuPerByte(transfers), 0.05)
  assert.strictEqual(Duplex.p50([[1, 2], [30]]), 2)
})
