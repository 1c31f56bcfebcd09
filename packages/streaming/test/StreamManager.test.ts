import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import * as NewReno from "../src/core/congestion/NewReno.js"
import * as Packet from "../src/Packet.js"
import { PacketTransport } from "../src/PacketTransport.js"
import { TransportFailed } from "../src/StreamError.js"
import { StreamManager } from "../src/StreamManager.js"
import {
  alice,
  bob,
  bytes,
  established,
  failureOf,
  mallory,
  readText,
  record,
  sealed,
  sessions,
  simulate,
  syn
} from "./simulation.js"

const idle = Effect.sleep("1 second")
const moment = Effect.sleep("1 millis")

describe("a session", () => {
  it.effect("has a fiber for each connection and one for all their timers, and nothing when they are over", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor.track
      yield* Effect.supervised(
        Effect.gen(function* () {
          const alive = Effect.map(supervisor.value, (fibers) => fibers.length)
          const { a, b } = yield* sessions()
          const listener = yield* b.listen({ port: 80 })
          yield* idle
          const before = yield* alive
          const scope = yield* Scope.make()
          const open = Effect.zipWith(
            a.connect({ destination: b.destination, port: 80 }),
            listener.accept,
            (near, far) => [near, far] as const
          )
          const pairs = yield* Scope.extend(Effect.replicateEffect(open, 5), scope)
          yield* idle
          // Both ends of five streams; the fiber of the timers sleeps, and the sleep is one more.
          assert.strictEqual((yield* alive) - before, 10 + 2)
          yield* Effect.forEach(pairs, ([near, far]) => Effect.zip(near.close, far.close, { concurrent: true }))
          yield* Scope.close(scope, Exit.void)
          yield* idle
          assert.strictEqual(yield* alive, before)
          assert.deepStrictEqual([yield* a.active, yield* b.active], [[], []])
        }),
        supervisor
      )
    }).pipe(simulate())
  )

  it.effect("survives a defect in one connection, of which both its sides learn", () =>
    Effect.gen(function* () {
      const { a, b, far, listener, near } = yield* established()
      let isBroken = false
      const controller = (inner: ReturnType<typeof NewReno.make>): ReturnType<typeof NewReno.make> => ({
        ...inner,
        onAck: (event) => {
          if (isBroken) throw new Error("a bug")
          return controller(inner.onAck(event))
        }
      })
      const congestion: typeof NewReno.make = (limits) => controller(NewReno.make(limits))
      const bad = yield* a.connect({ destination: b.destination, port: 80, congestion })
      const badFar = yield* listener.accept
      isBroken = true
      const reading = yield* Effect.fork(failureOf(bad.read))
      const lastStatus = yield* Effect.fork(Stream.runLast(bad.changes))
      yield* bad.write(bytes("x"))
      assert.strictEqual(yield* failureOf(bad.flush), "StreamReset Defect")
      assert.strictEqual(yield* Fiber.join(reading), "StreamReset Defect")
      assert.strictEqual(yield* failureOf(bad.write(bytes("x"))), "StreamReset Defect")
      assert.strictEqual(yield* failureOf(bad.close), "StreamReset Defect")
      assert.deepStrictEqual(yield* Fiber.join(lastStatus), Option.some("Closed"))
      assert.strictEqual(yield* readText(badFar), "x")
      assert.strictEqual(yield* failureOf(badFar.read), "StreamReset ResetByPeer")
      yield* near.write(bytes("still here"))
      assert.strictEqual(yield* readText(far), "still here")
      assert.lengthOf(yield* a.active, 1)
    }).pipe(simulate({ link: { latencyMillis: 10 } }))
  )

  it.effect("gives the same packets at the same times for the same seeds, byte for byte, and others for others", () => {
    const run = (seed: number) =>
      Effect.gen(function* () {
        const sent = yield* record
        const { far, near } = yield* established()
        yield* Effect.fork(near.write(new Uint8Array(100_000)))
        yield* Effect.fork(far.write(new Uint8Array(50_000)))
        yield* Stream.runDrain(
          Stream.takeUntil(
            Stream.scan(far.readable, 0, (n, b) => n + b.length),
            (n) => n >= 100_000
          )
        )
        yield* Effect.zip(near.close, far.close, { concurrent: true })
        return sent.map(({ at, bytes }) => `${at} ${bytes.join(",")}`).join("\n")
      }).pipe(
        simulate({ seed, link: { latencyMillis: 40, jitterMillis: 10, loss: 0.05, reorder: 0.05, duplicate: 0.05 } }),
        Effect.provide(SecureRandom.layerSeeded(seed))
      )
    return Effect.gen(function* () {
      const first = yield* run(7)
      assert.isAbove(first.length, 100_000)
      assert.isTrue(first === (yield* run(7)), "the same seed gives another trace")
      assert.isFalse(first === (yield* run(8)), "another seed gives the same trace")
    })
  })

  it.effect("opens two streams when both sides open at once, whatever of it is lost", () => {
    const open = (lost: number | undefined) =>
      Effect.gen(function* () {
        const { a, b, network } = yield* sessions()
        let nth = 0
        yield* network.intercept(() => nth++ !== lost)
        const listeners = yield* Effect.all([a.listen({ port: 1 }), b.listen({ port: 1 })])
        const [fromA, fromB] = yield* Effect.all(
          [a.connect({ destination: b.destination, port: 1 }), b.connect({ destination: a.destination, port: 1 })],
          { concurrency: 2 }
        )
        const [atA, atB] = yield* Effect.all([listeners[0].accept, listeners[1].accept])
        yield* fromA.write(bytes("from A"))
        yield* fromB.write(bytes("from B"))
        assert.deepStrictEqual([yield* readText(atB), yield* readText(atA)], ["from A", "from B"])
        assert.lengthOf(yield* a.active, 2)
        assert.lengthOf(yield* b.active, 2)
      }).pipe(simulate({ link: { latencyMillis: 10 } }))
    return Effect.forEach([undefined, 0, 1, 2, 3, 4], open)
  })

  it.effect("does not lose a stream to a transport that fails for a while", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const inner = yield* network.transport(alice)
      let isDown = false
      const transport = PacketTransport.of({
        ...inner,
        send: (packets) =>
          isDown ? Effect.fail(new TransportFailed({ reason: "Overloaded", detail: "full" })) : inner.send(packets)
      })
      const a = yield* Effect.map(
        Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport, transport))),
        Context.get(StreamManager)
      )
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      const near = yield* a.connect({ destination: b.destination, port: 80 })
      const far = yield* listener.accept
      isDown = true
      yield* near.write(bytes("through the gap"))
      yield* idle
      isDown = false
      assert.strictEqual(yield* readText(far), "through the gap")
      assert.isAbove((yield* near.stats).retransmissions, 0)
    }).pipe(simulate({ link: { latencyMillis: 10 } }))
  )
})

