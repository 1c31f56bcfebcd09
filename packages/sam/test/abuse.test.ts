/** What clients and strangers may do to a bridge, and what it costs. */
import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Effect from "effect/Effect"
import * as Harness from "./harness.js"

const { simulate } = Harness

const many = <A, E, R>(count: number, effect: (at: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: count }, (_, at) => at),
    effect
  )

describe("a bridge", () => {
  it.effect("is rid of those that say HELLO a byte at a time", () =>
    simulate({ maxSockets: 50 })((world) =>
      Effect.gen(function* () {
        const slow = yield* many(50, () => world.connect)
        for (let second = 0; second < 59; second++) {
          yield* Effect.forEach(slow, (peer) => peer.send("H"))
          yield* Effect.sleep("1 second")
        }
        const late = yield* world.connect
        assert.match(yield* late.hear, /^HELLO REPLY RESULT=I2P_ERROR MESSAGE="this bridge has 50 clients/)
        yield* Effect.sleep("2 seconds")
        for (const peer of slow) assert.match(yield* peer.hear, /^HELLO REPLY RESULT=I2P_ERROR/)
        assert.strictEqual((yield* world.sam.stats).sockets, 0)
        yield* world.hello()
      })
    )
  )

  it.effect("makes no more sessions than it may, and is as before when they have gone", () =>
    simulate({ maxSessions: 3 })((world) =>
      Effect.gen(function* () {
        const clients = yield* many(200, () => world.hello())
        const create = (at: number) => `SESSION CREATE STYLE=STREAM ID=s${at} DESTINATION=TRANSIENT SIGNATURE_TYPE=7`
        yield* Effect.forEach(clients, (client, at) => client.say(create(at)))
        const answers = yield* Effect.forEach(clients, (client) => client.hear)
        assert.strictEqual(answers.filter((answer) => answer.includes("RESULT=OK")).length, 3)
        assert.strictEqual(answers.filter((answer) => answer.includes("this bridge has 3 sessions")).length, 197)
        yield* Effect.forEach(clients, (client) => client.end)
        yield* Effect.forEach(clients, (client) => client.hear)
        assert.deepInclude(yield* world.sam.stats, { sessions: 0, sockets: 0 })
        yield* world.session("again")
      })
    )
  )

  it.effect("bears a storm of CONNECTs to nobody", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session(
          "a",
          "STYLE=STREAM i2p.streaming.maxConcurrentStreams=20 i2p.streaming.connectTimeout=5000"
        )
        const b = yield* world.session("b")
        const clients = yield* many(60, () => world.hello())
        const nobody = MemoryTransport.keysOf("nobody").destination.base64
        yield* Effect.forEach(clients, (client) => client.say(`STREAM CONNECT ID=a DESTINATION=${nobody}`))
        for (const client of clients) {
          assert.match(yield* client.hear, /^STREAM STATUS RESULT=(TIMEOUT|CANT_REACH_PEER|I2P_ERROR) MESSAGE="/)
          assert.strictEqual(yield* client.hear, "(end)")
        }
        yield* Harness.pair(world, "a", "b", b.destination)
      })
    )
  )

  it.effect("chokes the stream of a client that does not read, and nobody else's", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const slow = yield* Harness.pair(world, "a", "b", b.destination)
        const quick = yield* Harness.pair(world, "a", "b", b.destination)
        yield* slow.acceptor.stall
        const chunk = "x".repeat(65_536)
        yield* many(256, () => slow.connector.send(chunk))
        yield* Effect.sleep("30 seconds")
        const { bytesReceived, bytesSent } = yield* world.sam.stats
        // What is under way: the windows of one stream, and a few chunks on each side.
        assert.isBelow(bytesSent, 4_000_000)
        assert.isBelow(bytesReceived, 100_000)
        yield* quick.connector.send(`${chunk}\n`)
        assert.lengthOf(yield* quick.acceptor.hear, chunk.length)
        yield* slow.acceptor.resume
        assert.lengthOf(yield* slow.acceptor.bytes(256 * chunk.length), 256 * chunk.length)
      })
    )
  )

  it.effect("reads no further than it may behind a command that is not answered", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.faults.withholdTunnels(true)
        const peer = yield* world.hello()
        yield* peer.say("SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=7")
        yield* many(1000, () => peer.send("PING\n"))
        yield* Effect.sleep("1 minute")
        assert.strictEqual(yield* peer.heard, "")
        yield* world.faults.withholdTunnels(false)
        assert.match(yield* peer.hear, /RESULT=OK/)
        for (let i = 0; i < 1000; i++) assert.strictEqual(yield* peer.hear, "PONG")
      })
    )
  )
})
