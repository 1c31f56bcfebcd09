/**
 * Reads the transport: each packet is parsed and goes to its stream, to those who wait to be let in, or away.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../core/Endpoint.js"
import * as Packet from "../Packet.js"
import type { Incoming } from "../PacketTransport.js"
import type { Acceptor } from "./accept/acceptor.js"
import * as Pings from "./accept/pings.js"
import type { Reply } from "./accept/replies.js"
import type { Connections } from "./Connections.js"
import type { SessionServices } from "./connection/connection.js"
import type { Drops } from "./observe/drops.js"
import * as Tracing from "./observe/tracing.js"

/**
 * Work that a packet asks for and that takes an effect: a bounded queue, and a fiber that does it.
 */
export interface Chores {
  /** Does it soon; one too many is dropped and counted. */
  readonly later: (chore: Effect.Effect<void>) => void
}

// A defect is a bug, and costs the packet that hit it; everybody's streams depend on the rest.
const survive = Effect.catchAllDefect((defect) => Effect.logError("a packet could not be handled", defect))

/**
 * Chores that are done as long as the scope lives, so many of them waiting.
 */
export const makeChores = (limit: number, drops: Drops): Effect.Effect<Chores, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.dropping<Effect.Effect<void>>(limit)
    yield* Effect.flatten(Queue.take(queue)).pipe(survive, Effect.forever, Effect.forkScoped)
    return {
      later: (chore) => {
        if (!queue.unsafeOffer(chore)) drops.count("overflowed")
      }
    }
  })

/**
 * What the reader hands packets to.
 */
export interface Parts {
  readonly session: SessionServices
  readonly connections: Connections
  readonly acceptor: Acceptor
  readonly pings: Pings.Pings
  readonly reply: Reply
  readonly drops: Drops
  readonly chores: Chores
}

/**
 * Reads as long as the scope lives. What arrives as soon as there is a session has its reader.
 */
export const run = (parts: Parts): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { acceptor, chores, session } = parts
    for (const server of acceptor.servers((packet, incoming) => Effect.sync(() => dispatch(parts, packet, incoming)))) {
      yield* server.pipe(survive, Effect.forever, Effect.forkScoped)
    }
    const reading = session.transport.run((incoming) => {
      try {
        handle(parts, incoming)
      } catch (defect) {
        // It would come out in the reader of the connection, which other streams need.
        chores.later(Effect.die(defect))
      }
    })
    yield* Effect.zipLeft(Effect.forkScoped(reading), Effect.yieldNow())
  })

const handle = (parts: Parts, incoming: Incoming): void => {
  const decoded = Packet.decode(incoming.payload)
  if (Either.isLeft(decoded)) return parts.drops.count("malformed")
  if (!parts.acceptor.follow(decoded.right, incoming)) dispatch(parts, decoded.right, incoming)
}

const dispatch = (parts: Parts, packet: Packet.Packet, incoming: Incoming): void => {
  const { acceptor, chores, connections, drops, pings, reply } = parts
  const { timers, trace } = parts.session
  const route = Endpoint.route(connections.endpoint, packet, incoming.payload, timers.now)
  if (trace !== undefined && route._tag !== "Connection" && route._tag !== "FirstSyn" && route._tag !== "Early") {
    Tracing.unsequenced(trace, "in", packet, route._tag === "Unknown")
  }
  switch (route._tag) {
    case "Connection":
      return route.stream.receive(packet, incoming.payload)
    case "FirstSyn":
    case "Ping":
      return acceptor.receive(packet, incoming)
    case "Pong":
      return Pings.handlePong(pings, route.id, packet)
    case "TimeWait":
      return chores.later(reply(route.peer, route.reply, route.signing))
    case "GivenUp":
      return chores.later(reply(route.peer, route.reply, "signature"))
    case "Early":
      return
    case "Unknown":
      return drops.count("unknownStream")
  }
}
