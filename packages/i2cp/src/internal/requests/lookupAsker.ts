/**
 * Sends lookups to the router of the running connection.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { NO_SESSION } from "../../Ids.js"
import * as Message from "../../Message.js"
import type { CurrentConnection } from "../session/currentConnection.js"
import type { Lifecycle } from "../session/lifecycle.js"
import type { Ask, Blinding } from "./lookups.js"

export class LookupAsker implements Ask {
  readonly #clock: Clock.Clock
  readonly #current: CurrentConnection
  readonly #lifecycle: Lifecycle
  readonly ready: Effect.Effect<void>

  constructor(options: {
    readonly clock: Clock.Clock
    readonly current: CurrentConnection
    readonly lifecycle: Lifecycle
    /** The session is needed, if it is idle. */
    readonly wake: () => void
  }) {
    this.#clock = options.clock
    this.#current = options.current
    this.#lifecycle = options.lifecycle
    this.ready = Effect.zipRight(Effect.sync(options.wake), options.lifecycle.usable.await)
  }

  get readySince(): number {
    return this.#lifecycle.readySince ?? 0
  }

  send(requestId: number, timeout: number, query: Message.Query, blinding?: Blinding): boolean {
    const { now: connection } = this.#current
    if (connection === undefined) return false
    const { clockOffset, link, sessionId = NO_SESSION } = connection
    const now = this.#clock.unsafeCurrentTimeMillis() + clockOffset
    if (blinding !== undefined && !link.send(Message.encode(blinding(sessionId, now)))) return false
    return link.send(Message.encode({ _tag: "HostLookup", sessionId, requestId, timeout: Math.max(1, timeout), query }))
  }
}
