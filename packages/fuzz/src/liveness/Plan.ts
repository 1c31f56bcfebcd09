/**
 * What two applications do with one stream, and what the network does to it meanwhile: plain data, so that it shrinks, and
 * is kept and replayed as a line of JSON.
 *
 * @since 0.1.0
 */
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"

const Millis = Schema.Number.pipe(Schema.between(0, 1_000_000))
const Count = Schema.Int.pipe(Schema.between(0, 10_000_000))
const Share = Schema.Number.pipe(Schema.between(0, 1))

/**
 * What an application does.
 *
 * **Shape** it writes `bytes` after `pause`, again and again, then ends: `half` closes its own direction and reads on, `full`
 * closes both and reads no more, `open` leaves the stream open. Beside that it reads: for `millis` at so many bytes a second,
 * 0 for nothing, and at last everything that comes.
 * **Units** milliseconds, bytes. A pause runs from the write before; what the stack does not take yet waits.
 *
 * @since 0.1.0
 * @category models
 */
export const Program = Schema.Struct({
  writes: Schema.Array(Schema.Struct({ pause: Millis, bytes: Count })),
  reads: Schema.Array(Schema.Struct({ millis: Millis, rate: Count })),
  ending: Schema.Literal("half", "open", "full")
})

/** @since 0.1.0 @category models */
export type Program = typeof Program.Type

/** @since 0.1.0 @category models */
export const SideName = Schema.Literal("A", "B")

/** @since 0.1.0 @category models */
export const Direction = Schema.Literal("A>B", "B>A")

/** @since 0.1.0 @category models */
export type Direction = typeof Direction.Type

/**
 * When a trouble begins: at a time, or when a side first tells the other that its receive window is closed, or open again,
 * with the packet that tells it.
 *
 * @since 0.1.0
 * @category models
 */
export const When = Schema.Union(
  Millis,
  Schema.Struct({ window: Schema.Literal("closes", "opens"), of: SideName, after: Millis })
)

/** @since 0.1.0 @category models */
export type When = typeof When.Type

/**
 * What the network does.
 *
 * **Shape**
 * - `Burst`: loses `count` packets in a row, by their sequence numbers from `first`, each `times` times.
 * - `Drop`: loses the next so many packets of a direction, whatever they carry.
 * - `Outage`: loses everything.
 * - `Link`: loses, shuffles and repeats shares of the packets.
 * - `Path`: the round trip is so many times as long from then on, as through another tunnel.
 * - `Rate`: so many bytes a second, from then on.
 * - `Restart`: the router of one side goes away; it is told so, and what travels from or to it is lost.
 *
 * @since 0.1.0
 * @category models
 */
export const Trouble = Schema.Union(
  Schema.TaggedStruct("Burst", { direction: Direction, first: Count, count: Count, times: Count }),
  Schema.TaggedStruct("Drop", { at: When, direction: Direction, packets: Count }),
  Schema.TaggedStruct("Outage", { at: When, directions: Schema.Array(Direction), millis: Millis }),
  Schema.TaggedStruct("Link", {
    at: When,
    millis: Millis,
    loss: Share,
    lossBurst: Count,
    reorder: Share,
    duplicate: Share,
    jitterMillis: Millis
  }),
  Schema.TaggedStruct("Path", { at: When, factor: Schema.Number.pipe(Schema.between(0.01, 100)) }),
  Schema.TaggedStruct("Rate", { at: When, bytesPerSecond: Count }),
  Schema.TaggedStruct("Restart", { at: When, side: SideName, millis: Millis })
)

/** @since 0.1.0 @category models */
export type Trouble = typeof Trouble.Type

/**
 * A run.
 *
 * **Shape** A opens, B accepts. `peer` plays one of the sides, ours plays the other; `ours` plays both. `receiveBuffer` of 0
 * is the default; `idleJitter` is the chance that is added to the idle timeout.
 * **Units** `latency` one way, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export const Plan = Schema.Struct({
  seed: Count,
  peer: Schema.Literal("ours", "java", "i2pd"),
  peerSide: SideName,
  latency: Millis,
  receiveBuffer: Schema.Struct({ A: Count, B: Count }),
  idleJitter: Schema.Struct({ A: Millis, B: Millis }),
  a: Program,
  b: Program,
  troubles: Schema.Array(Trouble)
})

/** @since 0.1.0 @category models */
export type Plan = typeof Plan.Type

const fc = FastCheck

