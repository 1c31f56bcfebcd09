/**
 * One end of a stream in a run of chaos: what it does, and how it came out.
 *
 * @since 0.1.0
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ConnectError, StreamError } from "@effect-i2p/streaming/StreamError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { must } from "../Target.js"
import type * as Plan from "./Plan.js"

/**
 * Which end of which stream.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  readonly stream: number
  readonly side: "client" | "server"
}

/**
 * **Shape** `accepted` is what the stack took to write, `acknowledged` whether it said that all of it has come. `got` is
 * how much was read, `sawEnd` whether the end of the stream was. `error` is of whichever direction failed first; an end that
 * breaks off as planned is `left` and has none. `received` is what the stack had in order when the application left, read
 * or not, and `outstanding` whether the other end had not acknowledged all that was written here by then.
 *
 * **Units** bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  readonly accepted: number
  readonly acknowledged: boolean
  readonly got: number
  readonly sawEnd: boolean
  readonly left: boolean
  readonly received: number
  readonly outstanding: boolean
  readonly error: string | undefined
}

/**
 * What an error is called in a report.
 *
 * @since 0.1.0
 * @category printing
 */
export const nameOf = (error: StreamError | ConnectError): string =>
  "reason" in error ? `${error._tag} ${error.reason}` : error._tag

/** What is written at an offset: another byte in each stream and direction. */
const byteAt = ({ side, stream }: Place, offset: number): number =>
  (offset * 31 + (offset >> 8) * 7 + stream * 59 + (side === "server" ? 0x55 : 0)) & 0xff

const opposite = ({ side, stream }: Place): Place => ({ stream, side: side === "client" ? "server" : "client" })

/** Interrupted or failed, what came until then counts. */
class Progress {
  accepted = 0
  acknowledged = false
  got = 0
  sawEnd = false
  error: StreamError | undefined

  /** The first counts. */
  readonly note = (error: StreamError): Effect.Effect<void> =>
    Effect.sync(() => {
      this.error ??= error
    })
}

const write = Effect.fnUntraced(function* (
  connection: StreamConnection,
  place: Place,
  plan: Plan.EndPlan,
  progress: Progress
) {
  while (progress.accepted < plan.bytes) {
    const from = progress.accepted
    const size = Math.min(plan.bytes - from, plan.chunk)
    yield* connection.write(Uint8Array.from({ length: size }, (_, n) => byteAt(place, from + n)))
    progress.accepted += size
  }
  if (plan.ending === "end") yield* connection.end
  yield* connection.flush
  progress.acknowledged = true
})

/** Reads up to the end of the stream, or to `expected` bytes where nobody waits for the end. */
const read = Effect.fnUntraced(function* (
  connection: StreamConnection,
  place: Place,
  plan: Plan.EndPlan,
  expected: number,
  progress: Progress
) {
  const from = opposite(place)
  while (plan.ending !== "close" || progress.got < expected) {
    const next = yield* connection.read
    if (Option.isNone(next)) {
      progress.sawEnd = true
      return
    }
    for (const byte of next.value) {
      must(
        byte === byteAt(from, progress.got),
        `${place.side} of stream ${place.stream}: byte ${progress.got} is wrong`
      )
      progress.got++
    }
    if (plan.readPause > 0) yield* Effect.sleep(plan.readPause)
  }
})

/**
 * Lives with a stream as planned, to whatever end.
 *
 * @since 0.1.0
 * @category running
 */
export const live = (
  connection: StreamConnection,
  place: Place,
  plan: Plan.EndPlan,
  expected: number
): Effect.Effect<Report> =>
  Effect.gen(function* () {
    const progress = new Progress()
    // Each to its own end: what has come can be read when writing has failed.
    const both = Effect.all(
      [
        Effect.tapError(write(connection, place, plan, progress), progress.note),
        Effect.tapError(read(connection, place, plan, expected, progress), progress.note)
      ].map(Effect.either),
      { concurrency: 2 }
    ).pipe(Effect.flatMap(() => (progress.error === undefined ? Effect.void : Effect.fail(progress.error))))
    const breaksOff = plan.ending === "reset" || plan.ending === "leave"
    const fiber = yield* Effect.fork(plan.ending === "close" ? Effect.zipRight(both, connection.close) : both)
    const exit = yield* breaksOff
      ? Effect.raceFirst(Fiber.await(fiber), Effect.as(Effect.sleep(plan.after), undefined))
      : Fiber.await(fiber)
    if (exit === undefined) yield* Fiber.interrupt(fiber)
    const { bytesAcknowledged, bytesUnread, bytesWritten } = yield* connection.stats
    const taken = Option.match(yield* Stream.runHead(connection.progress("1 hour")), {
      onNone: () => 0,
      onSome: ({ bytesRead }) => bytesRead
    })
    if (exit === undefined && plan.ending === "reset") yield* connection.reset
    if (exit !== undefined && Exit.isFailure(exit) && Cause.isDie(exit.cause))
      return yield* Effect.failCause(exit.cause)
    const error = exit !== undefined && Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : Option.none()
    return {
      accepted: progress.accepted,
      acknowledged: progress.acknowledged,
      got: progress.got,
      sawEnd: progress.sawEnd,
      left: exit === undefined,
      received: taken + bytesUnread,
      outstanding: bytesAcknowledged < bytesWritten,
      error: Option.getOrUndefined(Option.map(error, nameOf))
    }
  }).pipe(Effect.catchAllCause((cause) => Effect.die(Cause.squash(cause))))
