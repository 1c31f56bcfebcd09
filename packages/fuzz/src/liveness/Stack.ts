/**
 * The liveness property over the whole stack: two sessions on one embedded router that restarts, on simulated time.
 *
 * Streams wait for a router that is away, and everything else that happens here takes less time than a stream has patience
 * for: no error is right but that of an opening.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as NodeCompression from "@effect-i2p/platform-node/NodeCompression"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as End from "../chaos/End.js"
import * as Defects from "../Defects.js"
import { Finding, must } from "../Target.js"
import * as Bound from "./Bound.js"

const fc = FastCheck

const Millis = Schema.Number.pipe(Schema.between(0, 1_000_000))
const Count = Schema.Int.pipe(Schema.between(0, 10_000_000))

/**
 * What the router and the link do, one after another.
 *
 * **Shape** `Restart`: the router is gone. `Outage`: it loses everything. `Lossy`: it loses a share, shuffles and repeats.
 * `Path`: another latency from then on.
 *
 * @since 0.1.0
 * @category models
 */
export const Trouble = Schema.Union(
  Schema.TaggedStruct("Restart", { wait: Millis, millis: Millis }),
  Schema.TaggedStruct("Outage", { wait: Millis, millis: Millis }),
  Schema.TaggedStruct("Lossy", { wait: Millis, millis: Millis, loss: Schema.Number.pipe(Schema.between(0, 1)) }),
  Schema.TaggedStruct("Path", { wait: Millis, latency: Millis })
)

/** @since 0.1.0 @category models */
export type Trouble = typeof Trouble.Type

/** What an application does: as `Plan.Program`, but for an end of both directions. @since 0.1.0 @category models */
export const Program = Schema.Struct({
  writes: Schema.Array(Schema.Struct({ pause: Millis, bytes: Count })),
  reads: Schema.Array(Schema.Struct({ millis: Millis, rate: Count })),
  ends: Schema.Boolean
})

/** @since 0.1.0 @category models */
export type Program = typeof Program.Type

/** @since 0.1.0 @category models */
export const Plan = Schema.Struct({
  seed: Count,
  latency: Millis,
  client: Program,
  server: Program,
  troubles: Schema.Array(Trouble)
})

/** @since 0.1.0 @category models */
export type Plan = typeof Plan.Type

const program: FastCheck.Arbitrary<Program> = fc.record({
  writes: fc.array(
    fc.record({
      pause: fc.oneof(fc.constant(0), fc.nat(2_000)),
      bytes: fc.oneof(fc.nat(400), fc.nat(60_000), fc.nat(200_000))
    }),
    { maxLength: 3 }
  ),
  reads: fc.array(fc.record({ millis: fc.nat(8_000), rate: fc.constantFrom(0, 20_000) }), { maxLength: 2 }),
  ends: fc.boolean()
})

const wait = fc.oneof(fc.nat(500), fc.nat(8_000))

/**
 * Three troubles at most, of less than 25 s each: a stream gives up after 77 s without an answer, at the earliest.
 *
 * @since 0.1.0
 * @category generators
 */
export const arbitrary: FastCheck.Arbitrary<Plan> = fc.record({
  seed: fc.nat(1_000_000),
  latency: fc.constantFrom(20, 2, 300),
  client: program,
  server: program,
  troubles: fc.array(
    fc.oneof<Array<FastCheck.MaybeWeightedArbitrary<Trouble>>>(
      { weight: 4, arbitrary: fc.record({ _tag: fc.constant("Restart" as const), wait, millis: fc.nat(25_000) }) },
      { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Outage" as const), wait, millis: fc.nat(25_000) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          _tag: fc.constant("Lossy" as const),
          wait,
          millis: fc.nat(10_000),
          loss: fc.constantFrom(0.05, 0.2)
        })
      },
      { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Path" as const), wait, latency: fc.nat(800) }) }
    ),
    { maxLength: 3 }
  )
})

