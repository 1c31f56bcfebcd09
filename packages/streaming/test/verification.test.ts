/** What signatures cost that are sent to be checked, in simulated time in which checks take what they take. */
import { assert, describe, it } from "@effect/vitest"
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as CostlySignatures from "@effect-i2p/testkit/CostlySignatures"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Packet from "../src/Packet.js"
import type { StreamConnection } from "../src/StreamConnection.js"
import type { StreamManager } from "../src/StreamManager.js"
import { alice, bob, bytes, failureOf, mallory, readText, sealed, syn } from "./simulation.js"

const { EcdsaP384, EcdsaP521, MlDsa44 } = KeyType

const dearKeys = (type: number) =>
  DestinationKeys.generate(SecureRandom.makeSeeded(`dear ${type}`), Signatures.noble, type)
const dear = dearKeys(EcdsaP521)
const callerKeyTypes = [...VerificationBudget.cheapTypes, ...VerificationBudget.dearTypes]

/** A link of 25 ms, and checks that take their time. */
const costing =
  (costs: CostlySignatures.Costs) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
    program.pipe(
      Effect.provide(MemoryTransport.layer({ link: { latencyMillis: 25 } })),
      Effect.provide(Layer.provide(CostlySignatures.layer(costs), NodeSignatures.layer)),
      SimulatedTime.run
    )

type Session = StreamManager["Type"]

/** Bob echoes on port 80. */
const echoing = Effect.fnUntraced(function* (b: Session) {
  const listener = yield* b.listen({ port: 80 })
  yield* Effect.forkScoped(listener.run((stream) => Effect.ignore(Stream.run(stream.readable, stream.writable))))
})

const timed = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeNanos
    yield* self
    return Number((yield* Clock.currentTimeNanos) - before) / 1e6
  })

const echo = (stream: StreamConnection) => timed(Effect.zipRight(stream.write(bytes("ping")), readText(stream)))

/** The longest that a timer of a millisecond was late, until `done`. */
const stallWhile = Effect.fnUntraced(function* <A, E, R>(self: Effect.Effect<A, E, R>) {
  let worst = 0
  const ticking = Effect.forever(Effect.map(timed(Effect.sleep(1)), (took) => (worst = Math.max(worst, took - 1))))
  return yield* Effect.map(Effect.raceFirst(self, ticking), () => worst)
})

const openings = (a: Session) =>
  timed(Effect.scoped(Effect.flatMap(Effect.orDie(a.connect({ destination: bob.destination, port: 80 })), echo)))

/** A SYN in a name that nobody has: some of the padding, which no check comes to, is another. */
const inAnyName = (packet: Uint8Array, n: number): Uint8Array => {
  const forged = packet.slice()
  const view = new DataView(forged.buffer)
  const fromAt = 22 + 32
  view.setUint32(fromAt, n + 1)
  view.setUint32(4, n + 1)
  return forged
}

