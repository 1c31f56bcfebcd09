/**
 * The sessions of a bridge by id, and the destinations that are in use.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Failed, failed } from "./failures.js"
import type { Session } from "./session.js"

export class Registry {
  readonly #maxSessions: number
  /** Undefined while a session is being made: its id is taken already. */
  readonly #byId = new Map<string, Session | undefined>()
  readonly #destinations = new Set<string>()

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions
  }

  get all(): ReadonlyArray<Session> {
    return [...this.#byId.values()].filter((session) => session !== undefined)
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id)
  }

  /** Takes an id, and a destination by its hash, until the scope ends. Two at once cannot both have them. */
  reserve(id: string, b32: string | undefined): Effect.Effect<void, Failed, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (this.#byId.has(id))
          return Effect.fail(failed("DUPLICATED_ID", "another session has this ID: choose another"))
        if (b32 !== undefined && this.#destinations.has(b32)) {
          return Effect.fail(failed("DUPLICATED_DEST", "another session has this destination"))
        }
        if (this.#byId.size >= this.#maxSessions) {
          const message = `this bridge has ${this.#maxSessions} sessions, which is the limit`
          return Effect.fail(failed("I2P_ERROR", message))
        }
        this.#byId.set(id, undefined)
        if (b32 !== undefined) this.#destinations.add(b32)
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          this.#byId.delete(id)
          if (b32 !== undefined) this.#destinations.delete(b32)
        })
    )
  }

  /** Makes a session known whose id is reserved. */
  set(session: Session): void {
    this.#byId.set(session.id, session)
  }
}
