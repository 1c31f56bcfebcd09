/** Two cores against each other: every single loss, hostile links, and what must always hold. */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Arbitraries from "@effect-i2p/testkit/Arbitraries"
import * as Pair from "@effect-i2p/testkit/Pair"
import type * as Side from "@effect-i2p/testkit/Side"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

/** What two applications do with each other, in the ways that differ on the wire. */
const exchanges: { readonly [name: string]: Pair.Options } = {
  "an opening without data, closed by the caller": {
    a: { close: "whenWritten" },
    b: { close: "whenDone" }
  },
  "an opening without data, closed by the called": {
    a: { close: "whenDone" },
    b: { close: "whenWritten" }
  },
  "an opening without data, closed by both at once": {
    a: { close: "halfway" },
    b: { close: "halfway" }
  },
  "a request in the SYN and its answer": {
    initialData: 300,
    a: { close: "whenDone" },
    b: { write: 5000, writeAfter: 300, close: "halfway" }
  },
  "a request after the SYN and its answer": {
    a: { write: 300, close: "whenDone" },
    b: { write: 5000, writeAfter: 300, close: "halfway" }
  },
  "a request that does not fit the SYN": {
    initialData: 6000,
    a: { close: "halfway" },
    b: { write: 10, writeAfter: 6000, close: "whenDone" }
  },
  "an upload": {
    a: { write: 30_000, close: "halfway" },
    b: { close: "whenDone" }
  },
  "a download that starts at once": {
    a: { close: "whenDone" },
    b: { write: 30_000, close: "halfway" }
  },
  "both ways at once": {
    initialData: 2000,
    a: { write: 12_000, close: "halfway" },
    b: { write: 12_000, close: "halfway" }
  }
}

const link = { latencyMillis: 50 }

/** Everything that can be lost within a time that no timeout but the last may exceed. */
const withinMinutes = 400_000

const countPackets = (options: Pair.Options): { readonly [direction in Pair.Direction]: number } => {
  const pair = Pair.make({ link, ...options })
    .run()
    .expectFinished()
  return { "A>B": pair.a.sentPackets, "B>A": pair.b.sentPackets }
}

const directions = ["A>B", "B>A"] as const

/** Both ended well, with every byte, and the one who can only guess (its last ACK is lost for good) guessed well. */
const expectEndedWell = (pair: Pair.Pair): void => {
  pair.run()
  pair.expectFinished()
  pair.expect(pair.now < withinMinutes, `took ${pair.now} ms`)
}

/** Its last CLOSE was repeated in vain; a peer who has only half closed may then wait for it until it is idle for too long. */
const givenUp = (side: Side.Side): boolean =>
  side.outcome?._tag === "Finished" && side.state!.send.inFlight.length === 1

