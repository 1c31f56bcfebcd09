/**
 * A session on a scripted router, under TestClock.
 */

import * as Socket from "@effect/platform/Socket"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpConnection from "@effect-i2p/i2cp/I2cpConnection"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { keys } from "./vectors.js"

export const NOW = 1_700_000_000_000

/** Lets every fiber run until it waits. */
export const settle = Effect.yieldNow().pipe(Effect.repeatN(50))

/** Starts a session in its own scope, without waiting for it. */
export const start = (
  config: Partial<I2cpConfig.Service> = {},
  compression: Compression.Service = Compression.portable,
  sessionKeys: DestinationKeys = keys
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(NOW)
    const router = yield* ScriptedRouter.make
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => Scope.close(scope, exit))
    const session = yield* I2cpSession.make({ keys: sessionKeys }).pipe(
      Effect.provide(I2cpConnection.layer),
      Effect.provideService(Socket.Socket, router.socket),
      Effect.provideService(I2cpConfig.I2cpConfig, {
        ...I2cpConfig.defaults,
        reconnect: Schedule.spaced("10 seconds"),
        ...config
      }),
      Effect.provideService(Compression.Compression, compression),
      Scope.extend(scope),
      Effect.fork
    )
    return { router, scope, session }
  })

/** A session that is up, and its connection. Hangs up at the end so that nothing waits for the clock. */
export const up = (
  config: Partial<I2cpConfig.Service> = {},
  compression?: Compression.Service,
  sessionKeys?: DestinationKeys
) =>
  Effect.gen(function* () {
    const started = yield* start(config, compression, sessionKeys)
    const connection = yield* started.router.accept
    yield* Effect.addFinalizer(() => connection.hangUp)
    const leaseSet = yield* ScriptedRouter.bringUp(connection, NOW)
    const session = yield* Fiber.join(started.session)
    yield* session.ready
    return { ...started, connection, session, leaseSet }
  })
