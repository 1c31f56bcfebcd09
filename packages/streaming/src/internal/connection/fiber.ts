/**
 * The fiber of a stream: takes what waits in the inbox, verifies what needs a signature, steps the pure core once for the
 * batch, sets the state, and performs the actions in order.
 *
 * A defect ends this fiber alone. Its finalizer logs the cause, sends RESET and takes the stream out of the session's
 * tables. Interrupting it aborts the stream.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Ref from "effect/Ref"
import type { Action } from "../../core/Action.js"
import * as Core from "../../core/Connection.js"
import * as Event from "../../core/Event.js"
import { isOver, type Outcome, type State } from "../../core/State.js"
import type * as Packet from "../../Packet.js"
import { StreamReset } from "../../StreamError.js"
import * as Tracing from "../observe/tracing.js"
import * as Actions from "./actions.js"
import { type Connection, type Input, isClosed, noteChoke, weightOf } from "./connection.js"
import type { Checked, Verified } from "./signatureRecord.js"
import * as Signing from "./signing.js"
import * as Verification from "./verification.js"

/** Inputs that one step takes at the most: a batch costs one flush and one acknowledgment. Ours. */
const batchSize = 128

/** How long the RESET of a stream that ends by force may wait for the transport. Ours. */
const lastResort = Duration.seconds(1)

const aborted: Outcome = { _tag: "Aborted" }

/**
 * Drives a stream from its first actions to its end; then calls `onEnd` with its last state, whatever ended it.
 */
export const run = (self: Connection, onEnd: (last: State) => Effect.Effect<void>): Effect.Effect<void> =>
  // Not `Effect.annotateLogs`, whose frames would stay on the stack of every idle stream: 2 KB.
  Effect.zipRight(
    FiberRef.update(FiberRef.currentLogAnnotations, (annotations: HashMap.HashMap<string, unknown>) =>
      HashMap.set(annotations, "stream", nameOf(self))
    ),
    Effect.onExit(
      Effect.flatMap(Ref.get(self.state), (state) =>
        Effect.flatMap(performed(self, state.phase._tag, state, self.takeFirst()), () => turns(self))
      ),
      (exit) => finish(self, exit, onEnd)
    )
  )

/** What a dump of fibers and its log lines call a stream: its id and its peer's short hash. */
const nameOf = ({ id, peer }: Connection): string => `${id} ${peer.destination.short}`

/** Turns until the stream is over. Not a loop of Effect's, which keeps a kilobyte more on the stack while it waits. */
const turns = (self: Connection): Effect.Effect<void> =>
  self.ended === undefined
    ? Effect.flatMap(self.inbox.takeAll, ([inputs]) =>
        Effect.flatMap(batches(self, Chunk.toReadonlyArray(inputs)), () => turns(self))
      )
    : Effect.void

const batches = (self: Connection, inputs: ReadonlyArray<Input>): Effect.Effect<void> => {
  if (inputs.length <= batchSize) return turn(self, inputs)
  // Others get their turns in between.
  return turn(self, inputs.slice(0, batchSize)).pipe(
    Effect.zipRight(Effect.yieldNow()),
    Effect.zipRight(Effect.suspend(() => batches(self, inputs.slice(batchSize))))
  )
}

/** What a turn has made of the state, and what is left to do. */
interface Turn {
  readonly before: State
  readonly after: State
  readonly actions: ReadonlyArray<Action>
  /** Checks of signatures that have to wait. */
  readonly checks: ReadonlyArray<Effect.Effect<void>>
}

/** One step of the core, from one value of the state to the next. */
const turn = (self: Connection, inputs: ReadonlyArray<Input>): Effect.Effect<void> =>
  Effect.flatMap(
    Ref.modify(self.state, (state) => stepped(self, state, inputs)),
    ({ actions, after, before, checks }) => {
      const done = performed(self, before.phase._tag, after, actions)
      return checks.length === 0 ? done : Effect.zipRight(Effect.forEach(checks, Effect.fork, { discard: true }), done)
    }
  )

const stepped = (self: Connection, before: State, inputs: ReadonlyArray<Input>): readonly [Turn, State] => {
  const { memory, scheduler, timers } = self.session
  const { checks, events } = takeIn(self, before, inputs)
  const now = timers.now
  const room = self.granted > 0 ? self.granted : scheduler.room()
  const [after, actions] = Core.step(before, events, now, room, memory.allowance)
  self.incoming.notePending(after.receive)
  noteChoke(self, after.peerChoke !== undefined, now)
  self.isChoking = after.flow.choking
  self.hasFullPacket = after.send.unsentBytes >= after.maxPacketSize
  return [{ before, after, actions, checks }, after]
}

/** Performs what a step asked for, and says when there is something to do next. */
const performed = (
  self: Connection,
  before: State["phase"]["_tag"],
  state: State,
  actions: ReadonlyArray<Action>
): Effect.Effect<void> => {
  if (self.tracer !== undefined) Tracing.stepped(self.tracer, before, state, actions)
  if (state.phase._tag !== before && !isOver(state)) self.phases?.unsafeOffer(state.phase._tag)
  const sent = Actions.perform(self, actions)
  return sent === undefined ? settled(self, state, actions) : Effect.flatMap(sent, () => settled(self, state, actions))
}

const settled = (self: Connection, state: State, actions: ReadonlyArray<Action>): Effect.Effect<void> => {
  self.giveBackTurn()
  // A retransmission waits for the answer, so nothing may come before it.
  const question = actions.find(isQuestion)
  if (question !== undefined) {
    return Effect.flatMap(self.retries.answer(question.policy, question.retry), (answer) => turn(self, [answer]))
  }
  if (isClosed(state)) self.noteClosed()
  if (isOver(state)) return Effect.void
  self.nextDeadline = Core.nextTimeout(state) ?? Number.POSITIVE_INFINITY
  if (self.nextDeadline < Number.POSITIVE_INFINITY) self.session.timers.set(self, self.nextDeadline)
  return self.session.pulse.rest()
}

