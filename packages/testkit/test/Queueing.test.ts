/** What a bulk flow adds to the round trip of an echo that shares its bottleneck. */
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Grid from "@effect-i2p/testkit/Grid"
import * as Pair from "@effect-i2p/testkit/Pair"
import { assert, describe, it } from "vitest"

const mebibyte = 1 << 20
const unlimited = Number.POSITIVE_INFINITY

/** From whom the bulk flow goes; the bottleneck is in its direction, and so is one half of each echo. */
type From = "a" | "b"

interface Setup {
  readonly rttMs: number
  readonly from: From
  readonly loss?: number
}

const percentile = (values: ReadonlyArray<number>, share: number): number =>
  [...values].sort((x, y) => x - y)[Math.min(values.length - 1, Math.floor(share * values.length))]!

/** Round trips of 60 echoes of 64 bytes at odd times, from 60 round trips on. */
const echoes = ({ from, loss = 0, rttMs }: Setup, bulk: boolean): ReadonlyArray<number> => {
  const bytesPerSecond = Grid.windowRate(rttMs) / 2
  const line = { latencyMillis: rttMs / 2, loss }
  const bottleneck = { ...line, bytesPerSecond, queueBytes: (bytesPerSecond * rttMs) / 1000 }
  const options = {
    ...(from === "a" ? { link: bottleneck, linkB: { bytesPerSecond: unlimited } } : { link: line, linkB: bottleneck }),
    check: false,
    lenient: true,
    transcript: false
  }
  const echo = Pair.make({ ...options, seed: 1 })
  const other = Pair.make({
    ...options,
    seed: 2,
    links: echo.links,
    [from]: { write: bulk ? new Uint8Array(64 * mebibyte) : 0 }
  })
  const pairs = [echo, other]
  const now = () => Math.max(echo.now, other.now)
  const until = (done: () => boolean) => {
    Pair.runTogether(pairs, now() + 60_000, done)
    echo.run(now())
  }
  const size = 64
  let next = 60 * rttMs
  return Array.from({ length: 60 }, (_, i) => {
    Pair.runTogether(pairs, next)
    echo.run(next)
    echo.a.step([Event.write(new Uint8Array(size))])
    until(() => echo.b.delivered >= (i + 1) * size)
    echo.b.step([Event.write(new Uint8Array(size))])
    until(() => echo.a.delivered >= (i + 1) * size)
    const took = echo.now - next
    next = echo.now + rttMs * (1 + (i % 7) / 7)
    return took
  })
}

describe("an echo that shares a bottleneck with a bulk flow of another session, at a queue of one round trip", () => {
  const rttMs = 100

  for (const [from, half] of [
    ["a", "its request"],
    ["b", "its answer"]
  ] as const) {
    it(`takes at most four fifths of a round trip longer where ${half} waits, one in twenty up to a whole one`, () => {
      for (const loss of from === "a" ? [0, 0.01] : [0]) {
        const beside = echoes({ rttMs, from, loss }, true)
        const alone = echoes({ rttMs, from, loss }, false)
        const added = (share: number) => (percentile(beside, share) - percentile(alone, share)) / rttMs
        assert.approximately(percentile(alone, 0.5), rttMs, 1)
        assert.isAtMost(added(0.5), 0.8, `at a loss of ${loss}`)
        // It does meet the queue: nothing else is measured here.
        assert.isAtLeast(added(0.5), 0.02, `at a loss of ${loss}`)
        // With losses the slowest are those that lose a packet of their own.
        if (loss === 0) assert.isAtMost(added(0.95), 1)
      }
    })
  }
})
