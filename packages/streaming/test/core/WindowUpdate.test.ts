/** What we say of our receive window: until the peer is known to have heard, and not a packet longer. */

import * as Packet from "@effect-i2p/streaming/Packet"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Pair from "@effect-i2p/testkit/Pair"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)
const thousands = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => Scenario.data(from + i, 1000))
const rto = 3 * Scenario.handshakeRtt

/** Our window has been closed by ten thousand bytes, numbers 1 to 10, and the application has just read them. */
const opened = (config: Scenario.Setup["config"] = {}) => {
  const machine = Scenario.established({ config: { receiveBufferBytes: 10_000, ...config } })
  machine.receive(...thousands(1, 10))
  assert.isTrue(machine.state.flow.choking)
  machine.step(Event.consumed(10_000))
  assert.isFalse(machine.state.flow.choking)
  return machine
}

/** The peer sends `number`, the application reads it, and the acknowledgment comes; its DELAY option. */
const delayOfAnswer = (machine: Scenario.Machine, number: number): number | undefined => {
  const sent = [...machine.wait(1).receive(Scenario.data(number, 1000, { requestedDelay: 0 }))]
  machine.step(Event.consumed(1000))
  sent.push(...machine.advance(20))
  assert.isAtLeast(sent.length, 1)
  return sent.at(-1)!.requestedDelay
}

