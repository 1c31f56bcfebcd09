/**
 * Streams that outlive a real router: i2pd is killed in mid-transfer and started again, or another takes over.
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestNetwork from "../../src/TestNetwork.js"
import { open, transfer } from "../transfer.js"

layer(TestNetwork.layer, { excludeTestServices: true, timeout: "170 seconds" })("i2pd killed in mid-transfer", (it) => {
  it.scoped("and started again, with both destinations on it: every byte arrives", () =>
    Effect.gen(function* () {
      const { spare, signal, start } = yield* TestNetwork.TestNetwork
      const near = yield* open(spare)
      const far = yield* open(spare)
      yield* transfer(near, far, Effect.zipRight(signal("c", "KILL"), start("c")))
    })
  )

  it.scoped("and started again, with the receiving destination on it: every byte arrives", () =>
    Effect.gen(function* () {
      const { a, spare, signal, start } = yield* TestNetwork.TestNetwork
      const near = yield* open(a)
      const far = yield* open(spare)
      yield* transfer(near, far, Effect.zipRight(signal("c", "KILL"), start("c")))
    })
  )

  it.scoped("and another takes over the sending destination: every byte arrives", () =>
    Effect.gen(function* () {
      const { a, far: b, spare, signal, start } = yield* TestNetwork.TestNetwork
      yield* start("c")
      const near = yield* open(spare, a)
      const far = yield* open(b)
      yield* transfer(near, far, signal("c", "KILL"))
      const state = yield* near.session.state.get
      assert.isTrue(state._tag === "Ready" && state.router === a.name)
      yield* start("c")
    })
  )

  it.scoped("and another takes over the receiving destination: every byte arrives", () =>
    Effect.gen(function* () {
      const { a, far: b, spare, signal, start } = yield* TestNetwork.TestNetwork
      yield* start("c")
      const near = yield* open(b)
      const far = yield* open(spare, a)
      yield* transfer(near, far, signal("c", "KILL"))
      const state = yield* far.session.state.get
      assert.isTrue(state._tag === "Ready" && state.router === a.name)
      yield* start("c")
    })
  )
})
