/**
 * What a stream has received and the application has not read: a queue of bytes in order, bounded by the receive window
 * and counted in the session's memory.
 *
 * Payloads are views of what they came in. A reader that keeps up takes them as they are; for others they are copied when
 * the session's memory gets tight, so that one of them keeps no slab of other packets alive.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Event from "../../core/Event.js"
import * as ReceiveWindow from "../../core/ReceiveWindow.js"
import type { StreamError, StreamReset } from "../../StreamError.js"
import { exactSize, looseSize, type Member, type MemoryPool } from "./memoryPool.js"

/** A payload in the queue, and the bytes of memory that it counts for. */
interface Received {
  bytes: Uint8Array
  size: number
}

type ReceivedQueue = Mailbox.Mailbox<Received, StreamReset>

/**
 * Told when the application has read something.
 */
export interface Reader {
  /** Called synchronously; must not throw. */
  readonly onRead: () => void
}

export class Incoming implements Member {
  readonly #pool: MemoryPool
  readonly #reader: Reader
  /** Made for the first bytes: 2 KB that an idle stream does not need. */
  #queue: ReceivedQueue | undefined
  /** Wakes the reader that waits for bytes, or for the end. There is one at most: two would share out the bytes by chance. */
  #waiting: (() => void) | undefined
  #end: Exit.Exit<void, StreamReset> | undefined
  /** What is in the queue: only its taker can reach into it. */
  #unread: Array<Received> = []
  #isDiscarding = false
  /** Memory of what came ahead of something missing. */
  #pendingSize = 0
  /** Bytes that the application has read since the last step, and what they counted for. */
  #consumed = 0
  #charge = 0

  constructor(pool: MemoryPool, reader: Reader) {
    this.#pool = pool
    this.#reader = reader
  }

  /** Bytes that the application has read, all in all. */
  bytesRead = 0

  /** Bytes that were read and that the core has not heard of. */
  get consumed(): number {
    return this.#consumed
  }

  get isOpen(): boolean {
    return this.#queue !== undefined
  }

