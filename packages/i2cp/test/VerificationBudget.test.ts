/** On a clock that checks move by what they cost, and that otherwise stands still until a test moves it. */
import { assert, describe, it } from "@effect/vitest"
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import { inUse } from "@effect-i2p/testkit/Heap"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

class ManualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  #sleepers: Array<{ readonly at: number; readonly wake: () => void }> = []
  now = 0

  unsafeCurrentTimeMillis(): number {
    return Math.floor(this.now)
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.now * 1_000_000))
  }

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { at: this.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.#sleepers.push(sleeper)
      return Effect.sync(() => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
      })
    })
  }

  /** Moves on, and lets everything run that is due. */
  readonly pass = (millis: number) =>
    Effect.gen(this, function* () {
      yield* settle
      const end = this.now + millis
      for (;;) {
        const next = this.#sleepers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        this.#sleepers = this.#sleepers.filter((other) => other !== next)
        this.now = Math.max(this.now, next.at)
        next.wake()
        yield* settle
      }
      this.now = Math.max(this.now, end)
    })
}

const settle = Effect.replicateEffect(Effect.yieldNow(), 100)

const { EcdsaP521, Ed25519 } = KeyType

const start = (options: Partial<VerificationBudget.Options> = {}) =>
  Effect.gen(function* () {
    const clock = new ManualClock()
    const budget = yield* Effect.withClock(VerificationBudget.make(options), clock)
    const done: Array<readonly [string, number]> = []
    const verify = (name: string, cost: number) => () => {
      clock.now += cost
      done.push([name, clock.now])
      return true
    }
    /** A check that may wait. */
    const check = (name: string, cost: number, peer?: string, type = Ed25519) =>
      Effect.fork(Effect.withClock(budget.check(peer, type, Effect.sync(verify(name, cost))), clock))
    return { budget, check, clock, done, verify }
  })

const names = (done: ReadonlyArray<readonly [string, number]>) => done.map(([name]) => name)

