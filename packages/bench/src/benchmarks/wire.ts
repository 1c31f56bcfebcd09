/**
 * The packet codec: a full data packet decoded and encoded, against a bare copy of the same bytes.
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Benchmark } from "../Benchmark.js"

const iterations = 200_000

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

const roundTrip = (): number => {
  const decoded = Packet.decode(bytes)
  return Either.isRight(decoded) ? Packet.encode(decoded.right).length : 0
}

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const wire: Benchmark = {
  name: "wire",
  unit: "packets/s",
  subject: "decode and encode of a 1,834-byte data packet",
  reference: "a copy of its bytes",
  target: 0.2,
  rounds: 7,
  measure: Effect.sync(() => ({ subject: rate(roundTrip), reference: rate(() => bytes.slice().length) }))
}