describe("an opening that is given up", () => {
  it.effect("ends the stream at the peer, whose answer was under way", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const opening = yield* Effect.fork(
        Effect.scoped(a.connect({ destination: b.destination, port: 80, initialData: bytes("request") }))
      )
      const far = yield* listener.accept
      assert.strictEqual(yield* readText(far), "request")
      yield* Fiber.interrupt(opening)
      const began = yield* Clock.currentTimeMillis
      assert.strictEqual(yield* failureOf(far.read), "StreamReset ResetByPeer")
      assert.isAtMost((yield* Clock.currentTimeMillis) - began, 250)
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )
})

describe("what a session hands to its transport", () => {
  it.effect(
    "brings our lease set with a SYN, a ping and a refusal, whose receivers may not have it, and no other",
    () =>
      Effect.gen(function* () {
        const network = yield* MemoryTransport.MemoryNetwork
        const inner = yield* network.transport(alice)
        const brings = new Set<string>()
        const without = new Set<string>()
        const transport = PacketTransport.of({
          ...inner,
          send: (packets) => {
            for (const { bundleLeaseSet, bytes } of packets) {
              const { flags } = Either.getOrThrow(Packet.decode(bytes))
              const names = { SYN: Packet.SYNCHRONIZE, ping: Packet.ECHO, RESET: Packet.RESET, CLOSE: Packet.CLOSE }
              const name = Object.entries(names).find(([, flag]) => (flags & flag) !== 0)?.[0] ?? "data"
              ;(bundleLeaseSet ? brings : without).add(name)
            }
            return inner.send(packets)
          }
        })
        const a = yield* Effect.map(
          Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport, transport))),
          Context.get(StreamManager)
        )
        const b = yield* MemoryTransport.streams(bob)
        const listener = yield* b.listen({ port: 80 })
        yield* a.ping({ destination: b.destination })
        assert.strictEqual(yield* failureOf(b.connect({ destination: a.destination, port: 7 })), "ConnectRefused")
        const near = yield* a.connect({ destination: b.destination, port: 80 })
        const far = yield* listener.accept
        yield* near.write(bytes("x"))
        yield* Effect.zip(near.close, far.close, { concurrent: true })
        assert.deepStrictEqual([...brings].sort(), ["RESET", "SYN", "ping"])
        assert.deepStrictEqual([...without].sort(), ["CLOSE", "data"])
      }).pipe(simulate())
  )

  it.effect("never has the id of another stream of ours, living or remembered, nor 0", () => {
    // Words that come again and again: ports, chances and ids are all taken from them.
    let drawn = 0
    const few: SecureRandom.Service = { ...SecureRandom.system, u32: () => [0, 7, 7, 8, 9][drawn++ % 5]! }
    return Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      yield* Effect.forkScoped(listener.run((connection) => Stream.runDrain(connection.readable)))
      const sent = yield* record
      const open = a.connect({ destination: b.destination, port: 80 })
      yield* Effect.scoped(open)
      yield* open
      yield* open
      const syns = sent.filter(({ packet }) => Packet.isFirstSyn(packet))
      assert.deepStrictEqual(new Set(syns.map(({ packet }) => packet.receiveStreamId)), new Set([7, 8, 9]))
    }).pipe(simulate(), Effect.provideService(SecureRandom.SecureRandom, few))
  })
})

