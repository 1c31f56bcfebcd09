import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as EventLoop from "../src/internal/eventLoop.js"

/** One whose deadline has come whenever the loop asks, unless `nextTimeout` says something else. */
const task = (
  run: () => void,
  nextTimeout: EventLoop.Task["nextTimeout"] = () => Number.NEGATIVE_INFINITY
): EventLoop.Task => ({
  run,
  nextTimeout,
  isQueued: false,
  deadline: Number.POSITIVE_INFINITY,
  place: -1
})

const loop = Effect.flatMap(Effect.clock, EventLoop.make)

describe("EventLoop", () => {
  it.scoped("gives a task one turn, however often it is woken before", () =>
    Effect.gen(function* () {
      const self = yield* loop
      let turns = 0
      const one = task(() => turns++)
      for (let i = 0; i < 5; i++) self.wake(one)
      yield* TestClock.adjust(1)
      assert.strictEqual(turns, 1)
      self.wake(one)
      yield* TestClock.adjust(1)
      assert.strictEqual(turns, 2)
    })
  )

  it.scoped("gives turns in the order in which tasks woke up: who wakes itself waits for all others", () =>
    Effect.gen(function* () {
      const self = yield* loop
      const order: Array<number> = []
      const tasks = Array.from(
        { length: 100 },
        (_, i): EventLoop.Task =>
          task(() => {
            order.push(i)
            if (order.length <= 100) self.wake(tasks[i]!)
          })
      )
      for (const one of tasks) self.wake(one)
      yield* TestClock.adjust(1)
      const all = Array.from({ length: 100 }, (_, i) => i)
      assert.deepStrictEqual(order, [...all, ...all])
    })
  )

  it.scoped("keeps the earliest deadline of each task, and forgets those that leave", () =>
    Effect.gen(function* () {
      const self = yield* loop
      const turns: Array<string> = []
      const named = (name: string) => task(() => turns.push(`${name} ${Number(self.now)}`))
      const [a, b, c] = [named("a"), named("b"), named("c")]
      self.wakeBy(a, 500)
      self.wakeBy(a, 900)
      self.wakeBy(b, 300)
      self.wakeBy(b, 100)
      self.wakeBy(c, 200)
      yield* TestClock.adjust(50)
      self.forget(c)
      for (let i = 0; i < 20; i++) yield* TestClock.adjust(50)
      assert.deepStrictEqual(turns, ["b 100", "a 500"])
    })
  )

  it.scoped("gives no turn to a task whose deadline has moved back, before it comes", () =>
    Effect.gen(function* () {
      const self = yield* loop
      const turns: Array<number> = []
      let deadline: number | undefined = 100
      const one = task(
        () => turns.push(self.now),
        () => deadline
      )
      self.wakeBy(one, deadline)
      deadline = 250
      yield* TestClock.adjust(249)
      assert.deepStrictEqual(turns, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(turns, [250])
      self.wakeBy(one, 300)
      deadline = undefined
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(turns, [250])
    })
  )

  it.scopedLive("reads what has come before it believes a deadline that is long over", () =>
    Effect.gen(function* () {
      const self = yield* loop
      const order: Array<string> = []
      const deadline = task(() => order.push("deadline"))
      const input = task(() => order.push("input"))
      self.wakeBy(deadline, self.now + 20)
      yield* Effect.fork(
        Effect.delay(
          Effect.sync(() => self.wake(input)),
          40
        )
      )
      // Both have set their timers, and the platform has had no turn: a slow machine would fire the first of them in it.
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      // The process stands still, and comes to what is later only after the deadline.
      const until = performance.now() + 100
      while (performance.now() < until);
      yield* Effect.sleep(50)
      assert.deepStrictEqual(order, ["input", "deadline"])
    })
  )

  // A fiber that wakes the loop, and is woken by it, in microtasks only: a chain without end for Node.
  it.scopedLive("lets timers of the platform fire while tasks keep it busy without them", () =>
    Effect.gen(function* () {
      const self = yield* loop
      const latch = yield* Effect.makeLatch(false)
      const busy = task(() => latch.unsafeOpen())
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.suspend(() => {
            latch.unsafeClose()
            self.wake(busy)
            return latch.await
          })
        )
      )
      const before = yield* Clock.currentTimeMillis
      yield* Effect.sleep(100)
      assert.isAtMost((yield* Clock.currentTimeMillis) - before, 2_000)
    })
  )
})
