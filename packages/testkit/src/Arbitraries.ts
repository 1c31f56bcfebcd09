/**
 * Generators that no Schema has: bytes and packets that nobody should send, and what applications and networks may do over
 * time. Of everything that has a Schema, packets, messages, lease sets, `Arbitrary.make` of `effect` generates.
 *
 * @since 0.1.0
 */
import type * as Netem from "@effect-i2p/router/Netem"
import * as Packet from "@effect-i2p/streaming/Packet"
import type * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"

/**
 * Packets, as their Schema has them.
 *
 * @since 0.1.0
 * @category packets
 */
export const packet: FastCheck.Arbitrary<Packet.Packet> = Arbitrary.make(Packet.Packet)

/**
 * Bytes that are no packet, or not the one that was meant: random, cut short, with bits flipped, with bytes added.
 *
 * @since 0.1.0
 * @category packets
 */
export const hostileBytes: FastCheck.Arbitrary<Uint8Array> = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 2048 }),
  FastCheck.tuple(packet, FastCheck.nat(4096)).map(([packet, length]) => {
    const bytes = Packet.encode(packet)
    return bytes.slice(0, length % (bytes.length + 1))
  }),
  FastCheck.tuple(packet, FastCheck.array(FastCheck.nat(100_000), { minLength: 1, maxLength: 8 })).map(
    ([packet, flips]) => {
      const bytes = Packet.encode(packet)
      for (const flip of flips) bytes[(flip >> 3) % bytes.length]! ^= 1 << (flip & 7)
      return bytes
    }
  ),
  FastCheck.tuple(packet, FastCheck.uint8Array({ maxLength: 64 })).map(([packet, more]) => {
    const bytes = Packet.encode(packet)
    return Uint8Array.from([...bytes, ...more])
  })
)

const uint32: FastCheck.Arbitrary<number> = FastCheck.oneof(
  { weight: 6, arbitrary: FastCheck.nat(12) },
  { weight: 2, arbitrary: FastCheck.nat(700) },
  { weight: 1, arbitrary: FastCheck.constantFrom(0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff) }
)

/**
 * Packets with the right ids and anything else: the worst that a peer, or somebody who knows the ids, can send to a
 * connection.
 *
 * @since 0.1.0
 * @category packets
 */
export const hostilePacket = (ids: {
  readonly sendStreamId: number
  readonly receiveStreamId: number
}): FastCheck.Arbitrary<Packet.Packet> =>
  FastCheck.record({
    sendStreamId: FastCheck.oneof(
      { weight: 9, arbitrary: FastCheck.constant(ids.sendStreamId) },
      { weight: 1, arbitrary: FastCheck.constant(0) }
    ),
    sequenceNumber: uint32,
    ackThrough: uint32,
    nacks: FastCheck.array(uint32, { maxLength: 10 }),
    flags: FastCheck.oneof(
      { weight: 8, arbitrary: FastCheck.constant(0) },
      {
        weight: 2,
        arbitrary: FastCheck.constantFrom(
          Packet.CLOSE,
          Packet.NO_ACK,
          Packet.SYNCHRONIZE,
          Packet.SYNCHRONIZE | Packet.CLOSE,
          Packet.SYNCHRONIZE | Packet.NO_ACK,
          Packet.ECHO,
          0xf000
        )
      }
    ),
    requestedDelay: FastCheck.option(FastCheck.constantFrom(0, 1, 100, 60_000, 60_001, 65_535), { nil: undefined }),
    payload: FastCheck.oneof(
      FastCheck.constant(0),
      FastCheck.nat(1812),
      FastCheck.constantFrom(1812, 1813, 32_768)
    ).map((length) => new Uint8Array(length))
  }).map((fields) => Packet.make({ ...fields, receiveStreamId: ids.receiveStreamId }))

/**
 * A command of an application, and how long it waits before it.
 *
 * @since 0.1.0
 * @category behaviour
 */
export interface Operation {
  readonly side: "A" | "B"
  readonly after: number
  readonly event: Extract<Event.Event, { readonly _tag: "Write" | "Flush" | "End" }>
}

const payload: FastCheck.Arbitrary<Uint8Array> = FastCheck.tuple(
  FastCheck.oneof(FastCheck.integer({ min: 1, max: 100 }), FastCheck.integer({ min: 1, max: 20_000 })),
  FastCheck.nat(255)
).map(([length, from]) => Uint8Array.from({ length }, (_, i) => (from + i * 7) & 0xff))

/**
 * What applications do: mostly write, sometimes flush or end.
 *
 * @since 0.1.0
 * @category behaviour
 */
export const operations: FastCheck.Arbitrary<ReadonlyArray<Operation>> = FastCheck.array(
  FastCheck.record({
    side: FastCheck.constantFrom("A" as const, "B" as const),
    after: FastCheck.oneof(FastCheck.constant(0), FastCheck.nat(50), FastCheck.nat(3000)),
    event: FastCheck.oneof<Array<FastCheck.MaybeWeightedArbitrary<Operation["event"]>>>(
      { weight: 8, arbitrary: payload.map((bytes) => ({ _tag: "Write" as const, bytes })) },
      { weight: 1, arbitrary: FastCheck.constant({ _tag: "Flush" as const }) },
      { weight: 1, arbitrary: FastCheck.constant({ _tag: "End" as const }) }
    )
  }),
  { maxLength: 24 }
)

/**
 * Links that lose, shuffle, repeat and delay, but let enough through that a stream must survive.
 *
 * @since 0.1.0
 * @category behaviour
 */
export const link: FastCheck.Arbitrary<Partial<Netem.Config>> = FastCheck.record({
  latencyMillis: FastCheck.constantFrom(0, 1, 50, 400, 3000),
  jitterMillis: FastCheck.constantFrom(0, 10, 500),
  loss: FastCheck.constantFrom(0, 0, 0.01, 0.05, 0.15),
  reorder: FastCheck.constantFrom(0, 0, 0.1, 0.3),
  reorderMillis: FastCheck.constantFrom(5, 200),
  duplicate: FastCheck.constantFrom(0, 0, 0.1, 0.5),
  bytesPerSecond: FastCheck.constantFrom(Number.POSITIVE_INFINITY, 100_000, 10_000)
})