describe("what comes from strangers", () => {
  it.effect("cannot stop the reader, even where it meets a bug", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const inner = yield* network.transport(bob)
      const run: PacketTransport["Type"]["run"] = (onPacket) =>
        Effect.suspend(() => {
          onPacket({ sourcePort: 0, destinationPort: 0, payload: undefined as never })
          return inner.run(onPacket)
        })
      const b = yield* Effect.map(
        Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport, { ...inner, run }))),
        Context.get(StreamManager)
      )
      const a = yield* MemoryTransport.streams(alice)
      assert.strictEqual(yield* failureOf(a.ping({ destination: bob.destination, timeout: "1 second" })), "success")
      assert.strictEqual((yield* b.drops).malformed, 0)
    }).pipe(simulate())
  )

  it.effect("is dropped and counted when it is no packet, and disturbs nobody", () =>
    Effect.gen(function* () {
      const { b, far, near, network } = yield* established()
      const whole = sealed({ sendStreamId: far.localStreamId, receiveStreamId: near.localStreamId, requestedDelay: 5 })
      for (let length = 0; length < whole.length; length++) {
        yield* network.inject({ to: b.destination, bytes: whole.subarray(0, length) })
      }
      yield* near.write(bytes("undisturbed"))
      assert.strictEqual(yield* readText(far), "undisturbed")
      assert.strictEqual((yield* b.drops).malformed, whole.length)
    }).pipe(simulate())
  )

  it.effect("is dropped and counted when it is for no stream of ours", () =>
    Effect.gen(function* () {
      const { b, network } = yield* sessions()
      for (const flags of [0, Packet.CLOSE, Packet.RESET]) {
        yield* network.inject({ to: b.destination, bytes: sealed({ sendStreamId: 5, receiveStreamId: 6, flags }) })
      }
      yield* idle
      assert.strictEqual((yield* b.drops).unknownStream, 3)
    }).pipe(simulate())
  )

  it.effect("cannot close or reset a stream without the peer's signature", () =>
    Effect.gen(function* () {
      const { b, far, near, network } = yield* established()
      const ids = { sendStreamId: far.localStreamId, receiveStreamId: near.localStreamId, sequenceNumber: 1 }
      for (const flags of [Packet.CLOSE, Packet.RESET]) {
        for (const signing of ["none", "signature", "identity"] as const) {
          yield* network.inject({ to: b.destination, bytes: sealed({ ...ids, flags }, signing) })
        }
      }
      yield* idle
      assert.strictEqual((yield* far.stats).status, "Established")
      assert.strictEqual((yield* far.stats).packetsDropped, 6)
      yield* near.write(bytes("alive"))
      assert.strictEqual(yield* readText(far), "alive")
      // The same with the peer's signature does.
      yield* network.inject({
        to: b.destination,
        bytes: sealed({ ...ids, flags: Packet.RESET }, "signature", alice)
      })
      assert.strictEqual(yield* failureOf(far.read), "StreamReset ResetByPeer")
    }).pipe(simulate())
  )

  it.effect("opens no stream with a SYN whose signature or sender is wrong or missing", () =>
    Effect.gen(function* () {
      const { b, network } = yield* sessions()
      yield* b.listen({ port: 80 })
      const good = syn(b.destination)
      const flipped = good.slice()
      flipped[flipped.length - 1]! ^= 1
      const anonymous = sealed({ receiveStreamId: 98, flags: Packet.SYNCHRONIZE | Packet.NO_ACK })
      for (const bytes of [flipped, anonymous]) yield* network.inject({ to: b.destination, destinationPort: 80, bytes })
      yield* idle
      assert.strictEqual((yield* b.drops).unverified, 2)
      assert.lengthOf(yield* b.active, 0)
      yield* network.inject({ to: b.destination, destinationPort: 80, bytes: good })
      yield* moment
      assert.lengthOf(yield* b.active, 1)
    }).pipe(simulate())
  )

  it.effect("opens no stream with a SYN that was meant for somebody else", () =>
    Effect.gen(function* () {
      const { b, network } = yield* sessions()
      yield* b.listen({ port: 80 })
      const ours = Packet.replayHash(b.destination.hash)
      const nearly = ours.map((_, wrong) => ours.map((word, i) => (i === wrong ? (word ^ 1) >>> 0 : word)))
      for (const nacks of [Packet.replayHash(alice.destination.hash), ...nearly]) {
        yield* network.inject({ to: b.destination, destinationPort: 80, bytes: syn(b.destination, { nacks }) })
      }
      yield* idle
      assert.strictEqual((yield* b.drops).replayed, 9)
      assert.lengthOf(yield* b.active, 0)
    }).pipe(simulate())
  )

  it.effect("opens a stream without naming us only where the policy allows it", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const strict = yield* MemoryTransport.streams(alice, { requireReplayHash: true })
      const lenient = yield* MemoryTransport.streams(bob)
      for (const session of [strict, lenient]) {
        yield* session.listen()
        yield* network.inject({ to: session.destination, bytes: syn(session.destination, { nacks: [] }) })
      }
      yield* moment
      assert.deepStrictEqual([(yield* strict.active).length, (yield* lenient.active).length], [0, 1])
    }).pipe(simulate())
  )

  it.effect("opens one stream however often its SYN comes, and none after that has ended", () =>
    Effect.gen(function* () {
      const sent = yield* record
      const { b, far, listener, near, network } = yield* established()
      const first = sent[0]!
      assert.isTrue(Packet.isFirstSyn(first.packet))
      const replay = network.inject({ to: b.destination, destinationPort: 80, bytes: first.bytes })
      yield* Effect.replicateEffect(replay, 3)
      yield* idle
      assert.lengthOf(yield* b.active, 1)
      assert.isTrue((yield* Effect.timeoutOption(Effect.scoped(listener.accept), "1 second"))._tag === "None")
      yield* Effect.zip(near.close, far.close, { concurrent: true })
      assert.lengthOf(yield* b.active, 0)
      yield* Effect.replicateEffect(replay, 3)
      yield* idle
      assert.lengthOf(yield* b.active, 0)
      assert.strictEqual((yield* b.drops).replayed, 3)
    }).pipe(simulate({ link: { latencyMillis: 10 } }))
  )

  it.effect("is delivered after its SYN although it came before", () =>
    Effect.gen(function* () {
      const { b, network } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      yield* network.transport(mallory)
      const to = { to: b.destination, destinationPort: 80 }
      const data = { receiveStreamId: 99, flags: Packet.NO_ACK }
      yield* network.inject({ ...to, bytes: sealed({ ...data, sequenceNumber: 2, payload: bytes("three") }) })
      yield* network.inject({ ...to, bytes: sealed({ ...data, sequenceNumber: 1, payload: bytes("two ") }) })
      yield* network.inject({ ...to, bytes: syn(b.destination, { payload: bytes("one ") }) })
      const far = yield* listener.accept
      assert.deepStrictEqual(
        [yield* readText(far), yield* readText(far), yield* readText(far)],
        ["one ", "two ", "three"]
      )
    }).pipe(simulate())
  )

  it.effect("waits in a bounded mailbox; what is too much is dropped and counted", () =>
    Effect.gen(function* () {
      const { b, far, near, network } = yield* established({ mailboxSize: 4 })
      yield* idle
      const before = (yield* far.stats).packetsReceived
      const ack = sealed({ sendStreamId: far.localStreamId, receiveStreamId: near.localStreamId })
      yield* Effect.replicateEffect(network.inject({ to: b.destination, bytes: ack }), 100)
      yield* idle
      const stats = yield* far.stats
      assert.strictEqual(stats.packetsReceived - before, 4)
      assert.strictEqual(stats.packetsDropped, 96)
      yield* near.write(bytes("and on"))
      assert.strictEqual(yield* readText(far), "and on")
    }).pipe(simulate({ link: { latencyMillis: 10 } }))
  )
})

