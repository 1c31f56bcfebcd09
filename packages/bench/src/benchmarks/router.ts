import * as TestNetwork from "@effect-i2p/interop/TestNetwork"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Benchmark } from "../Benchmark.js"
import * as Duplex from "../router/duplex.js"
import * as Raw from "../router/raw.js"
import * as Streams from "../router/streams.js"

const megabyte = 1_000_000

const sizes = {
  full: { turns: 4, bytes: 8 * megabyte, echoes: 500 },
  quick: { turns: 2, bytes: 4 * megabyte, echoes: 200 }
}

/** Header of a data packet, so that raw messages are as large as those of our streams. */
const headerBytes = 22

const packetBytes = headerBytes + StreamingConfig.defaults.tuning.maxPacketSize

/** The same for the packet of an echo. */
const echoBytes = headerBytes + 32

/** No hops: what is measured is the software, not a network. */
const session = { inboundLength: 0, outboundLength: 0, inboundQuantity: 1, outboundQuantity: 1 } as const

const bulk = { unit: "MB/s", better: "more" } as const

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const router: Benchmark = {
  name: "router",
  place: "network",
  rows: [
    {
      ...bulk,
      name: "router",
      subject: "bulk between two destinations of ours on one i2pd",
      against: "i2pd's own streams, through SAM",
      target: 2.5
    },
    {
      ...bulk,
      name: "router/bound",
      subject: "bulk between two destinations of ours on one i2pd",
      against: "raw I2CP messages of the same size, 64 outstanding",
      target: 0.8
    },
    {
      name: "router/echo",
      unit: "ms",
      subject: "32 bytes there and back between two destinations of ours on one i2pd, p50",
      against: "raw I2CP messages of the same size",
      better: "less",
      target: 1.3
    },
    {
      name: "router/cpu",
      unit: "s/MB",
      subject: "processor time of our process in bulk, both ends together",
      against: "raw I2CP messages of the same size",
      better: "less",
      target: null
    },
    {
      ...bulk,
      name: "router/to-i2pd",
      subject: "bulk from a destination of ours to one of i2pd's on one i2pd",
      against: "i2pd's own streams, through SAM",
      target: 1
    },
    {
      ...bulk,
      name: "router/from-i2pd",
      subject: "bulk from a destination of i2pd's to one of ours on one i2pd",
      against: "i2pd's own streams, through SAM",
      target: 1
    }
  ],
  rounds: { full: 7, quick: 2 },
  warmUp: { full: 1, quick: 1 },
  measure: ({ quick }) =>
    Effect.gen(function* () {
      const { a } = yield* TestNetwork.config
      const address = { host: "127.0.0.1", port: a.i2cpPort }
      const manager = Effect.map(Layer.build(NodeI2p.layer({ router: address, session })), (context) =>
        Context.get(context, StreamManager)
      )
      const { callee, caller, rawFar, rawNear } = yield* Effect.all(
        {
          caller: manager,
          callee: Effect.flatMap(manager, Streams.callee),
          rawNear: Raw.open(address, session),
          rawFar: Raw.open(address, session)
        },
        { concurrency: "unbounded" }
      )
      const [samNear, samFar] = [TestNetwork.standing(a, 0), TestNetwork.standing(a, 1)]

      const ours = yield* Streams.open(Streams.caller(caller), callee)
      const i2pds = yield* Streams.open(samNear.connect, Streams.samCallee(samFar))
      const toI2pd = yield* Streams.open(Streams.caller(caller), Streams.samCallee(samFar))
      const fromI2pd = yield* Streams.open(samNear.connect, callee)
      yield* Raw.meet(rawNear, rawFar)

      const { bytes, echoes, turns } = quick ? sizes.quick : sizes.full
      const turn = Effect.all({
        ours: Duplex.bulk(ours, bytes),
        raw: Raw.bulk(rawNear, rawFar, bytes, packetBytes),
        i2pds: Duplex.bulk(i2pds, bytes),
        toI2pd: Duplex.bulk(toI2pd, bytes),
        fromI2pd: Duplex.bulk(fromI2pd, bytes),
        echo: Duplex.echo(ours, echoes),
        rawEcho: Raw.echo(rawNear, rawFar, echoes, echoBytes)
      })
      const taken = yield* Effect.replicateEffect(turn, turns)
      const megabytesPerSecond = (of: (one: (typeof taken)[number]) => Duplex.Transfer) =>
        Duplex.goodput(taken.map(of)) / megabyte

      const own = megabytesPerSecond((one) => one.ours)
      const reference = megabytesPerSecond((one) => one.i2pds)
      return {
        samples: {
          router: { value: own, reference },
          "router/bound": { value: own, reference: megabytesPerSecond((one) => one.raw) },
          "router/echo": {
            value: Duplex.p50(taken.map((one) => one.echo)),
            reference: Duplex.p50(taken.map((one) => one.rawEcho))
          },
          "router/cpu": {
            value: Duplex.cpuPerByte(taken.map((one) => one.ours)) * megabyte,
            reference: Duplex.cpuPerByte(taken.map((one) => one.raw)) * megabyte
          },
          "router/to-i2pd": { value: megabytesPerSecond((one) => one.toI2pd), reference },
          "router/from-i2pd": { value: megabytesPerSecond((one) => one.fromI2pd), reference }
        }
      }
    }).pipe(Effect.scoped, Effect.orDie)
}
