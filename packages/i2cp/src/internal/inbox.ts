/**
 * From a MessagePayload frame to the queues of those who subscribed to its protocol. Plain synchronous code: it runs
 * for every packet.
 */
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Compression from "../Compression.js"
import type { Service as Config } from "../I2cpConfig.js"
import * as Payload from "../Payload.js"
import * as ReceiveQueue from "./receiveQueue.js"

/** Session id, message id and length in front of the envelope. Source: I2CP specification "MessagePayloadMessage". */
const HEAD_BYTES = 10

/** Small, since who keeps one payload keeps the slab: at most sixteen times its size, of full packets nine. Ours. */
const SLAB_BYTES = 16_384

/** Smaller payloads are kept by themselves. Ours. */
const MIN_SHARED_BYTES = 1024

export interface Counters {
  received: number
  droppedMalformed: number
  droppedUnclaimed: number
  droppedQueueFull: number
}

export class Inbox {
  readonly counters: Counters = { received: 0, droppedMalformed: 0, droppedUnclaimed: 0, droppedQueueFull: 0 }
  readonly #subscribers = new Map<number, ReadonlyArray<Queue.Queue<Payload.Payload>>>()
  readonly #slab = new ByteSlab(SLAB_BYTES)
  readonly #compression: Compression.Service
  readonly #config: Config

  constructor(compression: Compression.Service, config: Config) {
    this.#compression = compression
    this.#config = config
  }

  subscribe(protocol: number): Effect.Effect<Queue.Dequeue<Payload.Payload>, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.tap(
        ReceiveQueue.make<Payload.Payload>({
          maxMessages: this.#config.receiveQueueMessages,
          maxBytes: this.#config.receiveQueueBytes,
          sizeOf: (incoming) => incoming.payload.length
        }),
        (queue) => Effect.sync(() => this.#subscribers.set(protocol, [...this.#of(protocol), queue]))
      ),
      (queue) =>
        Effect.zipRight(
          Effect.sync(() =>
            this.#subscribers.set(
              protocol,
              this.#of(protocol).filter((other) => other !== queue)
            )
          ),
          Queue.shutdown(queue)
        )
    )
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
    const subscribers = this.#of(decoded.right.protocol)
    if (subscribers.length === 0) {
      counters.droppedUnclaimed++
      return
    }
    const incoming = this.#owned(decoded.right, body)
    for (const queue of subscribers) {
      if (Queue.unsafeOffer(queue, incoming)) counters.received++
      else counters.droppedQueueFull++
    }
  }

  /** A stored payload is a view of the socket's chunk; in a queue it would keep the whole chunk alive. */
  #owned(incoming: Payload.Payload, body: Uint8Array): Payload.Payload {
    const { destinationPort, payload, protocol, sourcePort } = incoming
    if (payload.buffer !== body.buffer) return incoming
    const own = payload.length < MIN_SHARED_BYTES ? new Uint8Array(payload.length) : this.#slab.allocate(payload.length)
    own.set(payload)
    return { protocol, sourcePort, destinationPort, payload: own }
  }

  #of(protocol: number): ReadonlyArray<Queue.Queue<Payload.Payload>> {
    return this.#subscribers.get(protocol) ?? []
  }
}
