/**
 * The handle of one stream: what an application reads from, writes to and closes.
 *
 * It belongs to a scope, whose exit decides how it ends: success closes it gracefully, which goes on in the background of
 * the session, so that nobody waits for the peer unless `close` or `flush` says so; failure, defect and interruption reset
 * it.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import type * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Counters } from "./core/Counters.js"
import * as Event from "./core/Event.js"
import * as SendBuffer from "./core/SendBuffer.js"
import type { Phase, State } from "./core/State.js"
import { type Connection, countersOf } from "./internal/connection/connection.js"
import { StreamClosed, type StreamError } from "./StreamError.js"

/**
 * RFC 9293 state names.
 *
 * @since 0.1.0
 * @category models
 */
export type Status = Phase["_tag"]

/**
 * A snapshot of a stream.
 *
 * **Units** milliseconds, packets and bytes. `bytesAcknowledged` is what the peer has for certain; `rtt` is absent until
 * measured.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamStats extends Counters {
  readonly status: Status
  readonly localStreamId: number
  readonly remoteStreamId: number
  readonly destination: Destination
  readonly localPort: number
  readonly remotePort: number
  readonly maxPacketSize: number
  readonly rtt: number | undefined
  readonly rttvar: number
  readonly rto: number
  readonly cwnd: number
  readonly ssthresh: number
  readonly packetsInFlight: number
  readonly bytesWritten: number
  readonly bytesAcknowledged: number
  readonly bytesUnread: number
  readonly choking: boolean
  readonly choked: boolean
  /** How long the peer has kept its window closed, all in all. */
  readonly chokedMillis: number
}

/**
 * How far a stream has got.
 *
 * **Units** bytes since the stream's beginning; `at` milliseconds of Effect's `Clock`. `bytesRead` is what the application
 * has taken, `bytesWritten` what it has given, `bytesInFlight` what has left and is not acknowledged, `bytesAcknowledged`
 * what the peer has for certain.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  readonly at: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly bytesInFlight: number
  readonly bytesAcknowledged: number
}

/**
 * A stream: bytes in order, both ways.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamConnection {
  readonly remote: Destination
  readonly localPort: number
  readonly remotePort: number
  readonly localStreamId: number
  /**
   * The next bytes; none when the peer has closed. Bytes are the reader's to keep. One reader at a time: dies while another
   * `read` or `readable` waits, which would get some of the bytes.
   */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, StreamError>
  /**
   * What is there already, up to `limit` bytes but at least one packet's payload; waits for the first bytes. Empty when the
   * peer has closed. One wake-up for many packets, while the peer may send no more than is read.
   */
  readonly readSome: (limit: number) => Effect.Effect<ReadonlyArray<Uint8Array>, StreamError>
  /** Everything from here to the peer's close. */
  readonly readable: Stream.Stream<Uint8Array, StreamError>
  /** Queues bytes for sending; waits while `sendBufferBytes` are waiting already. The bytes are copied. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, StreamError>
  /** Writes all it is given; does not close the stream. */
  readonly writable: Sink.Sink<void, Uint8Array, never, StreamError>
  /** Waits until the peer has acknowledged everything written so far. */
  readonly flush: Effect.Effect<void, StreamError>
  /**
   * Half-close: nothing more will be written, reading goes on. i2pd answers by dropping whatever it still had to send, so
   * use it only toward peers that are known to support it.
   */
  readonly end: Effect.Effect<void>
  /**
   * Closes both directions and waits until the peer knows, or `closeTimeout` ends it. The stream ends when the peer closes
   * too, which a Java application does in its own time; it has `closeTimeout` for it, and gets a RESET then.
   */
  readonly close: Effect.Effect<void, StreamError>
  /** Drops everything and tells the peer. */
  readonly reset: Effect.Effect<void>
  readonly stats: Effect.Effect<StreamStats>
  /**
   * How far the stream has got: now, after each `interval` that it lives, and a last time when it has ended, however it
   * did. Nothing is measured while nobody asks; an interval below a millisecond is one.
   *
   * @example
   * ```ts
   * import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
   * import * as Effect from "effect/Effect"
   * import * as Stream from "effect/Stream"
   *
   * const upload = (stream: StreamConnection, file: Uint8Array) =>
   *   Effect.gen(function* () {
   *     yield* stream.progress("1 second").pipe(
   *       Stream.runForEach(({ bytesAcknowledged }) => Effect.log(`${bytesAcknowledged} of ${file.length} bytes`)),
   *       Effect.forkScoped
   *     )
   *     yield* stream.write(file)
   *     yield* stream.flush
   *   })
   * ```
   */
  readonly progress: (interval: Duration.DurationInput) => Stream.Stream<Progress>
  /** The stream's status now and whenever it changes, to the last one. */
  readonly changes: Stream.Stream<Status>
}

