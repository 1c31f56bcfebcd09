/**
 * Sends whose fate somebody wants to know: a table of nonces, bounded in number and in time.
 *
 * No fiber watches it: what is too old goes when the next one comes, and a status that comes too late finds nobody. They
 * are asked for in the order of their deadlines, so the oldest entry is the first of the map.
 */
import type * as Message from "../../Message.js"

/** Not final: the router has taken the message and will say more. */
const ACCEPTED = 1

/** With fastReceive off: a message for us waits. It answers no send. */
const AVAILABLE = 0

export type OnStatus = (status: number) => void

interface Pending {
  readonly until: number
  readonly onStatus: OnStatus
}

export class Statuses {
  readonly #pending = new Map<number, Pending>()
  readonly #capacity: number
  readonly #lifetime: number
  #last = 0
  readonly counters = { statuses: {} as Record<number, number>, unknownStatuses: 0, untracked: 0 }

  constructor(options: { readonly capacity: number; readonly lifetimeMillis: number }) {
    this.#capacity = options.capacity
    this.#lifetime = options.lifetimeMillis
  }

  /** A nonce for a send; 0, "no status wanted", when too many wait already. */
  track(onStatus: OnStatus, now: number): number {
    for (const [nonce, { until }] of this.#pending) {
      if (until > now) break
      this.#pending.delete(nonce)
    }
    if (this.#pending.size >= this.#capacity) {
      this.counters.untracked++
      return 0
    }
    // The counter wraps after four thousand million sends, by when none of its first is left.
    this.#last = this.#last >= 0xffff_ffff ? 1 : this.#last + 1
    this.#pending.set(this.#last, { until: now + this.#lifetime, onStatus })
    return this.#last
  }

  /** The send did not happen. */
  forget(nonce: number): void {
    this.#pending.delete(nonce)
  }

  /** The router has said something; of a send it does not know, or that waited too long, it is nothing. */
  onMessage({ nonce, status }: Message.MessageStatus, now: number): void {
    const pending = this.#pending.get(nonce)
    if (pending === undefined || pending.until <= now || status === AVAILABLE) {
      this.counters.unknownStatuses++
      return
    }
    this.counters.statuses[status] = (this.counters.statuses[status] ?? 0) + 1
    if (status !== ACCEPTED) this.#pending.delete(nonce)
    pending.onStatus(status)
  }

  /** The connection is lost, and with it the answers. */
  clear(): void {
    this.#pending.clear()
  }
}