const session = (router: LocalRouter.LocalRouter["Type"], name: string) =>
  StreamManager.layerI2cp().pipe(
    Layer.provideMerge(I2cpSession.layer({ keys: MemoryTransport.keysOf(name) })),
    Layer.provide(Layer.effect(Socket.Socket, router.connect)),
    Layer.fresh,
    Layer.build,
    Effect.map((context) => ({
      i2cp: Context.get(context, I2cpSession.I2cpSession),
      streams: Context.get(context, StreamManager)
    })),
    Effect.tap(({ streams }) => streams.ready)
  )

/** What both write, cut from here. */
const pattern = Scenario.bytes(1 << 20)

const sizeOf = ({ writes }: Program): number => writes.reduce((sum, { bytes }) => sum + bytes, 0)

const chunkBytes = 16_384

const write = Effect.fnUntraced(function* (connection: StreamConnection, { ends, writes }: Program) {
  let offset = 0
  for (const { bytes, pause } of writes) {
    if (pause > 0) yield* Effect.sleep(pause)
    for (const until = offset + bytes; offset < until; ) {
      const size = Math.min(chunkBytes, until - offset)
      yield* connection.write(pattern.subarray(offset, offset + size))
      offset += size
    }
  }
  if (ends) yield* connection.end
})

/** Reads as planned, then everything: to the end of the stream, or all there is if the other side leaves it open. */
const read = Effect.fnUntraced(function* (connection: StreamConnection, own: Program, theirs: Program) {
  const expected = sizeOf(theirs)
  let got = 0
  let phase = 0
  let phaseEnds = (yield* Clock.currentTimeMillis) + (own.reads[0]?.millis ?? 0)
  while (theirs.ends || got < expected) {
    const { rate } = own.reads[phase] ?? { rate: Number.POSITIVE_INFINITY }
    if (phase < own.reads.length) {
      const left = phaseEnds - (yield* Clock.currentTimeMillis)
      if (rate === 0 && left > 0) yield* Effect.sleep(left)
      if (rate === 0 || left <= 0) {
        phase += 1
        phaseEnds += own.reads[phase]?.millis ?? 0
        continue
      }
    }
    const next = yield* connection.read
    if (Option.isNone(next)) break
    must(Bytes.equals(next.value, pattern.subarray(got, got + next.value.length)), `bytes from ${got} on are wrong`)
    got += next.value.length
    if (rate < Number.POSITIVE_INFINITY) yield* Effect.sleep((1000 * next.value.length) / rate)
  }
  must(got === expected, `${got} of ${expected} bytes`)
})

/** One end of the stream, to its end. The scope stays open until both are done. */
const live = (connection: StreamConnection, own: Program, theirs: Program): Effect.Effect<void, StreamError> =>
  Effect.all([write(connection, own), read(connection, own, theirs)], { concurrency: 2, discard: true })

const strike = (router: LocalRouter.LocalRouter["Type"], trouble: Trouble): Effect.Effect<void> => {
  switch (trouble._tag) {
    case "Restart":
      return router.faults.restart(trouble.millis)
    case "Outage":
      return during(router, { loss: 1 }, { loss: 0 }, trouble.millis)
    case "Lossy":
      return during(
        router,
        { loss: trouble.loss, reorder: 0.1, duplicate: 0.1 },
        { loss: 0, reorder: 0, duplicate: 0 },
        trouble.millis
      )
    case "Path":
      return router.setLink({ latencyMillis: trouble.latency })
  }
}

type LinkChange = Parameters<LocalRouter.LocalRouter["Type"]["setLink"]>[0]

const during = (router: LocalRouter.LocalRouter["Type"], set: LinkChange, unset: LinkChange, millis: number) =>
  router.setLink(set).pipe(Effect.zipRight(Effect.sleep(millis)), Effect.zipRight(router.setLink(unset)))

/** Within which time of the router's return a session must be there again: its delays double, and are 20 % longer by chance. */
const reconnecting = (down: number): number => 1.2 * (10_000 + 2 * down)