describe("Connection, its window open again", () => {
  it("says so on every packet until the peer acknowledges one that said it", () => {
    const machine = opened()
    for (let number = 11; number <= 30; number++) assert.strictEqual(delayOfAnswer(machine, number), 0)
    machine.write(Scenario.fullPacket)
    assert.strictEqual(delayOfAnswer(machine, 31), 0)
    machine.receive(Scenario.ack(1))
    for (let number = 32; number <= 35; number++) assert.isUndefined(delayOfAnswer(machine, number))
    assert.isUndefined(machine.state.timers.window)
  })

  it("does not take the acknowledgment of an older packet for that", () => {
    const machine = Scenario.established({ config: { receiveBufferBytes: 10_000 } })
    machine.write(100)
    machine.receive(...thousands(1, 10))
    machine.step(Event.consumed(10_000))
    machine.receive(Scenario.ack(1))
    assert.strictEqual(delayOfAnswer(machine, 11), 0)
  })

  it("says so until the peer sends what it could not have sent while it waited: 128 packets further, as in Java", () => {
    const machine = opened()
    for (let number = 11; number < 11 + 128; number++) assert.strictEqual(delayOfAnswer(machine, number), 0)
    assert.isUndefined(delayOfAnswer(machine, 11 + 128))
    assert.isUndefined(machine.state.timers.window)
  })

  it("repeats it at growing intervals, and after the idle time by a packet that must be acknowledged", () => {
    const machine = opened()
    const sent: Array<readonly [number, string]> = []
    const from = machine.now
    while (machine.state.send.inFlight.length === 0) {
      for (const packet of machine.wake()) sent.push([machine.now - from, Packet.format(packet)])
    }
    const ack = "ACK seq=0 ack=10 delay=0"
    assert.deepStrictEqual(sent, [
      [rto, ack],
      [3 * rto, ack],
      [7 * rto, ack],
      [15 * rto, ack],
      [31 * rto, ack],
      ...Array.from({ length: 8 }, (_, n) => [63 * rto + 10_000 * n, ack] as const),
      [63 * rto + 80_000, "DATA seq=1 ack=10 delay=0"]
    ])
    machine.receive(Scenario.ack(1))
    assert.isUndefined(machine.state.timers.window)
    assert.deepStrictEqual(machine.advance(80_000), [])
  })

  it("says nothing by itself while a packet that says it is in flight and will be repeated", () => {
    const machine = opened()
    machine.write(100)
    const sent = machine.advance(60_000)
    assert.isAbove(sent.length, 4)
    for (const packet of sent) assert.deepInclude(packet, { sequenceNumber: 1, requestedDelay: 0 })
  })

  it("repeats it without a number where keepalives are not wanted, and once an idle time in the end", () => {
    const machine = opened({ idleAction: "none" })
    machine.advance(300_000)
    const sent = machine.advance(3_600_000)
    assert.isAtLeast(sent.length, 38)
    assert.isAtMost(sent.length, 40)
    assert.deepStrictEqual([...new Set(lines(sent))], ["ACK seq=0 ack=10 delay=0"])
  })

  it("repeats it after our own CLOSE, when there is no number left", () => {
    const machine = Scenario.finWait2({ config: { receiveBufferBytes: 10_000 } })
    machine.receive(...thousands(1, 10))
    machine.step(Event.consumed(10_000))
    const sent = machine.advance(50_000)
    assert.isAtLeast(sent.length, 8)
    for (const packet of sent) assert.strictEqual(packet.requestedDelay, 0)
    machine.receive(Scenario.data(139, 0))
  })

  it("repeats it though the peer's window is closed as well, and nothing waits for that", () => {
    const machine = Scenario.established({ config: { receiveBufferBytes: 10_000 } })
    machine.receive(...thousands(1, 10), Scenario.choke(0))
    machine.step(Event.consumed(10_000))
    assert.isDefined(machine.state.peerChoke)
    const sent = machine.advance(5000)
    assert.deepStrictEqual(lines(sent), new Array(4).fill("ACK seq=0 ack=10 delay=0"))
  })

  it("says so on each probe of the peer's closed window", () => {
    const machine = Scenario.established({ config: { receiveBufferBytes: 10_000 } })
    machine.write(5000)
    machine.receive(...thousands(1, 10), Scenario.choke(0))
    machine.step(Event.consumed(10_000))
    for (let i = 0; i < 12; i++) for (const packet of machine.wake()) assert.strictEqual(packet.requestedDelay, 0)
  })

  it("keeps silent while the router is away, and starts over when it is back", () => {
    const machine = opened()
    machine.advance(20_000)
    machine.step(Event.path(false))
    assert.deepStrictEqual(machine.advance(60_000), [])
    const back = machine.now
    assert.deepStrictEqual(lines(Scenario.transmitted(machine.step(Event.path(true)))), ["ACK seq=0 ack=10 delay=0"])
    // The router announces itself until the peer is heard, which says nothing of what the peer has heard.
    machine.receive(Scenario.ack(0))
    assert.strictEqual(machine.state.timers.window, back + rto)
    assert.deepStrictEqual(lines(machine.wake()), ["ACK seq=0 ack=10 delay=0"])
  })

  it("is closed again without a word of having been open", () => {
    const machine = opened()
    const sent = machine.receive(...thousands(11, 20))
    assert.deepStrictEqual(lines(sent), ["ACK seq=0 ack=20 delay=60001"])
    assert.isUndefined(machine.state.timers.window)
    assert.deepStrictEqual(machine.advance(60_000), [])
  })

  describe("when that is known, answers", () => {
    const settled = () => {
      const machine = opened()
      machine.write(100)
      machine.receive(Scenario.ack(1))
      assert.isUndefined(machine.state.flow.update)
      return machine
    }

    for (const [what, packet] of [
      ["a packet that it has", Scenario.data(5, 1000)],
      ["an empty packet", Scenario.data(11, 0)],
      ["a packet out of the window", Scenario.data(5000, 1000)]
    ] as const) {
      it(`${what} by saying it again: the sender may have heard last that it is closed`, () => {
        const machine = settled()
        const sent = [...machine.receive(packet), ...machine.advance(200)]
        assert.deepStrictEqual(
          sent.map((answer) => answer.requestedDelay),
          [0]
        )
        assert.isUndefined(delayOfAnswer(machine, packet.sequenceNumber === 11 ? 12 : 11))
      })
    }

    it("without the option what is new, and everything of a window that never closed", () => {
      assert.isUndefined(delayOfAnswer(settled(), 11))
      const never = Scenario.established()
      for (const packet of [Scenario.data(1), Scenario.data(1), Scenario.data(2, 0), Scenario.data(5000)]) {
        for (const answer of [...never.receive(packet), ...never.advance(200)])
          assert.isUndefined(answer.requestedDelay)
      }
    })
  })
})

