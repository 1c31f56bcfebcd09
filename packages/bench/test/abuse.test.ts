/**
 * What attackers get, and that others do not notice: each row of the tables of abuse in the READMEs of streaming and i2cp,
 * against the whole stack on simulated time. What it costs in real time tells `npm run abuse`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as NodeCompression from "@effect-i2p/platform-node/NodeCompression"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as CostlySignatures from "@effect-i2p/testkit/CostlySignatures"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as Router from "../src/abuse/router.js"
import * as Streaming from "../src/abuse/streaming.js"
import * as Trial from "../src/abuse/Trial.js"
import * as World from "../src/abuse/World.js"

/** The largest content that was ever inflated: it is gone again when memory is measured. */
const inflated = { most: 0 }

const compression: Compression.Service = {
  ...NodeCompression.zlib,
  inflateRaw: (bytes, maxBytes) => {
    const content = NodeCompression.zlib.inflateRaw(bytes, maxBytes)
    if (Either.isRight(content)) inflated.most = Math.max(inflated.most, content.right.length)
    return content
  }
}

const quiet = Layer.mergeAll(Layer.succeed(Compression.Compression, compression), Logger.remove(Logger.defaultLogger))

/** What the checks of signatures take counts, as on a processor; nothing else does. */
const simulate =
  (costs: CostlySignatures.Costs = CostlySignatures.native) =>
  <A, E>(self: Effect.Effect<A, E, never>) =>
    self.pipe(
      Effect.provide(Layer.provide(CostlySignatures.layer(costs), NodeSignatures.layer)),
      SimulatedTime.run,
      Effect.provide(quiet)
    )

const dose: Trial.Dose = { messages: 200, burst: 1, every: "1 millis" }

/** Enough of it to see that others wait, if they do. */
const longDose: Trial.Dose = { ...dose, messages: 1000 }

/** Whose signatures are checked. */
const checked = Streaming.attacks.filter(({ openings }) => openings === true)

for (const [backend, costs, kinds] of [
  ["native", CostlySignatures.native, { "a peer": Streaming.attacks, "a router": Router.attacks }],
  ["portable", CostlySignatures.portable, { "a peer": checked }]
] as const) {
  for (const [who, attacks] of Object.entries(kinds)) {
    describe(`attacks of ${who}, at what checks of the ${backend} backend take`, () => {
      for (const attack of attacks) {
        it.effect(attack.name, () =>
          Effect.gen(function* () {
            const bound = { ...Trial.nothing, ...attack.bound }
            const trial = Trial.run(attack, attack.openings === true ? longDose : dose)
            const first = yield* trial
            // The heap is the process's: what is compiled during a first run is in it. What an attack holds, it holds again.
            const outcome = first.heldBytes <= bound.heldBytes ? first : yield* trial
            assert.isAtMost(outcome.p95 / outcome.p95Before, 2)
            if (attack.openings === true) assert.isAtMost(outcome.opening / outcome.openingBefore, 2)
            assert.isTrue(outcome.survived && outcome.admitted)
            assert.isAtMost(inflated.most, Payload.MAX_INFLATED)
            for (const [name, most] of Object.entries(bound)) {
              assert.isAtMost(outcome[name as keyof Trial.Bound], most, name)
            }
          }).pipe(simulate(costs))
        )
      }
    })
  }
}

describe("two hundred honest visitors", () => {
  it.effect("get in who come at once, each with a request of many packets", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* World.make()
      const request = new Uint8Array(7000).fill(1)
      const visit = Effect.gen(function* () {
        const stream = yield* alice.connect({
          destination: bob.destination,
          port: World.ports.echo,
          initialData: request
        })
        yield* stream.end
        return (yield* Stream.runCollect(stream.readable)).pipe(Chunk.reduce(0, (sum, { length }) => sum + length))
      })
      const visits = Effect.all(Effect.replicate(Effect.scoped(visit), 200), { concurrency: "unbounded" })
      const [took, answers] = yield* Effect.timed(visits)
      assert.deepStrictEqual(new Set(answers), new Set([request.length]))
      assert.strictEqual((yield* bob.drops).overflowed, 0)
      assert.isBelow(Duration.toMillis(took), 1000, "nothing had to be sent again")
    }).pipe(Effect.scoped, simulate())
  )
})

describe("a router that ends the connection", () => {
  const head = (length: number, type: number, ...body: ReadonlyArray<number>) => {
    const bytes = new Uint8Array(5 + body.length)
    new DataView(bytes.buffer).setUint32(0, length)
    bytes[4] = type
    bytes.set(body, 5)
    return bytes
  }
  const disconnect = Message.encode({ _tag: "Disconnect", reason: `\u001b[2J${"x".repeat(200)}` })
  /** Of whichever session it is sent to: the embedded router counts from 1, and Bob is the first. */
  const destroyed = Message.encode({ _tag: "SessionStatus", sessionId: 1, status: "Destroyed" })
  /** What it sends, and the seconds after which streams go on: a router that says that it is leaving is not asked at once. */
  const ends: Readonly<Record<string, readonly [ReadonlyArray<Uint8Array>, number]>> = {
    "by a frame of four gigabytes": [[head(0xffff_ffff, 31)], 2],
    "by a broken status": [[head(2, 20, 0, 0)], 2],
    "by a thousand frames of unknown type": [Array.from({ length: 1001 }, () => head(1, 99, 0)), 2],
    "by the word that its session is destroyed": [[destroyed], 11],
    "by a Disconnect with control characters": [[disconnect], 11]
  }
  for (const [name, [frames, seconds]] of Object.entries(ends)) {
    it.effect(`${name} costs streams ${seconds} seconds, and none is lost`, () =>
      Effect.gen(function* () {
        const world = yield* World.make()
        for (const frame of frames) world.bobTap.toClient(frame)
        const before = yield* Clock.currentTimeMillis
        assert.isTrue(Number.isFinite(yield* World.echo(world.stream)))
        assert.isBelow((yield* Clock.currentTimeMillis) - before, seconds * 1000)
        assert.isTrue((yield* world.bobSession.stats).connections === 2)
      }).pipe(Effect.scoped, simulate())
    )
  }
})
