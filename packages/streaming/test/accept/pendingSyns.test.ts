import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Effect from "effect/Effect"
import * as PendingSyns from "../../src/internal/accept/pendingSyns.js"
import * as Packet from "../../src/Packet.js"
import { bob, bytes, failureOf, mallory, readText, sealed, sessions, simulate, syn } from "../simulation.js"

const pending = (packet: Packet.Packet): PendingSyns.Pending => ({
  packet,
  incoming: { sourcePort: 0, destinationPort: 0, payload: new Uint8Array(0) }
})

const firstSyn = (receiveStreamId: number) =>
  pending(Packet.make({ receiveStreamId, flags: Packet.SYNCHRONIZE | Packet.NO_ACK }))

const data = (receiveStreamId: number) => Packet.make({ receiveStreamId, sequenceNumber: 1 })

const caller = (name: string, cost = 0, isDear = false): PendingSyns.Caller => ({ name, cost, isDear })

/** Serves both queues, and tells what was served. */
const serving = (
  pendingSyns: PendingSyns.PendingSyns,
  judge: (pending: PendingSyns.Pending) => Effect.Effect<unknown>
) =>
  Effect.forEach(
    pendingSyns.servers((pending) => Effect.asVoid(judge(pending))),
    (server) => Effect.fork(server)
  )

describe("pending SYNs and pings", () => {
  it.live("are served in slices of time, between which sockets and timers get their turn", () =>
    Effect.gen(function* () {
      let now = 0
      const order: Array<string> = []
      const pendingSyns = PendingSyns.make(20, () => now)
      for (let id = 1; id <= 20; id++) pendingSyns.offer(firstSyn(id), caller("a"))
      const judge = ({ packet }: PendingSyns.Pending) =>
        Effect.sync(() => {
          now += 0.5
          order.push(`syn ${packet.receiveStreamId}`)
        })
      yield* Effect.fork(
        Effect.zipRight(
          Effect.sleep(0),
          Effect.sync(() => order.push("timer"))
        )
      )
      yield* serving(pendingSyns, judge)
      while (order.length < 21) yield* Effect.sleep("1 millis")
      assert.isBelow(order.indexOf("timer"), 8)
    })
  )

  it.effect("are so many and no more, and what follows a SYN waits behind it", () =>
    Effect.gen(function* () {
      const pendingSyns = PendingSyns.make(2, () => 0)
      assert.isUndefined(pendingSyns.follow(pending(data(1))))
      assert.strictEqual(pendingSyns.offer(firstSyn(1), caller("a")), 0)
      assert.isUndefined(pendingSyns.follow(pending(data(2))))
      const foreign = pending(Packet.make({ receiveStreamId: 1, flags: Packet.ECHO }))
      assert.isUndefined(pendingSyns.follow(foreign), "a pong of another's")
      assert.strictEqual(pendingSyns.follow(pending(data(1))), 0)
      assert.strictEqual(pendingSyns.offer(firstSyn(3), caller("a")), 1)
      assert.isUndefined(pendingSyns.follow(pending(data(3))))
      const served: Array<number> = []
      yield* serving(pendingSyns, ({ packet }) => Effect.sync(() => served.push(packet.sequenceNumber)))
      yield* Effect.yieldNow()
      assert.deepStrictEqual(served, [0, 1])
      assert.isUndefined(pendingSyns.follow(pending(data(1))))
    })
  )

  it.effect("take turns by the names they claim, and a caller who sends many loses its own", () =>
    Effect.gen(function* () {
      const pendingSyns = PendingSyns.make(10, () => 0)
      for (let id = 1; id <= 10; id++) pendingSyns.offer(firstSyn(id), caller("flood"))
      assert.strictEqual(pendingSyns.offer(firstSyn(100), caller("guest")), 1)
      assert.strictEqual(pendingSyns.offer(firstSyn(101), caller("other")), 1)
      const served: Array<number> = []
      yield* serving(pendingSyns, ({ packet }) => Effect.sync(() => served.push(packet.receiveStreamId)))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      assert.deepStrictEqual(served, [1, 100, 101, 2, 3, 4, 5, 6, 7, 8])
    })
  )

  it.effect("take as many places as the check of their signatures costs", () =>
    Effect.sync(() => {
      // 300 ms in 512 places: 0.586 ms each.
      const cheap = PendingSyns.make(512, () => 0)
      for (let id = 1; id <= 512; id++) {
        assert.strictEqual(cheap.offer(firstSyn(id), caller(`${id}`, 0.1)), 0, "a usual check fits into one place")
      }
      assert.strictEqual(cheap.offer(firstSyn(600), caller("late", 0.1)), 1)
      const slow = PendingSyns.make(512, () => 0)
      const overflowed = Array.from({ length: 40 }, (_, id) => slow.offer(firstSyn(id + 1), caller(`${id}`, 10)))
      assert.strictEqual(
        overflowed.reduce((sum, n) => sum + n),
        12,
        "28 checks of 10 ms are 300 ms"
      )
    })
  )

  it.effect("with cheap keys do not wait behind those with dear ones", () =>
    Effect.gen(function* () {
      const pendingSyns = PendingSyns.make(512, () => 0)
      for (let id = 1; id <= 20; id++) pendingSyns.offer(firstSyn(id), caller(`${id}`, 10, true))
      pendingSyns.offer(firstSyn(100), caller("guest"))
      const served: Array<number> = []
      const judge = ({ packet }: PendingSyns.Pending) =>
        packet.receiveStreamId === 100
          ? Effect.sync(() => served.push(100))
          : Effect.delay(
              Effect.sync(() => served.push(packet.receiveStreamId)),
              "100 millis"
            )
      yield* serving(pendingSyns, judge)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(served, [100])
    })
  )
})