describe("Two connections, and a window's opening that is lost", () => {
  const upload = 2_000_000

  /** A pair whose packets are lost while `isLost` says so. */
  const lossy = (options: Pair.Options, isLost: (now: number, direction: Pair.Direction) => boolean): Pair.Pair => {
    let pair: Pair.Pair | undefined
    pair = Pair.make({ ...options, drop: (_, direction) => isLost(pair?.now ?? 0, direction) })
    return pair
  }

  /**
   * B reads nothing for a while, then everything, and from then on nothing of what it sends arrives for the time of the
   * outage. The sender must go on soon after: the opening is repeated after no longer than it has been said in vain, and
   * the closed window is probed every ten seconds at the least.
   */
  const recover = (options: Pair.Options, pause: number, outage: number) => {
    const healed = pause + outage
    const pair = lossy(
      { ...options, a: { write: upload, close: "halfway" }, b: { reads: "nothing", close: "whenDone" } },
      (now, direction) => direction === "B>A" && now >= pause && now < healed
    )
    pair.run(pause)
    pair.expect(pair.a.state!.peerChoke !== undefined, "the window is not closed")
    pair.b.setReads("everything")
    pair.run(healed)
    const before = pair.b.delivered
    const { rto } = pair.b.state!.rtt
    const roundTrip = 2 * (options.link?.latencyMillis ?? 0)
    const bound = Math.min(10_000, outage + rto) + 2 * roundTrip
    pair.run(healed + bound)
    pair.expect(pair.b.delivered > before, `nothing was delivered within ${bound} ms`)
    // A probe alone would be one packet every ten seconds: what is left must flow.
    const wanted = (upload / 1812) * 0.05 * roundTrip + 30_000
    pair.run(healed + bound + wanted)
    pair.expect(pair.b.delivered === upload, `${pair.b.delivered} bytes of ${upload} within ${wanted} ms more`)
    return pair
  }

  for (const latencyMillis of [5, 25, 200, 800]) {
    for (const outage of [500, 1000, 2000, 4000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000]) {
      it(`go on soon after ${outage / 1000} s of loss at ${latencyMillis} ms`, () => {
        recover({ link: { latencyMillis } }, 20_000, outage)
      })
    }
  }

  it("go on after a loss of 5 s that begins at any moment around the opening", () => {
    for (let before = 0; before <= 1000; before += 100) {
      const from = 20_000 - before
      const pair = lossy(
        {
          link: { latencyMillis: 50 },
          a: { write: upload, close: "halfway" },
          b: { reads: "nothing", close: "whenDone" }
        },
        (now) => now >= from && now < from + 5000
      )
      pair.run(20_000)
      pair.b.setReads("everything")
      pair.run(45_000).expectFinished()
    }
  })

  it("go on when the packets that say it are lost, up to fifty in a row, with data both ways", () => {
    for (const lost of [1, 2, 4, 8, 9, 16, 50]) {
      let left = lost
      const pair = lossy(
        {
          link: { latencyMillis: 50 },
          a: { write: upload, reads: 100_000, close: "halfway" },
          b: { write: 2 * upload, reads: "nothing", close: "halfway" }
        },
        (now, direction) => direction === "B>A" && now >= 20_000 && left-- > 0
      )
      pair.run(20_000)
      pair.expect(pair.a.state!.peerChoke !== undefined, "the window is not closed")
      pair.b.setReads("everything")
      pair.run(80_000)
      pair.expect(left < 0 && pair.b.delivered === upload, `${pair.b.delivered} bytes of ${upload} arrived`)
      pair.run().expectFinished()
    }
  })

  it("go on when both windows were closed and both openings are lost", () => {
    for (const outage of [1000, 5000, 30_000, 150_000]) {
      const healed = 20_000 + outage
      const behaviour = { write: upload, reads: "nothing", close: "halfway" } as const
      const pair = lossy(
        { link: { latencyMillis: 50 }, a: behaviour, b: behaviour },
        (now) => now >= 20_000 && now < healed
      )
      pair.run(20_000)
      for (const side of [pair.a, pair.b]) {
        pair.expect(side.state!.peerChoke !== undefined && side.state!.flow.choking, "the windows are not closed")
      }
      pair.a.setReads("everything")
      pair.b.setReads("everything")
      pair.run(healed + 10_000 + 30_000).expectFinished()
    }
  })

  it("go on when a router goes away at the opening, the reader's or the writer's", () => {
    for (const side of ["a", "b"] as const) {
      for (const away of [5000, 15_000, 120_000]) {
        const commands: NonNullable<Pair.Options["a"]>["commands"] = [
          [20_000, { _tag: "Path", isUp: false }],
          [20_000 + away, { _tag: "Path", isUp: true }]
        ]
        const pair = lossy(
          {
            link: { latencyMillis: 50 },
            a: { write: upload, close: "halfway", commands: side === "a" ? commands : undefined },
            b: { reads: "nothing", close: "whenDone", commands: side === "b" ? commands : undefined }
          },
          (now) => now >= 20_000 && now < 20_000 + away
        )
        pair.run(20_000)
        pair.b.setReads("everything")
        pair.run(20_000 + away + 10_000 + 10_000).expectFinished()
      }
    }
  })

  it("are quiet once the opening is heard: an idle stream costs a keepalive each idle time, as before", () => {
    const pair = Pair.make({
      link: { latencyMillis: 50 },
      config: { receiveBufferBytes: 60_000, maxReceiveBufferBytes: 60_000 },
      // Not at the same time: each would ask.
      configB: { idleTimeout: 95_000 },
      a: { write: 60_000 },
      b: { reads: "nothing" }
    })
    pair.run(20_000)
    pair.expect(pair.b.state!.flow.choking, "the window is not closed")
    pair.b.setReads("everything")
    pair.run(100_000)
    const before = pair.a.sentPackets + pair.b.sentPackets
    pair.run(100_000 + 3_600_000)
    assert.isAtMost(pair.a.sentPackets + pair.b.sentPackets - before, 2 * 41)
  })
})
