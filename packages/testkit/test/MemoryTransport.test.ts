import { assert, describe, it } from "@effect/vitest"
import * as Packet from "@effect-i2p/streaming/Packet"
import type { Incoming } from "@effect-i2p/streaming/PacketTransport"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

const alice = MemoryTransport.keysOf("alice")
const bob = MemoryTransport.keysOf("bob")

const simulate =
  (options: Partial<MemoryTransport.Options> = {}) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
    program.pipe(Effect.provide(MemoryTransport.layer(options)), SimulatedTime.run)

const transports = Effect.gen(function* () {
  const network = yield* MemoryTransport.MemoryNetwork
  return { network, a: yield* member(network, alice), b: yield* member(network, bob) }
})

/** One who keeps what arrives. */
const member = Effect.fnUntraced(function* (network: MemoryTransport.MemoryNetwork["Type"], keys: typeof alice) {
  const transport = yield* network.transport(keys)
  const incoming: Array<Incoming> = []
  yield* Effect.forkScoped(transport.run((packet) => incoming.push(packet)))
  yield* Effect.yieldNow()
  return { ...transport, incoming }
})

const packet = (to: Destination, number: number) => ({
  to,
  sourcePort: 1,
  destinationPort: 2,
  bytes: Packet.encode(Packet.make({ sequenceNumber: number })),
  lifetime: 1000,
  bundleLeaseSet: false
})

/** Takes what has arrived. */
const numbers = ({ incoming }: { readonly incoming: Array<Incoming> }) =>
  Effect.sync(() => incoming.splice(0).map(({ payload }) => payload[11]!))