  /** Makes the queue. */
  get open(): Effect.Effect<ReceivedQueue> {
    return Effect.suspend(() =>
      this.#queue !== undefined
        ? Effect.succeed(this.#queue)
        : Effect.map(Mailbox.make<Received, StreamReset>(), (queue) => {
            this.#queue ??= queue
            if (this.#end !== undefined) this.#queue.unsafeDone(this.#end)
            return this.#queue
          })
    )
  }

  /** Hands over what was received in order; the queue must be open. */
  deliver(bytes: Uint8Array): void {
    if (this.#isDiscarding) return
    const { isTight } = this.#pool
    const received = isTight
      ? { bytes: alone(bytes), size: exactSize(bytes.length) }
      : { bytes, size: looseSize(bytes.length) }
    if (this.#queue?.unsafeOffer(received) !== true) return
    this.#unread.push(received)
    this.#wakeWaiting()
    if (!isTight) this.#pool.loosen(this)
    this.#pool.change(received.size)
  }

  /** What came ahead of something missing takes memory as what is unread does. */
  notePending(held: { readonly pending: ReadonlyArray<unknown>; readonly pendingBytes: number }): void {
    const size = held.pendingBytes + held.pending.length * exactSize(0)
    if (size === this.#pendingSize) return
    this.#pool.change(size - this.#pendingSize)
    this.#pendingSize = size
  }

  /** Copies what waits out of what it came in: memory is tight. */
  compact(): void {
    let freed = 0
    for (const received of this.#unread) {
      const size = exactSize(received.bytes.length)
      freed += received.size - size
      received.bytes = alone(received.bytes)
      received.size = size
    }
    this.#pool.change(-freed)
  }

  /** Nothing follows; what is there can still be read. Idempotent: the first exit wins. */
  end(exit: Exit.Exit<void, StreamReset>): void {
    this.#end ??= exit
    this.#queue?.unsafeDone(this.#end)
    this.#wakeWaiting()
  }

  /** Takes the next bytes; none at the end of the stream. */
  get read(): Effect.Effect<Option.Option<Uint8Array>, StreamError> {
    // Not `map`, which takes the runtime two operations more for every packet.
    return Effect.flatMap(this.#with(takeOne), ([chunk]) => {
      if (chunk.length === 0) return Effect.succeedNone
      const received = Chunk.unsafeHead(chunk)
      this.#unread.shift()
      this.#noteRead(received)
      this.#settle()
      return Effect.succeedSome(received.bytes)
    })
  }

  /** Takes all that is there, waits for the first; empty at the end of the stream. */
  get readAll(): Effect.Effect<Chunk.Chunk<Uint8Array>, StreamError> {
    return Effect.map(this.#with(takeAll), ([chunk]) => {
      if (chunk.length === 0) return Chunk.empty()
      return Chunk.unsafeFromArray(this.#taken(chunk))
    })
  }

  /** Takes what is there up to `limit` bytes, but one payload at least; waits for the first; empty at the end. */
  readUpTo(limit: number): Effect.Effect<ReadonlyArray<Uint8Array>, StreamError> {
    return Effect.flatMap(this.read, (first) => {
      if (Option.isNone(first)) return Effect.succeed([])
      const more = this.#countWithin(limit - first.value.length)
      if (more === 0) return Effect.succeed([first.value])
      return Effect.map(
        this.#with((queue) => queue.takeN(more)),
        ([chunk]) => [first.value, ...this.#taken(chunk)]
      )
    })
  }

  /** Lets go of what nobody will read, now and later. */
  get discard(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isDiscarding = true
      let freed = 0
      for (const { size } of this.#unread) freed += size
      this.#unread = []
      this.#pool.change(-freed)
      this.#pool.tighten(this)
      return this.#queue === undefined ? Effect.void : Effect.ignore(this.#queue.clear)
    })
  }

  /** What the core is told of the application's reading, if there is anything. */
  takeConsumed(): Event.Event | undefined {
    if (this.#consumed === 0) return undefined
    const event = Event.consumed(this.#consumed, this.#charge)
    this.#consumed = 0
    this.#charge = 0
    return event
  }

  #with<A>(use: (queue: ReceivedQueue) => Effect.Effect<A, StreamReset>): Effect.Effect<A, StreamReset> {
    return Effect.suspend(() => {
      if (this.#waiting !== undefined) return Effect.dieMessage(twoReaders)
      if (this.#unread.length === 0 && this.#end === undefined) return Effect.zipRight(this.#awaited, this.#with(use))
      return this.#queue === undefined ? Effect.flatMap(this.open, use) : use(this.#queue)
    })
  }

  /** Waits until there is something to take from the queue, or never will be. Not a Deferred, which takes half a kilobyte. */
  get #awaited(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const wake = () => resume(Effect.void)
      this.#waiting = wake
      return Effect.sync(() => {
        if (this.#waiting === wake) this.#waiting = undefined
      })
    })
  }

  #wakeWaiting(): void {
    const wake = this.#waiting
    this.#waiting = undefined
    wake?.()
  }

  /** The payloads of what was taken from the queue. */
  #taken(chunk: Chunk.Chunk<Received>): ReadonlyArray<Uint8Array> {
    this.#unread = this.#unread.slice(chunk.length)
    const payloads: Array<Uint8Array> = []
    for (const received of chunk) {
      this.#noteRead(received)
      payloads.push(received.bytes)
    }
    this.#settle()
    return payloads
  }

  /** How many payloads at the head of the queue are not more than `limit` bytes together. */
  #countWithin(limit: number): number {
    let left = limit
    let count = 0
    for (const { bytes } of this.#unread) {
      left -= bytes.length
      if (left < 0) break
      count += 1
    }
    return count
  }

  #noteRead({ bytes: { length }, size }: Received): void {
    this.#consumed += length
    this.bytesRead += length
    this.#charge += ReceiveWindow.charge(length)
    this.#pool.change(-size)
  }

  #settle(): void {
    if (this.#unread.length === 0) this.#pool.tighten(this)
    this.#reader.onRead()
  }
}

const twoReaders =
  "a stream has one reader at a time: another read, or run of readable, waits for its bytes and they would be shared out"

const takeOne = (queue: ReceivedQueue) => queue.takeN(1)

const takeAll = (queue: ReceivedQueue) => queue.takeAll

const alone = (bytes: Uint8Array): Uint8Array => (bytes.buffer.byteLength > bytes.length ? bytes.slice() : bytes)
