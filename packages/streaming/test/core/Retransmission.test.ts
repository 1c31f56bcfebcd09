import * as Packet from "@effect-i2p/streaming/Packet"
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as NewReno from "@effect-i2p/streaming/unstable/core/congestion/NewReno"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import type { Retry } from "@effect-i2p/streaming/unstable/core/Retry"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import { assert, describe, it } from "vitest"

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)
const numbers = (packets: ReadonlyArray<Packet.Packet>) => packets.map((packet) => packet.sequenceNumber)

/** Three times the round trip: what RFC 6298 makes of one sample. */
const rto = 3 * Scenario.handshakeRtt

/** Everything that is sent until the end or `millis` from now, with its time from now. */
const watch = (machine: Scenario.Machine, millis: number): ReadonlyArray<readonly [number, string]> => {
  const from = machine.now
  const sent: Array<readonly [number, string]> = []
  for (;;) {
    const before = machine.now
    const packets = machine.wake()
    if (machine.now - from > millis || (packets.length === 0 && machine.now === before)) return sent
    for (const packet of packets) sent.push([machine.now - from, Packet.format(packet)])
    if (machine.outcome !== undefined) return sent
  }
}

/** A sender that always has more, and a peer that acknowledges everything each 100 ms. */
const greedy = () => {
  const machine = Scenario.established({ config: { initialWindow: 100 } })
  const most = (packets: number): number => {
    let inFlight = 0
    const until = machine.state.send.sndNxt + packets
    while (machine.state.send.sndNxt < until) {
      machine.write(200 * 1812)
      inFlight = Math.max(inFlight, machine.state.send.inFlight.length)
      machine.wait(100).receive(Scenario.ack(machine.state.send.sndNxt - 1))
    }
    return inFlight
  }
  return { machine, most }
}

/** As long as the timeout each time, so many times. */
const repeats = (times: number): Schedule.Schedule<unknown, Retry> =>
  Schedule.intersect(
    Schedule.modifyDelay(Schedule.identity<Retry>(), ({ rto }) => Duration.millis(rto)),
    Schedule.recurs(times)
  )

