/**
 * Further sessions on the connection of a primary one. Each is an ordinary session, on a connection that is a seat at
 * the primary's: it sends on the same link and is given what carries its id, and what carries none.
 *
 * Only one of them is being created at a time, as the answer does not say what it answers. One that is given up before
 * the answer came is destroyed when it comes, and nobody is created until then. Nothing is sent to a router that is not
 * known to take a second CreateSession.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Fingerprint from "../../core/Fingerprint.js"
import type { I2cpConnection, Link, OnFrame } from "../../I2cpConnection.js"
import { ConnectionEnded } from "../../I2cpConnection.js"
import { type I2cpError, MAX_SUBSESSIONS, type NotAnswered, SubsessionRejected } from "../../I2cpError.js"
import { NO_SESSION } from "../../Ids.js"
import * as Message from "../../Message.js"
import type { Current } from "./attempt.js"

const CREATE_SESSION = Message.typeOf("CreateSession")
const DESTROY_SESSION = Message.typeOf("DestroySession")
const SESSION_STATUS = Message.typeOf("SessionStatus")

/** Where the type is in a frame, behind its length. Source: I2CP specification "Message header". */
const TYPE_AT = 4

/** SessionStatus codes. Source: I2CP specification "SessionStatusMessage". */
const DESTROYED = 0
const CREATED = 1
const UPDATED = 2

/** One session on one connection. */
interface Lane {
  readonly link: Link
  readonly ended: Deferred.Deferred<never, ConnectionEnded>
  readonly seat: Seat
  onFrame: OnFrame
  /** CreateSession has been sent. */
  isAsked: boolean
  /** The router has it no more, or has been told so. */
  isOver: boolean
  id: number | undefined
}

/** What a further session needs of its primary, from one connection to the next. */
export interface Seat {
  readonly connection: I2cpConnection["Type"]
  /** Runs an attempt on `connection` as soon as one may be made. */
  readonly during: <E>(attempt: Effect.Effect<void, E>) => Effect.Effect<void, E | I2cpError>
  /** Called when the primary is about to end. */
  close: () => void
  /** Whether a router has ever created it. */
  wasCreated: boolean
}

export interface Primary {
  readonly current: () => Current | undefined
  /** Open while the primary is up. */
  readonly usable: Effect.Latch
  /** Asks for bandwidth limits, by which routers are told apart. */
  readonly bandwidth: Effect.Effect<unknown, NotAnswered>
}

export class Subsessions {
  readonly #primary: Primary
  readonly #seats = new Set<Seat>()
  readonly #lanes = new Map<Seat, Lane>()
  readonly #byId = new Map<number, Lane>()
  readonly #free = Effect.unsafeMakeLatch(true)
  readonly #ended = Deferred.unsafeMake<never, SubsessionRejected>(FiberId.none)
  #creating: Lane | undefined

  constructor(primary: Primary) {
    this.#primary = primary
  }

  get isEmpty(): boolean {
    return this.#seats.size === 0
  }