for (const [backend, costs] of [
  ["the native backend", CostlySignatures.native],
  ["the portable backend", CostlySignatures.portable]
] as const) {
  const check = costs[EcdsaP521]!
  describe(`with ${backend}`, () => {
    it.effect("128 bad CLOSEs of P-521 on a stream of one's own cost four checks, and others wait for one", () =>
      Effect.gen(function* () {
        const network = yield* MemoryTransport.MemoryNetwork
        const a = yield* MemoryTransport.streams(alice)
        const b = yield* MemoryTransport.streams(bob, { callerKeyTypes })
        const m = yield* MemoryTransport.streams(dear)
        yield* echoing(b)
        const near = yield* a.connect({ destination: bob.destination, port: 80 })
        const own = yield* m.connect({ destination: bob.destination, port: 80 })
        yield* echo(own)
        yield* Effect.sleep("2 seconds")
        const calm = yield* echo(near)
        const { localStreamId, remoteStreamId } = yield* own.stats
        const ids = { sendStreamId: remoteStreamId, receiveStreamId: localStreamId, sequenceNumber: 100 }
        const junk = new Uint8Array(132).fill(1)
        const bad = Packet.encode(Packet.make({ ...ids, flags: Packet.CLOSE, signature: junk }))
        for (let n = 0; n < 128; n++) yield* network.inject({ to: bob.destination, bytes: bad })
        let meanwhile = 0
        const stall = yield* stallWhile(
          Effect.map(Effect.replicateEffect(echo(near), 5), (trips) => (meanwhile = Math.max(...trips)))
        )
        assert.isAtMost(stall, check + 2.5)
        assert.isAtMost(meanwhile, 2 * calm)
        assert.strictEqual((yield* own.stats).status, "Established")
      }).pipe(costing(costs))
    )

    it.effect("a peer that is denied while its signature waits to be checked does not come in", () =>
      Effect.gen(function* () {
        const b = yield* MemoryTransport.streams(bob, { callerKeyTypes })
        const listener = yield* b.listen({ port: 80 })
        const callers = yield* Effect.forEach([1, 2, 3, 4, 5, 6], (n) =>
          MemoryTransport.streams(
            DestinationKeys.generate(SecureRandom.makeSeeded(`caller ${n}`), Signatures.noble, EcdsaP521)
          )
        )
        const last = callers[5]!.destination
        yield* Effect.forEach(
          callers,
          (caller) =>
            Effect.forkScoped(caller.connect({ destination: bob.destination, port: 80, timeout: "20 seconds" })),
          { discard: true }
        )
        const pinging = yield* Effect.fork(
          Effect.either(callers[5]!.ping({ destination: bob.destination, timeout: "20 seconds" }))
        )
        yield* Effect.sleep(25 + check)
        yield* b.accessList.deny(last, { disconnect: true })
        const accepted = yield* Effect.replicateEffect(listener.accept, 5)
        assert.notInclude(
          accepted.map(({ remote }) => remote.b32),
          last.b32
        )
        yield* Effect.sleep("10 seconds")
        assert.lengthOf(yield* b.active, 5)
        assert.isAtLeast((yield* b.drops).denied, 2)
        assert.isTrue(Either.isLeft(yield* Fiber.join(pinging)))
      }).pipe(costing(costs))
    )

    it.effect("500 SYNs of P-521 in any name let others open streams as before", () =>
      Effect.gen(function* () {
        const network = yield* MemoryTransport.MemoryNetwork
        const a = yield* MemoryTransport.streams(alice)
        const b = yield* MemoryTransport.streams(bob, { callerKeyTypes })
        yield* echoing(b)
        yield* openings(a)
        const calm = yield* openings(a)
        const made = sealed(
          {
            receiveStreamId: 1,
            nacks: Packet.replayHash(bob.destination.hash),
            flags: Packet.SYNCHRONIZE | Packet.NO_ACK
          },
          "identity",
          dear
        )
        for (let n = 0; n < 500; n++) {
          yield* network.inject({ to: bob.destination, destinationPort: 80, bytes: inAnyName(made, n) })
        }
        let took = 0
        const stall = yield* stallWhile(
          Effect.map(Effect.replicateEffect(openings(a), 5), (trips) => (took = Math.max(...trips)))
        )
        assert.isAtMost(stall, check + 2.5)
        assert.isAtMost(took, 2 * calm)
        yield* Effect.sleep("20 seconds")
        const { overflowed, unverified } = yield* b.drops
        assert.strictEqual(overflowed + unverified, 500)
        assert.isAtMost(unverified, 1 + 300 / 10, "what waits is 300 ms of checks")
        assert.lengthOf(yield* b.active, 0)
      }).pipe(costing(costs))
    )

    it.effect("CLOSEs that are signed well, again and again, have a tenth of the time", () =>
      Effect.gen(function* () {
        const network = yield* MemoryTransport.MemoryNetwork
        const { checks } = (yield* Signatures.Signatures) as ReturnType<typeof CostlySignatures.make>
        const b = yield* MemoryTransport.streams(bob, { callerKeyTypes })
        const m = yield* MemoryTransport.streams(dear)
        const listener = yield* b.listen({ port: 80 })
        const own = yield* m.connect({ destination: bob.destination, port: 80 })
        yield* listener.accept
        const { localStreamId, remoteStreamId } = yield* own.stats
        const ids = { sendStreamId: remoteStreamId, receiveStreamId: localStreamId }
        // One that leaves a hole, and so ends nothing.
        const good = sealed({ ...ids, sequenceNumber: 100, flags: Packet.CLOSE }, "signature", dear)
        yield* Effect.sleep("5 seconds")
        const before = checks.millis
        for (let n = 0; n < 2000; n++) {
          yield* network.inject({ to: bob.destination, bytes: good })
          yield* Effect.sleep("5 millis")
        }
        assert.isAtLeast(checks.millis - before, 700)
        assert.isAtMost(checks.millis - before, 1400)
      }).pipe(costing(costs))
    )
  })
}

