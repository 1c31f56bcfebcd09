/**
 * Further sessions on the connection of a primary one. Each is an ordinary session, on a connection service that is a slot
 * at the primary's: it sends on the same link and is given what carries its id, and what carries none.
 *
 * Only one of them is being created at a time, as the answer does not say what it answers. One that is given up before
 * the answer came is destroyed when it comes, and nobody is created until then. Nothing is sent to a router that is not
 * known to take a second CreateSession.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as Fingerprint from "../../core/Fingerprint.js"
import { ConnectionEnded, type I2cpConnection, type OnFrame } from "../../I2cpConnection.js"
import { type I2cpError, MAX_SUBSESSIONS, type NotAnswered, SubsessionRejected } from "../../I2cpError.js"
import { NO_SESSION } from "../../Ids.js"
import * as Message from "../../Message.js"
import type { CurrentConnection, RunningConnection } from "./currentConnection.js"
import { SlotConnection, SubsessionSlot } from "./subsessionSlot.js"

const SESSION_STATUS = Message.typeOf("SessionStatus")

/** SessionStatus codes. Source: I2CP specification "SessionStatusMessage". */
const DESTROYED = 0
const CREATED = 1
const UPDATED = 2

export interface Primary {
  readonly current: CurrentConnection
  /** Open while the primary is up. */
  readonly usable: Effect.Latch
  /** Asks for bandwidth limits, by which routers are told apart. */
  readonly bandwidth: Effect.Effect<unknown, NotAnswered>
}

export class Subsessions {
  readonly #primary: Primary
  readonly #slots = new Set<SubsessionSlot>()
  readonly #connections = new Map<SubsessionSlot, SlotConnection>()
  readonly #byId = new Map<number, SlotConnection>()
  readonly #free = Effect.unsafeMakeLatch(true)
  readonly #ended = Deferred.unsafeMake<never, SubsessionRejected>(FiberId.none)
  #creating: SlotConnection | undefined

  constructor(primary: Primary) {
    this.#primary = primary
  }

  get isEmpty(): boolean {
    return this.#slots.size === 0
  }

