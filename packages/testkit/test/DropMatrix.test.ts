/** Every packet of short exchanges lost, alone and with every other: always an end within a bound, and nothing left. */

import { describe, it as itEffect } from "@effect/vitest"
import * as Packet from "@effect-i2p/streaming/Packet"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { Changes, StreamingOptions } from "@effect-i2p/streaming/StreamingConfig"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Endpoint from "@effect-i2p/streaming/unstable/core/Endpoint"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Pair from "@effect-i2p/testkit/Pair"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
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

interface Exchange extends Pair.Options {
  /** How A and B may end when packets are lost. Default: both well. */
  readonly ends?: readonly [a: ReadonlyArray<string>, b: ReadonlyArray<string>]
}

const end = { _tag: "End" } as const
const close = { _tag: "Close" } as const
const abort = { _tag: "Abort" } as const

const well = ["Finished"]
/** Of who is not told, or only once it asks. */
const forsaken = ["ResetByPeer", "TimedOut"]

const exchanges: { readonly [name: string]: Exchange } = {
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
  },
  "bytes both ways at once, and a late end by both at once": {
    a: { write: 4000, commands: [[1000, end]] },
    b: { write: 4000, commands: [[1000, end]] }
  },
  "an upload to a slow reader, who closes its window": {
    config: { receiveBufferBytes: 3000 },
    a: { write: 7000, close: "halfway" },
    b: { reads: 2000, close: "whenDone" }
  },
  "a download by a slow reader, who closes its window": {
    config: { receiveBufferBytes: 3000 },
    a: { write: 1, reads: 2000, close: "whenDone" },
    b: { write: 7000, writeAfter: 1, close: "halfway" }
  },
  "idle minutes, closed by the caller": {
    a: { commands: [[200_000, close]] },
    b: { close: "whenDone" }
  },
  "idle minutes, kept by the called": {
    // Only B asks.
    config: { idleAction: "none" },
    configB: { idleAction: "keepalive" },
    a: { commands: [[200_000, close]] },
    b: { close: "whenDone" }
  },
  "a reset by the caller, with bytes under way both ways": {
    a: { write: 4000, commands: [[160, abort]] },
    b: { write: 4000 },
    ends: [["Aborted"], forsaken]
  },
  "a reset by the called, with bytes under way both ways": {
    a: { write: 4000 },
    b: { write: 4000, commands: [[160, abort]] },
    ends: [["Refused", ...forsaken], ["Aborted"]]
  },
  "a reset by the caller, who has had its answer": {
    a: { write: 300, commands: [[1000, abort]] },
    b: { write: 300, writeAfter: 300 },
    ends: [["Aborted"], forsaken]
  },
  "a reset by the called before it is answered": {
    a: {},
    b: { commands: [[60, abort]] },
    ends: [["Refused", ...forsaken], ["Aborted"]]
  }
}

const roles = { "A>B": "the caller", "B>A": "the called" }

/** What a packet is there for, by its looks and whether its number was sent before. */
const kindOf = (packet: Packet.Packet, isRepeated: boolean): string => {
  const delay = packet.requestedDelay
  if (Packet.has(packet, Packet.RESET)) return "RESET"
  if (Packet.has(packet, Packet.SYNCHRONIZE)) {
    return `${packet.sendStreamId === 0 ? "SYN" : "SYN-ACK"}${packet.payload.length > 0 ? " with data" : ""}`
  }
  if (Packet.has(packet, Packet.CLOSE)) return "CLOSE"
  if (Packet.isSequenced(packet)) {
    if (packet.payload.length === 0) return "keepalive"
    return isRepeated ? "probe" : "data"
  }
  if (delay !== undefined) return delay > Packet.maxDelayHint ? "choke" : "unchoke"
  return "ACK"
}

