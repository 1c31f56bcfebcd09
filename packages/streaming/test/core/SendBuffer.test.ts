import * as DeliveryRate from "@effect-i2p/streaming/unstable/core/DeliveryRate"
import * as SendBuffer from "@effect-i2p/streaming/unstable/core/SendBuffer"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

const packetSize = 10
const write = (self: SendBuffer.SendBuffer, bytes: Uint8Array) => {
  const buffer = SendBuffer.copy(self)
  SendBuffer.write(buffer, bytes, packetSize)
  return buffer
}
const stamp = DeliveryRate.stamp(DeliveryRate.initial)
const send = (self: SendBuffer.SendBuffer, now = 0, maxBytes = packetSize) => {
  const buffer = SendBuffer.copy(self)
  return { packet: SendBuffer.sendNext(buffer, { flags: 0, maxBytes, now, stamp }), buffer }
}

/** A buffer with packets 0 to `count - 1` in flight, a full one each. */
const inFlight = (count: number): SendBuffer.SendBuffer => {
  let buffer = write(SendBuffer.empty, Scenario.bytes(count * packetSize))
  for (let i = 0; i < count; i++) buffer = send(buffer, i).buffer
  return buffer
}

const numbers = (packets: ReadonlyArray<SendBuffer.InFlight>) => packets.map((packet) => packet.sequenceNumber)

const acknowledge = (self: SendBuffer.SendBuffer, ackThrough: number, nacks: ReadonlyArray<number> = []) => {
  const buffer = SendBuffer.copy(self)
  const acked = SendBuffer.acknowledge(buffer, ackThrough, nacks)
  assert.isDefined(acked)
  return { acked: acked!, buffer }
}

