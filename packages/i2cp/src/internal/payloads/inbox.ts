/**
 * From a MessagePayload frame to the subscribers of its protocol. Plain synchronous code: it runs
 * for every packet.
 */
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Compression from "../../Compression.js"
import type { Service as Config } from "../../I2cpConfig.js"
import * as Payload from "../../Payload.js"
import * as ReceiveQueue from "./receiveQueue.js"

/** Session id, message id and length in front of the envelope. Source: I2CP specification "MessagePayloadMessage". */
const HEAD_BYTES = 10

/**
 * Small, since a payload that is kept keeps its slab: at most sixteen times its size, of full packets nine. Each protocol has
 * slabs of its own, so that a queue of one which nobody reads keeps nothing of another's traffic. Ours.
 */
const SLAB_BYTES = 16_384

/** Smaller payloads are kept by themselves. Ours. */
const MIN_SHARED_BYTES = 1024

export interface Counters {
  received: number
  droppedMalformed: number
  droppedUnclaimed: number
  droppedQueueFull: number
}

/** Takes a payload, or says that it has no room. Must not throw. */
type Subscriber = (incoming: Payload.Payload) => boolean

interface Subscription {
  readonly subscribers: ReadonlyArray<Subscriber>
  readonly slab: ByteSlab
}

export class Inbox {
  readonly counters: Counters = { received: 0, droppedMalformed: 0, droppedUnclaimed: 0, droppedQueueFull: 0 }
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #compression: Compression.Service
  readonly #config: Config

  constructor(compression: Compression.Service, config: Config) {
    this.#compression = compression
    this.#config = config
  }

  subscribe(protocol: number): Effect.Effect<Queue.Dequeue<Payload.Payload>, never, Scope.Scope> {
    return Effect.acquireRelease(
      ReceiveQueue.make<Payload.Payload>({
        maxMessages: this.#config.receiveQueueMessages,
        maxBytes: this.#config.receiveQueueBytes,
        sizeOf: (incoming) => incoming.payload.length
      }),
      Queue.shutdown
    ).pipe(Effect.tap((queue) => this.#add(protocol, (incoming) => Queue.unsafeOffer(queue, incoming))))
  }

  run(protocol: number, onPayload: (incoming: Payload.Payload) => void): Effect.Effect<never> {
    const subscriber: Subscriber = (incoming) => {
      onPayload(incoming)
      return true
    }
    return Effect.scoped(Effect.zipRight(this.#add(protocol, subscriber), Effect.never))
  }

  #add(protocol: number, subscriber: Subscriber): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => this.#update(protocol, (subscribers) => [...subscribers, subscriber])),
      () => Effect.sync(() => this.#update(protocol, (all) => all.filter((other) => other !== subscriber)))
    )
  }

  #update(protocol: number, change: (subscribers: ReadonlyArray<Subscriber>) => ReadonlyArray<Subscriber>): void {
    const { slab, subscribers } = this.#subscriptions.get(protocol) ?? {
      subscribers: [],
      slab: new ByteSlab(SLAB_BYTES)
    }
    const changed = change(subscribers)
    if (changed.length === 0) this.#subscriptions.delete(protocol)
    else this.#subscriptions.set(protocol, { subscribers: changed, slab })
  }

  /** Delivers the body of a MessagePayload for this session, or counts why not. */
  deliver(body: Uint8Array, sessionId: number): void {
    const { counters } = this
    const length = body.length - HEAD_BYTES
    const announced = ((body[6]! << 24) | (body[7]! << 16) | (body[8]! << 8) | body[9]!) >>> 0
    if (length < 0 || announced !== length || ((body[0]! << 8) | body[1]!) !== sessionId) {
      counters.droppedMalformed++
      return
    }
    const decoded = Payload.decode(body.subarray(HEAD_BYTES), this.#compression)
    if (Either.isLeft(decoded)) {
      counters.droppedMalformed++
      return
    }
    const subscription = this.#subscriptions.get(decoded.right.protocol)
    if (subscription === undefined) {
      counters.droppedUnclaimed++
      return
    }
    const incoming = owned(decoded.right, body, subscription.slab)
    for (const take of subscription.subscribers) {
      if (take(incoming)) counters.received++
      else counters.droppedQueueFull++
    }
  }
}

/** A stored payload is a view of the socket's chunk; in a queue it would keep the whole chunk alive. */
const owned = (incoming: Payload.Payload, body: Uint8Array, slab: ByteSlab): Payload.Payload => {
  const { destinationPort, payload, protocol, sourcePort } = incoming
  if (payload.buffer !== body.buffer) return incoming
  const own = payload.length < MIN_SHARED_BYTES ? new Uint8Array(payload.length) : slab.allocate(payload.length)
  own.set(payload)
  return { protocol, sourcePort, destinationPort, payload: own }
}
