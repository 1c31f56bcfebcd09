/**
 * Two of our stacks on one embedded router that drops, delays, repeats, corrupts, refuses, restarts and forgets, as a plan
 * says, while streams between them open, carry data both ways, and end in every way there is. On simulated time: a run of
 * minutes takes a fraction of a second, and is the same each time.
 *
 * | rule | means |
 * |---|---|
 * | nothing is lost | what is read is what was written, from the first byte, in order; who sees the end of a stream has all of it; what a writer was told is acknowledged has come, before its reader left if that had nothing under way; a reader that did not get all knows by an error |
 * | nothing hangs | every end is done, with everything or with a tagged error, within {@link patience} |
 * | nothing is left | then the stacks have no stream, once they are closed the router has no session and no connection, and no fiber runs |
 *
 * Corruption is of bytes on their way from the router into a stack. No network does that (TCP and tunnels have their
 * sums); a router with a mistake in it could.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as NodeCompression from "@effect-i2p/platform-node/NodeCompression"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Supervisor from "effect/Supervisor"
import * as Defects from "../Defects.js"
import { Finding, must } from "../Target.js"
import * as End from "./End.js"
import * as Plan from "./Plan.js"
import { suffer, Victim } from "./Router.js"

/**
 * **Shape** `refused` is why the opening failed; `server` is undefined where nobody came.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamReport {
  readonly client: End.Report | { readonly refused: string }
  readonly server: End.Report | undefined
}

/**
 * **Units** `millis` of simulated time, to the last end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  readonly streams: ReadonlyArray<StreamReport>
  readonly millis: number
}

/**
 * Until when every end is done. Longer than a stream that is given up, a session that waits before it tries again, and a
 * reader who rests take one after another.
 *
 * @since 0.1.0
 * @category constants
 */
export const patience = "1 hour"

/** How long a stack may remember a stream that has ended, before it counts as left. **Source** ours: beyond TimeWait. */
const forgetting = "10 minutes"

const firstPort = 80

const stack = (victim: Victim, name: string) =>
  StreamManager.layerI2cp().pipe(
    Layer.provideMerge(I2cpSession.layer({ keys: MemoryTransport.keysOf(name) })),
    Layer.provide(Layer.effect(Socket.Socket, victim.connect)),
    Layer.fresh,
    Layer.build,
    Effect.map(Context.get(StreamManager)),
    Effect.tap((streams) => streams.ready)
  )

type Streams = StreamManager["Type"]

/** Waits for one visitor and lives with it; `came` says whether there is one. */
const serve = Effect.fnUntraced(function* (streams: Streams, stream: number, { client, server }: Plan.StreamPlan) {
  const came = yield* Deferred.make<void>()
  const fiber = yield* Effect.gen(function* () {
    const listener = yield* streams.listen({ port: firstPort + stream })
    const connection = yield* listener.accept
    yield* Deferred.succeed(came, undefined)
    return yield* End.live(connection, { stream, side: "server" }, server, client.bytes)
  }).pipe(Effect.scoped, Effect.fork)
  return Effect.flatMap(Deferred.isDone(came), (isThere) =>
    isThere ? Fiber.join(fiber) : Effect.as(Fiber.interrupt(fiber), undefined)
  )
})

const visit = (streams: Streams, target: Streams, stream: number, plan: Plan.StreamPlan) =>
  Effect.sleep(plan.opensAt).pipe(
    Effect.zipRight(streams.connect({ destination: target.destination, port: firstPort + stream })),
    Effect.matchEffect({
      onFailure: (error) => Effect.succeed({ refused: End.nameOf(error) }),
      onSuccess: (connection) => End.live(connection, { stream, side: "client" }, plan.client, plan.server.bytes)
    }),
    Effect.scoped
  )

