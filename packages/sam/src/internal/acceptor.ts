/**
 * Who takes the streams that come to a session: clients that wait with STREAM ACCEPT, in their order, or one STREAM FORWARD.
 *
 * The port is open while somebody takes streams, and for `linger` after the last ACCEPT got its stream, since a client asks
 * for the next one only then. A stream that comes in between waits; one that comes to a session that never accepts is refused
 * at once, instead of being opened to nobody.
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import type { StreamListener } from "@effect-i2p/streaming/StreamListener"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { type Failed, failed } from "./failures.js"

export interface Options {
  readonly streams: Pick<StreamManager["Type"], "listen">
  readonly port: number
  /** The session's: nothing outlives it. */
  readonly scope: Scope.Scope
  readonly maxAccepts: number
  readonly linger: Duration.DurationInput
}

interface Open {
  readonly listener: StreamListener
  readonly scope: Scope.CloseableScope
}

export class Acceptor {
  readonly #options: Options
  readonly #oneAtATime = Effect.unsafeMakeSemaphore(1)
  #open: Open | undefined
  #closing: Fiber.RuntimeFiber<void> | undefined
  #waiting = 0
  #isForwarding = false

  constructor(options: Options) {
    this.#options = options
  }

  /** ACCEPTs that wait. */
  get waiting(): number {
    return this.#waiting
  }

  get isForwarding(): boolean {
    return this.#isForwarding
  }

  /** A place among those that accept, until the scope ends. */
  readonly accepting: Effect.Effect<StreamListener, Failed, Scope.Scope> = Effect.suspend(() => {
    if (this.#isForwarding) {
      return Effect.fail(failed("I2P_ERROR", "this session has a STREAM FORWARD: end that first"))
    }
    if (this.#waiting >= this.#options.maxAccepts) {
      const many = `${this.#options.maxAccepts} STREAM ACCEPTs wait on this session, which is the limit`
      return Effect.fail(failed("I2P_ERROR", many))
    }
    return Effect.zipRight(
      Effect.acquireRelease(
        Effect.sync(() => void this.#waiting++),
        () =>
          Effect.suspend(() => {
            this.#waiting--
            return this.#waiting === 0 ? this.#closeLater(this.#options.linger) : Effect.void
          })
      ),
      this.#listen
    )
  })

  /** The only place of the session, until the scope ends. */
  readonly forwarding: Effect.Effect<StreamListener, Failed, Scope.Scope> = Effect.suspend(() => {
    if (this.#isForwarding) return Effect.fail(failed("I2P_ERROR", "this session has a STREAM FORWARD already"))
    if (this.#waiting > 0) {
      return Effect.fail(failed("I2P_ERROR", "a STREAM ACCEPT waits on this session: end that first"))
    }
    return Effect.zipRight(
      Effect.acquireRelease(
        Effect.sync(() => {
          this.#isForwarding = true
        }),
        () =>
          Effect.suspend(() => {
            this.#isForwarding = false
            return this.#close
          })
      ),
      this.#listen
    )
  })

  readonly #listen: Effect.Effect<StreamListener, Failed> = Effect.suspend(() => {
    const { port, scope, streams } = this.#options
    const closing = this.#closing
    this.#closing = undefined
    return Effect.gen(this, function* () {
      if (closing !== undefined) yield* Fiber.interrupt(closing)
      if (this.#open !== undefined) return this.#open.listener
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const listener = yield* streams.listen({ port }).pipe(
        Scope.extend(own),
        Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
        Effect.mapError((error: ListenError) => failed("I2P_ERROR", error.message))
      )
      this.#open = { listener, scope: own }
      return listener
    })
  }).pipe(Effect.uninterruptible, this.#oneAtATime.withPermits(1))

  readonly #close: Effect.Effect<void> = Effect.suspend(() => {
    const open = this.#open
    this.#open = undefined
    return open === undefined ? Effect.void : Scope.close(open.scope, Exit.void)
  }).pipe(this.#oneAtATime.withPermits(1), Effect.uninterruptible)

  #closeLater(after: Duration.DurationInput): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#closing !== undefined) return Effect.void
      return Effect.map(
        Effect.forkIn(Effect.interruptible(Effect.zipRight(Effect.sleep(after), this.#close)), this.#options.scope),
        (fiber) => {
          this.#closing = fiber
          fiber.addObserver(() => {
            if (this.#closing === fiber) this.#closing = undefined
          })
        }
      )
    })
  }
}

/** A stream in a scope of its own, handed to a fiber that ends with `owner`. */
export const takeInto = <E>(
  listener: StreamListener,
  fork: (effect: Effect.Effect<void>) => Effect.Effect<unknown>,
  handle: (stream: StreamConnection) => Effect.Effect<void, E>
): Effect.Effect<void> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const stream = yield* restore(listener.accept).pipe(
        Scope.extend(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      yield* fork(
        Effect.interruptible(handle(stream)).pipe(
          Effect.onExit((exit) => Scope.close(scope, exit)),
          Effect.ignore
        )
      )
    })
  )