/**
 * A connection and what its owner, the scope, does with it at the end.
 *
 * @internal
 */
export interface Owned {
  readonly connection: StreamConnection
  /** What the scope's end does: a graceful close, or a reset if it failed and the options say so. Does not wait. */
  readonly release: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
  /** Nobody has taken the stream. */
  readonly refuse: Effect.Effect<void>
}

/**
 * @internal
 */
export const make = (connection: Connection): Owned => new Handle(connection)

/**
 * Whether a scope that ends so resets the stream.
 *
 * @internal
 */
export const isResetBy = (stream: StreamConnection, exit: Exit.Exit<unknown, unknown>): boolean =>
  stream instanceof Handle && stream.isResetBy(exit)

/**
 * The clock of the stream's session, for waits that are part of the protocol whatever clock their caller has.
 *
 * @internal
 */
export const onClockOf = (
  stream: StreamConnection
): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  stream instanceof Handle ? Effect.withClock(stream.clock) : identity

const incoming = (connection: Connection): Channel.Channel<Chunk.Chunk<Uint8Array>, unknown, StreamError> => {
  const next: Channel.Channel<Chunk.Chunk<Uint8Array>, unknown, StreamError> = Channel.flatMap(
    Channel.fromEffect(connection.incoming.readAll),
    (taken) => (taken.length === 0 ? Channel.void : Channel.zipRight(Channel.write(taken), next))
  )
  return next
}

/**
 * Effects are made when they are asked for: a handle that holds them all is 6 KB, and most of ten thousand idle streams
 * never use one.
 */
class Handle implements Owned, StreamConnection {
  readonly #stream: Connection
  /** Nothing more may be written. */
  #closed = false
  /** Both directions are closed by the application's own word. */
  #isClosed = false

  constructor(stream: Connection) {
    this.#stream = stream
  }

  get connection(): StreamConnection {
    return this
  }

  get clock(): Clock.Clock {
    return this.#stream.session.clock
  }

  get remote(): Destination {
    return this.#stream.peer.destination
  }

  get localStreamId(): number {
    return this.#stream.id
  }

  get localPort(): number {
    return this.#stream.peer.localPort
  }

  get remotePort(): number {
    return this.#stream.peer.remotePort
  }

  get read(): Effect.Effect<Option.Option<Uint8Array>, StreamError> {
    return this.#stream.incoming.read
  }

  get readSome(): (limit: number) => Effect.Effect<ReadonlyArray<Uint8Array>, StreamError> {
    const { incoming } = this.#stream
    return (limit) => incoming.readUpTo(limit)
  }