/** What must hold between what one end wrote and the other read. */
const judge = (stream: number, plan: Plan.EndPlan, from: End.Report, to: End.Report): void => {
  const rule = (holds: boolean, text: string) =>
    must(holds, `stream ${stream}: ${text}: ${JSON.stringify({ plan, from, to })}`)
  rule(to.got <= from.accepted + plan.chunk, "no more is read than was written")
  if (to.sawEnd) {
    rule(plan.ending !== "reset" || !from.left, "a reset is no end of a stream")
    rule(to.got >= from.accepted, "who sees the end has all")
  }
  if (from.acknowledged) {
    if (!to.left) rule(to.got === plan.bytes, "what is acknowledged has come")
    // Nobody has what comes after a close. It is acknowledged only as long as that side's own data is under way.
    else if (!to.outstanding) rule(to.received === plan.bytes, "what is acknowledged had come before the reader left")
  }
  if (to.got < plan.bytes && !to.left) {
    rule(to.error !== undefined || from.left, "who did not get all knows")
    rule(from.error !== undefined || from.left, "whose bytes did not come knows")
  }
}

const scenario = Effect.fnUntraced(function* (seed: number, plan: Plan.Plan) {
  const router = yield* LocalRouter.make({ link: plan.link, seed })
  const victim = new Victim(router, seed)
  const report = yield* Effect.scoped(
    Effect.gen(function* () {
      const alice = yield* stack(victim, "alice")
      const bob = yield* stack(victim, "bob")
      const servers = yield* Effect.forEach(plan.streams, (each, n) => serve(bob, n, each))
      const chaos = yield* Effect.fork(suffer(victim, plan.blows))
      const clients = yield* Effect.forEach(plan.streams, (each, n) => visit(alice, bob, n, each), {
        concurrency: "unbounded"
      })
      yield* Fiber.join(chaos)
      // Whose opening failed may have reached the other end all the same.
      yield* gone(alice)
      yield* gone(bob)
      const streams = yield* Effect.forEach(servers, (server, n) =>
        Effect.map(server, (server): StreamReport => ({ client: clients[n]!, server }))
      )
      const report: Report = { streams, millis: yield* Clock.currentTimeMillis }
      return report
    })
  )
  // The last words of a connection take a second.
  yield* Effect.sleep("2 seconds")
  const { connections, sessions } = yield* router.stats
  must(sessions === 0 && connections === 0, `the router is left with ${sessions} sessions, ${connections} connections`)
  return report
})

/** Waits until a stack has no stream any more. */
const gone = (streams: Streams) =>
  streams.active.pipe(
    Effect.repeat({ until: (active) => active.length === 0, schedule: Schedule.spaced("1 second") }),
    Effect.timeoutFail({
      duration: forgetting,
      onTimeout: () => new Finding(`streams are left after ${forgetting}`)
    }),
    Effect.orDie
  )

/**
 * One run.
 *
 * **Errors** dies with what does not hold.
 *
 * @since 0.1.0
 * @category running
 */
export const run = Effect.fnUntraced(function* (seed: number) {
  const plan = Plan.make(seed)
  const supervisor = yield* Supervisor.track
  const report = yield* scenario(seed, plan).pipe(
    Effect.provide([NodeSignatures.layer, NodeCompression.layer, SecureRandom.layerSeeded(seed)]),
    Effect.withRandom(Random.make(seed)),
    Effect.supervised(supervisor),
    Defects.noneIn,
    (effect) => SimulatedTime.run(effect, { limit: patience })
  )
  const fibers = yield* supervisor.value
  must(fibers.length === 0, `${fibers.length} fibers are left`)
  for (const [n, { client, server }] of report.streams.entries()) {
    if ("refused" in client) {
      must(server === undefined || server.left || server.error !== undefined, `stream ${n}: only the server has it`)
    } else {
      must(server !== undefined, `stream ${n}: only the client has it`)
      judge(n, plan.streams[n]!.client, client, server)
      judge(n, plan.streams[n]!.server, server, client)
    }
  }
  return report
})