describe("a session", () => {
  it.effect("drops pendingSyns beyond its bound and counts them; who is dropped gets in with the next SYN", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const { a, b } = yield* sessions({ maxPendingSyns: 16 })
      yield* b.listen({ port: 80 })
      const near = yield* a.connect({ destination: b.destination, port: 80 })
      for (let n = 0; n < 100; n++) {
        const stray = syn(b.destination, { receiveStreamId: 1000 + n })
        yield* network.inject({ to: b.destination, destinationPort: 80, bytes: stray })
      }
      const visiting = yield* Effect.fork(failureOf(a.connect({ destination: b.destination, port: 80 })))
      yield* Effect.sleep("1 second")
      const { limited, overflowed, unverified } = yield* b.drops
      assert.deepStrictEqual({ limited, unverified }, { limited: 0, unverified: 0 })
      assert.isAbove(overflowed, 50)
      assert.strictEqual(overflowed + (yield* b.active).length, 1 + 100 + 1, "each is a stream or counted")
      assert.strictEqual((yield* near.stats).status, "Established")
      assert.strictEqual(yield* visiting, "success")
    }).pipe(simulate())
  )

  it.effect("gets all of a request that follows its SYN at once", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const { b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const send = (bytes: Uint8Array) => network.inject({ to: b.destination, destinationPort: 80, bytes })
      yield* send(syn(b.destination, { receiveStreamId: 77 }))
      for (let n = 1; n <= 20; n++) {
        yield* send(sealed({ receiveStreamId: 77, sequenceNumber: n, payload: bytes(`${n} `) }))
      }
      const far = yield* listener.accept
      let request = ""
      while (!request.endsWith("20 ")) request += yield* readText(far)
      assert.strictEqual(request.split(" ").length, 21)
    }).pipe(Effect.timeout("1 second"), simulate())
  )

  it.effect("keeps those out whom a list denies before they take a place", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const { a, b } = yield* sessions({ maxPendingSyns: 4 })
      yield* b.listen({ port: 80 })
      yield* b.accessList.deny(mallory.destination)
      for (let n = 1; n <= 50; n++) {
        const ping = sealed({ sendStreamId: n, flags: Packet.ECHO | Packet.NO_ACK }, "identity")
        yield* network.inject({ to: bob.destination, bytes: ping })
      }
      assert.strictEqual(yield* failureOf(a.connect({ destination: b.destination, port: 80 })), "success")
      const { denied, overflowed } = yield* b.drops
      assert.deepStrictEqual({ denied, overflowed }, { denied: 50, overflowed: 0 })
    }).pipe(simulate())
  )
})