/** What the core wants to know before it goes on. At most one policy is asked in a step. */
const isQuestion = (action: Action): action is Extract<Action, { readonly _tag: "AskRetry" }> =>
  action._tag === "AskRetry"

/** What the core is told, and what has to be done before more can be. */
interface Taken {
  readonly events: Array<Event.Event>
  /** Checks of signatures that have to wait. */
  readonly checks: Array<Effect.Effect<void>>
}

/** What the core is told: what has been read and written, commands, and the packets that are the peer's. */
const takeIn = (self: Connection, state: State, inputs: ReadonlyArray<Input>): Taken => {
  const events: Array<Event.Event> = []
  const checks: Array<Effect.Effect<void>> = []
  const consumed = self.incoming.takeConsumed()
  if (consumed !== undefined) events.push(consumed)
  events.push(...self.takeWrites())
  for (const input of inputs) {
    switch (input._tag) {
      case "Deadline":
      case "Turn":
      case "Look":
        break
      case "Gone":
        self.end(aborted, new StreamReset({ reason: "SessionLost", destination: self.peer.destination.short }))
        events.push(Event.abort)
        break
      case "Packet": {
        const { bytes, packet } = input
        self.packetsWaiting -= weightOf(bytes)
        if (!Signing.needsSignature(packet)) {
          accept(self, state, packet, events)
          break
        }
        const outcome = Verification.check(self, state, packet, bytes)
        if (outcome._tag === "Dropped") drop(self, state, packet)
        else if (outcome._tag === "Waits") checks.push(checkLater(self, state, input, outcome.check))
        else judge(self, state, packet, outcome.verified, events)
        break
      }
      case "Checked":
        judge(self, state, input.packet, input.verified, events)
        break
      default:
        events.push(input)
    }
  }
  return { events, checks }
}

/** A packet that is the peer's, as far as signatures can tell. */
const accept = (self: Connection, state: State, packet: Packet.Packet, events: Array<Event.Event>): void => {
  if (self.tracer !== undefined) Tracing.received(self.tracer, packet, state, false)
  self.announcing = false
  events.push(Event.received(packet))
}

const drop = (self: Connection, state: State, packet: Packet.Packet): void => {
  self.packetsDropped += 1
  if (self.tracer !== undefined) Tracing.received(self.tracer, packet, state, true)
}

const judge = (
  self: Connection,
  state: State,
  packet: Packet.Packet,
  verified: Verified,
  events: Array<Event.Event>
): void => {
  if (Either.isRight(verified)) {
    Verification.noteGood(self, packet, verified.right)
    return accept(self, state, packet, events)
  }
  drop(self, state, packet)
  if (!Verification.isBad(verified) || !Verification.noteBad(self, state, packet)) return
  self.end(aborted, new StreamReset({ reason: "BadSignatures", destination: self.peer.destination.short }))
  events.push(Event.abort)
}

/** Until it is checked the packet keeps its place in the inbox. */
const checkLater = (
  self: Connection,
  state: State,
  { bytes, packet }: Extract<Input, { readonly _tag: "Packet" }>,
  check: Effect.Effect<Checked>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.packetsWaiting += weightOf(bytes)
    return Effect.map(check, (outcome) => {
      self.packetsWaiting -= weightOf(bytes)
      if (outcome._tag === "Dropped") drop(self, state, packet)
      else self.inbox.unsafeOffer({ _tag: "Checked", packet, verified: outcome.verified })
    })
  })

/** Whatever ended it: everybody is told, and nothing comes in from here on. */
const finish = (
  self: Connection,
  exit: Exit.Exit<void>,
  onEnd: (last: State) => Effect.Effect<void>
): Effect.Effect<void> => {
  // The application may keep its handle for as long as it likes, and read what came in order.
  const leave = Effect.flatMap(Ref.getAndUpdate(self.state, withoutPending), (last) => {
    self.inbox.unsafeDone(Exit.void)
    self.giveBackTurn()
    self.session.timers.remove(self)
    self.incoming.notePending(nothingPending)
    return onEnd(last)
  })
  return Exit.isSuccess(exit) ? leave : Effect.zipRight(abort(self, exit.cause), leave)
}

const nothingPending = { pending: [], pendingBytes: 0 }

const withoutPending = (state: State): State => ({ ...state, receive: { ...state.receive, ...nothingPending } })

/** Ends a stream by force: everybody who waits is told, and the peer gets RESET, if whatever is broken lets us. */
const abort = (self: Connection, cause: Cause.Cause<never>): Effect.Effect<void> => {
  const isDefect = !Cause.isInterruptedOnly(cause)
  const log = isDefect ? Effect.logError("a stream ended with a defect", cause) : Effect.void
  const reset = Effect.flatMap(Ref.get(self.state), (state) => {
    const [last, actions] = Core.step(state, [Event.abort], self.session.timers.now)
    return Effect.zipRight(Ref.set(self.state, last), Actions.perform(self, actions) ?? Effect.void)
  })
  return log.pipe(
    Effect.zipRight(
      Effect.sync(() => {
        const reason = isDefect ? "Defect" : "Aborted"
        self.end(aborted, new StreamReset({ reason, destination: self.peer.destination.short }))
      })
    ),
    Effect.zipRight(
      Effect.timeoutOption(
        Effect.catchAllCause(reset, () => Effect.void),
        lastResort
      )
    ),
    Effect.asVoid
  )
}