/** What of the two sides is left once all is over: timers, packets, and entries of the tables that outlive TIME-WAIT. */
const expectNothingLeft = (pair: Pair.Pair): void => {
  pair.expect(pair.underway === 0, "packets are under way")
  pair.expect(pair.nextTime === undefined, "something is left to happen")
  for (const { endpoint, name } of [pair.a, pair.b]) {
    const later = pair.now + endpoint.limits.timeWait
    Endpoint.admit(endpoint, "nobody", 1, later)
    const { byPeer, byRemoteId, finished, live, pings } = endpoint
    const left = live.size + byRemoteId.size + finished.size + byPeer.size + pings.size
    pair.expect(left === 0, `${name} has entries of its tables left`)
    for (const early of endpoint.early.values()) pair.expect(early.until <= later, `${name} holds packets`)
  }
}

/** Both sides ended as they may, and everything was delivered where both ended well. */
const expectEnds = (pair: Pair.Pair, { ends = [well, well] }: Exchange): void => {
  for (const [side, may] of [
    [pair.a, ends[0]],
    [pair.b, ends[1]]
  ] as const) {
    // The SYN never came: there is nothing to end.
    if (side.state === undefined && may !== well) continue
    pair.expect(may.includes(side.outcome?._tag ?? ""), `${side.name} ended as ${JSON.stringify(side.outcome)}`)
  }
  if (ends[0] === well && ends[1] === well) pair.expectFinished()
  expectNothingLeft(pair)
}

/** Places of all packets of an undisturbed run, and of three that a loss adds in each direction. */
const places = (exchange: Exchange): ReadonlyArray<Place> => {
  const pair = Pair.make({ link, ...exchange }).run()
  expectEnds(pair, exchange)
  const counts = { "A>B": pair.a.sentPackets, "B>A": pair.b.sentPackets }
  return directions.flatMap((direction) =>
    Array.from({ length: counts[direction] + 3 }, (_, nth) => ({ direction, nth }))
  )
}

const is = (place: Place, direction: Pair.Direction, nth: number): boolean =>
  place.direction === direction && place.nth === nth

describe("every two losses", () => {
  it("are of every kind of packet, from either side", () => {
    const seen = new Set<string>()
    for (const exchange of Object.values(exchanges)) {
      const numbers = { "A>B": new Set<number>(), "B>A": new Set<number>() }
      const drop: Pair.Choice = (packet, direction) => {
        seen.add(`${kindOf(packet, numbers[direction].has(packet.sequenceNumber))} of ${roles[direction]}`)
        if (Packet.isSequenced(packet)) numbers[direction].add(packet.sequenceNumber)
        return false
      }
      Pair.make({ link, ...exchange, drop }).run()
    }
    const both = ["data", "ACK", "CLOSE", "RESET", "choke", "unchoke", "probe", "keepalive"]
    const wanted = [
      ...["SYN", "SYN with data"].map((kind) => `${kind} of the caller`),
      ...["SYN-ACK", "SYN-ACK with data"].map((kind) => `${kind} of the called`),
      ...both.flatMap((kind) => Object.values(roles).map((role) => `${kind} of ${role}`))
    ]
    assert.deepStrictEqual([...seen].sort(), wanted.sort())
  })

  for (const [name, exchange] of Object.entries(exchanges)) {
    it(`${name}: ends as it should, whichever they are`, () => {
      const all = places(exchange)
      for (const [index, one] of all.entries()) {
        for (const other of all.slice(index)) {
          const drop: Pair.Choice = (_, direction, nth) => is(one, direction, nth) || is(other, direction, nth)
          const pair = Pair.make({ link, ...exchange, drop }).run()
          expectEnds(pair, exchange)
          pair.expect(pair.now < withinMinutes, `took ${pair.now} ms`)
        }
      }
    })
  }

  it("and a path that is cut for good, from any packet on in either direction or both, ends within a bound", () => {
    for (const [name, exchange] of Object.entries(exchanges)) {
      for (const { direction: from, nth: first } of places(exchange)) {
        for (const cut of [["A>B"], ["B>A"], ["A>B", "B>A"]]) {
          const isCut = { now: false }
          const drop: Pair.Choice = (_, direction, nth) => {
            if (direction === from && nth >= first) isCut.now = true
            return isCut.now && cut.includes(direction)
          }
          const pair = Pair.make({ link, ...exchange, drop }).run()
          for (const side of [pair.a, pair.b]) {
            const claims = side.outcome?._tag === "Finished"
            pair.expect(!claims || side.acknowledged === side.written, `${name}: ${side.name} claims to have finished`)
            const phase = side.state?.phase._tag
            pair.expect(side.state === undefined || side.outcome !== undefined, `${name}: ${side.name} is in ${phase}`)
            pair.expect((side.endedAt ?? 0) <= 1_500_000, `${name}: ${side.name} ended at ${side.endedAt}`)
          }
          expectNothingLeft(pair)
        }
      }
    }
  })
})

