/**
 * The streams of a session: one entry each, one way in and one way out.
 *
 * An entry is a `Connection` (inbox, state, handle's cells, account); its fiber is in a `FiberMap` under the same id. The
 * demultiplexer finds entries by the ids in packets.
 *
 * @since 0.1.0
 */
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as FiberRef from "effect/FiberRef"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import type { Action } from "../core/Action.js"
import * as Assembler from "../core/Assembler.js"
import * as Endpoint from "../core/Endpoint.js"
import * as Event from "../core/Event.js"
import { hasReset, isCloseInFlight, type State } from "../core/State.js"
import type * as Packet from "../Packet.js"
import type { Path } from "../PacketTransport.js"
import * as StreamingConfig from "../StreamingConfig.js"
import * as Connection from "./connection/connection.js"
import * as ConnectionFiber from "./connection/fiber.js"
import { type Peer, remembered } from "./connection/peer.js"
import * as TcbCache from "./connection/tcbCache.js"
import * as Metering from "./observe/metering.js"
import * as Tracing from "./observe/tracing.js"

/**
 * A stream that begins, and the actions of its first step.
 */
export interface Opening {
  readonly peer: Peer
  readonly peerKey: PublicKey | undefined
  readonly state: State
  readonly actions: ReadonlyArray<Action>
  readonly options: StreamingConfig.ConnectionOptions
  readonly initialBytes: number
  /** What opened the stream, if the peer did. */
  readonly syn?: Packet.Packet | undefined
}

/**
 * Whether packets can leave. `Away`: the router has been `Down` for so long that streams have ended; `Up` may follow.
 */
export type Way = Path | "Away"

export interface Connections {
  readonly endpoint: Endpoint.Endpoint<Connection.Connection, Peer>
  readonly tcbCache: TcbCache.TcbCache
  readonly all: () => Iterable<Connection.Connection>
  /** Enters a stream and starts its fiber. */
  readonly open: (opening: Opening) => Effect.Effect<Connection.Connection>
  /** Interrupts a stream's fiber, which aborts the stream, and does not wait for that. */
  readonly abort: (connection: Connection.Connection) => Effect.Effect<void>
  /** Whether a stream has this port of ours. */
  readonly usesPort: (port: number) => boolean
  readonly path: () => Way
  /** Ends streams that have not ended, by RESET; what they have received is dropped. Gives how many. */
  readonly end: (which: (connection: Connection.Connection) => boolean) => Effect.Effect<number>
  /** Tells all streams what became of the way to the router. */
  readonly notePath: (path: Way) => void
  /** Tells all streams, and waits until there is none. */
  readonly tellAll: (event: Event.Event) => Effect.Effect<void>
}

/**
 * The same scheduler, which wakes all streams that are due in one round. It has a queue, and a microtask, for each fiber
 * otherwise.
 */
const sharing = (scheduler: Scheduler.Scheduler): Scheduler.Scheduler =>
  Scheduler.make(
    (task, priority) => scheduler.scheduleTask(task, priority),
    (fiber) => scheduler.shouldYield(fiber)
  )

/**
 * Streams that are interrupted when the scope is left, which aborts them.
 */
export const make = Effect.fnUntraced(function* (
  session: Connection.SessionServices,
  options: StreamingConfig.StreamingOptions
): Effect.fn.Return<Connections, never, Scope.Scope> {
  const endpoint: Connections["endpoint"] = Endpoint.make(StreamingConfig.toLimits(options))
  const tcbCache = TcbCache.make(options)
  const fibers = yield* FiberMap.make<number>()
  const scheduler = sharing(yield* FiberRef.get(FiberRef.currentScheduler))
  const run = yield* FiberMap.runtime(fibers)<never>().pipe(
    Effect.annotateLogs({ package: "streaming", module: "Connection" }),
    Effect.withScheduler(scheduler)
  )
  /** How many streams have a port of ours. */
  const ports = new Map<number, number>()
  /** Open while there is no stream. */
  const idle = Effect.unsafeMakeLatch(true)
  let path: Way = "Up"

  function* all(): Iterable<Connection.Connection> {
    for (const { stream } of endpoint.live.values()) yield stream
  }

  const countPort = (port: number, change: 1 | -1): void => {
    const count = (ports.get(port) ?? 0) + change
    if (count === 0) ports.delete(port)
    else ports.set(port, count)
  }

  const leave = (connection: Connection.Connection, last: State): Effect.Effect<void> =>
    Effect.sync(() => {
      const { id, peer } = connection
      const now = session.timers.now
      countPort(peer.localPort, -1)
      session.scheduler.clear(id)
      TcbCache.leave(tcbCache, connection, last, now)
      Endpoint.release(endpoint, id, {
        peer: remembered(peer),
        remoteStreamId: last.remoteStreamId,
        resetNumber: hasReset(last) ? last.send.sndNxt : undefined,
        ackThrough: last.phase._tag === "TimeWait" ? Assembler.cumulative(last.receive) : undefined,
        closeUnheard: isCloseInFlight(last),
        now
      })
      if (endpoint.live.size === 0) idle.unsafeOpen()
      Metering.end(connection, last)
    })

  const open = Effect.fnUntraced(function* (opening: Opening) {
    const { actions, peer, state } = opening
    const id = state.localStreamId
    const connection = yield* Connection.make({
      session,
      peer,
      peerKey: opening.peerKey,
      state,
      actions,
      options: opening.options,
      initialBytes: opening.initialBytes,
      maxPackets: options.mailboxSize,
      account: Metering.begin(state, session.metricLabels),
      tracer: session.trace && Tracing.begin(session.trace, state, peer, opening.syn)
    })
    idle.unsafeClose()
    countPort(peer.localPort, 1)
    TcbCache.enter(tcbCache, connection)
    Endpoint.register(endpoint, id, {
      stream: connection,
      peerName: peer.destination.b32,
      remoteStreamId: state.remoteStreamId
    })
    if (path === "Down") connection.notePath(path)
    run(
      id,
      ConnectionFiber.run(connection, (last) => leave(connection, last))
    )
    return connection
  })

  return {
    endpoint,
    tcbCache,
    all,
    open,
    abort: ({ id }) => Effect.asVoid(Effect.forkDaemon(FiberMap.remove(fibers, id))),
    end: (which) =>
      Effect.suspend(() => {
        const ending = Array.from(all()).filter((connection) => connection.ended === undefined && which(connection))
        return Effect.as(
          Effect.forEach(
            ending,
            (connection) => Effect.map(connection.incoming.discard, () => connection.command(Event.abort)),
            { discard: true }
          ),
          ending.length
        )
      }),
    usesPort: (port) => ports.has(port),
    path: () => path,
    notePath: (next) => {
      path = next
      for (const connection of all()) connection.notePath(next === "Away" ? "Gone" : next)
    },
    tellAll: (event) =>
      Effect.suspend(() => {
        for (const connection of all()) connection.command(event)
        return Effect.interruptible(idle.await)
      })
  }
})
