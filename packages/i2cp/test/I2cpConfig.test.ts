import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import { ConnectionLost, sanitize } from "@effect-i2p/i2cp/I2cpError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"

describe("the default reconnect schedule", () => {
  it.effect("tries again after 1 second, then doubles from 10 to 320 seconds and stays there, within 20 percent", () =>
    Effect.gen(function* () {
      const error = new ConnectionLost({ reason: "Closed", detail: "x" })
      const delays = yield* Schedule.run(
        Schedule.delays(I2cpConfig.defaultReconnect),
        0,
        Array.from({ length: 9 }, () => error)
      )
      const seconds = Array.from(delays, Duration.toSeconds)
      const nominal = [1, 10, 20, 40, 80, 160, 320, 320, 320]
      assert.strictEqual(seconds.length, nominal.length)
      for (const [n, expected] of nominal.entries()) {
        assert.isAtLeast(seconds[n]!, expected * 0.8)
        assert.isAtMost(seconds[n]!, expected * 1.2)
      }
    })
  )
})

describe("session options", () => {
  it("are explicit where routers disagree, and the caller's win", () => {
    const options = Either.getOrThrow(
      I2cpConfig.sessionOptions({ ...I2cpConfig.defaults, options: { "inbound.length": "0", extra: "x" } })
    )
    assert.strictEqual(options["i2cp.leaseSetEncType"], "4")
    assert.strictEqual(options["outbound.quantity"], "2")
    assert.strictEqual(options["inbound.length"], "0")
    assert.strictEqual(options["extra"], "x")
  })
})

describe("text of the router's", () => {
  it("loses control characters, direction marks and everything beyond 256 characters", () => {
    assert.strictEqual(sanitize("a\u001b[31m\r\nb\u202ec\u0000"), "a [31m b c")
    assert.strictEqual(Array.from(sanitize("é".repeat(300))).length, 256)
  })
})