const server = MemoryTransport.keysOf("server")
const client = MemoryTransport.keysOf("client")
const request = new TextEncoder().encode("request")
const answer = new Uint8Array(5000).fill(7)

/** What the applications of two sessions do with a stream, or without one. */
interface Talk {
  readonly options?: Changes<StreamingOptions>
  readonly serve: (connection: StreamConnection) => Effect.Effect<unknown, unknown>
  /** Gives what it saw; `seen` is for while the stream lives. */
  readonly call: (
    manager: StreamManager["Type"],
    seen: Effect.Effect<void>
  ) => Effect.Effect<unknown, unknown, Scope.Scope>
  /** What may come of it when one packet is lost: a value, or the tag of an error. */
  readonly ends: ReadonlyArray<unknown>
}

const open = (manager: StreamManager["Type"], initialData?: Uint8Array) =>
  manager.connect({ destination: server.destination, port: 1, initialData })

const countBytes = (connection: StreamConnection) =>
  Stream.runFold(connection.readable, 0, (sum, bytes) => sum + bytes.length)

const readRequest = (connection: StreamConnection) => connection.readable.pipe(Stream.take(1), Stream.runDrain)

const talks: { readonly [name: string]: Talk } = {
  "a request, its answer, and an end by the called": {
    serve: (connection) => Effect.zipRight(readRequest(connection), connection.write(answer)),
    call: Effect.fnUntraced(function* (manager, seen) {
      const connection = yield* open(manager, request)
      yield* seen
      return yield* countBytes(connection)
    }),
    ends: [answer.length]
  },
  "an upload and an end by the caller": {
    serve: (connection) => Stream.runDrain(connection.readable),
    call: Effect.fnUntraced(function* (manager, seen) {
      const connection = yield* open(manager)
      yield* connection.write(answer)
      yield* seen
      yield* connection.end
      return yield* countBytes(connection)
    }),
    ends: [0]
  },
  "a download that the caller reads late, with its window closed meanwhile": {
    options: { receiveBufferBytes: 3000 },
    serve: (connection) => Effect.zipRight(readRequest(connection), connection.write(answer)),
    call: Effect.fnUntraced(function* (manager, seen) {
      const connection = yield* open(manager, request)
      yield* Effect.sleep("20 seconds")
      yield* seen
      return yield* countBytes(connection)
    }),
    ends: [answer.length]
  },
  "idle minutes": {
    serve: (connection) => Stream.runDrain(connection.readable),
    call: Effect.fnUntraced(function* (manager, seen) {
      const connection = yield* open(manager)
      yield* Effect.sleep("200 seconds")
      yield* seen
      yield* connection.end
      return yield* countBytes(connection)
    }),
    ends: [0]
  },
  "a reset by the caller": {
    serve: (connection) => Effect.zipRight(connection.write(answer), Stream.runDrain(connection.readable)),
    call: Effect.fnUntraced(function* (manager, seen) {
      const connection = yield* open(manager)
      yield* connection.read
      yield* seen
      yield* connection.reset
      return "reset"
    }),
    ends: ["reset"]
  },
  "a reset by the called": {
    serve: (connection) => Effect.zipRight(readRequest(connection), connection.reset),
    call: Effect.fnUntraced(function* (manager, seen) {
      const connection = yield* open(manager)
      yield* connection.write(request)
      yield* seen
      return yield* countBytes(connection)
    }),
    ends: ["StreamReset", "ConnectRefused"]
  },
  "a ping, and another": {
    // A ping that stayed in the table would be in the way of the next.
    options: { maxPings: 1, pingTimeout: "10 seconds" },
    serve: () => Effect.void,
    call: Effect.fnUntraced(function* (manager) {
      const ping = Effect.map(
        Effect.either(manager.ping({ destination: server.destination, payload: request })),
        Either.match({ onLeft: (error) => error._tag, onRight: ({ payload }) => payload.length })
      )
      return (yield* Effect.replicateEffect(ping, 2)).join(" ")
    }),
    ends: ["7 7", "PingTimedOut 7", "7 PingTimedOut"]
  }
}

