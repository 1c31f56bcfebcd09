import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import * as NewReno from "../src/core/congestion/NewReno.js"
import * as Packet from "../src/Packet.js"
import { failureOf, record, sessions, simulate } from "./simulation.js"

type Fibers = ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>

/** The stream that a fiber drives, as its annotations say. */
const streamOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): string =>
  String(Option.getOrUndefined(HashMap.get(fiber.getFiberRef(FiberRef.currentLogAnnotations), "stream")))

const total = 100_000

/** A hundred streams that write, of which one is killed while it is busy. */
const hundred = (
  kill: (killed: Fiber.RuntimeFiber<unknown, unknown>) => Effect.Effect<void>,
  isBroken: () => boolean
) =>
  Effect.gen(function* () {
    const supervisor = yield* Supervisor.track
    return yield* Effect.supervised(
      Effect.gen(function* () {
        const { a, b } = yield* sessions()
        const listener = yield* b.listen({ port: 7 })
        const received = new Map<number, number>()
        const ended = new Map<number, string>()
        yield* Effect.forkScoped(
          listener.run((stream) =>
            Stream.runForEach(stream.readable, (bytes) =>
              Effect.sync(() =>
                received.set(stream.localStreamId, (received.get(stream.localStreamId) ?? 0) + bytes.length)
              )
            ).pipe(
              failureOf,
              Effect.map((how) => ended.set(stream.localStreamId, how))
            )
          )
        )
        const broken = (inner: ReturnType<typeof NewReno.make>): ReturnType<typeof NewReno.make> => ({
          ...inner,
          onAck: (event) => {
            if (isBroken()) throw new Error("a bug")
            return broken(inner.onAck(event))
          },
          onIdle: (event) => broken(inner.onIdle(event))
        })
        const victim = yield* a.connect({
          destination: b.destination,
          port: 7,
          congestion: (options) => broken(NewReno.make(options))
        })
        const others = yield* Effect.replicateEffect(a.connect({ destination: b.destination, port: 7 }), 99, {
          concurrency: "unbounded"
        })
        const sent = yield* record
        const write = (stream: typeof victim) =>
          Effect.zipRight(stream.write(new Uint8Array(total)), Effect.zipRight(stream.flush, stream.close))
        const writers = yield* Effect.forEach([victim, ...others], (stream) => Effect.fork(failureOf(write(stream))))
        yield* Effect.sleep("300 millis")
        const fibers: Fibers = yield* supervisor.value
        const driving = fibers.filter((fiber) => streamOf(fiber) === `${victim.localStreamId} ${victim.remote.short}`)
        assert.strictEqual(driving.length, 1)
        yield* kill(driving[0]!)
        yield* Effect.sleep("100 millis")
        const alive = yield* supervisor.value
        const outcomes = yield* Effect.forEach(writers, Fiber.join)
        yield* Effect.sleep("1 minute")
        const left = { a: yield* a.active, b: yield* b.active }
        const resets = sent.filter(
          ({ packet }) => Packet.has(packet, Packet.RESET) && packet.receiveStreamId === victim.localStreamId
        )
        return {
          victim: outcomes[0],
          others: new Set(outcomes.slice(1)),
          stillDriven: alive.includes(driving[0]!),
          resets: resets.length > 0,
          whole: [...received.values()].filter((bytes) => bytes === total).length,
          ends: [...ended.values()].filter((how) => how === "StreamReset ResetByPeer").length,
          left
        }
      }),
      supervisor
    )
  }).pipe(simulate({ link: { latencyMillis: 50 } }))

const expected = {
  others: new Set(["success"]),
  stillDriven: false,
  resets: true,
  whole: 99,
  ends: 1,
  left: { a: [], b: [] }
}

describe("a connection's fiber", () => {
  it.effect("ends alone by a defect: its peer is reset, a hundred busy siblings lose nothing", () =>
    Effect.suspend(() => {
      let isBroken = false
      const kill = () =>
        Effect.sync(() => {
          isBroken = true
        })
      return Effect.map(
        hundred(kill, () => isBroken),
        (seen) => assert.deepStrictEqual(seen, { ...expected, victim: "StreamReset Defect" })
      )
    })
  )

  it.effect("aborts its stream when it is interrupted, and nothing else", () =>
    Effect.map(
      hundred(Fiber.interrupt, () => false),
      (seen) => assert.deepStrictEqual(seen, { ...expected, victim: "StreamReset Aborted" })
    )
  )
})
