/** Closed windows and half-closed streams with the other implementations at the other end, as their sources have them. */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Pair from "@effect-i2p/testkit/Pair"
import { EmissaryPeer } from "@effect-i2p/testkit/peers/EmissaryPeer"
import { I2pdPeer } from "@effect-i2p/testkit/peers/I2pdPeer"
import { JavaPeer } from "@effect-i2p/testkit/peers/JavaPeer"
import { type Model, ModelSide } from "@effect-i2p/testkit/peers/ModelSide"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const java: Model = (options) => new JavaPeer(options)
const i2pd: Model = (options) => new I2pdPeer(options)
const emissary: Model = (options) => new EmissaryPeer(options)
const link = { latencyMillis: 50 }
const size = 1_000_000
const small = { receiveBufferBytes: 60_000, maxReceiveBufferBytes: 60_000 }

/** A pair whose packets are lost while `isLost` says so. */
const lossy = (options: Pair.Options, isLost: (now: number, direction: Pair.Direction) => boolean): Pair.Pair => {
  let pair: Pair.Pair | undefined
  pair = Pair.make({ ...options, drop: (_, direction) => isLost(pair?.now ?? 0, direction) })
  return pair
}

const modelOf = (side: Pair.Pair["a"]) => {
  if (!(side instanceof ModelSide)) throw new Error("no model on this side")
  return side.model
}

describe("the model of Java, its window", () => {
  it("closes on each packet that does not fit, opens with the next large one, and says so on seven packets", () => {
    const pair = Pair.make({ link, modelB: java, a: { write: size }, b: { reads: "nothing" } })
    pair.run(20_000)
    assert.match(pair.transcript, /B>A ACK .*delay=61000/)
    pair.b.setReads("everything")
    pair.run(60_000)
    assert.strictEqual(pair.b.delivered, size)
    const lines = pair.transcript.split("\n").filter((line) => line.includes("B>A"))
    const closed = lines.findLastIndex((line) => line.includes("delay=61000"))
    const opened = lines.slice(closed + 1)
    assert.strictEqual(opened.filter((line) => line.includes("delay=0")).length, 7)
  })

  it("stays closed for small packets", () => {
    const model = new JavaPeer({
      host: { transmit: () => {}, deliver: () => {}, endOfStream: () => {}, ended: () => {} },
      localStreamId: 1,
      seed: 1
    })
    model.open(0)
    const packet = (sequenceNumber: number, length: number) =>
      Packet.make({ sendStreamId: 1, receiveStreamId: 2, sequenceNumber, payload: Scenario.bytes(length) })
    model.receive([Packet.make({ sendStreamId: 1, receiveStreamId: 2, flags: Packet.SYNCHRONIZE })], 100)
    for (let number = 1; number <= 200; number++) model.receive([packet(number, 1812)], 200)
    assert.isTrue(model.isChoking)
    model.consume(124 * 1812)
    model.receive([packet(125, 1500)], 300)
    assert.isTrue(model.isChoking)
    model.receive([packet(126, 1501)], 300)
    assert.isFalse(model.isChoking)
  })
})

describe("our sender and Java, whose window opens while nothing of it arrives", () => {
  for (const outage of [500, 1000, 2000, 5000, 15_000, 60_000]) {
    it(`goes on soon after ${outage / 1000} s`, () => {
      const healed = 20_000 + outage
      const pair = lossy(
        { link, modelB: java, a: { write: size, close: "halfway" }, b: { reads: "nothing", close: "whenDone" } },
        (now, direction) => direction === "B>A" && now >= 20_000 && now < healed
      )
      pair.run(20_000)
      pair.expect(pair.a.state!.peerChoke !== undefined, "the window is not closed")
      pair.b.setReads("everything")
      // Probes ten seconds apart, a round trip, and Java's half a second before it acknowledges.
      pair.run(healed + 10_000 + 700 + 10_000)
      pair.expect(pair.b.delivered === size, `${pair.b.delivered} bytes of ${size}`)
      pair.run()
      assert.strictEqual(pair.a.outcome?._tag, "Finished")
    })
  }
})

describe("Java and our receiver, whose window opens while nothing of it arrives", () => {
  it("is a sender that does not ask: with nothing in flight it waits", () => {
    const pair = Pair.make({ link, modelA: java, configB: small, a: { write: size }, b: { reads: "nothing" } })
    pair.run(30_000)
    const sent = pair.a.sentPackets
    assert.isTrue(pair.b.state!.flow.choking)
    pair.run(80_000)
    assert.isAtMost(pair.a.sentPackets - sent, 20)
  })

  for (const outage of [500, 1000, 2000, 5000, 15_000, 60_000]) {
    it(`goes on soon after ${outage / 1000} s`, () => {
      const healed = 20_000 + outage
      const pair = lossy(
        {
          link,
          modelA: java,
          configB: small,
          a: { write: size, close: "halfway" },
          b: { reads: "nothing", close: "whenDone" }
        },
        (now, direction) => direction === "B>A" && now >= 20_000 && now < healed
      )
      pair.run(20_000)
      pair.expect(pair.b.state!.flow.choking, "the window is not closed")
      pair.b.setReads("everything")
      pair.run(healed)
      const before = pair.b.delivered
      pair.run(healed + 10_000 + 200)
      pair.expect(pair.b.delivered > before, "nothing was delivered within ten seconds")
      pair.run()
      pair.expect(pair.b.delivered === size, `${pair.b.delivered} bytes of ${size}`)
      assert.strictEqual(pair.b.outcome?._tag, "Finished")
    })
  }

  it("goes on though Java's own window is closed as well, for which nothing of ours waits", () => {
    const pair = lossy(
      { link, modelA: java, configB: small, a: { write: size, close: "halfway" }, b: { reads: "nothing" } },
      (now, direction) => direction === "B>A" && now >= 20_000 && now < 25_000
    )
    pair.run(19_000)
    const ids = { sendStreamId: pair.b.streamId, receiveStreamId: pair.a.streamId }
    pair.inject("B", Packet.make({ ...ids, ackThrough: pair.b.state!.send.sndNxt - 1, requestedDelay: 61_000 }))
    pair.run(20_000)
    assert.isDefined(pair.b.state!.peerChoke)
    pair.b.setReads("everything")
    pair.run(25_000)
    const before = pair.b.delivered
    pair.run(25_000 + 10_200)
    pair.expect(pair.b.delivered > before, "nothing was delivered within ten seconds")
  })

  it("goes on after any number of packets lost in a row", () => {
    for (const lost of [1, 2, 7, 8, 9, 12]) {
      let left = lost
      const pair = lossy(
        { link, modelA: java, configB: small, a: { write: size, close: "halfway" }, b: { reads: "nothing" } },
        (now, direction) => direction === "B>A" && now >= 20_000 && left-- > 0
      )
      pair.run(20_000)
      pair.b.setReads("everything")
      pair.run(200_000)
      pair.expect(left < 0 && pair.b.delivered === size, `${pair.b.delivered} bytes of ${size}`)
    }
  })
})