describe("limits and policies", () => {
  it.effect("there are no more streams than maxConcurrentStreams, in either direction", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const a = yield* MemoryTransport.streams(alice, { maxConcurrentStreams: 2 })
      const b = yield* MemoryTransport.streams(bob, { maxConcurrentStreams: 1 })
      yield* b.listen({ port: 80 })
      const connect = a.connect({ destination: b.destination, port: 80 })
      yield* connect
      assert.strictEqual(yield* failureOf(connect), "ConnectRefused")
      yield* a.connect({ destination: b.destination, timeout: "1 hour" }).pipe(Effect.forkScoped)
      yield* network.setLink({ loss: 1 })
      yield* Effect.fork(Effect.ignore(connect))
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* failureOf(connect), "TooManyStreams")
    }).pipe(simulate())
  )

  it.effect("one peer opens half of them at the most, and all peers leave some to us", () =>
    Effect.gen(function* () {
      const a = yield* MemoryTransport.streams(alice)
      const m = yield* MemoryTransport.streams(mallory)
      const b = yield* MemoryTransport.streams(bob, { maxConcurrentStreams: 8 })
      yield* b.listen({ port: 80 })
      yield* a.listen({ port: 80 })
      const visit = (from: typeof a, to: typeof a) =>
        failureOf(from.connect({ destination: to.destination, port: 80, timeout: "1 second" }))
      const [in4, refused] = [new Array(4).fill("success"), "ConnectRefused"]
      assert.deepStrictEqual(yield* Effect.replicateEffect(visit(m, b), 5), [...in4, refused])
      assert.deepStrictEqual(yield* Effect.replicateEffect(visit(a, b), 4), [...in4.slice(1), refused])
      assert.strictEqual((yield* b.drops).limited, 2)
      assert.strictEqual(yield* visit(b, a), "success")
      assert.strictEqual(yield* visit(b, a), "TooManyStreams")
    }).pipe(simulate())
  )

  it.effect("places come back when a peer's streams end, and all may be one peer's if that is asked for", () =>
    Effect.gen(function* () {
      const m = yield* MemoryTransport.streams(mallory)
      const b = yield* MemoryTransport.streams(bob, { maxConcurrentStreams: 4, peerShare: 1, reservedShare: 0 })
      yield* b.listen({ port: 80 })
      const connect = m.connect({ destination: b.destination, port: 80, timeout: "1 second" })
      const streams = yield* Effect.replicateEffect(connect, 4)
      assert.strictEqual(yield* failureOf(connect), "ConnectRefused")
      yield* streams[0]!.reset
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* failureOf(connect), "success")
    }).pipe(simulate())
  )

  it.effect("an address that nobody has is not found", () =>
    Effect.gen(function* () {
      const { a } = yield* sessions()
      assert.strictEqual(yield* failureOf(a.connect({ destination: "nowhere.i2p" })), "DestinationNotFound")
      assert.strictEqual(yield* failureOf(a.connect({ destination: mallory.destination.b32 })), "DestinationNotFound")
      assert.strictEqual(yield* failureOf(a.connect({ destination: "example.com" })), "DestinationNotFound")
    }).pipe(simulate())
  )

  it.effect("the SYN is repeated as the schedule says", () =>
    Effect.gen(function* () {
      const sent = yield* record
      const { a } = yield* sessions({
        synRetry: Schedule.spaced("1 second").pipe(Schedule.intersect(Schedule.recurs(3)))
      })
      const outcome = yield* failureOf(a.connect({ destination: mallory.destination, timeout: "10 seconds" }))
      assert.strictEqual(outcome, "ConnectTimedOut")
      assert.deepStrictEqual(
        sent.map(({ at }) => at),
        [0, 1000, 2000, 3000]
      )
      assert.strictEqual(yield* Clock.currentTimeMillis, 10_000)
    }).pipe(simulate())
  )

  it.effect("the default schedule repeats the SYN after 3, 6, 12 and 24 seconds", () =>
    Effect.gen(function* () {
      const sent = yield* record
      const { a } = yield* sessions()
      assert.strictEqual(yield* failureOf(a.connect({ destination: mallory.destination })), "ConnectTimedOut")
      assert.deepStrictEqual(
        sent.map(({ at }) => at),
        [0, 3000, 9000, 21_000, 45_000]
      )
    }).pipe(simulate())
  )

  it.effect("a connect that hangs in the transport ends with its timeout", () =>
    Effect.gen(function* () {
      const inner = yield* (yield* MemoryTransport.MemoryNetwork).transport(alice)
      const stuck = PacketTransport.of({ ...inner, send: () => Effect.never, lookup: () => Effect.never })
      const a = yield* Effect.map(
        Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport, stuck))),
        Context.get(StreamManager)
      )
      for (const destination of [bob.destination, bob.destination.b32]) {
        const [took, outcome] = yield* Effect.timed(failureOf(a.connect({ destination, timeout: "2 seconds" })))
        assert.strictEqual(outcome, "ConnectTimedOut")
        assert.strictEqual(Duration.toMillis(took), 2000)
      }
      // The fiber of the stream waited for the transport, and is gone after the time that its RESET gets.
      yield* Effect.sleep("2 seconds")
      assert.deepStrictEqual(yield* a.active, [])
    }).pipe(simulate())
  )
})

