/**
 * The packet codec: a full data packet decoded and encoded, against a bare copy of the same bytes; and what it allocates.
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Benchmark } from "../Benchmark.js"
import * as Memory from "../memory.js"

const iterations = 200_000

/** So few that nothing is collected in between: all that they allocate is still there at the end. */
const counted = 500

const packet = Packet.make({
  sendStreamId: 0x55667788,
  receiveStreamId: 0x11223344,
  sequenceNumber: 7,
  ackThrough: 5,
  payload: new Uint8Array(1812).fill(0x2a)
})
const bytes = Packet.encode(packet)

/** Packets a second. The sum keeps the optimiser from dropping the work. */
const rate = (work: () => number): number => {
  let sum = 0
  const start = performance.now()
  for (let i = 0; i < iterations; i++) sum += work()
  const seconds = (performance.now() - start) / 1000
  if (sum === 0) throw new Error("nothing was measured")
  return iterations / seconds
}

const decode = (): number => {
  const decoded = Packet.decode(bytes)
  return Either.isRight(decoded) ? decoded.right.payload.length : 0
}

const roundTrip = (): number => {
  const decoded = Packet.decode(bytes)
  return Either.isRight(decoded) ? Packet.encode(decoded.right).length : 0
}

const copy = (): number => bytes.slice().length

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const wire: Benchmark = {
  name: "wire",
  rows: [
    {
      name: "wire",
      unit: "packets/s",
      subject: "decode and encode of a 1,834-byte data packet",
      against: "a copy of its bytes",
      better: "more",
      target: 0.2
    },
    {
      name: "wire/decode",
      unit: "B/packet",
      subject: "allocated by a decode, heap and buffers",
      against: null,
      better: "less",
      target: null
    },
    {
      name: "wire/allocation",
      unit: "B/packet",
      subject: "allocated by a decode and an encode, heap and buffers",
      against: "a copy of its bytes",
      better: "less",
      target: null
    }
  ],
  rounds: { full: 7, quick: 3 },
  warmUp: { full: 1, quick: 1 },
  measure: () =>
    Effect.sync(() => ({
      samples: {
        wire: { value: rate(roundTrip), reference: rate(copy) },
        "wire/decode": { value: Memory.allocated(decode, counted) },
        "wire/allocation": { value: Memory.allocated(roundTrip, counted), reference: Memory.allocated(copy, counted) }
      }
    }))
}