describe("VerificationBudget", () => {
  it.scoped("lets checks run at once until their turn is over, then when timers have had theirs", () =>
    Effect.gen(function* () {
      const { budget, clock, done, verify } = yield* start()
      let ran = 0
      for (let n = 0; n < 100; n++) if (Option.isSome(budget.unsafeCheck(undefined, Ed25519, verify("a", 0.1)))) ran++
      assert.strictEqual(ran, 20, "2 ms of 0.1 ms each")
      clock.now = 3.9
      assert.isTrue(Option.isNone(budget.unsafeCheck(undefined, Ed25519, verify("a", 0.1))))
      clock.now = 1000
      assert.isTrue(Option.isNone(budget.unsafeCheck(undefined, Ed25519, verify("a", 0.1))), "no timer has fired")
      yield* clock.pass(0)
      assert.isTrue(Option.isSome(budget.unsafeCheck(undefined, Ed25519, verify("a", 0.1))))
      assert.strictEqual(done.length, 21)
    })
  )

  it.scoped("gives half of the time to checks, however many wait", () =>
    Effect.gen(function* () {
      const { check, clock, done } = yield* start()
      for (let n = 0; n < 500; n++) yield* check(`${n}`, 0.1)
      yield* clock.pass(50)
      assert.isAtLeast(done.length, 200)
      assert.isAtMost(done.length, 270)
      assert.deepStrictEqual(
        names(done),
        done.map((_, n) => `${n}`),
        "in their order"
      )
      yield* clock.pass(60)
      assert.strictEqual(done.length, 500)
    })
  )

  it.scoped("gives a tenth of it to dear ones, and cheap ones do not wait for them", () =>
    Effect.gen(function* () {
      const { check, clock, done } = yield* start()
      for (let n = 0; n < 20; n++) yield* check("dear", 10, undefined, EcdsaP521)
      yield* clock.pass(0)
      yield* check("cheap", 0.1)
      yield* clock.pass(20)
      assert.deepStrictEqual(names(done), ["dear", "cheap"])
      assert.isAtMost(done[1]![1], 21)
      yield* clock.pass(900)
      assert.isAtLeast(done.length, 10)
      assert.isAtMost(done.length, 11)
    })
  )

  it.scoped("gives a peer its share, and others theirs", () =>
    Effect.gen(function* () {
      const { check, clock, done } = yield* start()
      for (let n = 0; n < 1000; n++) yield* check("mallory", 1, "mallory")
      for (let n = 0; n < 10; n++) yield* check("alice", 1, "alice")
      yield* clock.pass(200)
      assert.strictEqual(names(done).filter((name) => name === "alice").length, 10)
      const before = done.length
      yield* clock.pass(400)
      assert.closeTo(done.length - before, 100, 10, "a quarter of 400 ms")
    })
  )

  it.scoped("charges nobody for a check that names no peer", () =>
    Effect.gen(function* () {
      const { check, clock, done } = yield* start({ burstPerPeer: "1 millis" })
      for (let n = 0; n < 100; n++) yield* check("forged", 1)
      yield* clock.pass(220)
      assert.strictEqual(done.length, 100)
    })
  )

  it.scoped("lets so many wait and no more, and fewer for one peer", () =>
    Effect.gen(function* () {
      const { budget, check, clock, verify } = yield* start({ maxWaiting: 4, maxWaitingPerPeer: 2 })
      yield* check("first", 10)
      yield* settle
      for (let n = 0; n < 2; n++) yield* check("mallory", 1, "mallory")
      yield* settle
      const third = yield* Effect.flip(budget.check("mallory", Ed25519, Effect.sync(verify("third", 1))))
      assert.deepInclude({ ...third }, { _tag: "TooManyChecks", limit: 2, of: "peer" })
      for (let n = 0; n < 2; n++) yield* check("anybody", 1)
      yield* settle
      const fifth = yield* Effect.flip(budget.check("alice", Ed25519, Effect.sync(verify("fifth", 1))))
      assert.deepInclude({ ...fifth }, { _tag: "TooManyChecks", limit: 4, of: "all" })
      yield* clock.pass(100)
      assert.strictEqual(budget.waiting(), 0)
    })
  )

  it.scoped("goes on when a check is interrupted, dies, or has waited and gives up", () =>
    Effect.gen(function* () {
      const { budget, check, clock, done } = yield* start()
      const endless = yield* Effect.fork(budget.check(undefined, Ed25519, Effect.never))
      yield* settle
      const waits = yield* check("gave up", 1, "alice")
      yield* check("next", 1, "alice")
      yield* settle
      assert.strictEqual(budget.waiting(), 2)
      yield* Fiber.interrupt(waits)
      yield* Fiber.interrupt(endless)
      yield* Effect.exit(Effect.withClock(budget.check(undefined, Ed25519, Effect.die("bug")), clock))
      assert.throws(() =>
        budget.unsafeCheck(undefined, Ed25519, () => {
          throw new Error("bug")
        })
      )
      yield* check("last", 1)
      yield* clock.pass(20)
      assert.deepStrictEqual(names(done), ["next", "last"])
      assert.strictEqual(budget.waiting(), 0)
    })
  )

  it.scoped("knows what checks of a type cost, and lets one that took long count little", () =>
    Effect.gen(function* () {
      const { budget, clock, verify } = yield* start()
      assert.strictEqual(budget.cost(Ed25519), 0)
      for (let n = 0; n < 10; n++) budget.unsafeCheck(undefined, Ed25519, verify("a", 0.1))
      assert.closeTo(budget.cost(Ed25519), 0.1, 0.001)
      budget.unsafeCheck(undefined, Ed25519, verify("interrupted", 10))
      assert.isBelow(budget.cost(Ed25519), 1.2)
      assert.strictEqual(budget.cost(EcdsaP521), 10, "none has been seen")
      yield* clock.pass(0)
    })
  )

  it.effect("is one for all sessions below a layer", () =>
    Effect.gen(function* () {
      const both = Effect.all([VerificationBudget.get, VerificationBudget.get])
      const [a, b] = yield* Effect.scoped(both)
      assert.notStrictEqual(a, b)
      const [c, d] = yield* Effect.provide(Effect.scoped(both), VerificationBudget.layer())
      assert.strictEqual(c, d)
    })
  )

  it.scoped("forgets peers whose time is over", () =>
    Effect.gen(function* () {
      const { budget, clock } = yield* start()
      let checked = 0
      const check = (n: number) => {
        clock.now += 100
        budget.unsafeCheck(`peer ${n}`, Ed25519, () => {
          clock.now += 0.01
          checked += 1
          return true
        })
      }
      for (let n = 0; n < 1000; n++) check(n)
      const before = inUse()
      for (let n = 1000; n < 40_000; n++) check(n)
      assert.strictEqual(checked, 40_000)
      assert.isBelow(inUse() - before, 1_048_576)
    })
  )
})
