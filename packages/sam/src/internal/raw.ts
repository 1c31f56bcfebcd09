/**
 * Raw datagrams of one session, by protocol and port: who gets what arrives.
 *
 * The nearest wins: protocol and port, protocol alone, port alone, everything. What is streaming's or a repliable format's
 * is for no raw receiver that did not name the protocol.
 */
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"

/** Takes a datagram; what is not taken at once is lost. */
export type Sink = (incoming: I2cpSession.Incoming) => Effect.Effect<void>

/** Protocol of streams. **Source** I2CP overview. */
const streaming = 6

const { Datagram1, Datagram2, Datagram3 } = Datagram.protocols

const excluded = new Set([streaming, Datagram1, Datagram2, Datagram3])

/** Every protocol that 0 stands for. */
const any = Array.from({ length: 256 }, (_, protocol) => protocol).filter((protocol) => !excluded.has(protocol))

export class RawReceivers {
  readonly #session: I2cpSession.Service
  readonly #scope: Scope.Scope
  readonly #sinks = new Map<string, Sink>()
  readonly #pumped = new Set<number>()

  constructor(session: I2cpSession.Service, scope: Scope.Scope) {
    this.#session = session
    this.#scope = scope
  }

  /** Receives until the scope ends; 0 is any protocol, or any port. */
  add(protocol: number, port: number, sink: Sink): Effect.Effect<void, never, Scope.Scope> {
    const key = `${protocol}:${port}`
    return Effect.zipRight(
      Effect.acquireRelease(
        Effect.sync(() => void this.#sinks.set(key, sink)),
        () => Effect.sync(() => void this.#sinks.delete(key))
      ),
      Effect.forEach(protocol === 0 ? any : [protocol], (one) => this.#pump(one), { discard: true })
    )
  }

  #pump(protocol: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#pumped.has(protocol)) return Effect.void
      this.#pumped.add(protocol)
      return Effect.flatMap(this.#session.subscribe(protocol), (queue) =>
        Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(queue), (incoming) => this.#deliver(incoming))))
      ).pipe(Scope.extend(this.#scope), Effect.asVoid)
    })
  }

  #deliver(incoming: I2cpSession.Incoming): Effect.Effect<void> {
    const { destinationPort: port, protocol } = incoming
    for (const key of [`${protocol}:${port}`, `${protocol}:0`, `0:${port}`, "0:0"]) {
      const sink = this.#sinks.get(key)
      if (sink !== undefined) return sink(incoming)
    }
    return Effect.void
  }
}