  /** Fails when there will be no primary any more. */
  readonly ended: Effect.Effect<never, SubsessionRejected> = Deferred.await(this.#ended)

  /** There will be none. */
  end(detail: string): void {
    Deferred.unsafeDone(this.#ended, Effect.fail(new SubsessionRejected({ reason: "PrimaryEnded", detail })))
  }

  /** Asks those that are there to end in an orderly way. */
  close(): void {
    for (const seat of this.#seats) seat.close()
  }

  /** A place for one more; given back when the scope is left. */
  readonly take = Effect.acquireRelease(
    Effect.suspend(() => {
      if (this.#seats.size >= MAX_SUBSESSIONS) {
        const detail = `there are ${MAX_SUBSESSIONS} beyond the first already`
        return Effect.fail(new SubsessionRejected({ reason: "TooMany", detail }))
      }
      const seat = this.#seat()
      this.#seats.add(seat)
      return Effect.succeed(seat)
    }),
    (seat) => Effect.sync(() => this.#seats.delete(seat))
  )

  /** What the primary's connection calls in place of the primary's own receiver. */
  receiver(primary: OnFrame): OnFrame {
    return (type, body, now) => {
      // Nearly always: one comparison a frame.
      if (this.#lanes.size === 0 && this.#creating === undefined) return primary(type, body, now)
      const addressee = Message.addresseeOf(type)
      if (addressee === "Session" && body.length >= 2) {
        const lane = this.#laneOf(type, body)
        return lane === undefined ? primary(type, body, now) : lane.onFrame(type, body, now)
      }
      primary(type, body, now)
      if (addressee === "Connection") for (const lane of this.#lanes.values()) lane.onFrame(type, body, now)
    }
  }

  /** The primary's connection is gone. */
  onLost(): void {
    const detail = "the connection of the primary session has ended"
    const end = new ConnectionEnded({ reason: "Closed", detail, cause: undefined })
    for (const { ended } of this.#lanes.values()) Deferred.unsafeDone(ended, Effect.fail(end))
    this.#lanes.clear()
    this.#byId.clear()
    this.#settle()
  }

  #laneOf(type: number, body: Uint8Array): Lane | undefined {
    const id = (body[0]! << 8) | body[1]!
    const status = type === SESSION_STATUS ? body[2] : undefined
    const known = this.#byId.get(id)
    if (known !== undefined) {
      if (status !== undefined && status !== CREATED && status !== UPDATED) known.isOver = true
      return known
    }
    const creating = this.#creating
    // The last word of a session that is not there any more is no answer to CreateSession.
    const isOther = id === this.#primary.current()?.sessionId || status === DESTROYED
    if (isOther || creating === undefined || !creating.isAsked) return undefined
    if (status !== undefined) {
      this.#settle()
      if (status === CREATED && id !== NO_SESSION) this.#created(creating, id)
    }
    return creating
  }

  #created(lane: Lane, id: number): void {
    lane.id = id
    lane.seat.wasCreated = true
    if (this.#lanes.get(lane.seat) === lane) this.#byId.set(id, lane)
    else destroy(lane)
  }

  /** Nobody is being created: the next may. */
  #settle(): void {
    this.#creating = undefined
    this.#free.unsafeOpen()
  }

  #seat(): Seat {
    let lane: Lane | undefined
    const seat: Seat = {
      connection: {
        routers: ["the router of the primary session"],
        run: (use) =>
          Effect.suspend(() => {
            const here = lane!
            here.onFrame = use(linkOf(here))
            return Deferred.await(here.ended)
          })
      },
      during: (attempt) =>
        Effect.flatMap(this.#admitted(seat), (current) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              lane = this.#enter(seat, current)
              return lane
            }),
            // Somebody else may have been faster: then nothing has been sent, and the next attempt waits.
            (entered) => (entered === undefined ? seat.during(attempt) : attempt),
            (entered) => Effect.sync(() => entered && this.#leave(entered))
          )
        ),
      close: () => {},
      wasCreated: false
    }
    return seat
  }

  /** Waits for a primary that is up on a router that can, and for nobody else to be in creation. */
  readonly #admitted = (seat: Seat): Effect.Effect<Current, I2cpError> =>
    Effect.gen(this, function* () {
      for (;;) {
        yield* Effect.raceFirst(this.#primary.usable.await, this.ended)
        const current = this.#primary.current()
        if (current?.limits === undefined && current?.isUp === true) {
          yield* Effect.ignore(this.#primary.bandwidth)
          // A router that was silent just now may be stalled; one that we know from before has earned another question.
          if (current.limits === undefined && current.isUp && seat.wasCreated) continue
        }
        if (current === undefined || !current.isUp || current !== this.#primary.current()) {
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

  #enter(seat: Seat, current: Current): Lane | undefined {
    // Another connection is perhaps one to another router.
    if (this.#creating !== undefined || current !== this.#primary.current() || !current.isUp) return undefined
    const ended = Deferred.unsafeMake<never, ConnectionEnded>(FiberId.none)
    const lane: Lane = {
      link: current.link,
      ended,
      seat,
      onFrame: () => {},
      isAsked: false,
      isOver: false,
      id: undefined
    }
    this.#lanes.set(seat, lane)
    this.#creating = lane
    this.#free.unsafeClose()
    return lane
  }

  #leave(lane: Lane): void {
    lane.onFrame = () => {}
    // Else the connection went first, and took everything with it.
    if (this.#lanes.get(lane.seat) !== lane) return
    this.#lanes.delete(lane.seat)
    if (lane.id !== undefined) this.#byId.delete(lane.id)
    if (this.#creating === lane && !lane.isAsked) this.#settle()
    // What the router still has it would call a duplicate at the next attempt, and hang up on the primary.
    else destroy(lane)
  }
}

const destroy = (lane: Lane): void => {
  if (lane.id === undefined || lane.isOver) return
  lane.isOver = true
  lane.link.sendFirst(Message.encode({ _tag: "DestroySession", sessionId: lane.id }))
}

const linkOf = (lane: Lane): Link => ({
  ...lane.link,
  sendFirst: (frame) => {
    if (frame[TYPE_AT] === CREATE_SESSION) lane.isAsked = true
    if (frame[TYPE_AT] === DESTROY_SESSION) lane.isOver = true
    lane.link.sendFirst(frame)
  }
})
