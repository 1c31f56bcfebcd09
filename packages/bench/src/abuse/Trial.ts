/**
 * An attack on the world, and what comes of it: round trips of somebody else's stream before and meanwhile, what the
 * attacker got back, and what is left of him in memory.
 *
 * @since 0.1.0
 */
import type { Changes, StreamingOptions } from "@effect-i2p/streaming/StreamingConfig"
import type { DropCounters } from "@effect-i2p/streaming/StreamManager"
import * as Heap from "@effect-i2p/testkit/Heap"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as World from "./World.js"

/**
 * **Shape** `arm` prepares and gives what sends the n-th hostile message, or several. `victim` are options of Bob's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attack {
  /** As the table of the README has it. */
  readonly name: string
  readonly victim?: Changes<StreamingOptions>
  /** Signature type of Mallory's keys. Default Ed25519. */
  readonly keys?: number
  /** Alice opens streams meanwhile, one after another: does she wait? */
  readonly openings?: boolean
  /** Another dose than the usual: what has a quota or a bound to reach. */
  readonly dose?: Pick<Dose, "messages" | "burst">
  /** What the attacker may get. */
  readonly bound?: Partial<Bound>
  readonly arm: (world: World.World) => Effect.Effect<(n: number) => Effect.Effect<void>, never, Scope.Scope>
}

/**
 * **Units** `p95` in ms, `opening` too, which is the 95th percentile of the time to open a stream and have an echo from it; `heldBytes` what the heap and its buffers have grown by, after collection; `cpuMicros` of router and
 * victim for each hostile message: of the process, less what it takes without an attack and to make the message. `answers` and
 * `answerBytes` are packets and their bytes for each one sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outcome {
  readonly name: string
  readonly sent: number
  readonly sentBytes: number
  readonly answers: number
  readonly answerBytes: number
  readonly p95Before: number
  readonly p95: number
  readonly openingBefore: number
  readonly opening: number
  readonly heldBytes: number
  readonly cpuMicros: number
  readonly drops: DropCounters
  /** Lease sets that Bob signed meanwhile. */
  readonly leaseSets: number
  /** Streams of Bob's when all is over, Alice's among them. */
  readonly streams: number
  /** Whether Alice's stream is still there, and another of hers can be opened. */
  readonly survived: boolean
  readonly admitted: boolean
}

/**
 * The most that an attacker gets.
 *
 * **Units** packets and bytes back for each one sent; bytes of memory, of which the half is what is left of any run;
 * streams of Bob's afterwards, Alice's among them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bound {
  readonly answers: number
  readonly answerBytes: number
  readonly heldBytes: number
  readonly leaseSets: number
  readonly streams: number
}

/**
 * Nothing, which most attackers get.
 *
 * @since 0.1.0
 * @category constants
 */
export const nothing: Bound = { answers: 0, answerBytes: 0, heldBytes: 2_097_152, leaseSets: 0, streams: 1 }

/**
 * How much of an attack there is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dose {
  /** Hostile messages, and how many at once. */
  readonly messages: number
  readonly burst: number
  readonly every: Duration.DurationInput
}

const memory = Effect.sync(Heap.inUse)

const cpu = Effect.sync(() => {
  const { system, user } = process.cpuUsage()
  return user + system
})

/** Messages that are made once more, to tell what that costs. */
const crafted = 100

const p95 = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN

/** Round trips one after another until `done`. */
const echoesUntil = (world: World.World, done: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const trips: Array<number> = []
    while (!(yield* done)) trips.push(yield* World.echo(world.stream))
    return trips
  })

/** New streams one after another until `done`. */
const openingsUntil = (world: World.World, done: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const times: Array<number> = []
    while (!(yield* done)) {
      const began = clock.unsafeCurrentTimeNanos()
      const trip = Effect.scoped(
        Effect.flatMap(world.alice.connect({ destination: world.bob.destination, port: World.ports.echo }), World.echo)
      )
      const reached = Number.isFinite(yield* Effect.orElseSucceed(trip, () => Number.POSITIVE_INFINITY))
      times.push(reached ? Number(clock.unsafeCurrentTimeNanos() - began) / 1e6 : Number.POSITIVE_INFINITY)
    }
    return p95(times)
  })

const send = ({ burst, every, messages }: Dose, shoot: (n: number) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    for (let n = 0; n < messages; n++) {
      if (n % burst === 0) yield* Effect.sleep(every)
      yield* shoot(n)
    }
  })

/**
 * Runs one attack in a world of its own.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (attack: Attack, usual: Dose): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const dose = { ...usual, ...attack.dose }
    const world = yield* World.make(attack.victim, attack.keys)
    const { received, sent } = world.mallory
    const during = Duration.toMillis(dose.every) * Math.ceil(dose.messages / dose.burst)
    const shoot = yield* attack.arm(world)

    const calm = yield* cpu
    const waiting = yield* Effect.fork(Effect.sleep(during))
    const openings = (while_: Fiber.Fiber<unknown>) =>
      attack.openings === true
        ? openingsUntil(
            world,
            Effect.map(Fiber.poll(while_), (exit) => exit._tag === "Some")
          )
        : Effect.succeed(Number.NaN)
    const openedBefore = yield* Effect.fork(openings(waiting))
    const before = yield* echoesUntil(
      world,
      Effect.map(Fiber.poll(waiting), (exit) => exit._tag === "Some")
    )
    const openingBefore = yield* Fiber.join(openedBefore)
    const idle = (yield* cpu) - calm

    const at = { sent: { ...sent }, received: { ...received } }
    const signed = world.bobTap.leaseSets()
    const held = yield* memory
    const busy = yield* cpu
    const attacking = yield* Effect.fork(send(dose, shoot))
    const opened = yield* Effect.fork(openings(attacking))
    const meanwhile = yield* echoesUntil(
      world,
      Effect.map(Fiber.poll(attacking), (exit) => exit._tag === "Some")
    )
    const opening = yield* Fiber.join(opened)
    const used = (yield* cpu) - busy
    world.mallory.isMuted = true
    const making = yield* cpu
    for (let n = 0; n < crafted; n++) yield* shoot(n)
    const craft = ((yield* cpu) - making) / crafted
    yield* Fiber.join(attacking)
    // What is under way arrives, what is owed is answered.
    yield* Effect.sleep(attack.openings === true ? "2 seconds" : "200 millis")
    const heldAfter = yield* memory
    const sentPackets = Math.max(1, sent.packets - at.sent.packets)
    const outcome = {
      name: attack.name,
      sent: sentPackets,
      sentBytes: sent.bytes - at.sent.bytes,
      answers: (received.packets - at.received.packets) / sentPackets,
      answerBytes: (received.bytes - at.received.bytes) / Math.max(1, sent.bytes - at.sent.bytes),
      p95Before: p95(before),
      p95: p95(meanwhile),
      openingBefore,
      opening,
      heldBytes: heldAfter - held,
      cpuMicros: Math.max(0, (used - idle) / dose.messages - craft),
      drops: yield* world.bob.drops,
      leaseSets: world.bobTap.leaseSets() - signed,
      streams: (yield* world.bob.active).length
    }
    const newcomer = world.alice.connect({ destination: world.bob.destination, port: World.ports.echo })
    const admitted = Either.isRight(yield* Effect.either(Effect.flatMap(newcomer, World.echo)))
    return { ...outcome, survived: Number.isFinite(yield* World.echo(world.stream)), admitted }
  }).pipe(Effect.scoped)
