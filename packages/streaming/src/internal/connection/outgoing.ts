/**
 * What the application writes: the credit it takes beforehand, how much of it the peer has, and who waits for that.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { StreamError } from "../../StreamError.js"
import { Credit } from "./credit.js"
import type { WriteUnits } from "./writeUnits.js"

/** Somebody who waits until the peer has everything up to this byte of the stream. */
interface FlushWaiter {
  readonly offset: number
  readonly done: Deferred.Deferred<void, StreamError>
}

/** What a write was copied to, and the byte of the stream up to which the peer must have it before it can be used again. */
interface Lent {
  readonly copy: Uint8Array
  readonly end: number
}

/** Most bytes that one write takes from the credit at once, so that two writers on a stream take turns. */
const maxWriteUnit = 16_384

export class Outgoing {
  /** Bytes that may still be written ahead of the network. */
  readonly credit: Credit
  /** Bytes that one write takes from the credit at once: more than all the credit there is would never come. */
  readonly writeUnit: number
  readonly #units: WriteUnits
  #written: number
  #acknowledged = 0
  /** Bytes of the SYN's data beyond the credit: as many must be sent before credit is given back. */
  #overdraft: number
  /** Made when somebody waits; most streams never need it. */
  #waiters: Set<FlushWaiter> | undefined
  /** In the order of the stream's bytes. */
  #lent: Array<Lent> | undefined

  constructor(options: {
    readonly sendBufferBytes: number
    readonly initialBytes: number
    readonly units: WriteUnits
  }) {
    const { initialBytes, sendBufferBytes } = options
    this.#units = options.units
    this.credit = new Credit(Math.max(0, sendBufferBytes - initialBytes))
    this.writeUnit = Math.min(maxWriteUnit, sendBufferBytes)
    this.#written = initialBytes
    this.#overdraft = Math.max(0, initialBytes - sendBufferBytes)
  }

  /** Bytes that the application has written. */
  get written(): number {
    return this.#written
  }

  /** A copy that is ours, in one piece, so that a packet that takes from two write units is a view as well. */
  copy(bytes: Uint8Array): Uint8Array {
    return this.#units.copy(bytes)
  }

  /** Bytes were handed to the core. */
  noteWritten(bytes: number): void {
    this.#written += bytes
  }

  /** Everything of a copy has been written: its memory is used again once the peer has it. */
  lend(copy: Uint8Array): void {
    if (!this.#units.isKept(copy)) return
    if (this.#acknowledged >= this.#written) return this.#units.give(copy)
    this.#lent ??= []
    this.#lent.push({ copy, end: this.#written })
  }

  /** The peer has everything that was written. */
  get isFlushed(): boolean {
    return this.#acknowledged >= this.#written
  }

  /** Waits until the peer has everything written so far. */
  get flushed(): Effect.Effect<void, StreamError> {
    return Effect.suspend(() => {
      if (this.isFlushed) return Effect.void
      const waiter: FlushWaiter = { offset: this.#written, done: Deferred.unsafeMake(FiberId.none) }
      this.#waiters ??= new Set()
      this.#waiters.add(waiter)
      return Effect.onInterrupt(Deferred.await(waiter.done), () => Effect.sync(() => this.#waiters?.delete(waiter)))
    })
  }

  /** So many bytes left the send queue. */
  sent(bytes: number): void {
    const owed = Math.min(this.#overdraft, bytes)
    this.#overdraft -= owed
    this.credit.give(bytes - owed)
  }

  /** The peer has everything up to this byte. */
  acknowledged(offset: number): void {
    this.#acknowledged = offset
    this.#giveBack(offset)
    if (this.#waiters === undefined) return
    for (const waiter of this.#waiters) {
      if (waiter.offset > offset) continue
      this.#waiters.delete(waiter)
      Deferred.unsafeDone(waiter.done, Effect.void)
    }
  }

  /** Wakes everybody: who waits to flush is told the exit, writers get credit, look, and find the stream gone. */
  end(exit: Exit.Exit<void, StreamError>): void {
    for (const waiter of this.#waiters ?? []) Deferred.unsafeDone(waiter.done, exit)
    this.#waiters = undefined
    this.#lent = undefined
    this.credit.give(Number.POSITIVE_INFINITY)
  }

  /** What is acknowledged is not sent again: neither the core nor a packet under way has a view of it. */
  #giveBack(offset: number): void {
    const lent = this.#lent
    if (lent === undefined) return
    const kept = lent.findIndex(({ end }) => end > offset)
    for (const { copy } of kept === -1 ? lent : lent.splice(0, kept)) this.#units.give(copy)
    if (kept === -1) this.#lent = undefined
  }
}