describe("callers with dear keys", () => {
  it.effect.each([EcdsaP384, EcdsaP521, MlDsa44] as const)(
    "of type %i are not let in unless they are asked for",
    (type) =>
      Effect.gen(function* () {
        const { checks } = (yield* Signatures.Signatures) as ReturnType<typeof CostlySignatures.make>
        const b = yield* MemoryTransport.streams(bob)
        const m = yield* MemoryTransport.streams(dearKeys(type))
        yield* echoing(b)
        const knock = { destination: bob.destination, port: 80, timeout: "1 second" } as const
        assert.strictEqual(yield* failureOf(m.connect(knock)), "ConnectTimedOut")
        assert.strictEqual(yield* failureOf(m.ping(knock)), "PingTimedOut")
        assert.deepInclude(yield* b.drops, { unacceptedKey: 2, unverified: 0 })
        assert.strictEqual(checks.count, 0)
        // Whom we connect to is known.
        yield* echoing(m)
        const { destination } = m
        assert.strictEqual(yield* failureOf(Effect.flatMap(b.connect({ destination, port: 80 }), echo)), "success")
      }).pipe(costing(CostlySignatures.native))
  )

  it.effect("are refused in a transient key as well, of a caller and on an open stream", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const { checks } = (yield* Signatures.Signatures) as ReturnType<typeof CostlySignatures.make>
      const b = yield* MemoryTransport.streams(bob)
      const m = yield* MemoryTransport.streams(mallory)
      yield* echoing(b)
      const random = SecureRandom.makeSeeded("transient")
      const offline = Either.getOrThrow(
        DestinationKeys.makeOffline(mallory, { expires: 86_400, random, transientType: EcdsaP521 })
      )
      const own = yield* m.connect({ destination: bob.destination, port: 80 })
      yield* echo(own)
      const { localStreamId, remoteStreamId } = yield* own.stats
      const ids = { sendStreamId: remoteStreamId, receiveStreamId: localStreamId, sequenceNumber: 2 }
      const before = checks.count
      yield* network.inject({
        to: bob.destination,
        bytes: sealed({ ...ids, flags: Packet.CLOSE }, "identity", offline)
      })
      const first = { receiveStreamId: 9, nacks: Packet.replayHash(bob.destination.hash), flags: Packet.SYNCHRONIZE }
      yield* network.inject({ to: bob.destination, destinationPort: 80, bytes: sealed(first, "identity", offline) })
      yield* Effect.sleep("1 second")
      assert.deepInclude(yield* b.drops, { unacceptedKey: 2 })
      assert.strictEqual(checks.count, before)
      assert.lengthOf(yield* b.active, 1)
    }).pipe(costing(CostlySignatures.native))
  )
})

describe("pings of 20,000 bytes", () => {
  it.effect("are not kept until somebody has checked them", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const { checks } = (yield* Signatures.Signatures) as ReturnType<typeof CostlySignatures.make>
      const b = yield* MemoryTransport.streams(bob)
      const ping = { sendStreamId: 5, flags: Packet.ECHO | Packet.NO_ACK, payload: new Uint8Array(20_000) }
      yield* network.inject({ to: bob.destination, bytes: sealed(ping, "identity") })
      yield* Effect.sleep("1 second")
      assert.deepInclude(yield* b.drops, { malformed: 1 })
      assert.strictEqual(checks.count, 0)
    }).pipe(costing(CostlySignatures.native))
  )
})