/**
 * **Units** milliseconds of simulated time. `healedAt` is when the link was well and both sessions were there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  readonly healedAt: number
  readonly doneAt: number
  readonly opened: boolean
}

const port = 80

/** When an application is done with what it planned. */
const programEnd = ({ reads, writes }: Program): number =>
  Math.max(
    writes.reduce((sum, { pause }) => sum + pause, 0),
    reads.reduce((sum, { millis }) => sum + millis, 0)
  )

const scenario = Effect.fnUntraced(function* (plan: Plan) {
  const router = yield* LocalRouter.make({ link: { latencyMillis: plan.latency }, seed: plan.seed })
  const alice = yield* session(router, "alice")
  const bob = yield* session(router, "bob")
  const start = yield* Clock.currentTimeMillis
  const listener = yield* bob.streams.listen({ port })
  const server = yield* Effect.fork(
    Effect.flatMap(listener.accept, (connection) => live(connection, plan.server, plan.client))
  )
  const client = yield* Effect.fork(
    Effect.matchEffect(alice.streams.connect({ destination: bob.streams.destination, port }), {
      onFailure: () => Effect.succeed(false),
      onSuccess: (connection) => Effect.as(live(connection, plan.client, plan.server), true)
    })
  )
  let down = 0
  let latency = plan.latency
  for (const trouble of plan.troubles) {
    yield* Effect.sleep(trouble.wait)
    if (trouble._tag === "Restart") down += trouble.millis
    if (trouble._tag === "Path") latency = trouble.latency
    yield* strike(router, trouble)
  }
  yield* Effect.all([alice.i2cp.ready, bob.i2cp.ready], { concurrency: 2 }).pipe(
    Effect.timeoutFail({
      duration: reconnecting(down),
      onTimeout: () => new Finding("a session does not come back")
    }),
    Effect.orDie
  )
  const now = yield* Clock.currentTimeMillis
  const healedAt = Math.max(now, start + Math.max(programEnd(plan.client), programEnd(plan.server)))
  yield* Effect.sleep(healedAt - now)
  const active = [...(yield* alice.streams.active), ...(yield* bob.streams.active)]
  const allowed = Bound.bound(
    Bound.allowanceOf({
      elapsed: healedAt - start,
      rto: Math.max(0, ...active.map(({ rto }) => rto)),
      roundTrip: 2 * latency,
      bytes: sizeOf(plan.client) + sizeOf(plan.server)
    })
  )
  const both = Effect.gen(function* () {
    const opened = yield* Fiber.join(client)
    // Who could not open has waited for a minute, in which nothing may have come through.
    if (opened) yield* Fiber.join(server)
    else must(plan.troubles.length > 0, "the opening fails for no reason")
    const report: Report = { healedAt, doneAt: yield* Clock.currentTimeMillis, opened }
    return report
  })
  return yield* both.pipe(
    Effect.catchAll((error) => Effect.die(new Finding(`no error is right here: ${End.nameOf(error)}`))),
    Effect.timeoutFail({
      duration: allowed,
      onTimeout: () => {
        const states = active.map(
          ({ packetsInFlight, rto, status }) => `${status}, ${packetsInFlight} in flight, rto ${rto}`
        )
        return new Finding(
          `not done ${Math.round(allowed)} ms after the network was well and the sessions were back; then: ${states.join("; ")}`
        )
      }
    }),
    Effect.orDie
  )
})

/**
 * One run.
 *
 * **Errors** dies with what does not hold.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (plan: Plan): Effect.Effect<Report> =>
  scenario(plan).pipe(
    Effect.provide([NodeSignatures.layer, NodeCompression.layer, SecureRandom.layerSeeded(plan.seed)]),
    Effect.withRandom(Random.make(plan.seed)),
    Defects.noneIn,
    Effect.orDie,
    (effect) => SimulatedTime.run(effect, { limit: "1 hour" })
  )

/**
 * Reads a plan from JSON.
 *
 * **Errors** throws what is wrong with it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const parse: (json: string) => Plan = Schema.decodeUnknownSync(Schema.parseJson(Plan))
