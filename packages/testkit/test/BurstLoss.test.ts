import * as Pair from "@effect-i2p/testkit/Pair"
import { describe, it } from "vitest"

/**
 * A router drops a burst, and the same packets again when they are sent again, while the queue before it drains or fills.
 * What is in flight then are retransmissions only, and their answers come sooner than any before.
 */
interface Burst {
  /** Numbers of the packets. */
  readonly first: number
  readonly last: number
  /** How often each of them is lost. */
  readonly times: number
  /** Round trips in ms, until the first of them has been lost for the last time and from then on. */
  readonly before: number
  readonly after: number
}

const bytes = 65_536

/** The transfer, in timeouts as the longer of both round trips has them: from the first loss, and from the last. */
const transfer = ({ after, before, first, last, times }: Burst) => {
  const losses = new Map<number, number>()
  const lostAt: Array<number> = []
  let over = false
  let rto = 200 + after
  const pair: Pair.Pair = Pair.make({
    a: { write: bytes, close: "never" },
    b: { reads: "everything" },
    drop: ({ payload, sequenceNumber }, direction) => {
      if (direction === "B>A" || payload.length === 0 || sequenceNumber < first || sequenceNumber > last) return false
      const count = (losses.get(sequenceNumber) ?? 0) + 1
      losses.set(sequenceNumber, count)
      if (count >= times) over = true
      if (count > times) return false
      if (lostAt.length === 0) rto = Math.max(rto, pair.a.state!.rtt.rto)
      lostAt.push(pair.now)
      return true
    },
    delay: () => (over ? after : before) / 2
  })
  while (pair.a.acknowledged < bytes && pair.nextTime !== undefined && pair.now < 600_000) pair.run(pair.nextTime)
  pair.expect(pair.a.acknowledged === bytes, "not everything arrived")
  return { pair, all: (pair.now - lostAt[0]!) / rto, healed: (pair.now - lostAt.at(-1)!) / rto }
}

/** How far the round trip falls: not at all, by less and by more than an eighth, and to a tenth. */
const falls = [0, 0.02, 0.1, 0.19, 0.5, 0.9]

describe("a burst lost again and again", () => {
  for (const times of [1, 2, 3, 4]) {
    it(`${times === 1 ? "once" : `${times} times`} is made up for in some timeouts, wherever the round trip goes`, () => {
      for (const before of [4, 150, 600]) {
        for (const share of [...falls.map((fall) => 1 - fall), 1.5]) {
          for (const [first, last] of [
            [28, 36],
            [28, 37],
            [36, 37],
            [10, 20]
          ] as const) {
            const burst = { first, last, times, before, after: share * before }
            const { all, healed, pair } = transfer(burst)
            const what = JSON.stringify(burst)
            pair.expect(all <= 10 * times, `${all} timeouts for ${what}`)
            pair.expect(healed <= 5, `${healed} timeouts after the last loss for ${what}`)
          }
        }
      }
    })
  }
})
