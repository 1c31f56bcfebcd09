/**
 * The examination behind `i2p doctor`: walks the way from a port to a stream and stops where it ends.
 *
 * The last two stages need somebody else to look us up and to talk to: a second destination on the same router, over a
 * connection of its own. Java I2P refuses streams to oneself (message status 23), and what one asks about oneself no
 * router asks the network.
 *
 * A router never says that it took a lease set. It says so when it did not, by ending the session: Java at once, i2pd
 * 2.45.1 after ten seconds. So a session lost between its lease set and the first look-up that finds it counts as refused.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpConnection from "@effect-i2p/i2cp/I2cpConnection"
import { type I2cpError, type LookupFailed, NotI2cp } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Message from "@effect-i2p/i2cp/Message"
import * as RouterProbe from "@effect-i2p/i2cp/RouterProbe"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Format from "../output/Format.js"
import { detailOf, hintOf, type Outcome, type Stage, stageOf, stages } from "./DoctorStage.js"

/**
 * **Shape** `socket` makes a connection to the router each time it is built. `whoElse` is asked about a port that hangs up
 * or says nothing: OpenSSL servers do to bytes that are no TLS, some web servers to a line that does not end. `onStage` is told the stage that begins,
 * `onOutcome` what came of it.
 * **Units** `patience` seconds for each stage instead of {@link limits}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly socket: Layer.Layer<Socket.Socket>
  readonly whoElse: Effect.Effect<"TlsServer" | "WebServer" | undefined>
  readonly keys: DestinationKeys | undefined
  readonly session: Partial<I2cpConfig.Service>
  readonly patience: number | undefined
  readonly onStage: (stage: Stage) => Effect.Effect<void>
  readonly onOutcome: (outcome: Outcome) => Effect.Effect<void>
}

/**
 * How long each stage may take.
 *
 * **Units** seconds.
 * **Source** port, version, session, tunnels: the defaults of `I2cpConfig`, but a router that is near has told its version
 * in 10 s. Self-lookup: a second session with its tunnels, and 40 s of looking up. Stream: the default for connecting.
 */
const limits: Readonly<Record<Exclude<Stage, "lease set">, number>> = {
  port: 10,
  version: 10,
  session: 60,
  tunnels: 300,
  "self-lookup": 180,
  "loopback stream": 60
}

/** How long a session must hold after its lease set. Source: ours; Java ends it within 50 ms, i2pd later, see above. */
const HOLD = "1 second"

/** Bytes sent there and back. Source: ours; one packet. */
const ECHO_BYTES = 1_000

class StageFailed extends Data.TaggedError("StageFailed")<{
  readonly stage: Stage
  readonly detail: string
  readonly hint: string
}> {}

/**
 * Runs the stages and answers what came of those that were reached: all passed, or the last one failed.
 *
 * @category running
 * @since 0.1.0
 */
