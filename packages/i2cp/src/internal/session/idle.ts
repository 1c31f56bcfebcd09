/**
 * A session that nobody uses gives back what it costs its router: first most of its tunnels, then all of them. Both are
 * off unless the configuration says otherwise.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Service as Config } from "../../I2cpConfig.js"
import type { NotReconfigured } from "../../I2cpError.js"

/** How finely silence is measured: a tenth of what is waited for, at least this. Ours. */
const MIN_SAMPLE_MILLIS = 1_000
const SAMPLES = 10

type Change = (options: Config) => Config

export interface Options {
  readonly config: Config
  /** Grows with every payload, either way. */
  readonly activity: () => number
  readonly isReady: () => boolean
  readonly reconfigure: (change: Change) => Effect.Effect<void, NotReconfigured>
  readonly close: () => void
}

export class Idle {
  readonly #options: Options
  readonly #needed = Effect.unsafeMakeLatch(false)
  #closed = false

  constructor(options: Options) {
    this.#options = options
  }

  /** Whether the session was closed here and nobody has needed it since. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** Waits until a session closed here is needed. */
  readonly wanted: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.#needed.await, () => {
      this.#closed = false
    })
  )

  /** Somebody wants to send, or to look something up. */
  want(): void {
    if (this.#closed) this.#needed.unsafeOpen()
  }

  /** A session that is closed from now on is closed because somebody asked. */
  stop(): void {
    this.#closed = false
  }

  /** Watches for silence, for ever; ends at once when there is nothing to do about it. */
  readonly watch: Effect.Effect<void> = Effect.suspend(() => {
    const { reduceIdleTime, closeIdleTime } = this.#options.config
    const reduceAfter = reduceIdleTime === undefined ? Infinity : Duration.toMillis(reduceIdleTime)
    const closeAfter = closeIdleTime === undefined ? Infinity : Duration.toMillis(closeIdleTime)
    const first = Math.min(reduceAfter, closeAfter)
    return first === Infinity
      ? Effect.void
      : this.#watch(reduceAfter, closeAfter, Math.max(MIN_SAMPLE_MILLIS, first / SAMPLES))
  })

  #watch(reduceAfter: number, closeAfter: number, sample: number): Effect.Effect<never> {
    const { activity, close, config, isReady } = this.#options
    let seen = activity()
    let silent = 0
    let restore: Change | undefined
    return Effect.sleep(sample).pipe(
      Effect.flatMap(() => {
        const now = activity()
        silent = now === seen && isReady() ? silent + sample : 0
        seen = now
        if (silent >= closeAfter) {
          this.#closed = true
          this.#needed.unsafeClose()
          close()
          return Effect.void
        }
        if (silent >= reduceAfter && restore === undefined) {
          return this.#apply((options) => {
            const { inboundQuantity, outboundQuantity } = options
            restore = (later) => ({ ...later, inboundQuantity, outboundQuantity })
            const quantity = config.reduceIdleQuantity
            return { ...options, inboundQuantity: quantity, outboundQuantity: quantity }
          })
        }
        if (silent > 0 || restore === undefined) return Effect.void
        const change = restore
        restore = undefined
        return this.#apply(change)
      }),
      Effect.forever
    )
  }

  /** Tunnels too many or too few are no reason to end anything. */
  #apply(change: Change): Effect.Effect<void> {
    return Effect.catchAll(this.#options.reconfigure(change), (error) => Effect.logDebug(error.message))
  }
}
