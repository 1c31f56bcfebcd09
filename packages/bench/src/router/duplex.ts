/**
 * Bulk and echo through anything that carries bytes both ways: our streams, and i2pd's through SAM.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { quantile } from "../statistics.js"

/**
 * One end of an open stream; `read` gives at least one byte, or none at its end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Duplex {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, unknown>
  readonly read: Effect.Effect<Option.Option<Uint8Array>, unknown>
}

/**
 * Both ends of one stream, in this process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ends {
  readonly near: Duplex
  readonly far: Duplex
}

/**
 * What it took to move bytes.
 *
 * **Units** `seconds` from the first byte's start to the last one's arrival; `cpuSeconds` of this process, so of both
 * ends, user and system time together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transfer {
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
}

/** The same as in other transfers of ours, see `stacks.ts`. */
const chunk = new Uint8Array(65_536).fill(0x2a)

const readBytes = (from: Duplex, bytes: number): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    for (let left = bytes; left > 0; ) {
      const next = yield* from.read
      if (Option.isNone(next)) return yield* Effect.fail(new Error(`the stream ended ${left} bytes early`))
      left -= next.value.length
    }
  })

const writeBytes = (to: Duplex, bytes: number): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    for (let left = bytes; left > 0; left -= chunk.length) yield* to.write(chunk.subarray(0, left))
  })

/**
 * The transfer that an effect makes.
 *
 * @since 0.1.0
 * @category measuring
 */
export const measured = <E, R>(bytes: number, transfer: Effect.Effect<unknown, E, R>): Effect.Effect<Transfer, E, R> =>
  Effect.suspend(() => {
    const cpu = process.cpuUsage()
    const start = performance.now()
    return Effect.map(transfer, () => {
      const seconds = (performance.now() - start) / 1000
      const { system, user } = process.cpuUsage(cpu)
      return { bytes, seconds, cpuSeconds: (user + system) / 1_000_000 }
    })
  })

/**
 * Moves bytes from the near end to the far one.
 *
 * @since 0.1.0
 * @category measuring
 */
export const bulk = ({ far, near }: Ends, bytes: number): Effect.Effect<Transfer, unknown> =>
  measured(bytes, Effect.all([writeBytes(near, bytes), readBytes(far, bytes)], { concurrency: 2, discard: true }))

/** What is asked, and comes back. */
const question = new Uint8Array(32).fill(0x3f)

/**
 * Milliseconds from a question to its answer, so many times, one after the other.
 *
 * @since 0.1.0
 * @category measuring
 */
export const echo = ({ far, near }: Ends, times: number): Effect.Effect<ReadonlyArray<number>, unknown> => {
  const answer = Effect.flatMap(
    far.read,
    Option.match({ onNone: () => Effect.fail(new Error("the stream ended")), onSome: far.write })
  )
  const ask = Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(
      Effect.zipRight(near.write(question), readBytes(near, question.length)),
      () => performance.now() - start
    )
  })
  return Effect.raceFirst(Effect.replicateEffect(ask, times), Effect.forever(answer))
}

/**
 * Bytes a second of several transfers together.
 *
 * @since 0.1.0
 * @category measuring
 */
export const goodput = (transfers: ReadonlyArray<Transfer>): number =>
  sum(transfers, ({ bytes }) => bytes) / sum(transfers, ({ seconds }) => seconds)

/**
 * Processor seconds for a byte of several transfers together.
 *
 * @since 0.1.0
 * @category measuring
 */
export const cpuPerByte = (transfers: ReadonlyArray<Transfer>): number =>
  sum(transfers, ({ cpuSeconds }) => cpuSeconds) / sum(transfers, ({ bytes }) => bytes)

const sum = (transfers: ReadonlyArray<Transfer>, of: (transfer: Transfer) => number): number =>
  transfers.reduce((total, transfer) => total + of(transfer), 0)

/**
 * The middle of several echoes together.
 *
 * @since 0.1.0
 * @category measuring
 */
export const p50 = (millis: ReadonlyArray<ReadonlyArray<number>>): number => quantile(millis.flat(), 0.5)
