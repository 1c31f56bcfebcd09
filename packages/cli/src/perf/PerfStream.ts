/**
 * One data stream of a measurement, from either side: sends, receives, and keeps the account of both.
 *
 * @since 0.1.0
 */
import type { StreamConnection, StreamStats } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Side } from "./PerfProtocol.js"

/**
 * Bytes handed over at once. Ours: some packets, and a quarter of what may wait to be sent.
 */
const chunkBytes = 16_384

/**
 * What a stream does at a moment.
 *
 * **Units** bytes acknowledged and received, packets, ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly sent: number
  readonly received: number
  readonly retransmits: number
  readonly cwnd: number
  readonly packetBytes: number
  readonly rtt: number | undefined
}

/**
 * **Shape** `overhead` bytes of ours in front of the data do not count. `began` is when the test did, on the clock.
 *
 * @category models
 * @since 0.1.0
 */
export class PerfStream {
  #received = 0
  #sentAt: number
  #receivedAt: number
  #cwnd = 0
  #rtts = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 }

  constructor(
    readonly id: number,
    readonly stream: StreamConnection,
    readonly overhead: number,
    readonly began: number
  ) {
    this.#sentAt = began
    this.#receivedAt = began
  }

  /** Bytes that came along with the first line. */
  readonly onReceived = (bytes: number, now: number): void => {
    this.#received += bytes
    if (bytes > 0) this.#receivedAt = now
  }

  /** Writes until the time is up or so many bytes are written, waits until all is acknowledged, and ends the direction. */
  readonly send = (
    limit: { readonly seconds: number | null; readonly bytes: number | null },
    block: Uint8Array
  ): Effect.Effect<void, StreamError> => {
    const { stream } = this
    let left = limit.bytes ?? Number.POSITIVE_INFINITY
    let at = 0
    const write = Effect.whileLoop({
      while: () => left > 0,
      body: () => {
        const bytes = Math.min(left, chunkBytes, block.length - at)
        left -= bytes
        const chunk = block.subarray(at, at + bytes)
        at = (at + bytes) % block.length
        return stream.write(chunk)
      },
      step: () => {}
    })
    const timed =
      limit.seconds === null ? write : Effect.raceFirst(write, Effect.sleep(Duration.seconds(limit.seconds)))
    return Effect.zipRight(timed, stream.flush).pipe(
      Effect.zipRight(Clock.currentTimeMillis),
      Effect.flatMap((now) => {
        this.#sentAt = now
        return stream.end
      })
    )
  }

  /** Reads to the end. */
  readonly receive = (): Effect.Effect<void, StreamError> => {
    const { stream } = this
    const next: Effect.Effect<void, StreamError> = Effect.flatMap(stream.read, (chunk) => {
      if (Option.isNone(chunk)) return Effect.void
      return Effect.flatMap(Clock.currentTimeMillis, (now) => {
        this.onReceived(chunk.value.length, now)
        return next
      })
    })
    return next
  }

  /** What it does now, remembered for the end. */
  readonly read: Effect.Effect<Reading> = Effect.suspend(() =>
    Effect.map(this.stream.stats, (stats) => {
      this.#cwnd = Math.max(this.#cwnd, Math.round(stats.cwnd))
      if (stats.rtt !== undefined) {
        const { count, max, min, sum } = this.#rtts
        this.#rtts = {
          count: count + 1,
          sum: sum + stats.rtt,
          min: Math.min(min, stats.rtt),
          max: Math.max(max, stats.rtt)
        }
      }
      return {
        sent: this.#sentOf(stats),
        received: this.#received,
        retransmits: stats.retransmissions,
        cwnd: Math.round(stats.cwnd),
        packetBytes: stats.maxPacketSize,
        rtt: stats.rtt
      }
    })
  )

  /** What it has sent, up to now. */
  readonly sender: Effect.Effect<Side> = Effect.suspend(() =>
    Effect.flatMap(this.read, () =>
      Effect.zipWith(this.stream.stats, Clock.currentTimeMillis, (stats, now) => {
        const { count, max, min, sum } = this.#rtts
        const until = this.#sentAt > this.began ? this.#sentAt : now
        return {
          bytes: this.#sentOf(stats),
          seconds: (until - this.began) / 1000,
          packets: stats.packetsSent,
          retransmits: stats.retransmissions,
          cwnd: this.#cwnd,
          packet_bytes: stats.maxPacketSize,
          min_rtt_ms: count === 0 ? null : round(min),
          mean_rtt_ms: count === 0 ? null : round(sum / count),
          max_rtt_ms: count === 0 ? null : round(max)
        }
      })
    )
  )

  /** What it has received, up to now. */
  readonly receiver: Effect.Effect<Side> = Effect.suspend(() =>
    Effect.map(this.stream.stats, (stats) => ({
      bytes: this.#received,
      seconds: (this.#receivedAt - this.began) / 1000,
      packets: stats.packetsReceived,
      retransmits: 0,
      cwnd: 0,
      packet_bytes: stats.maxPacketSize,
      min_rtt_ms: null,
      mean_rtt_ms: null,
      max_rtt_ms: null
    }))
  )

  readonly #sentOf = (stats: StreamStats): number => Math.max(0, stats.bytesAcknowledged - this.overhead)
}

const round = (millis: number): number => Number(millis.toFixed(3))

/**
 * Ends with what `onStall` makes when nothing has moved for `seconds`; else never.
 *
 * @category running
 * @since 0.1.0
 */
export const watchdog = <E>(
  streams: () => Iterable<PerfStream>,
  seconds: number,
  onStall: () => E
): Effect.Effect<never, E> =>
  Effect.gen(function* () {
    let moved = -1
    let since = yield* Clock.currentTimeMillis
    for (;;) {
      let total = 0
      for (const stream of streams()) {
        const { received, sent } = yield* stream.read
        total += received + sent
      }
      const now = yield* Clock.currentTimeMillis
      if (total !== moved) {
        moved = total
        since = now
      }
      if (now - since >= seconds * 1000) return yield* Effect.fail(onStall())
      yield* Effect.sleep(Duration.seconds(Math.min(1, seconds)))
    }
  })