describe("Pair", () => {
  for (const [name, options] of Object.entries(exchanges)) {
    describe(name, () => {
      it("ends well when nothing is lost, without a retransmission", () => {
        const pair = Pair.make({ link, ...options })
          .run()
          .expectFinished()
        for (const side of [pair.a, pair.b]) {
          assert.strictEqual(side.state!.counters.retransmissions, 0)
          assert.strictEqual(side.state!.counters.duplicates, 0)
          assert.strictEqual(side.state!.counters.packetsDropped, 0)
          assert.strictEqual(side.unrouted, 0)
        }
        assert.isBelow(pair.now, 2000)
      })

      it("ends well whichever one packet is lost", () => {
        const counts = countPackets(options)
        for (const lost of directions) {
          for (let position = 0; position < counts[lost]; position++) {
            const drop: Pair.Choice = (_, direction, nth) => direction === lost && nth === position
            expectEndedWell(Pair.make({ link, ...options, drop }))
          }
        }
      })

      it("ends well whichever packet comes twice, late, or both", () => {
        const counts = countPackets(options)
        for (const odd of directions) {
          for (let position = 0; position < counts[odd]; position++) {
            const choice: Pair.Choice = (_, direction, nth) => direction === odd && nth === position
            expectEndedWell(Pair.make({ link, ...options, duplicate: choice }))
            for (const late of [30, 70, 400, 5000, 30_000]) {
              const delay = (...chosen: Parameters<Pair.Choice>) => (choice(...chosen) ? late : 0)
              expectEndedWell(Pair.make({ link, ...options, delay }))
              expectEndedWell(Pair.make({ link, ...options, delay, duplicate: choice }))
            }
          }
        }
      })

      it("ends well whichever two of the first and whichever two of the last packets are lost", () => {
        const counts = countPackets(options)
        const pick = (positions: (total: number) => ReadonlyArray<number>) =>
          directions.flatMap((direction) => positions(counts[direction]).map((nth) => ({ direction, nth })))
        const first = pick((total) => [0, 1, 2, 3].filter((nth) => nth < total))
        const last = pick((total) => [total - 3, total - 2, total - 1, total, total + 1].filter((nth) => nth >= 0))
        for (const group of [first, last]) {
          for (const one of group) {
            for (const other of group) {
              const drop: Pair.Choice = (_, direction, nth) =>
                (direction === one.direction && nth === one.nth) || (direction === other.direction && nth === other.nth)
              expectEndedWell(Pair.make({ link, ...options, drop }))
            }
          }
        }
      })
    })
  }

  describe("kinds of packets", () => {
    const kinds: { readonly [name: string]: (packet: Packet.Packet) => boolean } = {
      SYN: Packet.isFirstSyn,
      "SYN-ACK": (packet) => Packet.has(packet, Packet.SYNCHRONIZE) && !Packet.isFirstSyn(packet),
      data: (packet) => Packet.isSequenced(packet) && packet.payload.length > 0,
      CLOSE: (packet) => Packet.has(packet, Packet.CLOSE),
      acknowledgment: (packet) => !Packet.isSequenced(packet)
    }
    for (const [kind, is] of Object.entries(kinds)) {
      it(`survives the loss of its first two ${kind} packets in each direction`, () => {
        for (const [name, options] of Object.entries(exchanges)) {
          for (const lossy of [["A>B"], ["B>A"], ["A>B", "B>A"]]) {
            const left = { "A>B": 2, "B>A": 2 }
            const drop: Pair.Choice = (packet, direction) =>
              lossy.includes(direction) && is(packet) && left[direction]-- > 0
            const pair = Pair.make({ link, ...options, drop })
            try {
              expectEndedWell(pair)
            } catch (error) {
              throw new Error(`${name}, ${lossy}`, { cause: error })
            }
          }
        }
      })
    }
  })

  describe("transfers", () => {
    const megabyte = 1 << 20
    const links: { readonly [name: string]: Pair.Options["link"] } = {
      "1 % loss": { loss: 0.01 },
      "5 % loss": { loss: 0.05 },
      "10 % loss": { loss: 0.1 },
      "losses in bursts": { loss: 0.05, lossBurst: 4 },
      reordering: { reorder: 0.2, reorderMillis: 80 },
      jitter: { jitterMillis: 200 },
      duplication: { duplicate: 0.3 },
      "a narrow link with a short queue": { bytesPerSecond: 200_000, queueBytes: 40_000 },
      "everything at once": { loss: 0.03, reorder: 0.1, duplicate: 0.1, jitterMillis: 30, bytesPerSecond: 500_000 }
    }
    for (const [name, hostile] of Object.entries(links)) {
      it(`of 1 MiB each way finish over a link with ${name}`, () => {
        const pair = Pair.make({
          link: { latencyMillis: 100, ...hostile },
          seed: 7,
          a: { write: megabyte, close: "halfway" },
          b: { write: megabyte, close: "halfway" }
        })
        pair.run().expectFinished()
        assert.isBelow(pair.b.deliveredAt!, 300_000)
      })
    }

    it("fill the window of a clean link", () => {
      const pair = Pair.make({ link, a: { write: 4 * megabyte, close: "halfway" }, b: { close: "whenDone" } })
      pair.run().expectFinished()
      // 4 MiB in full windows of 128 packets take 19 round trips; growing to them takes a few more.
      assert.isBelow(pair.b.deliveredAt!, 30 * 100)
    })

    it("learn how much a path reorders from a few wrong guesses, and send nothing twice from there", () => {
      const options = { a: { write: megabyte, close: "halfway" }, b: { close: "whenDone" } } as const
      const pair = Pair.make({ link: { latencyMillis: 100, reorder: 0.05, reorderMillis: 20 }, ...options })
      pair.run().expectFinished()
      // 20 ms of 200: from a thirty-second of the round trip it takes two guesses; a third may be under way.
      assert.isAtMost(pair.a.state!.counters.retransmissions, 3)
      assert.strictEqual(pair.a.state!.lossDetection.reorderingShare, 1 / 8)
    })

    it("repeat to the byte with the same seed, and only then", () => {
      const run = (seed: number) =>
        Pair.make({
          link: { latencyMillis: 80, jitterMillis: 40, loss: 0.05, reorder: 0.1, duplicate: 0.1 },
          seed,
          a: { write: 200_000, close: "halfway" },
          b: { write: 50_000, close: "halfway" }
        }).run().transcript
      assert.strictEqual(run(1), run(1))
      assert.notStrictEqual(run(1), run(2))
    })
  })

  describe("a clock that shows today's date", () => {
    it("lets time pass although it knows no time shorter than 0.2 µs", () => {
      const today = Date.UTC(2026, 0, 1)
      for (let seed = 1; seed <= 40; seed++) {
        const link = { latencyMillis: 25, loss: 0.005, rateBytesPerSecond: 300_000 }
        const upload = { a: { write: 300_000, close: "halfway" }, b: { close: "whenDone" } } as const
        Pair.make({ startAt: today, link, seed, ...upload })
          .run()
          .expectFinished()
      }
    })
  })

  describe("generated behaviour", () => {
    it("delivers a prefix at any time and everything in the end", () => {
      fc.assert(
        fc.property(
          Arbitraries.link,
          Arbitraries.operations,
          fc.nat(0xffff_ffff),
          fc.constantFrom<Side.Reads>("everything", 20_000),
          fc.constantFrom(0, Date.UTC(2026, 0, 1)),
          (link, operations, seed, reads, startAt) => {
            const commands = { A: [], B: [] } as { [side in "A" | "B"]: Array<readonly [number, Side.Command]> }
            let at = startAt
            const ended = new Set<string>()
            for (const operation of operations) {
              at += operation.after
              // A handle whose direction is closed refuses to write: the core never hears of it.
              if (ended.has(operation.side)) continue
              if (operation.event._tag === "End") ended.add(operation.side)
              commands[operation.side].push([at, operation.event])
            }
            const closeAt = at + 1
            const pair = Pair.make({
              link,
              seed,
              startAt,
              config: { idleAction: "none", receiveBufferBytes: 30_000 },
              a: { commands: [...commands.A, [closeAt, { _tag: "End" }]], reads, close: "never" },
              b: { commands: [...commands.B, [closeAt, { _tag: "End" }]], reads, close: "never" }
            })
            pair.run(startAt + 20 * 3_600_000)
            if (!givenUp(pair.a) && !givenUp(pair.b)) pair.expectFinished()
            pair.expect(pair.a.delivered === pair.b.written && pair.b.delivered === pair.a.written, "bytes are missing")
            pair.expect(pair.nextTime === undefined, "something is left to happen")
          }
        ),
        { numRuns: 150, seed: 1 }
      )
    })

    it("survives what a hostile peer can send, whatever it is", () => {
      fc.assert(
        fc.property(
          fc.array(
            fc.tuple(
              fc.constantFrom("A" as const, "B" as const),
              Arbitraries.hostilePacket({ sendStreamId: 1, receiveStreamId: 2 }),
              fc.nat(500)
            ),
            { minLength: 1, maxLength: 40 }
          ),
          (injected) => {
            const pair = Pair.make({
              link: { latencyMillis: 20 },
              config: { receiveBufferBytes: 60_000 },
              a: { write: 20_000 },
              b: { write: 20_000 },
              lenient: true
            })
            for (const [to, packet, after] of injected) {
              pair.run(pair.now + after)
              const side = to === "A" ? pair.a : pair.b
              pair.inject(to, {
                ...packet,
                sendStreamId: packet.sendStreamId === 0 ? 0 : side.streamId,
                receiveStreamId: side.peer.streamId
              })
            }
            pair.run(pair.now + 1_200_000)
          }
        ),
        { numRuns: 200, seed: 1 }
      )
    })
  })
})