describe("an idle stream", () => {
  for (const [side, near, far] of [
    ["opened", "keepalive", "none"],
    ["took", "none", "keepalive"]
  ] as const) {
    it.effect(`is asked after 90 to 100 seconds by who ${side} it, each stream at a moment of its own`, () =>
      Effect.gen(function* () {
        const { a, b } = yield* sessions()
        const listener = yield* b.listen({ port: 1, idleAction: far })
        yield* Effect.forkScoped(listener.run(() => Effect.never))
        const open = a.connect({ destination: b.destination, port: 1, idleAction: near })
        yield* Effect.replicateEffect(open, 8)
        const sent = yield* record
        const begun = yield* Clock.currentTimeMillis
        yield* Effect.sleep("101 seconds")
        const asked = sent.filter(({ packet }) => Packet.isSequenced(packet) && packet.payload.length === 0)
        const after = asked.map(({ at }) => at - begun)
        assert.lengthOf(after, 8)
        for (const millis of after) assert.isTrue(millis > 89_000 && millis <= 100_000, `${millis}`)
        assert.isAtLeast(Math.max(...after) - Math.min(...after), 1000)
        assert.isAtLeast(new Set(after).size, 6)
      }).pipe(simulate({ link: { latencyMillis: 10 } }), Effect.provide(SecureRandom.layerSeeded(1)))
    )
  }
})