/** What lasts longer than any timeout is rare: a run that waits for it has mostly nothing left to lose. */
const program: FastCheck.Arbitrary<Program> = fc.record({
  writes: fc.array(
    fc.record({
      pause: fc.oneof(
        { weight: 20, arbitrary: fc.constant(0) },
        { weight: 20, arbitrary: fc.nat(1_000) },
        { weight: 1, arbitrary: fc.nat(400_000) }
      ),
      bytes: fc.oneof(
        { weight: 2, arbitrary: fc.nat(400) },
        { weight: 2, arbitrary: fc.nat(20_000) },
        { weight: 3, arbitrary: fc.nat(250_000) }
      )
    }),
    { maxLength: 5 }
  ),
  reads: fc.array(
    fc.record({
      millis: fc.oneof(
        { weight: 15, arbitrary: fc.nat(2_000) },
        { weight: 15, arbitrary: fc.nat(20_000) },
        { weight: 1, arbitrary: fc.nat(400_000) }
      ),
      rate: fc.constantFrom(0, 0, 5_000, 50_000)
    }),
    { maxLength: 2 }
  ),
  ending: fc.constantFrom("half" as const, "half" as const, "open" as const, "full" as const)
})

const direction = fc.constantFrom("A>B" as const, "B>A" as const)
const side = fc.constantFrom("A" as const, "B" as const)

const when: FastCheck.Arbitrary<When> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(1_000) },
  { weight: 2, arbitrary: fc.nat(10_000) },
  {
    weight: 3,
    arbitrary: fc.record({
      window: fc.constantFrom("opens" as const, "closes" as const),
      of: side,
      after: fc.oneof(fc.constant(0), fc.nat(1_000))
    })
  }
)

/** Mostly what a stream outlives, sometimes what it does not. */
const outage = fc.oneof(
  { weight: 5, arbitrary: fc.nat(3_000) },
  { weight: 5, arbitrary: fc.nat(20_000) },
  { weight: 1, arbitrary: fc.nat(300_000) }
)

const trouble: FastCheck.Arbitrary<Trouble> = fc.oneof<Array<FastCheck.MaybeWeightedArbitrary<Trouble>>>(
  {
    weight: 3,
    arbitrary: fc.record({
      _tag: fc.constant("Burst" as const),
      direction,
      first: fc.nat(150),
      count: fc.integer({ min: 1, max: 40 }),
      times: fc.integer({ min: 1, max: 4 })
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      _tag: fc.constant("Drop" as const),
      at: when,
      direction,
      packets: fc.integer({ min: 1, max: 12 })
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      _tag: fc.constant("Outage" as const),
      at: when,
      directions: fc.constantFrom<Array<ReadonlyArray<Direction>>>(["A>B", "B>A"], ["A>B"], ["B>A"]),
      millis: outage
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("Link" as const),
      at: when,
      millis: fc.nat(20_000),
      loss: fc.constantFrom(0, 0.02, 0.1, 0.3),
      lossBurst: fc.constantFrom(1, 5),
      reorder: fc.constantFrom(0, 0.1, 0.3),
      duplicate: fc.constantFrom(0, 0.1, 0.5),
      jitterMillis: fc.constantFrom(0, 10, 300)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("Path" as const),
      at: when,
      // Up and down by 2 to 90 %, in steps of a percent; and back up from there.
      factor: fc.oneof(
        fc.integer({ min: 2, max: 90 }).map((percent) => 1 + percent / 100),
        fc.integer({ min: 2, max: 90 }).map((percent) => 1 - percent / 100),
        fc.constantFrom(3, 10)
      )
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constant("Rate" as const),
      at: when,
      bytesPerSecond: fc.constantFrom(1_000_000, 200_000, 50_000, 20_000)
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ _tag: fc.constant("Restart" as const), at: when, side, millis: outage })
  }
)

/**
 * All plans. Those with our own stack at both ends come most often.
 *
 * @since 0.1.0
 * @category generators
 */
export const arbitrary: FastCheck.Arbitrary<Plan> = fc.record({
  seed: fc.nat(1_000_000),
  peer: fc.constantFrom("ours" as const, "ours" as const, "ours" as const, "java" as const, "i2pd" as const),
  peerSide: side,
  latency: fc.constantFrom(25, 2, 5, 100, 400, 1500),
  receiveBuffer: fc.record({
    A: fc.constantFrom(0, 65_536, 20_000, 8_192),
    B: fc.constantFrom(0, 65_536, 20_000, 8_192)
  }),
  idleJitter: fc.record({ A: fc.nat(10_000), B: fc.nat(10_000) }),
  a: program,
  b: program,
  troubles: fc.array(trouble, { maxLength: 5 })
})

/**
 * When the applications are done with what they planned: from then on they only read.
 *
 * @since 0.1.0
 * @category getters
 */
export const programEnd = ({ reads, writes }: Program): number =>
  Math.max(
    writes.reduce((at, { pause }) => at + pause, 0),
    reads.reduce((at, { millis }) => at + millis, 0)
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

/** @since 0.1.0 @category conversions */
export const print = (plan: Plan): string => JSON.stringify(plan)