/** One talk with the chosen packets lost; gives what came of it, and what is left twenty minutes later. */
const hold = (talk: Talk, lost: ReadonlyArray<Place>) =>
  Effect.gen(function* () {
    const supervisor = yield* Supervisor.track
    return yield* Effect.supervised(supervised(talk, lost, supervisor), supervisor)
  }).pipe(Effect.provide(MemoryTransport.layer({ link, seed: 1 })), (program) =>
    SimulatedTime.run(program, { limit: "3 hours" })
  )

const supervised = (
  talk: Talk,
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
    const serving = yield* MemoryTransport.streams(server, talk.options)
    const calling = yield* MemoryTransport.streams(client, talk.options)
    const listener = yield* serving.listen({ port: 1 })
    yield* Effect.forkScoped(listener.run((connection) => Effect.ignore(talk.serve(connection))))
    const fibers = Effect.map(supervisor.value, (all) => all.length)
    yield* Effect.sleep("1 minute")

    const before = yield* fibers
    const begun = yield* Clock.currentTimeMillis
    let meanwhile = before
    const seen = Effect.map(fibers, (now) => {
      meanwhile = Math.max(meanwhile, now)
    })
    const result = yield* Effect.match(Effect.scoped(talk.call(calling, seen)), {
      onFailure: (error) => (Predicate.hasProperty(error, "_tag") ? error._tag : error),
      onSuccess: (value) => value
    })
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
  for (const [name, talk] of Object.entries(talks)) {
    itEffect.effect(`${name}: ends as it should whichever one it is, and leaves no stream, no fiber and no timer`, () =>
      Effect.gen(function* () {
        const { counts, left, meanwhile, result } = yield* hold(talk, [])
        assert.include(talk.ends, result)
        assert.deepStrictEqual(left, nothing)
        if (talk.options?.maxPings === undefined) assert.isAtLeast(meanwhile, 2)
        for (const direction of directions) {
          for (let nth = 0; nth < counts[direction] + 2; nth++) {
            const { left, result, took } = yield* hold(talk, [{ direction, nth }])
            const where = `${direction} ${nth}`
            assert.include(talk.ends, result, where)
            assert.deepStrictEqual(left, nothing, where)
            assert.isBelow(took, 320_000, where)
          }
        }
      })
    )

    itEffect.effect(`${name}: over a path that is cut from any packet on ends within a bound, and leaves nothing`, () =>
      Effect.gen(function* () {
        const { counts } = yield* hold(talk, [])
        for (const direction of directions) {
          for (let first = 0; first < counts[direction]; first++) {
            const lost = Array.from({ length: 200 }, (_, index) => ({ direction, nth: first + index }))
            const { left, result, took } = yield* hold(talk, lost)
            const where = `${direction} from ${first}: ${result}`
            const ends = [...talk.ends, "ConnectTimedOut", "StreamReset", "PingTimedOut PingTimedOut"]
            assert.include(ends, result, where)
            assert.deepStrictEqual(left, nothing, where)
            assert.isBelow(took, 1_000_000, where)
          }
        }
      })
    )
  }
})
