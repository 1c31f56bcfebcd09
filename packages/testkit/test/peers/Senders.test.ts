/** How close the models come to what is known of the implementations, and that a run repeats. */
import * as Senders from "@effect-i2p/testkit/peers/Senders"
import { assert, describe, it } from "vitest"

const mebibyte = 1 << 20

/** Megabytes a second, the median of five seeds. */
const rate = (
  send: (transfer: Senders.Transfer) => Senders.Result,
  rttMs: number,
  loss: number,
  bytes = 4 * mebibyte
) => {
  const rates = [1, 2, 3, 4, 5].map((seed) => {
    const free = { rateBytesPerSecond: Number.POSITIVE_INFINITY, queueBytes: Number.MAX_SAFE_INTEGER }
    return bytes / send({ bytes, rttMs, loss, reorder: 0, seed, ...free }).millis / 1000
  })
  return rates.sort((a, b) => a - b)[2]!
}

describe("Senders", () => {
  it("has Java at 1 MB/s over 100 ms without loss: 1.05 is known", () => {
    const rates = rate(Senders.javaSender, 100, 0)
    assert.isAbove(rates, 0.8)
    assert.isBelow(rates, 1.4)
  })

  it("has Java no more than half above what is known under loss: 0.03 to 0.1 at 1 %, 0.014 over 500 ms at 2 %", () => {
    const near = rate(Senders.javaSender, 100, 0.01)
    assert.isAbove(near, 0.03)
    assert.isBelow(near, 0.15)
    const far = rate(Senders.javaSender, 500, 0.02)
    assert.isAbove(far, 0.01)
    assert.isBelow(far, 0.025)
  })

  it("has i2pd care little for loss, as it reacts to delay only", () => {
    assert.isAbove(rate(Senders.i2pdSender, 500, 0.02), 0.7 * rate(Senders.i2pdSender, 500, 0))
  })

  it("has i2pd fill a narrow link without dying of its queue", () => {
    const transfer = { bytes: 4 * mebibyte, rttMs: 200, loss: 0, reorder: 0, seed: 1 }
    const { millis } = Senders.i2pdSender({ ...transfer, rateBytesPerSecond: 500_000, queueBytes: 100_000 })
    assert.isBelow(millis, (4 * mebibyte * 1000) / 500_000 / 0.4)
  })

  it("repeats to the packet with the same seed, and only then", () => {
    for (const send of [Senders.javaSender, Senders.i2pdSender, Senders.emissarySender]) {
      const transfer = {
        bytes: mebibyte,
        rttMs: 200,
        loss: 0.02,
        reorder: 0.02,
        rateBytesPerSecond: 300_000,
        queueBytes: 60_000
      }
      assert.deepStrictEqual(send({ ...transfer, seed: 3 }), send({ ...transfer, seed: 3 }))
      assert.notDeepEqual(send({ ...transfer, seed: 3 }), send({ ...transfer, seed: 4 }))
    }
  })
})
