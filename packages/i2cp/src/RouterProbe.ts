/**
 * Asks a router who it is, without a session: one connection, GetDate, GetBandwidthLimits.
 *
 * It tells a router that answers from a port that does not, a wrong password from a wrong port, and roughly which router
 * it is. It opens no session and leaves nothing behind.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fingerprint from "./core/Fingerprint.js"
import type * as Session from "./core/Session.js"
import { I2cpConfig } from "./I2cpConfig.js"
import type { ConnectionEnded } from "./I2cpConnection.js"
import * as I2cpConnection from "./I2cpConnection.js"
import type { I2cpError } from "./I2cpError.js"
import * as Credentials from "./internal/requests/credentials.js"
import * as Diagnosis from "./internal/session/diagnosis.js"
import * as Message from "./Message.js"

/**
 * What the router said.
 *
 * **Shape** `version` is the router's own, or for older i2pd an echo of ours; empty from a very old router. `router` is a
 * guess, see `core/Fingerprint`.
 * **Units** ms; `clockOffset` is the router's clock less ours.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly version: string
  readonly router: Fingerprint.Router
  readonly clockOffset: number
  readonly connectMillis: number
  readonly answerMillis: number
}

/**
 * How long a router may take for BandwidthLimits once it has told the date.
 *
 * **Source** ours; every known router answers at once, and without an answer the probe only knows less.
 */
const LIMITS_TIMEOUT = "2 seconds"

/**
 * Connects, asks, and hangs up. Waits at most `I2cpConfig.dateTimeout`, plus two seconds for what it can do without.
 * `onOpen` runs when the connection has opened.
 *
 * **Errors** as a session's first attempt: `RouterUnreachable`, `TlsFailed`, `NotI2cp`, `SessionRejected`.
 *
 * @category running
 * @since 0.1.0
 */
export const probe = (
  onOpen: (millis: number) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<Answer, I2cpError, I2cpConnection.I2cpConnection> =>
  Effect.gen(function* () {
    const config = yield* I2cpConfig
    const connection = yield* I2cpConnection.I2cpConnection
    const clock = yield* Effect.clock
    const dialled = yield* Deferred.make<I2cpConnection.Link>()
    const dated = yield* Deferred.make<Message.SetDate & { readonly at: number }>()
    const limited = yield* Deferred.make<ReadonlyArray<number>>()
    const refused = yield* Deferred.make<never, Session.Outcome>()
    const started = clock.unsafeCurrentTimeMillis()
    let opened = false

    const talk = (link: I2cpConnection.Link): I2cpConnection.OnFrame => {
      const options = Credentials.options(config)
      const version = Fingerprint.PROBE_VERSION
      link.send(
        Message.encode(options === undefined ? { _tag: "GetDate", version } : { _tag: "GetDate", version, options })
      )
      Deferred.unsafeDone(dialled, Effect.succeed(link))
      return (type, body, at) => {
        const message = Either.getOrUndefined(Message.decode(type, body))
        switch (message?._tag) {
          case "SetDate":
            Deferred.unsafeDone(dated, Effect.succeed({ ...message, at }))
            link.send(Message.encode({ _tag: "GetBandwidthLimits" }))
            return
          case "BandwidthLimits":
            Deferred.unsafeDone(limited, Effect.succeed(message.limits))
            return
          case "Disconnect":
            Deferred.unsafeDone(
              refused,
              Effect.fail({ _tag: "Rejected", reason: "Disconnected", detail: message.reason })
            )
        }
      }
    }
    const asking = Effect.gen(function* () {
      const link = yield* Deferred.await(dialled)
      yield* link.opened
      opened = true
      const connectMillis = clock.unsafeCurrentTimeMillis() - started
      yield* onOpen(connectMillis)
      const { at, date, version } = yield* Deferred.await(dated)
      const limits = yield* Effect.timeoutOption(Deferred.await(limited), LIMITS_TIMEOUT)
      return {
        version,
        router: Fingerprint.recognise(version, limits._tag === "Some" ? limits.value : undefined),
        clockOffset: date - at,
        connectMillis,
        answerMillis: at - started - connectMillis
      }
    })
    const silence = Effect.delay(
      Effect.fail(SILENCE),
      Duration.sum(Duration.decode(config.dateTimeout), Duration.decode(LIMITS_TIMEOUT))
    )
    return yield* Effect.raceFirst(
      Effect.raceFirst(asking, Deferred.await(refused)),
      Effect.raceFirst(connection.run(talk), silence)
    ).pipe(Effect.mapError((end) => toError(end, opened)))
  }).pipe(Effect.withSpan("RouterProbe.probe"))

const SILENCE: Session.Outcome = { _tag: "NotI2cp", reason: "Silence", detail: "nothing came back" }

const toError = (end: Session.Outcome | ConnectionEnded, opened: boolean): I2cpError => {
  const outcome: Session.Outcome =
    end._tag === "ConnectionEnded" ? { _tag: "NotI2cp", reason: "Closed", detail: end.detail } : end
  // Only a session that we close ourselves ends without an error, and there is none.
  return Diagnosis.toError(outcome, end._tag === "ConnectionEnded" ? end : undefined, opened)!
}
