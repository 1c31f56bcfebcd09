/** Our core with models of the other implementations: whatever their habits, everything arrives and both sides end. */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Pair from "@effect-i2p/testkit/Pair"
import { EmissaryPeer } from "@effect-i2p/testkit/peers/EmissaryPeer"
import { I2pdPeer } from "@effect-i2p/testkit/peers/I2pdPeer"
import { JavaPeer } from "@effect-i2p/testkit/peers/JavaPeer"
import { type Model, ModelSide } from "@effect-i2p/testkit/peers/ModelSide"
import { assert, describe, it } from "vitest"

const java: Model = (options) => new JavaPeer(options)
const i2pd: Model = (options) => new I2pdPeer(options)
const oldI2pd: Model = (options) => new I2pdPeer({ ...options, generation: "2.45" })
const emissary: Model = (options) => new EmissaryPeer(options)

const models = { Java: java, i2pd, "i2pd 2.45": oldI2pd, emissary }
const size = 200_000
const link = { latencyMillis: 50 }
/** No end takes longer: the last of our own timers. */
const withinMinutes = 400_000

/** By what the two applications do; `ours` may be either side. */
const exchanges: { readonly [name: string]: readonly [ours: Pair.Options["a"], theirs: Pair.Options["a"]] } = {
  "nothing but an opening and an end": [{ close: "whenDone" }, { close: "halfway" }],
  "an upload to it": [{ write: size, close: "whenDone" }, { close: "never" }],
  "an upload that we close": [{ write: size, close: "halfway" }, { close: "whenDone" }],
  "a download from it": [{ close: "whenDone" }, { write: size, close: "halfway" }],
  "both ways, closed by it": [
    { write: size, close: "whenDone" },
    { write: size, close: "halfway" }
  ],
  "a request and our answer": [
    { write: 20_000, writeAfter: 300, close: "halfway" },
    { write: 300, close: "whenDone" }
  ],
  "our request and its answer": [
    { write: 300, close: "whenDone" },
    { write: 20_000, writeAfter: 300, close: "halfway" }
  ]
}

const make = (role: "calls" | "is called", model: Model, exchange: string, options: Pair.Options) => {
  const [ours, theirs] = exchanges[exchange]!
  return role === "calls"
    ? Pair.make({ link, ...options, modelA: model, a: theirs, b: ours })
    : Pair.make({ link, ...options, modelB: model, a: ours, b: theirs })
}

const sides = (pair: Pair.Pair) => {
  const theirs = pair.a instanceof ModelSide ? pair.a : pair.b
  if (!(theirs instanceof ModelSide)) throw new Error("no model in this pair")
  return { theirs, ours: theirs.peer }
}

/** i2pd that calls gives up after 200 ms when data came and the SYN-ACK did not. */
const lostItsSynAck = (pair: Pair.Pair): boolean => /B>A SYN .*\(lost\)/.test(pair.transcript)

const isComplete = (pair: Pair.Pair): boolean => {
  const { ours, theirs } = sides(pair)
  return ours.delivered === theirs.written && theirs.delivered === ours.written
}

