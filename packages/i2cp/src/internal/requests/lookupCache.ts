/**
 * Results of lookups, remembered for a while: one request for each address at a time, shared by all who ask.
 *
 * Not `effect/Cache`: that runs a lookup in the fiber of its first caller and interrupts all who wait with it, evicts
 * lookups that are still running, and remembers every failure at least for the rest of the millisecond.
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Service as Config } from "../../I2cpConfig.js"
import type { LookupFailed } from "../../I2cpError.js"
import { failure } from "./lookupFailures.js"

/** Longest that a failure is remembered, whatever the configuration says. Source: ours; who comes on line must be found. */
const MAX_FAILURE_MILLIS = 30_000

interface Entry {
  readonly result: Deferred.Deferred<Destination, LookupFailed>
  /** Local ms until when a finished one is remembered; `Infinity` while it runs. */
  expires: number
}

export class LookupCache {
  readonly #entries = new Map<string, Entry>()
  readonly #config: Config
  readonly #scope: Scope.Scope
  #inFlight = 0

  /** Requests run in `scope`, not in the fiber of a caller. */
  constructor(config: Config, scope: Scope.Scope) {
    this.#config = config
    this.#scope = scope
  }

  /** What is known of the key, or the result of `request`. */
  get(key: string, request: Effect.Effect<Destination, LookupFailed>): Effect.Effect<Destination, LookupFailed> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const known = this.#entries.get(key)
      if (known !== undefined && known.expires > now) return Deferred.await(known.result)
      if (this.#inFlight >= this.#config.maxLookups) {
        return Effect.fail(failure(key, "TooMany", `${this.#inFlight} lookups are in flight already`))
      }
      const entry: Entry = { result: Deferred.unsafeMake(FiberId.none), expires: Infinity }
      this.#remember(key, entry)
      this.#inFlight++
      return request.pipe(
        Effect.onExit((exit) =>
          Effect.flatMap(Clock.currentTimeMillis, (done) => this.#settle(key, entry, exit, done))
        ),
        Effect.forkIn(this.#scope),
        Effect.zipRight(Deferred.await(entry.result))
      )
    })
  }

  #settle(key: string, entry: Entry, exit: Exit.Exit<Destination, LookupFailed>, now: number): Effect.Effect<boolean> {
    this.#inFlight--
    if (Exit.isInterrupted(exit)) {
      this.#entries.delete(key)
      return Deferred.fail(entry.result, failure(key, "Closed", "the session was closed"))
    }
    const { lookupCacheTime, lookupFailureTime } = this.#config
    entry.expires =
      now +
      (Exit.isSuccess(exit)
        ? Duration.toMillis(lookupCacheTime)
        : Math.min(Duration.toMillis(lookupFailureTime), MAX_FAILURE_MILLIS))
    return Deferred.done(entry.result, exit)
  }

  /** Oldest first out; the running ones are bounded on their own and never evicted. */
  #remember(key: string, entry: Entry): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#config.lookupCacheSize) {
      for (const [old, { expires }] of this.#entries) {
        if (expires === Infinity) continue
        this.#entries.delete(old)
        break
      }
    }
    this.#entries.set(key, entry)
  }
}
