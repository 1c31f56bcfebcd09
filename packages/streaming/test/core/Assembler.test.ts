import * as Assembler from "@effect-i2p/streaming/unstable/core/Assembler"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

const segment = (sequenceNumber: number, close = false, payload = Uint8Array.of(sequenceNumber & 0xff)) => ({
  sequenceNumber,
  payload,
  close
})

/** Feeds segments, and gives the assembler with everything that was delivered. */
const feed = (self: Assembler.Assembler, ...segments: ReadonlyArray<Assembler.Segment>) => {
  const delivered: Array<number> = []
  const verdicts: Array<Assembler.Verdict> = []
  let assembler = self
  for (const each of segments) {
    verdicts.push(Assembler.classify(assembler, each.sequenceNumber))
    const result = Assembler.accept(assembler, each)
    assembler = result.assembler
    for (const payload of result.delivered) delivered.push(...payload)
  }
  return { assembler, delivered, verdicts }
}

const numbered = (...numbers: ReadonlyArray<number>) => numbers.map((number) => segment(number))
const fresh = Assembler.make(512)

/** Every second number up to `2 * holes` received: as many holes. */
const withHoles = (holes: number) =>
  feed(fresh, ...numbered(...Array.from({ length: holes + 1 }, (_, i) => 2 * i))).assembler