describe("models of other implementations", () => {
  for (const [name, model] of Object.entries(models)) {
    for (const role of ["calls", "is called"] as const) {
      describe(`${name}, which ${role}`, () => {
        for (const exchange of Object.keys(exchanges)) {
          it(`does ${exchange} with us, at 0, 1 and 5 % loss`, () => {
            // Nobody closes this one: it lives, and does so quietly.
            const stays = exchanges[exchange]![1]!.close === "never"
            for (const loss of [0, 0.01, 0.05]) {
              for (let seed = 1; seed <= (loss === 0 ? 1 : 6); seed++) {
                const pair = make(role, model, exchange, { link: { ...link, loss }, seed })
                pair.run(withinMinutes)
                const { ours, theirs } = sides(pair)
                if (theirs.model.end === "Reset" && lostItsSynAck(pair)) {
                  pair.expect(ours.outcome !== undefined, "ours goes on with a peer that is gone")
                  continue
                }
                pair.expect(isComplete(pair), `bytes are missing: ${ours.delivered} and ${theirs.delivered}`)
                if (stays) continue
                const outcome = ours.outcome?._tag
                // Whoever is gone cannot acknowledge our last CLOSE, nor say the one of its own again.
                const gone = loss > 0 && theirs.isOver && (outcome === "TimedOut" || outcome === "Idle")
                pair.expect(outcome === "Finished" || gone, `ours ended as ${outcome}`)
              }
            }
          })
        }
      })
    }
  }

  describe("quirks", () => {
    const isSynAck = (packet: Packet.Packet) => Packet.has(packet, Packet.SYNCHRONIZE) && packet.sendStreamId !== 0

    it("Java answers our SYN at once, for we ask it to, and connects to us no later", () => {
      const called = make("is called", java, "an upload to it", {}).run(60_000)
      assert.isAtMost(called.a.connectedAt!, 101)
      const calling = make("calls", java, "an upload to it", {}).run(60_000)
      // One round trip, and what its empty acknowledgment waits for: an eighth of one.
      assert.isAtMost(calling.b.connectedAt!, 170)
    })

    it("Java's receive window closes on a slow reader, opens only for a full packet, and loses nothing", () => {
      const pair = Pair.make({
        link,
        modelB: java,
        a: { write: 1_500_000, close: "halfway" },
        b: { reads: 100_000, close: "whenDone" }
      }).run()
      assert.match(pair.transcript, /B>A .*delay=61000/)
      assert.isTrue(isComplete(pair))
      assert.strictEqual(pair.a.outcome?._tag, "Finished")
      assert.isBelow(pair.b.deliveredAt!, 40_000)
    })

    it("i2pd drops what it has to say when we close first: a prefix, and an end that is not an error", () => {
      for (const model of [i2pd, oldI2pd]) {
        const pair = Pair.make({
          link,
          modelB: model,
          a: { commands: [[500, { _tag: "End" }]] },
          b: { write: 2_000_000, close: "halfway" }
        }).run()
        assert.strictEqual(pair.a.outcome?._tag, "Finished")
        assert.isTrue(pair.a.endOfStream)
        assert.isAbove(pair.a.delivered, 0)
        assert.isBelow(pair.a.delivered, pair.b.written)
      }
    })

    it("i2pd never has so many holes of ours that it says 60000 or 65535, even at 20 % loss", () => {
      const pair = make("is called", i2pd, "an upload that we close", { link: { ...link, loss: 0.2 } }).run()
      assert.isTrue(isComplete(pair))
      assert.notMatch(pair.transcript, /B>A .*delay=6/)
    })

    it("a choke of 60000 is none: data goes on", () => {
      const pair = make("is called", i2pd, "an upload that we close", {})
      pair.run(300)
      pair.inject(
        "A",
        Packet.make({ sendStreamId: pair.a.streamId, receiveStreamId: pair.b.streamId, requestedDelay: 60_000 })
      )
      pair.run(5000)
      assert.strictEqual(pair.a.outcome?._tag, "Finished")
    })

    it("emissary's CLOSE of number 0 is the end: ours waits for no other", () => {
      for (const role of ["calls", "is called"] as const) {
        const pair = make(role, emissary, "an upload that we close", {}).run()
        const { ours } = sides(pair)
        assert.strictEqual(ours.outcome?._tag, "Finished")
        assert.isTrue(ours.endOfStream)
        assert.isBelow(ours.endedAt!, 3000)
      }
    })

    it("a SYN-ACK that data overtakes costs nobody the stream while it is less than 200 ms late", () => {
      for (const model of Object.values(models)) {
        for (const role of ["calls", "is called"] as const) {
          const delay = (packet: Packet.Packet) => (isSynAck(packet) ? 150 : 0)
          const pair = make(role, model, "both ways, closed by it", { delay }).run(withinMinutes)
          pair.expect(isComplete(pair), "bytes are missing")
          assert.strictEqual(sides(pair).ours.outcome?._tag, "Finished")
        }
      }
    })

    it("an idle stream is kept by Java with packets that count, and by us with packets that i2pd acknowledges", () => {
      for (const model of [java, i2pd, emissary]) {
        const pair = make("is called", model, "an upload to it", {}).run(1_000_000)
        assert.strictEqual(pair.a.outcome, undefined)
        assert.isUndefined(sides(pair).theirs.model.end)
      }
    })
  })
})