describe("the memory network", () => {
  it.effect("carries packets and ports at once over a perfect link", () =>
    Effect.gen(function* () {
      const { a, b } = yield* transports
      yield* a.send([packet(bob.destination, 7)])
      const [first] = b.incoming
      assert.deepStrictEqual([first?.sourcePort, first?.destinationPort, first?.payload[11]], [1, 2, 7])
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(simulate())
  )

  it.effect("takes the latency of the link, and a change counts from the next packet on", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* transports
      yield* a.send([packet(bob.destination, 1)])
      yield* Effect.sleep("99 millis")
      assert.deepStrictEqual(yield* numbers(b), [])
      yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(yield* numbers(b), [1])
      yield* network.setLink({ latencyMillis: 10 })
      yield* network.setLink({ latencyMillis: 30 }, { from: bob.destination, to: alice.destination })
      yield* a.send([packet(bob.destination, 2)])
      yield* b.send([packet(alice.destination, 3)])
      yield* Effect.sleep("11 millis")
      assert.deepStrictEqual([yield* numbers(b), yield* numbers(a)], [[2], []])
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual([yield* numbers(b), yield* numbers(a)], [[], [3]])
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )

  it.effect("loses the same packets for the same seed", () => {
    const run = (seed: number) =>
      Effect.gen(function* () {
        const { a, b } = yield* transports
        for (let i = 0; i < 200; i++) yield* a.send([packet(bob.destination, i)])
        return (yield* numbers(b)).join()
      }).pipe(simulate({ seed, link: { loss: 0.3 } }))
    return Effect.gen(function* () {
      const first = yield* run(1)
      assert.strictEqual(yield* run(1), first)
      assert.notStrictEqual(yield* run(2), first)
    })
  })

  it.effect("drops what nobody reads, and what is for nobody", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* transports
      const deaf = MemoryTransport.keysOf("deaf")
      yield* network.transport(deaf)
      for (let i = 0; i < 3; i++) yield* a.send([packet(bob.destination, i)])
      yield* a.send([packet(deaf.destination, 0)])
      yield* a.send([packet(MemoryTransport.keysOf("nobody").destination, 0)])
      assert.deepStrictEqual(yield* numbers(b), [0, 1, 2])
      const { delivered, dropped, sent } = yield* network.stats
      assert.deepStrictEqual({ sent, delivered, dropped }, { sent: 5, delivered: 3, dropped: 2 })
    }).pipe(simulate())
  )

  it.effect("holds no more bytes on the way than it may", () =>
    Effect.gen(function* () {
      const { a, network } = yield* transports
      for (let i = 0; i < 10; i++) yield* a.send([packet(bob.destination, i)])
      assert.strictEqual((yield* network.stats).inFlight, 4)
    }).pipe(simulate({ inFlightBytes: 4 * Packet.headerBytes, link: { latencyMillis: 5 } }))
  )

  it.effect("tells observers what becomes of each packet, in lines that can be compared", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* transports
      const lines: Array<string> = []
      yield* network.observe((event) => {
        lines.push(MemoryTransport.format(event))
      })
      yield* Effect.scoped(
        Effect.zipRight(
          network.intercept((packet) => packet.sequenceNumber !== 2),
          Effect.zipRight(a.send([packet(b.keys.destination, 1)]), a.send([packet(b.keys.destination, 2)]))
        )
      )
      yield* a.send([packet(b.keys.destination, 2)])
      yield* network.setLink({ loss: 1 })
      yield* a.send([packet(b.keys.destination, 3)])
      yield* network.inject({ to: b.keys.destination, bytes: Uint8Array.of(1, 2, 3) })
      yield* Effect.sleep("1 second")
      const [near, far] = [alice.destination.short, bob.destination.short]
      assert.deepStrictEqual(lines, [
        `       0.000 Sent      ${near} → ${far} 1→2 DATA seq=1 ack=0`,
        `       0.000 Sent      ${near} → ${far} 1→2 DATA seq=2 ack=0`,
        `       0.000 Filtered  ${near} → ${far} 1→2 DATA seq=2 ack=0`,
        `       0.000 Sent      ${near} → ${far} 1→2 DATA seq=2 ack=0`,
        `       0.000 Sent      ${near} → ${far} 1→2 DATA seq=3 ack=0`,
        `       0.000 Lost      ${near} → ${far} 1→2 DATA seq=3 ack=0`,
        `       0.000 Delivered (injected) → ${far} 0→0 malformed`,
        `       5.000 Delivered ${near} → ${far} 1→2 DATA seq=1 ack=0`,
        `       5.000 Delivered ${near} → ${far} 1→2 DATA seq=2 ack=0`
      ])
    }).pipe(simulate({ link: { latencyMillis: 5 } }))
  )

  it.effect("finds destinations by name, b32 and Base64, as long as they are there", () =>
    Effect.gen(function* () {
      const { a, network } = yield* transports
      const { b32, base64 } = bob.destination
      for (const address of [b32, base64, "bob.i2p"]) assert.strictEqual((yield* a.lookup(address)).b32, b32)
      const carol = MemoryTransport.keysOf("carol")
      yield* Effect.scoped(Effect.zipRight(network.transport(carol), a.lookup(carol.destination.b32)))
      for (const address of [carol.destination.b32, "carol.i2p", "carol.example"]) {
        assert.strictEqual((yield* Effect.flip(a.lookup(address)))._tag, "DestinationNotFound")
      }
    }).pipe(simulate({ names: { "bob.i2p": bob.destination } }))
  )

  it.scoped("follows the TestClock too", () =>
    Effect.gen(function* () {
      const a = yield* MemoryTransport.streams(alice, { shutdownTimeout: 0 })
      const b = yield* MemoryTransport.streams(bob, { shutdownTimeout: 0 })
      const listener = yield* b.listen({ port: 80 })
      yield* Effect.fork(listener.run((connection) => Stream.run(connection.readable, connection.writable)))
      const asking = yield* Effect.fork(
        Effect.gen(function* () {
          const near = yield* a.connect({ destination: b.destination, port: 80, initialData: Uint8Array.of(1, 2) })
          return yield* near.read
        }).pipe(Effect.zip(Clock.currentTimeMillis))
      )
      yield* TestClock.adjust("1 minute")
      const [answer, at] = yield* Fiber.join(asking)
      assert.deepStrictEqual(Option.getOrThrow(answer), Uint8Array.of(1, 2))
      assert.strictEqual(at, 200)
    }).pipe(Effect.provide(MemoryTransport.layer({ link: { latencyMillis: 100 } })))
  )
})