describe("the end of a session", () => {
  const closing = (options: { readonly isPeerDead: boolean; readonly doesPeerClose: boolean }) =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const scope = yield* Scope.make()
      const a = yield* Scope.extend(MemoryTransport.streams(alice, { shutdownTimeout: "3 seconds" }), scope)
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      const near = yield* Scope.extend(a.connect({ destination: b.destination, port: 80 }), scope)
      const far = yield* listener.accept
      yield* near.write(bytes("last words"))
      if (options.isPeerDead) yield* network.setLink({ loss: 1 })
      if (options.doesPeerClose) yield* Effect.fork(Effect.zipRight(Stream.runDrain(far.readable), far.close))
      const [took] = yield* Effect.timed(Scope.close(scope, Exit.void))
      return { far, near, took: Duration.toMillis(took) }
    })

  it.effect("closes its streams first, which takes no longer than the peers take", () =>
    Effect.gen(function* () {
      const { near, took } = yield* closing({ isPeerDead: false, doesPeerClose: true })
      assert.isAtMost(took, 1000)
      assert.strictEqual((yield* near.stats).status, "TimeWait")
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )

  it.effect("waits for a dead peer no longer than shutdownTimeout", () =>
    Effect.gen(function* () {
      const { near, took } = yield* closing({ isPeerDead: true, doesPeerClose: false })
      assert.strictEqual(took, 3000)
      assert.strictEqual((yield* near.stats).status, "Closed")
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )

  it.effect("takes and makes no connections any more", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const a = yield* Scope.extend(MemoryTransport.streams(alice), scope)
      const b = yield* MemoryTransport.streams(bob)
      for (const session of [a, b]) yield* session.listen({ port: 80 })
      yield* Scope.extend(a.connect({ destination: b.destination, port: 80 }), scope)
      yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* idle
      const closing = yield* Effect.flip(a.connect({ destination: b.destination, port: 80 }))
      assert.deepInclude(closing, { _tag: "TransportFailed", reason: "SessionClosed", retryable: false })
      assert.strictEqual(yield* failureOf(b.connect({ destination: a.destination, port: 80 })), "ConnectRefused")
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )

  it.effect("resets a stream whose peer does not close within shutdownTimeout", () =>
    Effect.gen(function* () {
      const { far, took } = yield* closing({ isPeerDead: false, doesPeerClose: false })
      assert.strictEqual(took, 3000)
      assert.strictEqual(yield* readText(far), "last words")
      yield* idle
      assert.strictEqual(yield* failureOf(far.write(bytes("?"))), "StreamReset ResetByPeer")
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )
})

describe("ping", () => {
  it.effect("measures the round trip and brings the payload back", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const sent = yield* record
      const payload = new Uint8Array(40).fill(3)
      const pong = yield* a.ping({ destination: b.destination.b32, payload })
      assert.strictEqual(Duration.toMillis(pong.rtt), 150)
      assert.deepStrictEqual(pong.payload, payload.slice(0, 32))
      // Whoever asks with more cannot have us send more to the name he gives.
      const answer = sent.find(({ from }) => from === b.destination.b32)
      assert.deepStrictEqual(answer?.packet.payload, payload.slice(0, 32))
    }).pipe(simulate({ link: { latencyMillis: 75 } }))
  )

  it.effect("gives up when no pong comes in time, and is not fooled by pongs for others", () =>
    Effect.gen(function* () {
      const { a, network } = yield* sessions()
      const pinging = yield* Effect.fork(failureOf(a.ping({ destination: mallory.destination, timeout: "5 seconds" })))
      yield* Effect.sleep("1 second")
      for (const receiveStreamId of [0, 1, 0xffff_ffff]) {
        const bytes = sealed({ receiveStreamId, flags: Packet.ECHO, payload: new Uint8Array(5000) })
        yield* network.inject({ to: a.destination, bytes })
      }
      assert.strictEqual(yield* Fiber.join(pinging), "PingTimedOut")
      assert.strictEqual(yield* Clock.currentTimeMillis, 5000)
      assert.strictEqual((yield* a.drops).unknownStream, 3)
    }).pipe(simulate())
  )

  it.effect("cuts a pong that is longer than it may be", () =>
    Effect.gen(function* () {
      const { a, network } = yield* sessions()
      const sent = yield* record
      const pinging = yield* Effect.fork(a.ping({ destination: mallory.destination }))
      yield* Effect.sleep("1 second")
      const receiveStreamId = sent[0]!.packet.sendStreamId
      const pong = sealed({ receiveStreamId, flags: Packet.ECHO, payload: new Uint8Array(5000) })
      yield* network.inject({ to: a.destination, bytes: pong })
      assert.lengthOf((yield* Fiber.join(pinging)).payload, 32)
    }).pipe(simulate())
  )

  it.effect("takes a pong that is signed, as Java signs it, and one that is not", () =>
    Effect.gen(function* () {
      const { a, network } = yield* sessions()
      for (const signing of ["signature", "none"] as const) {
        const sent = yield* record
        const pinging = yield* Effect.fork(failureOf(a.ping({ destination: mallory.destination })))
        yield* idle
        const receiveStreamId = sent[0]!.packet.sendStreamId
        const pong = sealed({ receiveStreamId, flags: Packet.ECHO | Packet.NO_ACK }, signing)
        yield* network.inject({ to: a.destination, bytes: pong })
        assert.strictEqual(yield* Fiber.join(pinging), "success", signing)
      }
    }).pipe(simulate())
  )

  it.effect("has at most maxPings under way, and makes room when they end", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions({ maxPings: 2, pingTimeout: "5 seconds" })
      const lost = Effect.fork(failureOf(a.ping({ destination: mallory.destination })))
      const first = yield* lost
      yield* lost
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* failureOf(a.ping({ destination: b.destination })), "TooManyPings")
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* failureOf(a.ping({ destination: b.destination })), "success")
    }).pipe(simulate())
  )

  it.effect("is answered only when it is signed, and only where it is allowed", () =>
    Effect.gen(function* () {
      const { b, network } = yield* sessions()
      const shy = yield* MemoryTransport.streams(mallory, { answerPings: false })
      const sent = yield* record
      const ping = { sendStreamId: 77, flags: Packet.ECHO | Packet.NO_ACK }
      yield* network.inject({ to: b.destination, bytes: sealed(ping) })
      yield* network.inject({ to: shy.destination, bytes: sealed(ping, "identity", alice) })
      yield* idle
      assert.lengthOf(sent, 0)
      assert.strictEqual((yield* b.drops).unverified, 1)
      yield* network.inject({ to: b.destination, bytes: sealed(ping, "identity", alice) })
      yield* idle
      assert.lengthOf(sent, 1)
      assert.strictEqual(sent[0]!.packet.receiveStreamId, 77)
    }).pipe(simulate())
  )
})
