/**
 * Whether anything is kept that should not be: the heap under a steady churn of streams, through a day of simulated time
 * and through minutes of real time, after a full collection each time, and the line of least squares through it.
 *
 * @since 0.1.0
 */
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Benchmark, Curve, Sample } from "../Benchmark.js"
import * as Memory from "../memory.js"
import * as Stacks from "../stacks.js"
import { regression } from "../statistics.js"

const day = {
  full: Duration.hours(24),
  quick: Duration.hours(2),
  every: Duration.minutes(5),
  pause: Duration.seconds(20),
  workers: 2
}

const real = {
  full: Duration.minutes(10),
  quick: Duration.seconds(20),
  every: Duration.seconds(1),
  pause: Duration.millis(50),
  workers: 8
}

/**
 * The optimizing compilers note beside each class of objects what depends on it, so that the heap grows by 5 to 8 KB an hour
 * for days in which everything else stays as it is: of two snapshots of the heap, after 12 and 24 simulated hours, the
 * later one has 77 KB more, 37 KB of it in lists of dependent code and 38 KB in what belongs to code. Without them, and with
 * all bytecode kept, a day's slope is 0.02 KB an hour and its error 0.04. What streams leave behind shows all the same.
 */
const nodeOptions = ["--no-opt", "--no-maglev", "--no-flush-bytecode"]

/** Tables and the engine's notes about code fill first; what comes after that share of the time counts. */
const settling = 1 / 2

/** The ids of what is over stay for a while: shorter than the settling, so that as many go as come. */
const streaming = { timeWait: Duration.seconds(5) }

type Point = readonly [hours: number, megabytes: number]

const question = new Uint8Array(4_096).fill(0x2a)

const churn = (over: "memory" | "tcp", options: typeof day, time: Duration.Duration, heap: Effect.Effect<number>) =>
  Effect.gen(function* () {
    const { client, server } = yield* Stacks.pair({ over, streaming })
    const listener = yield* server.listen({ port: 1 })
    yield* Effect.forkScoped(listener.run((connection) => Stream.run(connection.readable, connection.writable)))
    const worker = Effect.gen(function* () {
      const connection = yield* client.connect({ destination: server.destination, port: 1 })
      yield* connection.write(question)
      yield* connection.read
      yield* connection.close
    }).pipe(Effect.scoped, Effect.repeat(Schedule.spaced(options.pause)))
    yield* Effect.forEach(Array.from({ length: options.workers }), () => Effect.forkScoped(worker))
    const clock = yield* Effect.clock
    const start = clock.unsafeCurrentTimeMillis()
    // Made at once: an array that grew with each point would be 0.9 KB an hour.
    const count = Math.ceil(Duration.toMillis(time) / Duration.toMillis(options.every))
    const [hours, bytes] = [new Float64Array(count), new Float64Array(count)]
    for (let i = 0; i < count; i++) {
      yield* Effect.sleep(options.every)
      hours[i] = (clock.unsafeCurrentTimeMillis() - start) / 3_600_000
      bytes[i] = yield* heap
    }
    return Array.from(hours, (hour, i): Point => [hour, bytes[i]! / 1e6])
  }).pipe(Effect.scoped, Effect.orDie)

/** Growth in KB an hour: what the line says, and what is certain of it. */
const growth = (points: ReadonlyArray<Point>): { readonly slope: Sample; readonly certain: Sample } => {
  const settled = points.slice(Math.floor(points.length * settling))
  const { error, slope } = regression(settled)
  const [low, high] = [1000 * (slope - 2 * error), 1000 * (slope + 2 * error)]
  return { slope: { value: 1000 * slope, spread: [low, high] }, certain: { value: low, spread: [low, high] } }
}

const curve = (panel: string, points: ReadonlyArray<Point>): Curve => ({
  panel,
  name: "heap",
  x: { label: "hours", scale: "linear" },
  points
})

/**
 * Most growth, in KB an hour. In a day of simulated time two workers open 360 streams an hour: 16 bytes of each, the
 * least that anything kept would take. In real time the eight open some 100 a second: 30 bytes of each.
 */
const targets = { day: 6, real: 10_000 }

/** A quick run ends before the heap has settled. */
const certain = { unit: "KB/h", against: null, better: "less", quick: "stated" } as const

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const long: Benchmark = {
  name: "long",
  nodeOptions,
  rows: [
    {
      ...certain,
      name: "long/day",
      subject:
        "growth of the heap that is certain, less two standard errors, in 24 h of simulated time with 8,640 streams",
      target: targets.day
    },
    { ...certain, name: "long/day-slope", subject: "the slope itself, and two standard errors about it", target: null },
    {
      ...certain,
      name: "long/real",
      subject: "the same in ten minutes of real time, some hundred streams a second",
      target: targets.real
    },
    { ...certain, name: "long/real-slope", subject: "the slope itself, and two standard errors about it", target: null }
  ],
  rounds: { full: 1, quick: 1 },
  warmUp: { full: 0, quick: 0 },
  measure: ({ quick }) =>
    Effect.gen(function* () {
      const virtual = churn("memory", day, quick ? day.quick : day.full, Memory.liveNow)
      const days = yield* SimulatedTime.run(virtual, { limit: Duration.hours(25) })
      const minutes = yield* churn("tcp", real, quick ? real.quick : real.full, Memory.live)
      const [ofDay, ofReal] = [growth(days), growth(minutes)]
      return {
        samples: {
          "long/day": ofDay.certain,
          "long/day-slope": ofDay.slope,
          "long/real": ofReal.certain,
          "long/real-slope": ofReal.slope
        },
        curves: [curve("heap in simulated time, MB", days), curve("heap in real time, MB", minutes)]
      }
    })
}
