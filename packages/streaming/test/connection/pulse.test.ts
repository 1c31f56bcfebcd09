import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Pulse from "../../src/internal/connection/pulse.js"

describe("Pulse", () => {
  // Two fibers that wake each other in microtasks: a chain without end for Node.
  it.scopedLive("lets timers of the platform fire while streams keep each other busy", () =>
    Effect.gen(function* () {
      const pulse = yield* Effect.flatMap(Effect.clock, Pulse.make)
      const boxes = [yield* Mailbox.make<void>(), yield* Mailbox.make<void>()] as const
      const play = (mine: Mailbox.Mailbox<void>, other: Mailbox.Mailbox<void>) =>
        Effect.whileLoop({
          while: () => true,
          body: () =>
            Effect.flatMap(mine.takeAll, () => {
              other.unsafeOffer()
              return pulse.rest()
            }),
          step: () => {}
        })
      yield* Effect.forkScoped(play(boxes[0], boxes[1]))
      yield* Effect.forkScoped(play(boxes[1], boxes[0]))
      boxes[0].unsafeOffer()
      const before = yield* Clock.currentTimeMillis
      yield* Effect.sleep(100)
      assert.isAtMost((yield* Clock.currentTimeMillis) - before, 2_000)
    })
  )
})