describe("i2pd and emissary", () => {
  it("close our window by a single packet and never say that it is open: an acknowledgment of more does", () => {
    for (const model of [i2pd, emissary]) {
      for (const requestedDelay of [65_535, 60_001]) {
        const pair = Pair.make({ link, modelB: model, a: { write: size } })
        pair.run(300)
        const last = pair.a.state!.send.sndNxt - 1
        const ids = { sendStreamId: pair.a.streamId, receiveStreamId: pair.b.streamId }
        pair.inject("A", Packet.make({ ...ids, ackThrough: last - pair.a.state!.send.inFlight.length, requestedDelay }))
        assert.isDefined(pair.a.state!.peerChoke)
        pair.run(5000)
        pair.expect(pair.b.delivered === size, `${pair.b.delivered} bytes of ${size}`)
      }
    }
  })

  it("go on when our window was closed and all that says it is open is lost for a while", () => {
    for (const model of [i2pd, emissary]) {
      const pair = lossy(
        { link, modelA: model, configB: small, a: { write: size, close: "halfway" }, b: { reads: "nothing" } },
        (now, direction) => direction === "B>A" && now >= 5000 && now < 15_000
      )
      pair.run(5000)
      pair.b.setReads("everything")
      pair.run(120_000)
      pair.expect(pair.b.delivered === size, `${pair.b.delivered} bytes of ${size}`)
    }
  })
})

describe("a stream that one side has closed, and a long time for the answer", () => {
  const hours = 2 * 3_600_000
  const answer = Scenario.bytes(5000)
  const over = (tag: string | undefined) => assert.strictEqual(tag, "Finished")

  it("is not ended by Java, which gives up after 90 s of silence: ours is the closed side", () => {
    for (const loss of [0, 0.05]) {
      const pair = Pair.make({
        link: { ...link, loss },
        modelB: java,
        // The most that chance makes of it: Java ends such a stream after 90 to 100 s.
        config: { idleTimeout: 100_000 },
        lenient: true,
        a: { write: 1000, close: "halfway" },
        b: { close: "never" }
      })
      pair.run(hours)
      assert.isTrue(pair.b.endOfStream)
      modelOf(pair.b).write(answer, pair.now)
      modelOf(pair.b).close(true, pair.now)
      pair.run(hours + 60_000)
      assert.strictEqual(pair.a.delivered, answer.length)
      over(pair.a.outcome?._tag)
    }
  })

  it("is not ended by Java: Java is the closed side", () => {
    for (const loss of [0, 0.05]) {
      const pair = Pair.make({
        link: { ...link, loss },
        modelA: java,
        config: { idleTimeout: 100_000 },
        lenient: true,
        a: { write: 1000, close: "halfway" },
        b: {
          close: "never",
          commands: [
            [hours, { _tag: "Write", bytes: answer }],
            [hours + 1, { _tag: "End" }]
          ]
        }
      })
      pair.run(hours + 60_000)
      assert.strictEqual(pair.a.delivered, answer.length)
      over(pair.b.outcome?._tag)
    }
  })

  it("is ended by Java when nobody asks", () => {
    const pair = Pair.make({
      link,
      modelB: java,
      config: { idleAction: "none" },
      a: { write: 1000, close: "halfway" },
      b: { close: "never" }
    })
    pair.run(200_000)
    assert.strictEqual(modelOf(pair.b).end, "GivenUp")
    assert.deepStrictEqual(pair.a.outcome, { _tag: "ResetByPeer" })
    assert.isAtLeast(pair.a.endedAt!, 90_000)
    assert.isAtMost(pair.a.endedAt!, 102_000)
  })

  it("ends when i2pd is gone, whose one CLOSE was lost", () => {
    let lost = 0
    const pair = Pair.make({
      link,
      modelB: i2pd,
      drop: (packet, direction) => direction === "B>A" && Packet.has(packet, Packet.CLOSE) && ++lost > 0,
      a: { write: 1000, close: "halfway" }
    })
    pair.run(1000)
    assert.strictEqual(modelOf(pair.b).end, "Closed")
    pair.run()
    assert.strictEqual(lost, 1)
    assert.deepStrictEqual(pair.a.outcome, { _tag: "TimedOut", during: "retransmission" })
    // The time of silence, and eight retransmissions.
    assert.isAtMost(pair.a.endedAt!, 60_000 + 1000 + 383 * 350)
  })
})
