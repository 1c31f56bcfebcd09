/**
 * Sends lookups to the router of the running connection.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { isSureOfLookups, recognise } from "../../core/Fingerprint.js"
import { NO_SESSION } from "../../Ids.js"
import * as Message from "../../Message.js"
import type { CurrentConnection } from "../session/currentConnection.js"
import type { Lifecycle } from "../session/lifecycle.js"
import type { Ask, Blinding } from "./lookups.js"
import type { RouterRequests } from "./routerRequests.js"

/** How long a router may take to say who it is, before it is taken for one that is not known. Source: ours. */
const RECOGNITION_TIMEOUT = Duration.seconds(1)

export class LookupAsker implements Ask {
  readonly #clock: Clock.Clock
  readonly #current: CurrentConnection
  readonly #lifecycle: Lifecycle
  readonly #bandwidth: RouterRequests["bandwidth"]
  readonly ready: Effect.Effect<void>

  constructor(options: {
    readonly clock: Clock.Clock
    readonly current: CurrentConnection
    readonly lifecycle: Lifecycle
    /** What the router says of its bandwidth tells which router it is. */
    readonly bandwidth: RouterRequests["bandwidth"]
    /** The session is needed, if it is idle. */
    readonly wake: () => void
  }) {
    this.#clock = options.clock
    this.#current = options.current
    this.#lifecycle = options.lifecycle
    this.#bandwidth = options.bandwidth
    this.ready = Effect.zipRight(Effect.sync(options.wake), options.lifecycle.usable.await)
  }

  get readySince(): number {
    return this.#lifecycle.readySince ?? 0
  }

  readonly isSure: Effect.Effect<boolean> = Effect.suspend(() => {
    const asked = this.#current.now?.limits === undefined ? Effect.ignore(this.#bandwidth) : Effect.void
    return Effect.map(Effect.timeoutOption(asked, RECOGNITION_TIMEOUT), () => {
      const { now } = this.#current
      return now !== undefined && isSureOfLookups(recognise(now.routerVersion, now.limits))
    })
  })

  send(requestId: number, timeout: number, query: Message.Query, blinding?: Blinding): boolean {
    const { now: connection } = this.#current
    if (connection === undefined) return false
    const { clockOffset, link, sessionId = NO_SESSION } = connection
    const now = this.#clock.unsafeCurrentTimeMillis() + clockOffset
    if (blinding !== undefined && !link.send(Message.encode(blinding(sessionId, now)))) return false
    return link.send(Message.encode({ _tag: "HostLookup", sessionId, requestId, timeout: Math.max(1, timeout), query }))
  }
}