  /** Fails when there will be no primary any more. */
  readonly ended: Effect.Effect<never, SubsessionRejected> = Deferred.await(this.#ended)

  /** There will be none. */
  end(detail: string): void {
    Deferred.unsafeDone(this.#ended, Effect.fail(new SubsessionRejected({ reason: "PrimaryEnded", detail })))
  }

  /** Asks those that are there to end in an orderly way. */
  close(): void {
    for (const slot of this.#slots) slot.close()
  }

  /** A slot for one more; given back when the scope is left. */
  readonly take: Effect.Effect<SubsessionSlot, SubsessionRejected, Scope.Scope> = Effect.acquireRelease(
    Effect.suspend(() => {
      if (this.#slots.size >= MAX_SUBSESSIONS) {
        const detail = `there are ${MAX_SUBSESSIONS} beyond the first already`
        return Effect.fail(new SubsessionRejected({ reason: "TooMany", detail }))
      }
      const slot = new SubsessionSlot({
        admitted: this.#admitted,
        enter: (entering, primary) => this.#enter(entering, primary),
        leave: (connection) => this.#leave(connection)
      })
      this.#slots.add(slot)
      return Effect.succeed(slot)
    }),
    (slot) => Effect.sync(() => this.#slots.delete(slot))
  )

  /** The primary's transport, shared with the subsessions. */
  share(transport: I2cpConnection["Type"]): I2cpConnection["Type"] {
    return { ...transport, run: (use, router) => transport.run((link) => this.#receiver(use(link)), router) }
  }

  /** What the primary's connection calls in place of the primary's own receiver. */
  #receiver(primary: OnFrame): OnFrame {
    return (type, body, now) => {
      // Nearly always: one comparison a frame.
      if (this.#connections.size === 0 && this.#creating === undefined) return primary(type, body, now)
      const addressee = Message.addresseeOf(type)
      if (addressee === "Session" && body.length >= 2) {
        const connection = this.#connectionOf(type, body)
        return connection === undefined ? primary(type, body, now) : connection.onFrame(type, body, now)
      }
      primary(type, body, now)
      if (addressee === "Connection") for (const { onFrame } of this.#connections.values()) onFrame(type, body, now)
    }
  }

  /** The primary's connection is gone. */
  onLost(): void {
    const detail = "the connection of the primary session has ended"
    const end = new ConnectionEnded({ reason: "Closed", detail, cause: undefined })
    for (const { ended } of this.#connections.values()) Deferred.unsafeDone(ended, Effect.fail(end))
    this.#connections.clear()
    this.#byId.clear()
    this.#settle()
  }

  #connectionOf(type: number, body: Uint8Array): SlotConnection | undefined {
    const id = (body[0]! << 8) | body[1]!
    const status = type === SESSION_STATUS ? body[2] : undefined
    const known = this.#byId.get(id)
    if (known !== undefined) {
      if (status !== undefined && status !== CREATED && status !== UPDATED) known.isOver = true
      return known
    }
    const creating = this.#creating
    // The last word of a session that is not there any more is no answer to CreateSession.
    const isOther = id === this.#primary.current.now?.sessionId || status === DESTROYED
    if (isOther || creating === undefined || !creating.isAsked) return undefined
    if (status !== undefined) {
      this.#settle()
      if (status === CREATED && id !== NO_SESSION) this.#created(creating, id)
    }
    return creating
  }

  #created(connection: SlotConnection, id: number): void {
    connection.sessionId = id
    connection.slot.wasCreated = true
    if (this.#connections.get(connection.slot) === connection) this.#byId.set(id, connection)
    else connection.destroy()
  }

  /** Nobody is being created: the next may. */
  #settle(): void {
    this.#creating = undefined
    this.#free.unsafeOpen()
  }

  /** Waits for a primary that is up on a router that can, and for nobody else to be in creation. */
  readonly #admitted = (slot: SubsessionSlot): Effect.Effect<RunningConnection, I2cpError> =>
    Effect.gen(this, function* () {
      for (;;) {
        yield* Effect.raceFirst(this.#primary.usable.await, this.ended)
        const current = this.#primary.current.now
        if (current?.limits === undefined && current?.isUp === true) {
          yield* Effect.ignore(this.#primary.bandwidth)
          // A router that was silent just now may be stalled; one that we know from before has earned another question.
          if (current.limits === undefined && current.isUp && slot.wasCreated) continue
        }
        if (current === undefined || !current.isUp || current !== this.#primary.current.now) {
          yield* Effect.yieldNow()
          continue
        }
        const router = Fingerprint.recognise(current.routerVersion, current.limits)
        if (!Fingerprint.hasSubsessions(router, current.routerVersion)) {
          const detail = `${router} ${current.routerVersion} is not known to take several sessions on one connection`
          return yield* new SubsessionRejected({ reason: "Unsupported", detail })
        }
        if (this.#creating === undefined) return current
        yield* this.#free.await
      }
    })

  #enter(slot: SubsessionSlot, primary: RunningConnection): SlotConnection | undefined {
    // Another connection is perhaps one to another router.
    if (this.#creating !== undefined || primary !== this.#primary.current.now || !primary.isUp) return undefined
    const connection = new SlotConnection(slot, primary.link)
    this.#connections.set(slot, connection)
    this.#creating = connection
    this.#free.unsafeClose()
    return connection
  }

  #leave(connection: SlotConnection): void {
    connection.onFrame = () => {}
    // Else the connection went first, and took everything with it.
    if (this.#connections.get(connection.slot) !== connection) return
    this.#connections.delete(connection.slot)
    if (connection.sessionId !== undefined) this.#byId.delete(connection.sessionId)
    if (this.#creating === connection && !connection.isAsked) this.#settle()
    // What the router still has it would call a duplicate at the next attempt, and hang up on the primary.
    else connection.destroy()
  }
}
