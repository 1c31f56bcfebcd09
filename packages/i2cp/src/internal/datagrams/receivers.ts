/**
 * Who receives which datagrams: a bounded queue for each receiver, by format and port.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Datagram from "../../Datagram.js"
import { checkPort } from "../../Ids.js"
import * as ReceiveQueue from "../payloads/receiveQueue.js"
import type { Counters } from "./counters.js"

type Receiver = Queue.Queue<Datagram.Incoming>

export class Receivers {
  readonly #limits: { readonly maxMessages: number; readonly maxBytes: number }
  readonly #counters: Counters
  readonly #byFormat: Readonly<Record<Datagram.Format, Map<number, ReadonlyArray<Receiver>>>> = {
    Raw: new Map(),
    Datagram1: new Map(),
    Datagram2: new Map(),
    Datagram3: new Map()
  }

  constructor(limits: { readonly maxMessages: number; readonly maxBytes: number }, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  /** Adds a receiver until the scope is left. */
  add(format: Datagram.Format, port: number): Effect.Effect<Receiver, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        checkPort(port)
        return Effect.tap(ReceiveQueue.make<Datagram.Incoming>({ ...this.#limits, sizeOf: heldBytes }), (made) =>
          this.#update(format, port, (receivers) => [...receivers, made])
        )
      }),
      (made) =>
        Effect.zipRight(
          this.#update(format, port, (receivers) => receivers.filter((other) => other !== made)),
          Queue.shutdown(made)
        )
    )
  }

  /** Whether anybody receives what comes for this port, or for ports that nobody else listens on. */
  has(format: Datagram.Format, port: number): boolean {
    return this.#of(format, port).length > 0
  }

  /** Gives a datagram to its receivers. Those whose queue is full lose it. */
  deliver(incoming: Datagram.Incoming): void {
    for (const queue of this.#of(incoming._tag, incoming.port)) {
      if (Queue.unsafeOffer(queue, incoming)) this.#counters.received++
      else this.#counters.droppedQueueFull++
    }
  }

  #of(format: Datagram.Format, port: number): ReadonlyArray<Receiver> {
    const receivers = this.#byFormat[format]
    return receivers.get(port) ?? receivers.get(ANY) ?? []
  }

  #update(
    format: Datagram.Format,
    port: number,
    change: (receivers: ReadonlyArray<Receiver>) => ReadonlyArray<Receiver>
  ): Effect.Effect<void> {
    return Effect.sync(() => {
      const receivers = this.#byFormat[format]
      const changed = change(receivers.get(port) ?? [])
      if (changed.length === 0) receivers.delete(port)
      else receivers.set(port, changed)
    })
  }
}

/**
 * What a datagram takes in memory while it waits, in bytes: never less than is measured on Node 20 (`memory.test.ts`).
 *
 * `receivedBytes` is for the objects, its payload's buffer among them. A Destination is its bytes with its name, hash and
 * keys, which a backend keeps imported. An entry of options is two strings and a place in a table.
 */
const heldBytes = (incoming: Datagram.Incoming): number => {
  let bytes = receivedBytes + incoming.payload.length
  if ("from" in incoming) bytes += destinationBytes + incoming.from.bytes.length
  if ("fromHash" in incoming) bytes += incoming.fromHash.length
  if ("options" in incoming) {
    for (const [key, value] of incoming.options) bytes += optionBytes + 2 * (key.length + value.length)
  }
  return bytes
}

const receivedBytes = 512
const destinationBytes = 3072
const optionBytes = 96

/** **Source** I2CP overview: port 0 means any. */
export const ANY = 0
