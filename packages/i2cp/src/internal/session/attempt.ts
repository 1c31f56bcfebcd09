/**
 * One connection from dial to end, and what its end means.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import type { ConnectionEnded } from "../../I2cpConnection.js"
import * as I2cpError from "../../I2cpError.js"
import type { RunningConnection } from "./currentConnection.js"
import * as Diagnosis from "./diagnosis.js"
import * as Driver from "./driver.js"
import type { Environment } from "./environment.js"
import { Receiver } from "./receiver.js"

/**
 * Runs one connection to the router of that index. Succeeds when it ended because `RunningConnection.close` was called,
 * fails when it ended for any other reason.
 */
export const run = Effect.fn("I2cpSession.connection")(function* (env: Environment, router: number) {
  const { current, keys, leaseSets, lifecycle, transport } = env
  leaseSets.onAttempt(lifecycle.attempts)
  const driver = yield* Driver.make(env)
  const started = yield* Deferred.make<RunningConnection>()
  const ended = yield* Ref.make<ConnectionEnded | undefined>(undefined)
  const connected = transport.run((link) => {
    const connection = driver.connectionOf(link)
    current.begin(connection)
    Deferred.unsafeDone(started, Exit.succeed(connection))
    return new Receiver(env, connection, driver).onFrame
  }, router)
  // The end of the connection is an event behind the frames that came before it: a Disconnect explains it.
  const watched = Effect.catchAll(connected, (end) =>
    Effect.flatMap(Ref.set(ended, end), () => {
      driver.tell({ _tag: "Lost", detail: end.detail })
      return Effect.never
    })
  )
  const outcome = yield* Effect.raceFirst(
    watched,
    Effect.flatMap(Deferred.await(started), (connection) => driver.drive(connection))
  )
  const error = Diagnosis.toError(outcome, yield* Ref.get(ended), current.now?.link.isOpen() ?? false)
  if (error !== undefined) return yield* keys.offline === undefined ? error : withOfflineHint(error)
})

/** Routers that cannot serve such a session refuse it without a reason: i2pd with status "invalid", emissary likewise. */
const withOfflineHint = (error: I2cpError.I2cpError): I2cpError.I2cpError =>
  error._tag === "SessionRejected" && error.reason === "Invalid"
    ? new I2cpError.SessionRejected({
        ...error,
        detail: `${error.detail}; the keys are offline ones, which i2pd and emissary do not take, Java I2P does`
      })
    : error
