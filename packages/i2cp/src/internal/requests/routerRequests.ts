/**
 * What is asked of a running session's router and answered at once: new options, bandwidth limits. One of each at a
 * time, as neither answer says what it answers.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as I2cpConfig from "../../I2cpConfig.js"
import { NotAnswered, NotReconfigured } from "../../I2cpError.js"
import * as Message from "../../Message.js"
import type { Changes } from "../../SessionOptions.js"
import type { CurrentConnection } from "../session/currentConnection.js"

type Result = "Updated" | "Refused" | "Timeout" | "Lost"

const DETAILS: Record<Exclude<Result, "Updated">, string> = {
  Refused: "the router refused them",
  Timeout: "the router did not answer",
  Lost: "the router hung up"
}

export class RouterRequests {
  readonly #config: I2cpConfig.Service
  readonly #current: CurrentConnection
  readonly #oneReconfiguration = Effect.unsafeMakeSemaphore(1)
  readonly #oneRequest = Effect.unsafeMakeSemaphore(1)
  #options: I2cpConfig.Service
  #pending: Deferred.Deferred<Result> | undefined
  #asked: Deferred.Deferred<Message.Bandwidth> | undefined

  constructor(options: { readonly config: I2cpConfig.Service; readonly current: CurrentConnection }) {
    this.#config = options.config
    this.#options = options.config
    this.#current = options.current
  }

  /** The options that the next session is created with. */
  get options(): I2cpConfig.Service {
    return this.#options
  }

  readonly reconfigure = (changes: Changes): Effect.Effect<void, NotReconfigured> =>
    this.apply((options) => ({
      ...options,
      ...Object.fromEntries(Object.entries(changes).filter(([name]) => name !== "options")),
      options: { ...options.options, ...changes.options }
    }))

  /** Changes options, tells the router, and takes the change back if that would not have it. */
  readonly apply = (
    change: (options: I2cpConfig.Service) => I2cpConfig.Service
  ): Effect.Effect<void, NotReconfigured> =>
    Effect.gen(this, function* () {
      const before = this.#options
      const after = change(before)
      const valid = I2cpConfig.sessionOptions(after)
      if (Either.isLeft(valid)) return yield* new NotReconfigured({ reason: "Invalid", detail: valid.left.message })
      this.#options = after
      const current = this.#current.now
      if (current === undefined || !current.isUp) return
      const pending = yield* Deferred.make<Result>()
      this.#pending = pending
      current.reconfigure()
      const result = yield* Effect.ensuring(
        Deferred.await(pending),
        Effect.sync(() => {
          this.#pending = undefined
        })
      )
      if (result === "Updated") return
      if (result !== "Timeout") this.#options = before
      return yield* new NotReconfigured({ reason: result, detail: DETAILS[result] })
    }).pipe(this.#oneReconfiguration.withPermits(1))

  readonly onReconfigured = (result: Result): void => {
    if (this.#pending !== undefined) Deferred.unsafeDone(this.#pending, Effect.succeed(result))
  }

  readonly bandwidth: Effect.Effect<Message.Bandwidth, NotAnswered> = Effect.suspend(() =>
    Effect.gen(this, function* () {
      const asked = yield* Deferred.make<Message.Bandwidth>()
      this.#asked = asked
      this.#current.now?.link.send(Message.encode({ _tag: "GetBandwidthLimits" }))
      return yield* Deferred.await(asked)
    }).pipe(
      Effect.timeoutFail({
        duration: this.#config.requestTimeout,
        onTimeout: () =>
          new NotAnswered({ question: "bandwidth limits", waited: Duration.toMillis(this.#config.requestTimeout) })
      }),
      Effect.ensuring(
        Effect.sync(() => {
          this.#asked = undefined
        })
      ),
      this.#oneRequest.withPermits(1)
    )
  )

  readonly onBandwidth = (limits: ReadonlyArray<number>): void => {
    if (this.#asked !== undefined) Deferred.unsafeDone(this.#asked, Effect.succeed(Message.bandwidthOf(limits)))
  }

  /** The connection is gone. */
  onLost(): void {
    this.onReconfigured("Lost")
  }
}