export const examine = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ReadonlyArray<Outcome>, never, Scope.Scope> {
  const outcomes: Array<Outcome> = []
  let stage: Stage = "port"
  let began = yield* Clock.currentTimeMillis

  const record = (outcome: Outcome) => {
    outcomes.push(outcome)
    return options.onOutcome(outcome)
  }
  const begin = (next: Stage) =>
    Effect.suspend(() => {
      stage = next
      return options.onStage(next)
    })
  const pass = (detail: string, next?: Stage) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* record({ _tag: "Passed", stage, millis: now - began, detail })
      began = now
      if (next !== undefined) yield* begin(next)
    })
  const patience = (of: Exclude<Stage, "lease set">) => Duration.seconds(options.patience ?? limits[of])
  const inTime = <A, E, R>(of: Exclude<Stage, "lease set">, effect: Effect.Effect<A, E, R>, detail: string) =>
    Effect.timeoutFail(effect, {
      duration: patience(of),
      onTimeout: () =>
        new StageFailed({
          stage: of,
          detail: `${detail} within ${Format.seconds(Duration.toMillis(patience(of)))}`,
          hint: hintOf(of, undefined)
        })
    })

  const stagesInOrder = Effect.gen(function* () {
    yield* begin("port")
    const answer = yield* probe(options, patience("version"), () => pass("connected", "version"))
    yield* pass(describe(answer), "session")

    const own = yield* inTime("session", open(options, options.keys), "no session").pipe(
      Effect.mapError((error) => (error._tag === "StageFailed" ? error : failed(stageOf(error) ?? "session", error)))
    )
    yield* pass(`created for ${own.session.destination.short}…`, "tunnels")

    // Whatever comes next, the loss of the session says more than what comes of it.
    const holding = <A, E, R>(effect: Effect.Effect<A, E, R>, lost: Stage) =>
      Effect.raceFirst(
        effect,
        Effect.flatMap(own.lost, (error) => failed(lost, error))
      )
    yield* inTime("tunnels", own.session.ready, "no tunnels").pipe(
      Effect.mapError((error) =>
        error._tag === "StageFailed" ? error : failed(own.seen.asked ? "lease set" : "tunnels", error)
      )
    )
    yield* pass(`${own.seen.leases} inbound, the router asks for a lease set`, "lease set")

    yield* holding(Effect.sleep(HOLD), "lease set")
    yield* pass("given, and the router keeps the session", "self-lookup")

    const other = yield* holding(
      inTime("self-lookup", lookUp(options, own.session.destination.b32), "a second destination did not find us"),
      "lease set"
    )
    yield* pass("a second destination finds us", "loopback stream")

    yield* holding(inTime("loopback stream", loopback(own.streams, other), "nothing came back"), "loopback stream")
    yield* pass(`${ECHO_BYTES} bytes there and back`)
  })

  yield* Effect.catchAll(stagesInOrder, (failure) =>
    Effect.gen(function* () {
      const at = stages.indexOf(failure.stage)
      // What fails may be further on than what was looked at last, or seem to have passed: a lease set.
      while (outcomes.length < at) yield* pass("passed", stages[outcomes.length + 1])
      outcomes.length = at
      const { detail, hint, stage } = failure
      yield* record({ _tag: "Failed", stage, millis: (yield* Clock.currentTimeMillis) - began, detail, hint })
    })
  )
  return outcomes
})

const failed = (stage: Stage, error: I2cpError | LookupFailed): StageFailed =>
  new StageFailed({ stage, detail: detailOf(error), hint: hintOf(stage, error) })

const probe = (options: Options, dateTimeout: Duration.Duration, onOpen: () => Effect.Effect<void>) =>
  RouterProbe.probe(onOpen).pipe(
    Effect.provide(Layer.provide(Layer.fresh(I2cpConnection.layer), options.socket)),
    Effect.provide(I2cpConfig.layer({ ...options.session, dateTimeout })),
    Effect.catchAll((error) =>
      Effect.gen(function* () {
        const stage = stageOf(error) ?? "version"
        const isMute = error._tag === "NotI2cp" && (error.reason === "Closed" || error.reason === "Silence")
        const reason = isMute ? yield* options.whoElse : undefined
        if (!isMute || reason === undefined) return yield* failed(stage, error)
        const speaks = reason === "TlsServer" ? "TLS" : "HTTP"
        return yield* failed(stage, new NotI2cp({ reason, detail: `${error.detail}, and speaks ${speaks}` }))
      })
    )
  )

/** The embedded router says who it is unless it is set up to be like i2pd. */
const names: Partial<Record<RouterProbe.Answer["router"], string>> = {
  i2pd: "i2pd or the embedded router",
  "effect-i2p": "the embedded router"
}

const describe = ({ clockOffset, router, version }: RouterProbe.Answer): string => {
  const who = router === "unknown" ? "" : `, like ${names[router] ?? router}`
  const isEcho = router === "i2pd up to 2.57"
  const clock =
    Math.abs(clockOffset) < 1_000
      ? "clocks agree"
      : `its clock is ${Format.seconds(Math.abs(clockOffset))} ${clockOffset > 0 ? "ahead" : "behind"}`
  return `${isEcho ? "does not tell its own" : version || "none"}${who}, ${clock}`
}

