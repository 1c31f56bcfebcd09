import * as NewReno from "@effect-i2p/streaming/core/congestion/NewReno"
import * as Event from "@effect-i2p/streaming/core/Event"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Scenario from "@effect-i2p/testkit/Scenario"
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

    it("does not back off beyond the largest timeout", () => {
      const machine = Scenario.established({ config: { maxRto: 1000 } })
      machine.write(10)
      assert.deepStrictEqual(
        watch(machine, 5000).map(([at]) => at),
        [300, 900, 1900, 2900, 3900, 4900]
      )
    })

    it("gives up after as many retransmissions as the schedule has", () => {
      const machine = Scenario.established({ config: { retransmitBackoff: [1, 1, 1] } })
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

    it("takes the reduction back when what it sent again had only been late", () => {
      const machine = Scenario.established({ config: { initialWindow: 20, congestion: NewReno.make } })
      machine.write(20 * 1812)
      machine.wait(100).receive(Scenario.ack(20, [1]))
      assert.deepStrictEqual(numbers(machine.wake()), [1])
      assert.isBelow(machine.state.congestion.window, 20)
      const share = machine.state.lossDetection.reorderingShare
      // Ten milliseconds after the second transmission: the first has arrived.
      machine.wait(10).receive(Scenario.ack(20))
      assert.isAtLeast(machine.state.congestion.window, 20)
      assert.strictEqual(machine.state.lossDetection.reorderingShare, 2 * share)
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
