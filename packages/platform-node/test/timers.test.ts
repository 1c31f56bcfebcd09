import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { vi } from "vitest"
import * as Timers from "../src/internal/timers.js"

const days = (count: number) => Duration.toMillis(Duration.days(count))

describe("a duration for an option of Node", () => {
  it("is a whole number that its timers take", () => {
    assert.strictEqual(Timers.limit("2 seconds"), 2_000)
    assert.strictEqual(Timers.limit(0.2), 1)
    assert.strictEqual(Timers.limit(0), 1)
    assert.strictEqual(Timers.limit("30 days"), 2_147_482_647)
    assert.strictEqual(Timers.limit(Duration.infinity), 0)
    assert.strictEqual(Timers.bounded(Duration.infinity), 2_147_482_647)
  })
})

describe("a timer", () => {
  const run = (body: (fired: { count: number }, timer: Timers.Timer) => void) => {
    vi.useFakeTimers()
    const fired = { count: 0 }
    try {
      body(fired, new Timers.Timer(() => fired.count++))
    } finally {
      vi.useRealTimers()
    }
  }

  it("of 30 days comes in 30 days", () =>
    run((fired, timer) => {
      timer.arm(days(30))
      vi.advanceTimersByTime(days(29))
      assert.strictEqual(fired.count, 0)
      vi.advanceTimersByTime(days(1))
      assert.strictEqual(fired.count, 1)
    }))

  it("of no limit never comes", () =>
    run((fired, timer) => {
      timer.arm(Number.POSITIVE_INFINITY)
      vi.advanceTimersByTime(days(300))
      assert.strictEqual(fired.count, 0)
    }))

  it("begins anew when it is refreshed, and not when it is stopped", () =>
    run((fired, timer) => {
      for (const length of [100, days(30)]) {
        fired.count = 0
        timer.arm(length)
        vi.advanceTimersByTime(length - 1)
        timer.refresh()
        vi.advanceTimersByTime(length - 1)
        assert.strictEqual(fired.count, 0)
        vi.advanceTimersByTime(1)
        assert.strictEqual(fired.count, 1)
        timer.refresh()
        timer.arm(length)
        timer.stop()
        timer.refresh()
        vi.advanceTimersByTime(2 * length)
        assert.strictEqual(fired.count, 1)
      }
    }))
})