/** What went over the wire of a session, which is more exact than its state: that may have changed twice since. */
interface Seen {
  asked: boolean
  leases: number
}

interface Destination {
  readonly session: Context.Tag.Service<I2cpSession.I2cpSession>
  readonly streams: Context.Tag.Service<StreamManager>
  readonly seen: Seen
  /** Answers with the reason once the session is lost. */
  readonly lost: Effect.Effect<I2cpError>
}

const LEASE_REQUEST = Message.typeOf("RequestVariableLeaseSet")

const observed = (seen: Seen) =>
  Layer.effect(
    I2cpConnection.I2cpConnection,
    Effect.map(I2cpConnection.make, ({ routers, run }) =>
      I2cpConnection.I2cpConnection.of({
        routers,
        run: (use) =>
          run((link) => {
            const onFrame = use(link)
            return (type, body, now) => {
              if (type === LEASE_REQUEST) {
                seen.asked = true
                seen.leases = body[2] ?? 0
              }
              onFrame(type, body, now)
            }
          })
      })
    )
  )

/** A destination that is lost for good when its connection is: a doctor wants to see that. */
const open = (
  options: Options,
  keys: DestinationKeys | undefined
): Effect.Effect<Destination, I2cpError, Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Seen = { asked: false, leases: 0 }
    const config = I2cpConfig.layer({
      ...options.session,
      reconnect: Schedule.stop,
      retryFirst: false,
      // Asking again must end before our patience does, or "not found" becomes "no answer".
      ...(options.patience === undefined ? {} : { lookupRetryWindow: Duration.seconds(options.patience / 2) })
    })
    const built = yield* Layer.build(
      StreamManager.layerI2cp().pipe(
        Layer.provideMerge(I2cpSession.layerConnection({ keys })),
        Layer.provide(observed(seen)),
        Layer.provide([options.socket, config, NodeI2p.layerBackends]),
        Layer.fresh
      )
    )
    const session = Context.get(built, I2cpSession.I2cpSession)
    const lost = session.state.changes.pipe(
      Stream.filterMap((state) =>
        state._tag === "Lost" || state._tag === "Failed" ? Option.some(state.reason) : Option.none()
      ),
      Stream.runHead,
      Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))
    )
    return { session, streams: Context.get(built, StreamManager), seen, lost }
  })

/** The streams of a second destination, once it has found the first. */
const lookUp = (options: Options, b32: string) =>
  Effect.gen(function* () {
    const other = yield* open(options, undefined)
    yield* other.session.ready
    yield* other.session.lookup(b32)
    return other.streams
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "LookupFailed"
        ? failed("self-lookup", error)
        : new StageFailed({
            stage: "self-lookup",
            detail: `a second destination did not come up: ${detailOf(error)}`,
            hint: hintOf("self-lookup", error)
          })
    )
  )

/** Some bytes there and back. */
const loopback = (
  own: Context.Tag.Service<StreamManager>,
  other: Context.Tag.Service<StreamManager>
): Effect.Effect<void, StageFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const listener = yield* own.listen({ port: ECHO_PORT })
    yield* Effect.forkScoped(listener.run((stream) => Effect.ignore(Stream.run(stream.readable, stream.writable))))
    const stream = yield* other.connect({ destination: own.destination, port: ECHO_PORT })
    const sent = Uint8Array.from({ length: ECHO_BYTES }, (_, at) => at)
    yield* stream.write(sent)
    const received = yield* stream.readable.pipe(Stream.flattenIterables, Stream.take(ECHO_BYTES), Stream.runCollect)
    const isIntact = Bytes.equals(Uint8Array.from(received), sent)
    return yield* isIntact
      ? Effect.void
      : new StageFailed({
          stage: "loopback stream",
          detail: "other bytes came back",
          hint: hintOf("loopback stream", undefined)
        })
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "StageFailed"
        ? error
        : new StageFailed({
            stage: "loopback stream",
            detail: error.message,
            hint: hintOf("loopback stream", undefined)
          })
    )
  )

/** **Source** RFC 862, echo. */
const ECHO_PORT = 7