describe("SendBuffer", () => {
  describe("writing and sending", () => {
    it("cuts what was written into packets, whatever the sizes of the writes", () => {
      fc.assert(
        fc.property(
          fc.array(fc.nat(35), { maxLength: 30 }),
          fc.array(fc.integer({ min: 1, max: 25 })),
          (writes, cuts) => {
            const total = writes.reduce((sum, size) => sum + size, 0)
            const whole = Scenario.bytes(total)
            let at = 0
            let buffer = SendBuffer.empty
            for (const size of writes) {
              buffer = write(buffer, whole.subarray(at, at + size))
              at += size
            }
            const sentBytes: Array<number> = []
            for (let i = 0; buffer.unsentBytes > 0; i++) {
              const maxBytes = cuts[i] ?? packetSize
              const before = buffer.unsentBytes
              const sent = send(buffer, i, maxBytes)
              assert.strictEqual(sent.packet.payload.length, Math.min(maxBytes, before))
              assert.strictEqual(sent.packet.sequenceNumber, i)
              sentBytes.push(...sent.packet.payload)
              assert.strictEqual(sent.packet.endOffset, sentBytes.length)
              buffer = sent.buffer
            }
            assert.deepStrictEqual(sentBytes, [...whole])
            assert.strictEqual(buffer.writtenBytes, total)
            assert.strictEqual(buffer.sentBytes, total)
          }
        )
      )
    })

    it("merges small writes, so that a list of them does not grow", () => {
      let buffer = SendBuffer.empty
      for (let i = 0; i < 1000; i++) buffer = write(buffer, Uint8Array.of(i))
      assert.strictEqual(buffer.unsent.length, 100)
    })

    it("sends an empty packet without touching what is unsent", () => {
      const { buffer, packet } = send(write(SendBuffer.empty, Scenario.bytes(5)), 0, 0)
      assert.strictEqual(packet.payload.length, 0)
      assert.strictEqual(buffer.unsentBytes, 5)
      assert.strictEqual(buffer.sndNxt, 1)
    })

    it("keeps the earlier value as it was", () => {
      const before = write(SendBuffer.empty, Scenario.bytes(20))
      send(before)
      assert.strictEqual(before.unsentBytes, 20)
      assert.strictEqual(before.inFlight.length, 0)
    })
  })

  describe("acknowledgment", () => {
    it("takes everything up to its number", () => {
      const { acked, buffer } = acknowledge(inFlight(5), 2)
      assert.deepStrictEqual(numbers(acked), [0, 1, 2])
      assert.deepStrictEqual(numbers(buffer.inFlight), [3, 4])
      assert.strictEqual(buffer.ackedBytes, 30)
      assert.strictEqual(SendBuffer.sndUna(buffer), 3)
    })

    it("leaves what is NACKed, and counts only the acknowledged prefix of the stream", () => {
      const { acked, buffer } = acknowledge(inFlight(5), 4, [1, 3])
      assert.deepStrictEqual(numbers(acked), [0, 2, 4])
      assert.deepStrictEqual(numbers(buffer.inFlight), [1, 3])
      assert.strictEqual(buffer.ackedBytes, 10)
      assert.strictEqual(acknowledge(buffer, 4, [3]).buffer.ackedBytes, 30)
    })

    it("is worthless when it covers what was never sent", () => {
      const some = SendBuffer.copy(inFlight(5))
      assert.isUndefined(SendBuffer.acknowledge(some, 5, []))
      assert.isUndefined(SendBuffer.acknowledge(some, 0xffff_ffff, []))
      assert.deepStrictEqual<SendBuffer.SendBuffer>(some, inFlight(5))
      assert.isUndefined(SendBuffer.acknowledge(SendBuffer.copy(SendBuffer.empty), 0, []))
    })

    it("changes nothing when it is old, and gives nothing back when it NACKs what was acknowledged", () => {
      const { buffer } = acknowledge(inFlight(5), 2)
      assert.deepStrictEqual(acknowledge(buffer, 1), { acked: [], buffer })
      assert.deepStrictEqual(acknowledge(buffer, 2, [0, 1]), { acked: [], buffer })
      assert.deepStrictEqual(numbers(acknowledge(buffer, 3, [1]).acked), [3])
    })

    it("ignores NACKs of numbers that it does not acknowledge", () => {
      assert.deepStrictEqual(numbers(acknowledge(inFlight(5), 1, [1, 3, 99]).acked), [0])
    })

    it("counts an empty packet as no bytes", () => {
      const keepalive = send(inFlight(1), 0, 0).buffer
      assert.strictEqual(acknowledge(keepalive, 0).buffer.ackedBytes, 10)
      assert.strictEqual(acknowledge(keepalive, 1).buffer.ackedBytes, 10)
    })
  })

  describe("loss", () => {
    it("takes lost packets out of the flight until they are sent again", () => {
      const marked = SendBuffer.markLost(inFlight(4), (packet) => packet.sequenceNumber % 2 === 0)
      assert.strictEqual(SendBuffer.flightSize(marked), 2)
      assert.strictEqual(
        SendBuffer.markLost(marked, (packet) => packet.sequenceNumber === 0),
        marked
      )
      const again = SendBuffer.resend(marked, 2, 77, stamp)!
      assert.strictEqual(SendBuffer.flightSize(again.buffer), 3)
      assert.deepInclude(again.packet, { sequenceNumber: 2, sentAt: 77, transmissions: 2, lost: false })
    })

    it("forgets a lost packet that was acknowledged after all", () => {
      const marked = SendBuffer.markLost(inFlight(3), () => true)
      const { buffer } = acknowledge(marked, 1)
      assert.strictEqual(buffer.lostCount, 1)
      assert.strictEqual(SendBuffer.flightSize(buffer), 0)
    })

    it("remembers the event in which a packet was lost, and what had left before it was sent again", () => {
      const marked = SendBuffer.markLost(inFlight(4), (packet) => packet.sequenceNumber < 2, 4)
      const { packet } = SendBuffer.resend(send(marked, 0, 0).buffer, 1, 77, stamp)!
      assert.deepInclude(packet, { lossEvent: 4, sndNxtAtSend: 5 })
      const probe = SendBuffer.resend(marked, 1, 77, stamp, true)!
      assert.isUndefined(probe.packet.lossEvent, "its answer says nothing about losses")
    })

    it("takes back the loss of those that were late, and of no others", () => {
      const marked = SendBuffer.markLost(inFlight(4), () => true)
      const late = SendBuffer.unmarkLost(marked, (packet) => packet.sequenceNumber > 1)
      assert.deepStrictEqual(
        late.inFlight.map((packet) => packet.lost),
        [true, true, false, false]
      )
      assert.strictEqual(late.lostCount, 2)
      assert.strictEqual(
        SendBuffer.unmarkLost(late, () => false),
        late
      )
    })

    it("cannot send again what is not in flight", () => {
      assert.isUndefined(SendBuffer.resend(inFlight(2), 2, 0, stamp))
    })
  })

  it("is drained when nothing is unsent or in flight", () => {
    assert.isTrue(SendBuffer.isDrained(SendBuffer.empty))
    assert.isFalse(SendBuffer.isDrained(write(SendBuffer.empty, Uint8Array.of(1))))
    assert.isFalse(SendBuffer.isDrained(inFlight(1)))
    assert.isTrue(SendBuffer.isDrained(acknowledge(inFlight(1), 0).buffer))
  })
})
