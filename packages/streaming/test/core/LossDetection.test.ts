import * as LossDetection from "@effect-i2p/streaming/unstable/core/LossDetection"
import { assert, describe, it } from "vitest"

const sent = (sequenceNumber: number, sentAt: number, transmissions = 1, lost = false, firstSentAt = 0) => ({
  sequenceNumber,
  firstSentAt: transmissions === 1 ? sentAt : firstSentAt,
  sentAt,
  transmissions,
  lost
})

/** A packet sent at `sentAt` was acknowledged at `now`. */
const acked = (sequenceNumber: number, sentAt: number, now: number) =>
  LossDetection.onAcked(LossDetection.initial, [sent(sequenceNumber, sentAt)], now, undefined)

describe("LossDetection", () => {
  it("suspects nobody before the first acknowledgment", () => {
    const { lookAgainAt, lost } = LossDetection.detect(LossDetection.initial, [sent(1, 0)], 1e9, 100)
    assert.strictEqual(lost.size, 0)
    assert.isUndefined(lookAgainAt)
  })

  it("declares lost what was sent earlier, once a small share of the round trip has gone by", () => {
    const rack = acked(2, 10, 110)
    const before = LossDetection.detect(rack, [sent(1, 0)], 103, 100)
    assert.strictEqual(before.lost.size, 0)
    assert.strictEqual(before.lookAgainAt, 103.125)
    assert.deepStrictEqual([...LossDetection.detect(rack, [sent(1, 0)], 103.125, 100).lost], [1])
  })

  it("looks again when the first of the suspects is due", () => {
    const { lookAgainAt } = LossDetection.detect(acked(9, 50, 150), [sent(1, 30), sent(2, 20), sent(3, 40)], 110, 100)
    assert.strictEqual(lookAgainAt, 20 + 100 + 3.125)
  })

  it("leaves alone what was sent later, and at the same time with a higher number", () => {
    const rack = acked(5, 10, 110)
    const { lookAgainAt, lost } = LossDetection.detect(rack, [sent(6, 10), sent(3, 11)], 1e6, 100)
    assert.strictEqual(lost.size, 0)
    assert.isUndefined(lookAgainAt)
    assert.strictEqual(LossDetection.detect(rack, [sent(4, 10)], 1e6, 100).lost.size, 1)
  })

  it("allows two milliseconds of disorder however short the round trip", () => {
    const rack = acked(2, 10, 11)
    assert.strictEqual(LossDetection.detect(rack, [sent(1, 10)], 12.9, 1).lost.size, 0)
    assert.strictEqual(LossDetection.detect(rack, [sent(1, 10)], 13, 1).lost.size, 1)
  })

  it("does not declare the same packet lost twice before it is sent again", () => {
    assert.strictEqual(LossDetection.detect(acked(2, 10, 110), [sent(1, 0, 1, true)], 1e6, 100).lost.size, 0)
  })

  it("finds a retransmission lost by one sent after it: any number of rounds", () => {
    const first = acked(2, 10, 110)
    const again = sent(1, 125, 2)
    assert.strictEqual(LossDetection.detect(first, [again], 1e6, 100).lost.size, 0)
    const second = LossDetection.onAcked(first, [sent(3, 130)], 230, 100)
    assert.deepStrictEqual([...LossDetection.detect(second, [again], 250, 100).lost], [1])
  })

  it("keeps the latest sent, not the latest acknowledged", () => {
    const rack = LossDetection.onAcked(acked(5, 50, 150), [sent(1, 10)], 160, 100)
    assert.strictEqual(rack.latest?.sequenceNumber, 5)
    assert.strictEqual(rack.latest?.rtt, 100)
  })

  it("does not take a resent packet answered faster than any round trip for its second copy", () => {
    const rack = acked(1, 0, 100)
    assert.strictEqual(LossDetection.onAcked(rack, [sent(2, 150, 2)], 200, 100).latest?.sentAt, 0)
    assert.strictEqual(LossDetection.onAcked(rack, [sent(2, 150, 2)], 250, 100).latest?.sequenceNumber, 2)
    assert.strictEqual(LossDetection.onAcked(rack, [sent(2, 150, 1)], 200, 100).latest?.sequenceNumber, 2)
  })

  it("takes such a packet for its first copy, which has overtaken what left before: the path may have become shorter", () => {
    const rack = LossDetection.onAcked(acked(1, 0, 100), [sent(9, 400, 2, false, 50)], 410, 100)
    assert.deepStrictEqual(rack.latest, { sentAt: 50, sequenceNumber: 9, rtt: 360 })
    const suspects = [sent(7, 40), sent(8, 50), sent(6, 60)]
    assert.deepStrictEqual([...LossDetection.detect(rack, suspects, 414, 100).lost], [7, 8])
  })

  describe("refutes a loss", () => {
    const again = (fields: Partial<Parameters<typeof LossDetection.isRefuted>[0]> = {}) => ({
      ...sent(1, 150, 2),
      sndNxtAtSend: 30,
      lossEvent: 20,
      ...fields
    })
    const seen = { now: 200, minRtt: 100, highest: 26 }

    it("by what was not sent again, whenever it comes", () => {
      const packet = again({ lost: true, transmissions: 1 })
      assert.isTrue(LossDetection.isRefuted(packet, { now: 1e6, minRtt: undefined, highest: undefined }))
    })

    it("by what was sent again and is there before three that had left earlier", () => {
      assert.isTrue(LossDetection.isRefuted(again(), seen))
      assert.isFalse(LossDetection.isRefuted(again(), { ...seen, highest: 27 }))
    })

    it("not by an early answer alone, nor where the acknowledgment does not tell what the peer has", () => {
      assert.isFalse(LossDetection.isRefuted(again(), { ...seen, now: 151, highest: 29 }))
      assert.isFalse(LossDetection.isRefuted(again(), { ...seen, highest: undefined }))
    })

    it("not by an answer as late as one to what was sent again: those three may be lost", () => {
      assert.isTrue(LossDetection.isRefuted(again(), { ...seen, now: 237 }))
      assert.isFalse(LossDetection.isRefuted(again(), { ...seen, now: 238 }))
      assert.isFalse(LossDetection.isRefuted(again(), { ...seen, minRtt: undefined }))
    })

    it("not by what send times never showed lost: a probe, or what a timeout sent again", () => {
      assert.isFalse(LossDetection.isRefuted(again({ lossEvent: undefined }), seen))
      assert.isFalse(LossDetection.isRefuted(again({ lossEvent: undefined, lost: true }), seen))
    })
  })

  it("waits twice as long after each wrong guess, up to half a round trip", () => {
    const lookAgainAt = (self: LossDetection.LossDetection) =>
      LossDetection.detect(self, [sent(1, 0)], 100, 100).lookAgainAt
    let rack = acked(2, 10, 110)
    for (const wait of [3.125, 6.25, 12.5, 25, 50, 50]) {
      assert.strictEqual(lookAgainAt(rack), 100 + wait)
      rack = LossDetection.onSpurious(rack)
    }
  })
})
