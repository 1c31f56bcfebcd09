/** Every packet of short exchanges lost, alone and with every other: always an end within a bound, and nothing left. */

import { describe, it as itEffect } from "@effect/vitest"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Pair from "@effect-i2p/testkit/Pair"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import { assert, it } from "vitest"

const link = { latencyMillis: 50 }
const directions = ["A>B", "B>A"] as const

/** Longer than any timeout but the last may take. */
const withinMinutes = 400_000

interface Place {
  readonly direction: Pair.Direction
  readonly nth: number
}

const exchanges: { readonly [name: string]: Pair.Options } = {
  "an opening, closed by the caller": { a: { close: "whenWritten" }, b: { close: "whenDone" } },
  "an opening, closed by the called": { a: { close: "whenDone" }, b: { close: "whenWritten" } },
  "an opening, closed by both at once": { a: { close: "halfway" }, b: { close: "halfway" } },
  "a request in the SYN and its answer": {
    initialData: 300,
    a: { close: "whenDone" },
    b: { write: 5000, writeAfter: 300, close: "halfway" }
  },
  "a request after the SYN and its answer": {
    a: { write: 300, close: "whenDone" },
    b: { write: 5000, writeAfter: 300, close: "halfway" }
  },
  "a request that the called one closes on": {
    a: { write: 300, close: "halfway" },
    b: { write: 300, close: "whenDone" }
  }
}

/** Places of all packets of an undisturbed run, and of three that a loss adds in each direction. */
const places = (options: Pair.Options): ReadonlyArray<Place> => {
  const pair = Pair.make({ link, ...options })
    .run()
    .expectFinished()
  const counts = { "A>B": pair.a.sentPackets, "B>A": pair.b.sentPackets }
  return directions.flatMap((direction) =>
    Array.from({ length: counts[direction] + 3 }, (_, nth) => ({ direction, nth }))
  )
}

const is = (place: Place, direction: Pair.Direction, nth: number): boolean =>
  place.direction === direction && place.nth === nth

describe("every two losses", () => {
  for (const [name, options] of Object.entries(exchanges)) {
    it(`${name}: ends well, whichever they are`, () => {
      const all = places(options)
      for (const [index, one] of all.entries()) {
        for (const other of all.slice(index)) {
          const drop: Pair.Choice = (_, direction, nth) => is(one, direction, nth) || is(other, direction, nth)
          const pair = Pair.make({ link, ...options, drop })
            .run()
            .expectFinished()
          pair.expect(pair.now < withinMinutes, `took ${pair.now} ms`)
        }
      }
    })
  }

  it("and a path that is cut for good, from any packet on in either direction or both, ends within a bound", () => {
    for (const [name, options] of Object.entries(exchanges)) {
      const counts = places(options)
      for (const cut of [["A>B"], ["B>A"], ["A>B", "B>A"]]) {
        for (const { direction: from, nth: first } of counts) {
          const isCut = { now: false }
          const drop: Pair.Choice = (_, direction, nth) => {
            if (direction === from && nth >= first) isCut.now = true
            return isCut.now && cut.includes(direction)
          }
          const pair = Pair.make({ link, ...options, drop }).run()
          for (const side of [pair.a, pair.b]) {
            const phase = side.state?.phase._tag
            pair.expect(side.state === undefined || side.outcome !== undefined, `${name}: ${side.name} is in ${phase}`)
            pair.expect((side.endedAt ?? 0) <= 1_000_000, `${name}: ${side.name} ended at ${side.endedAt}`)
          }
          pair.expect(pair.nextTime === undefined, "something is left to happen")
        }
      }
    }
  })
})

const server = MemoryTransport.keysOf("server")
const client = MemoryTransport.keysOf("client")
const request = new TextEncoder().encode("request")
const answer = new Uint8Array(5000).fill(7)

/** What the two applications do: the client asks, the server answers and closes. */
const serve = (connection: StreamConnection) =>
  connection.readable.pipe(Stream.take(1), Stream.runDrain, Effect.zipRight(connection.write(answer)))

