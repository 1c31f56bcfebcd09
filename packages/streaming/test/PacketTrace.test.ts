import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as PacketTrace from "../src/PacketTrace.js"
import { alice, bob, established, sessions, simulate } from "./simulation.js"

/** What a program's sessions trace. */
const traced = <A, E, R>(program: (events: ReadonlyArray<PacketTrace.Event>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const events: Array<PacketTrace.Event> = []
    return Effect.provide(
      program(events),
      PacketTrace.layer((event) => events.push(event))
    )
  })

const isPacket = (event: PacketTrace.Event): event is PacketTrace.PacketEvent => event.type === "packet"

describe("PacketTrace", () => {
  it.effect("tells a stream's life, packet by packet, in order", () =>
    traced((events) =>
      Effect.gen(function* () {
        const { far, near } = yield* established()
        yield* Effect.fork(Effect.zipRight(Stream.runDrain(far.readable), far.close))
        yield* near.write(new Uint8Array(4_000))
        yield* near.close
        yield* Effect.sleep("1 second")
        const own = events.filter(
          ({ type, ...event }) => type !== "gap" && (event as { stream: number }).stream === near.localStreamId
        )
        const words = own.map((event) =>
          event.type === "packet"
            ? `${event.dir} ${event.kind} ${event.seq} ${event.bytes}`
            : event.type === "stream"
              ? `${event.what} ${event.detail}`
              : ""
        )
        assert.deepStrictEqual(words.slice(0, 5), [
          "open SynSent",
          "out SYN 0 0",
          "in SYN-ACK 0 0",
          "state Established",
          "out ACK 0 0"
        ])
        assert.includeMembers(words, [
          "out DATA 2 1812",
          "out DATA 3 376",
          "state FinWait1",
          "out CLOSE 4 0",
          "end Finished"
        ])
        assert.strictEqual(words.at(-1), "end Finished")
        const [first] = own
        assert.deepInclude(first, { role: "initiator", peer: bob.destination.short, port: 80 })
        assert.isTrue(
          events.every((event, i) => i === 0 || event.time >= events[i - 1]!.time),
          "times never go back"
        )
        const data = own.filter(isPacket).find(({ kind }) => kind === "DATA")!
        assert.deepInclude(data, { flight: 3, again: false, dropped: false, nacks: 0 })
        assert.isAbove(data.cwnd!, 1)
        assert.isAbove(data.rtt!, 39)
        for (const event of events) {
          assert.deepStrictEqual(Schema.decodeUnknownSync(PacketTrace.Event)(JSON.parse(JSON.stringify(event))), event)
        }
      })
    ).pipe(simulate({ link: { latencyMillis: 20 } }))
  )

  it.effect("marks every retransmission, as many as the stream counts", () =>
    traced((events) =>
      Effect.gen(function* () {
        const { far, near } = yield* established()
        yield* Effect.fork(Stream.runDrain(far.readable))
        yield* near.write(new Uint8Array(300_000))
        yield* near.flush
        const { packetsSent, retransmissions } = yield* near.stats
        const sent = events.filter(
          (event) => isPacket(event) && event.dir === "out" && event.stream === near.localStreamId
        )
        assert.isAbove(retransmissions, 0)
        assert.lengthOf(sent, packetsSent)
        assert.strictEqual(sent.filter((event) => isPacket(event) && event.again).length, retransmissions)
        const repeated = events.filter(
          (event) => isPacket(event) && event.stream === far.localStreamId && event.dir === "in" && event.again
        )
        assert.isAtMost(repeated.length, (yield* far.stats).duplicates)
      })
    ).pipe(simulate({ link: { latencyMillis: 20, loss: 0.03, duplicate: 0.01 }, seed: 5 }))
  )

  it.effect("shows pings, and what is dropped as nobody's", () =>
    traced((events) =>
      Effect.gen(function* () {
        const { a, b, network } = yield* sessions()
        yield* a.ping({ destination: b.destination, payload: new Uint8Array(16) })
        yield* network.inject({ to: bob.destination, bytes: strayBytes })
        yield* Effect.sleep("1 second")
        const words = events
          .filter(isPacket)
          .map(({ bytes, dir, dropped, kind }) => `${dir} ${kind} ${bytes}${dropped ? " dropped" : ""}`)
        assert.deepStrictEqual(words, ["out PING 16", "in PING 16", "out PONG 16", "in PONG 16", "in ACK 3 dropped"])
        assert.notStrictEqual(alice.destination.short, bob.destination.short)
      })
    ).pipe(simulate({ link: { latencyMillis: 20 } }))
  )
})

/** A packet for a stream that nobody has: ids 1 and 2, three bytes. */
const strayBytes = Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3])
