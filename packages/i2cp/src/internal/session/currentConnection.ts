/**
 * The connection that a session has at the moment: what other fibers read of it and ask of it.
 */
import * as Effect from "effect/Effect"
import type { Link } from "../../I2cpConnection.js"

/** The part of a running connection that other fibers use; one writer, the driver. */
export interface RunningConnection {
  readonly link: Link
  readonly close: () => void
  readonly reconfigure: () => void
  /** Whether payloads can be sent. */
  isUp: boolean
  sessionId: number | undefined
  clockOffset: number
  lastPublished: number
  routerVersion: string
  /** The last BandwidthLimits of this connection: routers are told apart by them. */
  limits: ReadonlyArray<number> | undefined
}

export class CurrentConnection {
  #now: RunningConnection | undefined
  #lastPublished = 0

  /** The running connection, from the dial to the end. */
  get now(): RunningConnection | undefined {
    return this.#now
  }

  get isUp(): boolean {
    return this.#now?.isUp === true
  }

  /** Whether the router has a session of ours. */
  get hasSession(): boolean {
    return this.#now?.sessionId !== undefined
  }

  /** When the last lease set was published, on this connection or one before. */
  get lastPublished(): number {
    return this.#now?.lastPublished ?? this.#lastPublished
  }

  get queuedBytes(): number {
    return this.#now?.link.queued() ?? 0
  }

  /** Waits until the socket has taken some of the queued bytes, or never will. */
  readonly progress: Effect.Effect<void> = Effect.suspend(() => this.#now?.link.progress ?? Effect.void)

  begin(connection: RunningConnection): void {
    this.#now = connection
  }

  end(): void {
    this.#lastPublished = this.lastPublished
    this.#now = undefined
  }

  /** Asks the connection to end in an orderly way. */
  close(): void {
    this.#now?.close()
  }
}