describe("Assembler", () => {
  describe("order", () => {
    it("delivers at once what is next", () => {
      const { assembler, delivered, verdicts } = feed(fresh, ...numbered(0, 1, 2))
      assert.deepStrictEqual(delivered, [0, 1, 2])
      assert.deepStrictEqual(verdicts, ["InOrder", "InOrder", "InOrder"])
      assert.strictEqual(assembler.rcvNxt, 3)
    })

    it("keeps what comes early and delivers it when the hole is filled", () => {
      const { assembler, delivered, verdicts } = feed(fresh, ...numbered(0, 3, 2, 1, 4))
      assert.deepStrictEqual(delivered, [0, 1, 2, 3, 4])
      assert.deepStrictEqual(verdicts, ["InOrder", "OutOfOrder", "OutOfOrder", "HoleFilled", "InOrder"])
      assert.strictEqual(assembler.pendingBytes, 0)
      assert.isFalse(Assembler.hasHoles(assembler))
    })

    it("says that a hole was filled although another is left", () => {
      const { assembler, verdicts } = feed(fresh, ...numbered(0, 2, 4, 1))
      assert.strictEqual(verdicts[3], "HoleFilled")
      assert.strictEqual(assembler.rcvNxt, 3)
      assert.isTrue(Assembler.hasHoles(assembler))
    })

    it("knows duplicates of what was delivered and of what waits", () => {
      assert.deepStrictEqual(feed(fresh, ...numbered(0, 2, 0, 2)).verdicts.slice(2), ["Duplicate", "Duplicate"])
    })

    it("delivers each byte once, in order, whatever the order and the copies", () => {
      const numbers = Array.from({ length: 40 }, (_, i) => i)
      fc.assert(
        fc.property(fc.array(fc.nat(39), { maxLength: 80 }), fc.shuffledSubarray(numbers), (copies, shuffled) => {
          const { assembler, delivered } = feed(fresh, ...numbered(...copies, ...shuffled))
          assert.deepStrictEqual(delivered, numbers.slice(0, delivered.length))
          assert.strictEqual(assembler.rcvNxt, delivered.length)
          const missing = numbers.filter((number) => !copies.includes(number) && !shuffled.includes(number))
          assert.strictEqual(delivered.length, missing[0] ?? 40)
        })
      )
    })

    it("counts empty segments but delivers nothing for them", () => {
      const empty = segment(0, false, new Uint8Array(0))
      const { assembler, delivered } = feed(fresh, empty, ...numbered(1))
      assert.deepStrictEqual(delivered, [1])
      assert.strictEqual(assembler.rcvNxt, 2)
    })
  })

  describe("bounds", () => {
    it("refuses what is a span or more ahead, empty or not", () => {
      const { verdicts } = feed(fresh, segment(511), segment(512), segment(0x8000_0000, false, new Uint8Array(0)))
      assert.deepStrictEqual(verdicts, ["OutOfOrder", "OutOfWindow", "OutOfWindow"])
    })

    it("moves the bound along with what is delivered", () => {
      assert.deepStrictEqual(feed(fresh, ...numbered(0, 512)).verdicts, ["InOrder", "OutOfOrder"])
    })
  })

  describe("CLOSE", () => {
    it("completes the stream when everything before it has come", () => {
      const early = feed(fresh, segment(0), segment(2, true)).assembler
      assert.isFalse(Assembler.isComplete(early))
      const { assembler, delivered } = feed(early, segment(1))
      assert.isTrue(Assembler.isComplete(assembler))
      assert.deepStrictEqual(delivered, [1, 2])
    })

    it("refuses data numbered after it, and forgets what of that came before it", () => {
      const { assembler, delivered, verdicts } = feed(
        fresh,
        segment(0),
        segment(4),
        segment(2, true),
        segment(3),
        segment(1)
      )
      assert.deepStrictEqual(verdicts, ["InOrder", "OutOfOrder", "OutOfOrder", "OutOfWindow", "HoleFilled"])
      assert.deepStrictEqual(delivered, [0, 1, 2])
      assert.isTrue(Assembler.isComplete(assembler))
      assert.isFalse(Assembler.hasHoles(assembler))
      assert.strictEqual(assembler.pendingBytes, 0)
      assert.deepStrictEqual(Assembler.acknowledgment(assembler), { ackThrough: 2, nacks: [] })
    })

    it("counts once: a second one with another number is data", () => {
      const { assembler } = feed(fresh, segment(0), segment(3, true), segment(1, true))
      assert.strictEqual(assembler.closeNumber, 3)
      assert.isFalse(Assembler.isComplete(assembler))
    })

    it("without a number ends the stream where it stands, unless something is missing", () => {
      const ended = Assembler.closeWhereItStands(feed(fresh, ...numbered(0, 1)).assembler)
      assert.isTrue(Assembler.isComplete(ended))
      assert.strictEqual(feed(ended, segment(2)).verdicts[0], "OutOfWindow")
      const holed = feed(fresh, ...numbered(0, 2)).assembler
      assert.strictEqual(Assembler.closeWhereItStands(holed), holed)
    })

    it("without a number does not move one with a number", () => {
      const closed = feed(fresh, segment(0), segment(1, true)).assembler
      assert.strictEqual(Assembler.closeWhereItStands(closed), closed)
    })
  })

  describe("acknowledgment", () => {
    it("names the highest number and every hole below it", () => {
      assert.deepStrictEqual(Assembler.acknowledgment(feed(fresh, ...numbered(0, 2, 5)).assembler), {
        ackThrough: 5,
        nacks: [1, 3, 4]
      })
      assert.strictEqual(Assembler.cumulative(feed(fresh, ...numbered(0, 2, 5)).assembler), 0)
    })

    it("lists 254 and 255 holes whole", () => {
      for (const holes of [254, 255]) {
        const { ackThrough, nacks } = Assembler.acknowledgment(withHoles(holes))
        assert.strictEqual(nacks.length, holes)
        assert.strictEqual(ackThrough, 2 * holes)
      }
    })

    it("acknowledges only up to the first hole that does not fit the list", () => {
      const { ackThrough, nacks } = Assembler.acknowledgment(
        feed(Assembler.make(1024), ...numbered(...Array.from({ length: 301 }, (_, i) => 2 * i))).assembler
      )
      assert.strictEqual(nacks.length, 255)
      assert.strictEqual(ackThrough, 2 * 256 - 2)
      assert.deepStrictEqual(Assembler.acknowledgment(withHoles(256 - 1)).nacks, nacks)
    })

    it("lists no hole at or above its own number when one long hole does not fit", () => {
      const { ackThrough, nacks } = Assembler.acknowledgment(feed(fresh, ...numbered(0, 301)).assembler)
      assert.deepStrictEqual(nacks, [])
      assert.strictEqual(ackThrough, 0)
      const two = Assembler.acknowledgment(feed(fresh, ...numbered(0, 2, 401)).assembler)
      assert.deepStrictEqual(two, { ackThrough: 2, nacks: [1] })
    })

    it("never acknowledges what is missing and never NACKs what is there", () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.integer({ min: 1, max: 511 }), { maxLength: 400 }),
          fc.nat(20),
          (numbers, limit) => {
            const { assembler } = feed(fresh, segment(0), ...numbered(...numbers))
            const received = new Set([0, ...numbers])
            const { ackThrough, nacks } = Assembler.acknowledgment(assembler, limit + 1)
            assert.isAtMost(nacks.length, limit + 1)
            for (const nack of nacks) {
              assert.isFalse(received.has(nack))
              assert.isBelow(nack, ackThrough)
            }
            for (let number = 0; number <= ackThrough; number++) {
              assert.isTrue(received.has(number) || nacks.includes(number), `${number}`)
            }
          }
        )
      )
    })
  })
})
