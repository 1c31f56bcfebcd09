import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Fingerprint from "@effect-i2p/i2cp/core/Fingerprint"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpConnection from "@effect-i2p/i2cp/I2cpConnection"
import * as RouterProbe from "@effect-i2p/i2cp/RouterProbe"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { NOW, settle } from "./session.js"
import { text } from "./vectors.js"

const limits = (...words: ReadonlyArray<number>) => Array.from({ length: 16 }, (_, at) => words[at] ?? 0)

const start = (config: Partial<I2cpConfig.Service> = {}, onOpen?: (millis: number) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(NOW)
    const router = yield* ScriptedRouter.make
    const probe = yield* RouterProbe.probe(onOpen).pipe(
      Effect.provide(I2cpConnection.layer),
      Effect.provideService(Socket.Socket, router.socket),
      Effect.provide(I2cpConfig.layer(config)),
      Effect.fork
    )
    return { router, probe }
  })

describe("Fingerprint", () => {
  const known: ReadonlyArray<readonly [version: string, words: ReadonlyArray<number> | undefined, router: string]> = [
    [Fingerprint.PROBE_VERSION, limits(), "i2pd up to 2.57"],
    [Fingerprint.PROBE_VERSION, undefined, "i2pd up to 2.57"],
    ["0.9.67", limits(48, 48), "i2pd"],
    ["0.9.67", limits(), "i2pd"],
    ["0.9.63", limits(50, 50, 20, 20, 20, 20), "emissary"],
    ["0.9.67", limits(66, 66, 100, 150, 100, 150, 1), "Java I2P"],
    ["0.9.67", limits(66, 66, 100, 150, 100, 150, 2), "unknown"],
    ["0.9.67", undefined, "unknown"]
  ]
  for (const [version, words, router] of known) {
    it(`takes ${version} and ${words?.slice(0, 7).join(" ") ?? "no limits"} for ${router}`, () => {
      assert.strictEqual(Fingerprint.recognise(version, words), router)
    })
  }
})

describe("RouterProbe", () => {
  it.scoped("asks for date and limits, and creates no session", () =>
    Effect.gen(function* () {
      let opened = -1
      const { probe, router } = yield* start({}, (millis) =>
        Effect.sync(() => {
          opened = millis
        })
      )
      const connection = yield* router.accept
      const { options, version } = yield* connection.expect("GetDate")
      assert.strictEqual(version, Fingerprint.PROBE_VERSION)
      assert.isUndefined(options)
      yield* settle
      assert.strictEqual(opened, 0)
      yield* TestClock.adjust("30 millis")
      yield* connection.send({ _tag: "SetDate", date: NOW + 30 + 5_000, version: "0.9.67" })
      yield* connection.expect("GetBandwidthLimits")
      yield* connection.send({ _tag: "BandwidthLimits", limits: limits(66, 66, 100, 150, 100, 150, 1) })
      assert.deepStrictEqual(yield* Fiber.join(probe), {
        version: "0.9.67",
        router: "Java I2P",
        clockOffset: 5_000,
        connectMillis: 0,
        answerMillis: 30
      })
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("can do without the limits, after two seconds", () =>
    Effect.gen(function* () {
      const { probe, router } = yield* start()
      const connection = yield* router.accept
      yield* connection.expect("GetDate")
      yield* connection.send({ _tag: "SetDate", date: NOW, version: "0.9.50" })
      yield* settle
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(probe)).router, "unknown")
    })
  )

  it.scoped("gives up on silence in bounded time", () =>
    Effect.gen(function* () {
      const { probe, router } = yield* start({ dateTimeout: "5 seconds" })
      yield* router.accept
      yield* settle
      yield* TestClock.adjust("7 seconds")
      const error = yield* Effect.flip(Fiber.join(probe))
      assert.isTrue(error._tag === "NotI2cp" && error.reason === "Silence")
    })
  )

  it.scoped("says what a Disconnect said, although the end follows at once", () =>
    Effect.gen(function* () {
      const { probe, router } = yield* start({ credentials: { username: "me", password: Redacted.make("wrong") } })
      const connection = yield* router.accept
      const { options } = yield* connection.expect("GetDate")
      assert.strictEqual(options?.get("i2cp.username"), "me")
      yield* connection.send({ _tag: "Disconnect", reason: "Authorization failed" })
      yield* connection.hangUp
      const error = yield* Effect.flip(Fiber.join(probe))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "Unauthorized", error.message)
    })
  )

  it.scoped("recognises a web server, an end, and a dial that fails", () =>
    Effect.gen(function* () {
      const web = yield* start()
      yield* (yield* web.router.accept).sendBytes(text("HTTP/1.1 400 Bad Request\r\n\r\n"))
      const first = yield* Effect.flip(Fiber.join(web.probe))
      assert.isTrue(first._tag === "NotI2cp" && first.reason === "WebServer", first.message)
      const ended = yield* start()
      yield* (yield* ended.router.accept).hangUp
      const second = yield* Effect.flip(Fiber.join(ended.probe))
      assert.isTrue(second._tag === "NotI2cp" && second.reason === "Closed", second.message)
      const router = yield* ScriptedRouter.make
      yield* router.refuse(new Error("connect ECONNREFUSED 127.0.0.1:7654"))
      const third = yield* RouterProbe.probe().pipe(
        Effect.provide(Layer.provide(I2cpConnection.layer, Layer.succeed(Socket.Socket, router.socket))),
        Effect.flip
      )
      assert.isTrue(third._tag === "RouterUnreachable" && third.reason === "Refused", third.message)
    })
  )
})
