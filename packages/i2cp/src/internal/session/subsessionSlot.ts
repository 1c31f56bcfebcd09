/**
 * The place of one further session at its primary, from one connection of the primary to the next.
 *
 * To the session it looks like a connection service of its own; what it has of the connection that runs is a
 * {@link SlotConnection}.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { ConnectionEnded, I2cpConnection, Link, OnFrame } from "../../I2cpConnection.js"
import type { I2cpError } from "../../I2cpError.js"
import * as Message from "../../Message.js"
import type { RunningConnection } from "./currentConnection.js"

const CREATE_SESSION = Message.typeOf("CreateSession")
const DESTROY_SESSION = Message.typeOf("DestroySession")

/** Where the type is in a frame, behind its length. Source: I2CP specification "Message header". */
const TYPE_AT = 4

/** A slot's part of one connection of the primary. */
export class SlotConnection {
  readonly slot: SubsessionSlot
  readonly ended: Deferred.Deferred<never, ConnectionEnded> = Deferred.unsafeMake(FiberId.none)
  readonly #link: Link
  onFrame: OnFrame = () => {}
  /** CreateSession has been sent. */
  isAsked = false
  /** The router has the session no more, or has been told so. */
  isOver = false
  sessionId: number | undefined

  constructor(slot: SubsessionSlot, link: Link) {
    this.slot = slot
    this.#link = link
  }

  /** The primary's link, which notices what is sent about the session itself. */
  get link(): Link {
    return {
      ...this.#link,
      sendFirst: (frame) => {
        if (frame[TYPE_AT] === CREATE_SESSION) this.isAsked = true
        if (frame[TYPE_AT] === DESTROY_SESSION) this.isOver = true
        this.#link.sendFirst(frame)
      }
    }
  }

  /** Destroys the session, if the router has it. */
  destroy(): void {
    if (this.sessionId === undefined || this.isOver) return
    this.isOver = true
    this.#link.sendFirst(Message.encode({ _tag: "DestroySession", sessionId: this.sessionId }))
  }
}

/** What gives out slots. */
export interface Host {
  /** Waits until a session may be created on the connection of the primary, and returns that connection. */
  readonly admitted: (slot: SubsessionSlot) => Effect.Effect<RunningConnection, I2cpError>
  /** Takes part in the connection; `undefined` when somebody else was faster or the connection has changed. */
  readonly enter: (slot: SubsessionSlot, primary: RunningConnection) => SlotConnection | undefined
  readonly leave: (connection: SlotConnection) => void
}

export class SubsessionSlot {
  /** Runs an attempt on `transport` as soon as one may be made. */
  readonly during: <E>(attempt: Effect.Effect<void, E>) => Effect.Effect<void, E | I2cpError>
  /** Whether a router has ever created the session. */
  wasCreated = false
  #connection: SlotConnection | undefined
  #onClose = (): void => {}

  constructor(host: Host) {
    this.during = (attempt) =>
      Effect.flatMap(host.admitted(this), (primary) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            this.#connection = host.enter(this, primary)
            return this.#connection
          }),
          // Somebody else may have been faster: then nothing has been sent, and the next attempt waits.
          (connection) => (connection === undefined ? this.during(attempt) : attempt),
          (connection) => Effect.sync(() => connection && host.leave(connection))
        )
      )
  }

  readonly transport: I2cpConnection["Type"] = {
    routers: ["the router of the primary session"],
    run: (use) =>
      Effect.suspend(() => {
        const connection = this.#connection!
        connection.onFrame = use(connection.link)
        return Deferred.await(connection.ended)
      })
  }

  /** What to do when the primary is about to end. */
  onClose(close: () => void): void {
    this.#onClose = close
  }

  close(): void {
    this.#onClose()
  }
}
