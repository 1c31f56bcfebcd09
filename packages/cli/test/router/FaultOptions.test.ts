import { assert, describe, it } from "@effect/vitest"
import type * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as FaultOptions from "../../src/router/FaultOptions.js"
import { i2p, spawn } from "../harness.js"

/** What a fault does, in the words of `LocalRouter`. */
const done = (text: string, millis = 0): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const calls: Array<string> = []
    const faults = new Proxy({} as LocalRouter.Faults, {
      get:
        (_, name) =>
        (...args: ReadonlyArray<unknown>) =>
          Effect.sync(() => void calls.push(`${String(name)} ${JSON.stringify(args[0])}`))
    })
    const fiber = yield* Effect.fork(Either.getOrThrow(FaultOptions.parse(text))(faults))
    yield* TestClock.adjust(millis)
    yield* Fiber.interrupt(fiber)
    return calls
  })

describe("faults of the embedded router", () => {
  it.effect("are each a word", () =>
    Effect.gen(function* () {
      for (const [text, call] of [
        ["refuse=go away", 'refuseSessions {"_tag":"Disconnect","reason":"go away"}'],
        ["invalid", 'refuseSessions {"_tag":"Status","status":"Invalid"}'],
        ["mute", 'refuseSessions {"_tag":"Silence"}'],
        ["no-tunnels", "withholdTunnels true"],
        ["destroy=2.5s", "destroySessionsAfter 2500"],
        ["hold=30", "holdSessions 30000"],
        ["status=21", "answerSends 21"],
        ["silent", "silence true"]
      ] as const) {
        assert.deepStrictEqual(yield* done(text), [call])
      }
      assert.lengthOf(FaultOptions.forms, 9)
    })
  )

  it.effect("restart the router each so long, and leave it down for a second or as long as told", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* done("restart=10s", 35_000), ["restart 1000", "restart 1000", "restart 1000"])
      assert.deepStrictEqual(yield* done("restart=1m/3s", 60_000), ["restart 3000"])
    })
  )

  it("are refused in one line", () => {
    for (const [text, why] of [
      ["explode", /^"explode" is not a fault: use refuse/],
      ["__proto__", /is not a fault/],
      ["status=many", /^status: "many" is not a message status/],
      ["destroy=soon", /^destroy: "soon" is no time/],
      ["restart=0", /^restart: a router cannot restart all the time/]
    ] as const) {
      assert.match(Either.getOrThrow(Either.flip(FaultOptions.parse(text))), why)
    }
  })

  it.live("are seen by who examines the router", () =>
    Effect.gen(function* () {
      const router = spawn(["router", "--listen", "0", "--fault", "refuse=full house"])
      const [, port] = yield* Effect.promise(() => router.says(/listening on 127\.0\.0\.1:(\d+)\n/))
      const { code, out } = yield* i2p(["doctor", "--json", "--router", `127.0.0.1:${port}`])
      assert.strictEqual(code, 1)
      assert.deepInclude(JSON.parse(out), { ok: false, stage: "session" })
      assert.match(out, /full house/)
    })
  )
})