describe("Connection, retransmitting", () => {
  describe("on the timer", () => {
    it("sends the packet again after the timeout, then after twice, four times … eight times over, and resets", () => {
      const machine = Scenario.established()
      machine.write(10)
      const sent = watch(machine, 1e9)
      // 1 + 2 + 4 … times the timeout; the last wait, 128 times, is still below the largest of 45 s.
      const sums = [1, 3, 7, 15, 31, 63, 127, 255].map((n) => n * rto)
      assert.deepStrictEqual(
        sent.map(([at]) => at),
        [...sums, sums[7]! + 128 * rto, sums[7]! + 128 * rto]
      )
      assert.strictEqual(sent.filter(([, line]) => line === "DATA seq=1 ack=0 delay=0 len=10").length, 8)
      assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
      assert.deepStrictEqual(
        sent.slice(-2).map(([, line]) => line),
        ["RESET seq=1 ack=0", "RESET seq=2 ack=0"]
      )
    })

    it("finds the next loss by the round trip, although the first answer after an outage came 8 s late", () => {
      const machine = Scenario.established()
      machine.write(6 * Scenario.fullPacket)
      machine.advance(8000)
      // An acknowledgment of 5 and 6 was lost, as was whatever else was sent meanwhile.
      machine.receive(Scenario.ack(6, [1, 2, 3, 4]))
      assert.deepStrictEqual(numbers(machine.wait(Scenario.handshakeRtt).receive(Scenario.ack(6, [3, 4]))), [3, 4])
      machine.wait(Scenario.handshakeRtt).receive(Scenario.ack(6, [3]))
      assert.deepStrictEqual(numbers(machine.advance(500)), [3])
    })

    it("does not back off beyond the largest timeout", () => {
      const machine = Scenario.established({ config: { maxRto: 1000 } })
      machine.write(10)
      assert.deepStrictEqual(
        watch(machine, 5000).map(([at]) => at),
        [300, 900, 1900, 2900, 3900, 4900]
      )
    })

    it("gives up after as many retransmissions as the schedule has", () => {
      const machine = Scenario.established({ policies: { retransmit: repeats(3) } })
      machine.write(10)
      assert.deepStrictEqual(
        watch(machine, 1e6).map(([at, line]) => [at, line.split(" ")[0]]),
        [
          [300, "DATA"],
          [600, "DATA"],
          [900, "DATA"],
          [1200, "RESET"],
          [1200, "RESET"]
        ]
      )
    })

    it("counts from the start after an acknowledgment, but stays backed off until a round trip is measured (Karn)", () => {
      const machine = Scenario.established()
      machine.write(10)
      machine.wake()
      machine.wake()
      machine.wait(150).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.timeouts, 0)
      assert.isUndefined(machine.state.timers.retransmit)
      machine.write(10)
      assert.strictEqual(machine.state.timers.retransmit, machine.now + 4 * rto)
      machine.wait(700).receive(Scenario.ack(2))
      assert.strictEqual(machine.state.backoff, 0)
      machine.write(10)
      assert.strictEqual(machine.state.timers.retransmit, machine.now + machine.state.rtt.rto)
    })

    it("finds the round trip of a path that has become far longer than the timeout", () => {
      const machine = Scenario.established()
      // Every acknowledgment takes a second, more than three timeouts.
      for (let number = 1; machine.state.rtt.srtt === Scenario.handshakeRtt; number++) {
        machine.write(10)
        const answer = machine.now + 1000
        machine.advance(answer - machine.now)
        machine.receive(Scenario.ack(number))
        assert.isAtMost(number, 2, "a packet was acknowledged before it was sent again")
      }
      assert.isAbove(machine.state.rtt.rto, 1000)
    })

    it("is put off by an acknowledgment of new data, not by one that says nothing new", () => {
      const machine = Scenario.established()
      machine.write(4000)
      machine.wait(100).receive(Scenario.ack(1))
      const deadline = machine.state.timers.retransmit!
      assert.strictEqual(deadline, machine.now + machine.state.rtt.rto)
      machine.wait(50).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.timers.retransmit, deadline)
    })

    it("sends only the oldest packet, and opens the window from one", () => {
      const machine = Scenario.established()
      assert.strictEqual(machine.write(6 * 1812).length, 6)
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      assert.strictEqual(machine.state.congestion.window, 1)
      assert.deepStrictEqual(numbers(machine.wait(100).receive(Scenario.ack(1))), [2, 3])
      assert.deepStrictEqual(numbers(machine.wait(100).receive(Scenario.ack(3))), [4, 5, 6])
    })

    it("halves the threshold with the first of several timeouts, not with the others", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      for (let i = 0; i < 3; i++) {
        machine.wake()
        assert.strictEqual(machine.state.congestion.ssthresh, 10)
      }
    })

    it("does not measure a packet that was sent twice (Karn), but the others", () => {
      const machine = Scenario.established()
      machine.write(10)
      machine.wake()
      const { rtt } = machine.state
      machine.wait(40).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.rtt, rtt)
      machine.write(10)
      machine.wait(200).receive(Scenario.ack(2))
      assert.strictEqual(machine.state.rtt.srtt, 112.5)
    })

    it("takes the timeout back when something is acknowledged that was not sent again (F-RTO)", () => {
      const machine = Scenario.established()
      machine.write(6 * 1812)
      machine.wake()
      // Nearly a round trip after the retransmission, whose answer this could be.
      machine.wait(95).receive(Scenario.ack(4))
      assert.isAtLeast(machine.state.congestion.window, 6)
      assert.strictEqual(machine.state.send.lostCount, 0)
      assert.strictEqual(machine.state.counters.retransmissions, 1)
      assert.strictEqual(machine.state.backoff, 0, "those were measured")
    })

    it("keeps it when only what was sent again is acknowledged, however soon", () => {
      const machine = Scenario.established()
      machine.write(6 * 1812)
      machine.wake()
      assert.deepStrictEqual(numbers(machine.wait(10).receive(Scenario.ack(1))), [2, 3])
      assert.strictEqual(machine.state.congestion.window, 2)
      assert.strictEqual(machine.state.backoff, 1)
    })

    it("leaves lost what the acknowledgment names as missing when it takes a timeout back", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wake()
      assert.deepStrictEqual(numbers(machine.wait(10).receive(Scenario.ack(10, [3, 4]))), [3])
      const lost = machine.state.send.inFlight.filter((packet) => packet.lost)
      assert.deepStrictEqual(
        lost.map((packet) => packet.sequenceNumber),
        [4]
      )
      assert.strictEqual(machine.state.congestion.window, 10, "a loss, and no timeout")
    })

    it("takes no timeout back for what was sent again since and marked lost once more", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wake()
      assert.deepStrictEqual(numbers(machine.wait(100).receive(Scenario.ack(1))), [2, 3])
      machine.wait(100).receive(Scenario.ack(3, [2]))
      // Found lost, and there is no room on the way out.
      machine.state = Connection.step(machine.state, [], machine.wait(50).now, 0)[0]
      assert.isTrue(machine.state.send.inFlight[0]!.lost)
      const { window } = machine.state.congestion
      machine.receive(Scenario.ack(3))
      assert.isAtMost(machine.state.congestion.window, window + 1)
      assert.isAbove(machine.state.send.inFlight.length, 10)
    })

    it("reduces again when another timeout follows one that was taken back", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wake()
      machine.wait(10).receive(Scenario.ack(19, [1]))
      const { window } = machine.state.congestion
      machine.wake()
      while (machine.state.counters.retransmissionTimeouts < 2) machine.wake()
      assert.isAtMost(machine.state.congestion.ssthresh, window / 2)
    })

    it("counts the timeouts of the oldest packet, whatever of later ones is acknowledged", () => {
      const machine = Scenario.established({ policies: { retransmit: repeats(3) } })
      machine.write(6 * 1812)
      for (const [timeouts, missing] of [
        [1, [1, 2, 3, 4]],
        [2, [1, 2, 3]],
        [3, [1, 2]]
      ] as const) {
        while (machine.state.timeouts < timeouts) machine.wake()
        machine.wait(10).receive(Scenario.ack(6, missing))
        assert.strictEqual(machine.state.timeouts, timeouts)
      }
      machine.advance(60_000)
      assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
    })

    it("counts from the start with the next oldest", () => {
      const machine = Scenario.established()
      machine.write(6 * 1812)
      while (machine.state.timeouts < 3) machine.wake()
      machine.wait(10).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.timeouts, 0)
      assert.strictEqual(machine.state.backoff, 3)
    })

    it("wakes up early or late without harm", () => {
      const machine = Scenario.established()
      machine.write(10)
      assert.deepStrictEqual(machine.wait(rto - 1).step(), [])
      assert.strictEqual(Scenario.transmitted(machine.wait(5000).step()).length, 1)
      assert.deepStrictEqual(machine.step(), [])
    })

    it("sends with fresh acknowledgments and asks for a prompt answer", () => {
      const machine = Scenario.established()
      machine.write(10)
      machine.receive(Scenario.data(1, 10))
      assert.include(lines(machine.advance(rto)), "DATA seq=1 ack=1 delay=0 len=10")
    })
  })

  describe("on evidence", () => {
    const lossy = () => {
      const machine = Scenario.established()
      assert.deepStrictEqual(numbers(machine.write(6 * 1812)), [1, 2, 3, 4, 5, 6])
      return machine
    }

    it("sends again what is missing a small share of a round trip after something later was acknowledged", () => {
      const machine = lossy()
      assert.deepStrictEqual(machine.wait(100).receive(Scenario.ack(4, [1])), [])
      assert.strictEqual(machine.state.timers.reorder, machine.now + 3.125)
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      assert.strictEqual(machine.state.counters.retransmissionTimeouts, 0)
    })

    it("does not when what was missing comes within that time", () => {
      const machine = lossy()
      machine.wait(100).receive(Scenario.ack(4, [1]))
      machine.wait(20).receive(Scenario.ack(6))
      assert.strictEqual(machine.state.counters.retransmissions, 0)
      assert.isUndefined(machine.state.timers.reorder)
    })

    it("does not suspect what was sent later, whatever the NACKs say", () => {
      const machine = lossy()
      machine.wait(100).receive(Scenario.ack(2))
      machine.wait(30).receive(Scenario.ack(2), Scenario.ack(2, [1]))
      assert.isUndefined(machine.state.timers.reorder)
    })

    it("halves the window once for all losses of one flight", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wait(100).receive(Scenario.ack(10, [1, 5]))
      machine.wake()
      const { window } = machine.state.congestion
      assert.strictEqual(window, 14)
      machine.wait(1).receive(Scenario.ack(20, [1, 5, 15]))
      machine.wait(40).step()
      assert.isAtLeast(machine.state.congestion.window, window)
    })

    it("finds a retransmission lost too, and sends it a third time before the timer", () => {
      const machine = lossy()
      machine.wait(100).receive(Scenario.ack(5, [1]))
      machine.wake()
      machine.write(2 * 1812)
      machine.wait(101).receive(Scenario.ack(machine.state.send.sndNxt - 1, [1]))
      const sent = machine.advance(60)
      assert.include(numbers(sent), 1)
      assert.strictEqual(machine.state.counters.retransmissionTimeouts, 0)
      assert.strictEqual(machine.state.send.inFlight[0]!.transmissions, 3)
    })

    it("keeps to the window with what it sends again", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wait(100).receive(Scenario.ack(20, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]))
      const sent = machine.wake()
      assert.deepStrictEqual(numbers(sent), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
      assert.strictEqual(machine.state.congestion.window, 13)
    })

    /** Packets of a bulk flow are missing and were sent again, after 21 and more had left and before those arrive. */
    const again = (missing: ReadonlyArray<number>, config: Partial<Config> = {}) => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make, ...config } })
      machine.write(80 * 1812)
      machine.wait(100).receive(Scenario.ack(10, missing))
      const before = machine.state.congestion.window
      const sent = numbers(machine.wake())
      assert.include(sent, missing[0])
      assert.isBelow(machine.state.congestion.window, before)
      assert.isAbove(machine.state.send.sndNxt, 24)
      return { machine, before, share: machine.state.lossDetection.reorderingShare }
    }

    it("takes the reduction back when what it sent again arrives before what had left earlier", () => {
      const { before, machine, share } = again([1])
      machine.wait(10).receive(Scenario.ack(15))
      assert.isAtLeast(machine.state.congestion.window, before)
      assert.strictEqual(machine.state.lossDetection.reorderingShare, 2 * share)
    })

    it("reduces for another loss of the flight whose reduction was taken back", () => {
      const { before, machine } = again([1])
      machine.wait(10).receive(Scenario.ack(15))
      machine.wait(90).receive(Scenario.ack(24, [20]))
      machine.wait(20).step()
      assert.isBelow(machine.state.congestion.window, before)
    })

    it("keeps it for the early answer to a probe of a closed window", () => {
      const { machine, share } = again([1])
      machine.receive(Scenario.ack(10, [1], { requestedDelay: Packet.chokeDelay }))
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      machine.wait(5).receive(Scenario.ack(10, [1], { requestedDelay: 0 }))
      machine.wait(5).receive(Scenario.ack(15))
      assert.strictEqual(machine.state.lossDetection.reorderingShare, share)
      assert.strictEqual(machine.state.undo?.unrefuted, 1)
    })

    it("takes it back although a copy of what it sent again is under way, which left later still", () => {
      const { before, machine } = again([1], { maxSendSpan: 50 })
      assert.isTrue(machine.state.send.inFlight[0]!.copied)
      machine.wait(10).receive(Scenario.ack(15))
      assert.isAtLeast(machine.state.congestion.window, before)
    })

    it("keeps it when an answer is only early: the path may have become shorter", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wait(100).receive(Scenario.ack(20, [1]))
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      const { window } = machine.state.congestion
      const share = machine.state.lossDetection.reorderingShare
      machine.wait(10).receive(Scenario.ack(20))
      assert.isBelow(machine.state.congestion.window, window + 2)
      assert.strictEqual(machine.state.lossDetection.reorderingShare, share)
    })

    it("keeps it when what the peer has is told on a packet with data, which may stop at a hole", () => {
      const { before, machine } = again([1])
      machine.wait(10).receive(Scenario.data(1, 10, { ackThrough: 15 }))
      assert.isBelow(machine.state.congestion.window, before)
    })

    it("keeps it when the peer's window is closed: it may have dropped what had left earlier", () => {
      const { machine, share } = again([1])
      machine.wait(10).receive(Scenario.choke(15))
      assert.strictEqual(machine.state.lossDetection.reorderingShare, share)
    })

    it("keeps it when one of two that it sent again had been lost", () => {
      const { before, machine, share } = again([1, 5])
      machine.wait(10).receive(Scenario.ack(15, [5]))
      assert.strictEqual(machine.state.lossDetection.reorderingShare, 2 * share)
      machine.wait(100).receive(Scenario.ack(40))
      assert.isBelow(machine.state.congestion.window, before)
    })

    it("takes it back when both had been late", () => {
      const { before, machine } = again([1, 5])
      machine.wait(10).receive(Scenario.ack(15, [5]))
      machine.wait(2).receive(Scenario.ack(16))
      assert.isAtLeast(machine.state.congestion.window, before)
    })

    it("keeps it when what it sent again was lost as well, whatever comes then", () => {
      const { before, machine } = again([1])
      machine.wait(50).receive(Scenario.ack(machine.state.send.sndNxt - 1, [1]))
      const highest = machine.state.send.sndNxt - 6
      machine.wait(100).receive(Scenario.ack(highest, [1]))
      machine.wait(10).step()
      assert.strictEqual(machine.state.send.inFlight[0]!.transmissions, 3)
      machine.wait(1).receive(Scenario.ack(highest))
      assert.isBelow(machine.state.congestion.window, before)
    })

    it("looks longer next time when something is acknowledged that waited to be sent again", () => {
      const machine = lossy()
      machine.wait(100).receive(Scenario.ack(3, [1, 2]))
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      const share = machine.state.lossDetection.reorderingShare
      machine.wait(1).receive(Scenario.ack(3, [1]))
      assert.strictEqual(machine.state.lossDetection.reorderingShare, 2 * share)
    })

    it("takes nothing back once everything from before the reduction is acknowledged", () => {
      const { machine } = again([1])
      assert.isDefined(machine.state.undo)
      const point = machine.state.recoveryPoint
      machine.wait(100).receive(Scenario.ack(point - 2))
      assert.isDefined(machine.state.undo)
      machine.receive(Scenario.ack(point - 1))
      assert.isUndefined(machine.state.undo)
    })

    it("takes nothing back for an early answer to a probe", () => {
      const { machine } = again([1], { tailLossProbe: true })
      while (machine.state.send.inFlight.length > 0) {
        machine.wait(100).receive(Scenario.ack(machine.state.send.sndNxt - 1))
      }
      machine.advance(15_000)
      const { window } = machine.state.congestion
      machine.write(3 * 1812)
      const [probe] = machine.wake()
      assert.strictEqual(probe?.sequenceNumber, machine.state.send.sndNxt - 1)
      assert.strictEqual(machine.state.send.inFlight.at(-1)?.transmissions, 2)
      machine.wait(10).receive(Scenario.ack(machine.state.send.sndNxt - 1))
      assert.isAtMost(machine.state.congestion.window, window + 3)
    })

    it("keeps the reduction when the answer is one to what it sent again", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wait(100).receive(Scenario.ack(20, [1]))
      machine.wake()
      const { window } = machine.state.congestion
      machine.wait(100).receive(Scenario.ack(20))
      assert.isBelow(machine.state.congestion.window, window + 2)
    })

    it("sends a second copy of what it sent again while that holds up half the span", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, maxSendSpan: 30 } })
      machine.write(60 * 1812)
      machine.wait(100).receive(Scenario.ack(20, [1]))
      const sent = numbers(machine.wake())
      assert.deepStrictEqual(
        sent.filter((number) => number === 1),
        [1, 1]
      )
      const again = numbers(machine.wait(10).receive(Scenario.ack(21, [1])))
      assert.notInclude(again, 1, "one copy and no more")
    })

    it("sends the oldest again although the halved window is full, and nothing else", () => {
      const machine = lossy()
      machine.wait(100).receive(Scenario.ack(3, [1, 2]))
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      assert.strictEqual(machine.state.congestion.window, 3)
      assert.strictEqual(machine.state.send.lostCount, 1)
      assert.deepStrictEqual(machine.step(), [])
    })
  })

  describe("on a lost tail", () => {
    const config = { tailLossProbe: true }

    it("sends the last packet again after two round trips, long before the timeout", () => {
      const machine = Scenario.established({ config })
      machine.write(3 * 1812)
      assert.strictEqual(machine.state.timers.probe, machine.now + 2 * Scenario.handshakeRtt)
      const [probe, ...more] = machine.wake()
      assert.deepStrictEqual(more, [])
      assert.strictEqual(probe?.sequenceNumber, 3)
      assert.strictEqual(probe?.requestedDelay, 0)
      assert.strictEqual(machine.state.counters.retransmissionTimeouts, 0)
    })

    it("finds by the answer what else is missing", () => {
      const machine = Scenario.established({ config })
      machine.write(3 * 1812)
      machine.wake()
      assert.deepStrictEqual(numbers(machine.wait(100).receive(Scenario.ack(3, [2]))), [2])
      assert.strictEqual(machine.state.counters.retransmissionTimeouts, 0)
    })

    it("does so once; then the timeout comes", () => {
      const machine = Scenario.established({ config })
      machine.write(3 * 1812)
      machine.wake()
      assert.isUndefined(machine.state.timers.probe)
      machine.wake()
      assert.strictEqual(machine.state.counters.retransmissionTimeouts, 1)
    })

    it("counts from the last packet sent, and again from each acknowledgment", () => {
      const machine = Scenario.established({ config })
      machine.write(1812)
      machine.wait(50).write(1812)
      assert.strictEqual(machine.state.timers.probe, machine.now + 2 * Scenario.handshakeRtt)
      machine.wait(50).write(3 * 1812)
      machine.wait(30).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.timers.probe, machine.now + 2 * machine.state.rtt.srtt!)
    })

    it("leaves a single packet to the timeout where a delayed acknowledgment could be all that is late", () => {
      const machine = Scenario.established({ config })
      machine.write(100)
      assert.isUndefined(machine.state.timers.probe)
    })

    /** Everything was lost, and the oldest packet was acknowledged after the first timeout. */
    const backedOff = (packets: number) => {
      const machine = Scenario.established({ config })
      machine.write(packets * 1812)
      while (machine.state.timeouts === 0) machine.wake()
      machine.wait(100).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.backoff, 1)
      return machine
    }

    it("probes with an empty packet while backed off: its answer is measured, and shows what else is missing", () => {
      const machine = backedOff(6)
      assert.strictEqual(machine.state.timers.probe, machine.now + 2 * Scenario.handshakeRtt)
      assert.deepStrictEqual(lines(machine.wake()), ["DATA seq=7 ack=0 delay=0"])
      const sent = machine.wait(80).receive(Scenario.ack(7, [2, 3, 4, 5, 6]))
      assert.strictEqual(machine.state.backoff, 0)
      assert.strictEqual(machine.state.rtt.srtt, 97.5)
      assert.deepStrictEqual(numbers(sent).slice(0, 2), [2, 3])
      assert.strictEqual(machine.state.counters.retransmissionTimeouts, 1)
    })

    it("probes with new data if there is some", () => {
      const machine = backedOff(20)
      assert.deepStrictEqual(lines(machine.wake()), ["DATA seq=7 ack=0 delay=0 len=1812"])
    })

    it("does so once in each backoff, and again after the next acknowledgment", () => {
      const machine = backedOff(6)
      machine.wake()
      assert.isUndefined(machine.state.timers.probe)
      while (machine.state.timeouts === 0) machine.wake()
      assert.strictEqual(machine.state.send.sndNxt, 8)
      machine.wait(100).receive(Scenario.ack(2))
      machine.wake()
      assert.strictEqual(machine.state.send.sndNxt, 9)
    })

    it("takes no new number after its CLOSE", () => {
      const machine = Scenario.established({ config })
      machine.write(10)
      machine.wake()
      machine.receive(Scenario.ack(1))
      assert.strictEqual(machine.state.backoff, 1)
      machine.step(Event.end)
      // Nothing under way can be measured any more.
      machine.step(Event.path(false))
      assert.isDefined(machine.state.timers.probe)
      assert.deepStrictEqual(lines(machine.wake()), ["CLOSE seq=2 ack=0 delay=0"])
    })

    it("does not while backed off where an answer that can be measured is still to come", () => {
      const machine = Scenario.established({ config })
      machine.write(10)
      machine.wake()
      machine.receive(Scenario.ack(1))
      assert.strictEqual(machine.state.backoff, 1)
      machine.write(3 * 1812)
      assert.isUndefined(machine.state.timers.probe)
    })

    it("allows a single packet no delay of its answer if it was sent again, and so asked for one at once", () => {
      const machine = Scenario.established({ config })
      machine.write(2 * 1812)
      machine.wait(100).receive(Scenario.ack(2, [1]))
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      assert.strictEqual(machine.state.timers.probe, machine.now + 2 * Scenario.handshakeRtt)
    })

    it("leaves it to the timeout while nothing is acknowledged", () => {
      const machine = Scenario.established({ config })
      machine.write(100)
      machine.wake()
      assert.strictEqual(machine.state.timeouts, 1)
      assert.isUndefined(machine.state.timers.probe)
    })

    it("does not probe a closed window this way", () => {
      const machine = Scenario.established({ config })
      machine.write(3 * 1812)
      machine.receive(Scenario.choke(0))
      assert.isUndefined(machine.state.timers.probe)
    })
  })

  describe("within its window", () => {
    it("sends six packets at first, two more for each two acknowledged", () => {
      const machine = Scenario.established()
      assert.strictEqual(machine.write(40 * 1812).length, 6)
      assert.strictEqual(machine.wait(100).receive(Scenario.ack(2)).length, 4)
    })

    it("grows as much by acknowledgments in one batch as by the same one after the other", () => {
      const one = Scenario.established()
      one.write(60 * 1812)
      one.wait(100).receive(Scenario.ack(2), Scenario.ack(4), Scenario.ack(6))
      assert.strictEqual(one.state.congestion.window, 12)
    })

    it("does not grow while the application has little to say", () => {
      const machine = Scenario.established()
      for (let i = 1; i <= 20; i++) {
        machine.write(100)
        machine.wait(100).receive(Scenario.ack(i))
      }
      assert.strictEqual(machine.state.congestion.window, 6)
    })

    it("never lets the newest be more than the span ahead of the oldest unacknowledged", () => {
      const machine = Scenario.established({ config: { maxSendSpan: 10 } })
      machine.write(60 * 1812)
      for (let i = 2; machine.state.send.sndNxt > i; i++) machine.receive(Scenario.ack(i, [1]))
      assert.isAtMost(machine.state.send.sndNxt - 1, 10 + 1)
    })

    it("grows past 128 packets toward a peer that has taken 512 and never closed its window, and not before", () => {
      const { most, machine } = greedy()
      assert.strictEqual(most(400), 128)
      assert.strictEqual(most(400), 192)
      machine.receive(Scenario.choke(machine.state.send.sndNxt - 1))
      machine.wait(10).receive(Scenario.unchoke(machine.state.send.sndNxt - 1))
      assert.strictEqual(most(400), 124, "Java's buffer holds no more")
      most(512 * 2 - 400)
      assert.strictEqual(most(400), 192, "but it may have been a slow reader: it can prove itself again")
    })

    it("lets the newest be further ahead of one hole toward such a peer, with no more packets unacknowledged", () => {
      const { most, machine } = greedy()
      most(800)
      machine.write(1000 * 1812)
      const hole = machine.state.send.inFlight[0]!.sequenceNumber
      let unacknowledged = 0
      for (let i = 0; i < 600; i++) {
        machine.receive(Scenario.ack(Math.min(hole + 1 + i, machine.state.send.sndNxt - 1), [hole]))
        unacknowledged = Math.max(unacknowledged, machine.state.send.inFlight.length)
      }
      assert.strictEqual(machine.state.send.sndNxt - hole, 400)
      assert.isAtMost(unacknowledged, 200)
    })

    it("never has more unacknowledged than a peer can list as missing", () => {
      const { most, machine } = greedy()
      most(800)
      machine.write(1000 * 1812)
      const first = machine.state.send.inFlight[0]!.sequenceNumber
      const holes: Array<number> = []
      // Every third is acknowledged, the others are not.
      for (let i = 0; i < 600; i += 3) {
        holes.push(first + i, first + i + 1)
        const ackThrough = Math.min(first + i + 2, machine.state.send.sndNxt - 1)
        machine.receive(Scenario.ack(ackThrough, holes.filter((hole) => hole < ackThrough).slice(-255)))
        assert.isAtMost(machine.state.send.inFlight.length, 200)
      }
    })

    it("asks for an acknowledgment eight times a round trip in a bulk flow: Java holds one back for half a second", () => {
      const machine = Scenario.established({ config: { pacing: true, initialWindow: 128 } })
      machine.write(128 * 1812)
      const asked = machine.advance(60).filter((packet) => packet.requestedDelay === 0)
      const early = asked.filter((packet) => packet.sequenceNumber < 128 - 128 / 3)
      assert.isAtLeast(early.length, 3)
      assert.isAtMost(early.length, 5)
    })

    it("asks for prompt acknowledgment when the window gets narrow, and not before", () => {
      const machine = Scenario.established({ config: { initialWindow: 12 } })
      const delays = machine.write(12 * 1812).map((packet) => packet.requestedDelay)
      assert.deepStrictEqual(delays, [...new Array(8).fill(undefined), 0, 0, 0, 0])
    })
  })

  describe("small writes", () => {
    it("leave at once while few small packets are under way, then wait to be merged", () => {
      const machine = Scenario.established()
      assert.deepStrictEqual(
        [1, 2, 3, 4, 5, 6].map(() => machine.write(100).length),
        [1, 1, 1, 1, 0, 0]
      )
      assert.deepStrictEqual(
        machine
          .wait(100)
          .receive(Scenario.ack(4))
          .map((packet) => packet.payload.length),
        [200]
      )
    })

    it("leave in full packets at once", () => {
      const machine = Scenario.established()
      for (let i = 0; i < 4; i++) machine.write(100)
      assert.deepStrictEqual(
        machine.write(2000).map((packet) => packet.payload.length),
        [1812]
      )
    })

    it("leave at once when the application waits for them or has closed", () => {
      for (const event of [Event.flush, Event.end, Event.close]) {
        const machine = Scenario.established()
        for (let i = 0; i < 5; i++) machine.write(100)
        const sent = Scenario.transmitted(machine.step(event))
        assert.deepStrictEqual(
          sent.map((packet) => [packet.payload.length, packet.requestedDelay]),
          [[100, 0]]
        )
      }
    })

    it("ask for prompt acknowledgment up to the byte that is waited for, not for what comes later", () => {
      const machine = Scenario.established()
      machine.step(Event.write(Scenario.bytes(10)), Event.flush)
      assert.strictEqual(Scenario.transmitted(machine.actions).at(-1)!.requestedDelay, 0)
      machine.receive(Scenario.ack(1))
      assert.isUndefined(machine.write(10)[0]!.requestedDelay)
    })
  })

  it("ends when numbers run out, instead of starting over", () => {
    const machine = Scenario.established()
    machine.state = { ...machine.state, send: { ...machine.state.send, sndNxt: 0xffff_fffe } }
    const sent = machine.write(3 * 1812)
    assert.deepStrictEqual(
      sent.map((packet) => packet.sequenceNumber),
      [0xffff_fffe, 0xffff_fffe, 0xffff_ffff]
    )
    assert.isTrue(Packet.has(sent[1]!, Packet.RESET))
    assert.deepStrictEqual(machine.outcome, { _tag: "Exhausted" })
  })
})