  get readable(): Stream.Stream<Uint8Array, StreamError> {
    return Stream.fromChannel(incoming(this.#stream))
  }

  // Copied in one piece, so that a packet that takes from two units is a view as well.
  readonly write = (bytes: Uint8Array): Effect.Effect<void, StreamError> =>
    Effect.suspend(() => this.#writeFrom(this.#stream.outgoing.copy(bytes), 0))

  get writable(): Sink.Sink<void, Uint8Array, never, StreamError> {
    return Sink.forEach(this.write)
  }

  get flush(): Effect.Effect<void, StreamError> {
    const { outgoing } = this.#stream
    return Effect.suspend(() => {
      if (outgoing.isFlushed) return Effect.void
      if (this.#stream.ended !== undefined) return this.#gone()
      this.#stream.command(Event.flush)
      return outgoing.flushed
    })
  }

  get end(): Effect.Effect<void> {
    return this.#closeWith(Event.end)
  }

  get close(): Effect.Effect<void, StreamError> {
    const stream = this.#stream
    return this.#closeWith(Event.close).pipe(
      Effect.zipRight(stream.hasClosed),
      Effect.zipRight(
        Effect.suspend(() => (stream.ended?.error === undefined ? Effect.void : Effect.fail(stream.ended.error)))
      )
    )
  }

  get reset(): Effect.Effect<void> {
    return this.#closeWith(Event.abort)
  }

  get refuse(): Effect.Effect<void> {
    return this.#closeWith(Event.refuse)
  }

  release(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => this.#closeWith(this.isResetBy(exit) ? Event.abort : Event.close))
  }

  /** Not once the application has closed it: what it wrote is whole by its own word. */
  isResetBy(exit: Exit.Exit<unknown, unknown>): boolean {
    return Exit.isFailure(exit) && this.#stream.resetsOnFailure && !this.#isClosed
  }

  get stats(): Effect.Effect<StreamStats> {
    return Effect.map(Ref.get(this.#stream.state), (state) => toStats(this.#stream, state))
  }

  get progress(): (interval: Duration.DurationInput) => Stream.Stream<Progress> {
    const stream = this.#stream
    return (interval) => {
      const pause = Duration.max(interval, shortestInterval)
      const now = Effect.zipWith(Clock.currentTimeMillis, Ref.get(stream.state), (at, state) =>
        toProgress(stream, state, at)
      )
      const last = Stream.fromEffect(now)
      return Stream.suspend(() =>
        stream.ended !== undefined
          ? last
          : Stream.repeatEffectWithSchedule(now, Schedule.fixed(pause)).pipe(
              Stream.interruptWhen(Stream.runDrain(stream.changes)),
              Stream.concat(last)
            )
      )
    }
  }

  get changes(): Stream.Stream<Status> {
    return this.#stream.changes
  }

  #isGone(): boolean {
    return this.#closed || this.#stream.ended !== undefined
  }

  #gone(): Effect.Effect<never, StreamError> {
    return Effect.fail(this.#stream.ended?.error ?? new StreamClosed({ destination: this.remote.short }))
  }

  #writeFrom(bytes: Uint8Array, start: number): Effect.Effect<void, StreamError> {
    const { outgoing } = this.#stream
    return Effect.suspend(() => {
      if (this.#isGone()) return this.#gone()
      for (let at = start; at < bytes.length; at += outgoing.writeUnit) {
        const unit = bytes.subarray(at, at + outgoing.writeUnit)
        if (!outgoing.credit.tryTake(unit.length)) {
          return Effect.zipRight(this.#writeLater(unit), this.#writeFrom(bytes, at + outgoing.writeUnit))
        }
        this.#stream.write(unit)
      }
      outgoing.lend(bytes)
      return Effect.void
    })
  }

  /** Nothing may come between taking the credit and using it, or an interrupted writer would keep it for ever. */
  #writeLater(unit: Uint8Array): Effect.Effect<void, StreamError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(this.#stream.outgoing.credit.take(unit.length)), () => {
        if (this.#isGone()) return this.#gone()
        this.#stream.write(unit)
        return Effect.void
      })
    )
  }

  #closeWith(event: Event.Event): Effect.Effect<void> {
    const stream = this.#stream
    return Effect.suspend(() => {
      this.#closed = true
      if (event === Event.close) this.#isClosed = true
      // What has not been read is nobody's: its memory goes at once.
      const discard = event === Event.end ? Effect.void : stream.incoming.discard
      return Effect.map(discard, () => stream.command(event))
    })
  }
}

/** A timer's grain. */
const shortestInterval = Duration.millis(1)

const toProgress = ({ incoming, outgoing }: Connection, { send }: State, at: number): Progress => ({
  at,
  bytesRead: incoming.bytesRead,
  bytesWritten: outgoing.written,
  bytesInFlight: send.sentBytes - send.ackedBytes,
  bytesAcknowledged: send.ackedBytes
})

const toStats = (stream: Connection, state: State): StreamStats => ({
  status: state.phase._tag,
  localStreamId: state.localStreamId,
  remoteStreamId: state.remoteStreamId,
  destination: stream.peer.destination,
  localPort: stream.peer.localPort,
  remotePort: stream.peer.remotePort,
  maxPacketSize: state.maxPacketSize,
  rtt: state.rtt.srtt,
  rttvar: state.rtt.rttvar,
  rto: state.rtt.rto,
  cwnd: state.congestion.window,
  ssthresh: state.congestion.ssthresh,
  packetsInFlight: SendBuffer.flightSize(state.send),
  bytesWritten: stream.outgoing.written,
  bytesAcknowledged: state.send.ackedBytes,
  bytesUnread: Math.max(0, state.flow.unread - stream.incoming.consumed),
  ...countersOf(stream, state),
  choking: state.flow.choking,
  choked: state.peerChoke !== undefined,
  chokedMillis: stream.chokedMillis
})