/** One exchange with the chosen packets lost; gives what came of it, and what is left ten minutes later. */
const exchange = (lost: ReadonlyArray<Place>) =>
  Effect.gen(function* () {
    const supervisor = yield* Supervisor.track
    return yield* Effect.supervised(supervised(lost, supervisor), supervisor)
  }).pipe(Effect.provide(MemoryTransport.layer({ link, seed: 1 })), (program) =>
    SimulatedTime.run(program, { limit: "3 hours" })
  )

const supervised = (
  lost: ReadonlyArray<Place>,
  supervisor: Supervisor.Supervisor<ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>>
) =>
  Effect.gen(function* () {
    const network = yield* MemoryTransport.MemoryNetwork
    const counts = { "A>B": 0, "B>A": 0 }
    yield* network.intercept((event) => {
      const direction = event.from?.b32 === client.destination.b32 ? "A>B" : "B>A"
      const nth = counts[direction]++
      return !lost.some((place) => is(place, direction, nth))
    })
    const serving = yield* MemoryTransport.streams(server)
    const calling = yield* MemoryTransport.streams(client)
    const listener = yield* serving.listen({ port: 1 })
    yield* Effect.forkScoped(listener.run(serve))
    const fibers = Effect.map(supervisor.value, (all) => all.length)
    yield* Effect.sleep("1 minute")

    const before = yield* fibers
    const begun = yield* Clock.currentTimeMillis
    let meanwhile = before
    const result = yield* Effect.gen(function* () {
      const connection = yield* calling.connect({ destination: server.destination, port: 1, initialData: request })
      meanwhile = yield* fibers
      const chunks = yield* Stream.runCollect(connection.readable)
      return Chunk.reduce(chunks, 0, (sum, bytes) => sum + bytes.length)
    }).pipe(Effect.scoped, Effect.either)
    const took = (yield* Clock.currentTimeMillis) - begun
    yield* Effect.sleep("20 minutes")
    const sent = counts["A>B"] + counts["B>A"]
    const left = {
      streams: [...(yield* calling.active), ...(yield* serving.active)].length,
      fibers: (yield* fibers) - before
    }
    yield* Effect.sleep("20 minutes")
    const packets = counts["A>B"] + counts["B>A"] - sent
    return { result, took, counts, meanwhile: meanwhile - before, left: { ...left, packets } }
  })

/** Neither a stream in a table, nor a fiber, which a timer would be, nor a packet that one sends. */
const nothing = { streams: 0, fibers: 0, packets: 0 }

describe("the shell, with packets lost", () => {
  itEffect.effect("whichever one packet is lost, gets its answer, and leaves no stream, no fiber and no timer", () =>
    Effect.gen(function* () {
      const { counts, meanwhile } = yield* exchange([])
      assert.isAtLeast(meanwhile, 2)
      for (const direction of directions) {
        for (let nth = 0; nth < counts[direction] + 2; nth++) {
          const { left, result, took } = yield* exchange([{ direction, nth }])
          const where = `${direction} ${nth}`
          assert.deepStrictEqual(result, Either.right(answer.length), where)
          assert.deepStrictEqual(left, nothing, where)
          assert.isBelow(took, 120_000, where)
        }
      }
    })
  )

  itEffect.effect(
    "with a path that is cut from any packet on, ends with an error that says so, and leaves nothing",
    () =>
      Effect.gen(function* () {
        const { counts } = yield* exchange([])
        const ends: Array<string> = []
        for (let first = 0; first < counts["B>A"]; first++) {
          const lost = Array.from({ length: 200 }, (_, index) => ({ direction: "B>A" as const, nth: first + index }))
          const { left, result, took } = yield* exchange(lost)
          const end = Either.match(result, {
            onLeft: (error) => (error._tag === "StreamReset" ? error.reason : error._tag),
            onRight: () => "Answered"
          })
          ends.push(end)
          assert.deepStrictEqual(left, nothing, `from ${first}`)
          assert.isBelow(took, 1_000_000)
        }
      })
  )
})