describe("bad signatures on a stream", () => {
  const victim = Effect.fnUntraced(function* () {
    const network = yield* MemoryTransport.MemoryNetwork
    const a = yield* MemoryTransport.streams(alice)
    const b = yield* MemoryTransport.streams(bob)
    const listener = yield* b.listen({ port: 80 })
    const near = yield* a.connect({ destination: bob.destination, port: 80 })
    const far = yield* listener.accept
    yield* near.write(bytes("x"))
    yield* readText(far)
    const ids = { sendStreamId: far.localStreamId, receiveStreamId: near.localStreamId, sequenceNumber: 100 }
    const send = (packet: Uint8Array) => network.inject({ to: bob.destination, bytes: packet })
    const { checks } = (yield* Signatures.Signatures) as ReturnType<typeof CostlySignatures.make>
    return { near, far, ids, send, checks, bad: sealed({ ...ids, flags: Packet.RESET }, "signature", mallory) }
  })

  it.effect("are checked ever more rarely, and a thousand in ten seconds do not end it", () =>
    Effect.gen(function* () {
      const { bad, checks, far, ids, near, send } = yield* victim()
      const before = checks.count
      for (let n = 0; n < 1000; n++) {
        yield* send(bad)
        yield* Effect.sleep("10 millis")
      }
      assert.isAtMost(checks.count - before, 11)
      yield* near.write(bytes("alive"))
      assert.strictEqual(yield* readText(far), "alive")
      assert.strictEqual((yield* far.stats).packetsDropped, 1000)
      // The peer's own still counts, when its pause is over.
      yield* Effect.sleep("10 seconds")
      yield* send(sealed({ ...ids, flags: Packet.RESET }, "signature", alice))
      assert.strictEqual(yield* failureOf(far.read), "StreamReset ResetByPeer")
    }).pipe(costing(CostlySignatures.native))
  )

  it.effect("are not checked if one of its ids is wrong", () =>
    Effect.gen(function* () {
      const { checks, far, ids, near, send } = yield* victim()
      const before = checks.count
      const others = { ...ids, receiveStreamId: ids.receiveStreamId + 1 }
      yield* send(sealed({ ...others, flags: Packet.RESET }, "signature", mallory))
      yield* near.write(bytes("alive"))
      assert.strictEqual(yield* readText(far), "alive")
      assert.strictEqual(checks.count, before)
    }).pipe(costing(CostlySignatures.native))
  )

  it.effect("end it if there are none but these for a minute", () =>
    Effect.gen(function* () {
      const { bad, far, send } = yield* victim()
      const began = yield* Clock.currentTimeMillis
      const ended = yield* Effect.fork(failureOf(far.read))
      yield* Effect.fork(Effect.forever(Effect.zipRight(send(bad), Effect.sleep("50 millis"))))
      assert.strictEqual(yield* ended, "StreamReset BadSignatures")
      assert.isAtLeast((yield* Clock.currentTimeMillis) - began, 50_000)
    }).pipe(costing(CostlySignatures.native))
  )

  it.effect("do not end it if they name only one of its ids", () =>
    Effect.gen(function* () {
      const { far, ids, near, send } = yield* victim()
      const half = sealed({ ...ids, receiveStreamId: 0, flags: Packet.RESET }, "signature", mallory)
      // A repeated SYN: whoever knows Alice's destination has half of it.
      const again = syn(bob.destination, { receiveStreamId: near.localStreamId, from: alice.destination })
      for (let n = 0; n < 3000; n++) {
        yield* send(n % 2 === 0 ? half : again)
        yield* Effect.sleep("50 millis")
      }
      yield* near.write(bytes("alive"))
      assert.strictEqual(yield* readText(far), "alive")
    }).pipe(costing(CostlySignatures.native))
  )
})
