/**
 * Our datagrams and those of i2pd's SAM bridge, both ways: raw ones, and repliable ones, which each side verifies.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import * as Datagrams from "@effect-i2p/i2cp/Datagrams"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as SamDatagrams from "../../src/SamDatagrams.js"
import * as Sessions from "../../src/Sessions.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

/** Ours on router a; i2pd's on the far router, one of each style. */
class Peers extends Context.Tag("Peers")<
  Peers,
  {
    readonly ours: Context.Tag.Service<Datagrams.Datagrams>
    readonly repliable: SamDatagrams.SamDatagrams
    readonly raw: SamDatagrams.SamDatagrams
  }
>() {}

const peers = Layer.scoped(
  Peers,
  Effect.gen(function* () {
    const { a, far } = yield* TestNetwork.TestNetwork
    const open = Layer.build(Layer.provideMerge(Datagrams.layer(), Sessions.layer(a))).pipe(
      Effect.tap((built) => Context.get(built, I2cpSession.I2cpSession).ready),
      Effect.map(Context.get(Datagrams.Datagrams))
    )
    const sam = (style: "DATAGRAM" | "RAW") => SamDatagrams.session({ port: far.samPort }, style)
    return yield* Effect.all({ ours: open, repliable: sam("DATAGRAM"), raw: sam("RAW") }, { concurrency: 3 })
  })
)

const destinationOf = (sam: SamDatagrams.SamDatagrams) => Streams.destinationOf(sam.destination)

/** Sends until it arrives: until routers know each other's lease sets, datagrams may be lost. */
const deliver = <A, E, E2>(send: Effect.Effect<void, E>, receive: Effect.Effect<A, E2>) =>
  send.pipe(Effect.zipRight(receive), Effect.timeout("2 seconds"), Effect.retry(Schedule.recurs(20)))

/** The bridge of 2.45.1 drops what does not fit its buffer of 8,192 bytes, announcement and all, although i2pd took it. */
const SAM_BYTES = 7_000

const noise = (size: number, seed: string) => SecureRandom.makeSeeded(seed).bytes(size)

const network = Layer.merge(Layer.provideMerge(peers, TestNetwork.layer), NodeContext.layer)

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("Datagrams to and from i2pd", (it) => {
  it.effect("raw ones reach i2pd, byte for byte", () =>
    Effect.gen(function* () {
      const { ours, raw } = yield* Peers
      const payload = noise(SAM_BYTES, "raw there")
      const received = yield* deliver(
        ours.send({ format: "Raw", to: destinationOf(raw), port: 0, payload }),
        raw.receive
      )
      assert.deepStrictEqual(new Uint8Array(received.payload), payload)
      assert.isUndefined(received.from)
    })
  )

  it.effect("raw ones come from i2pd, byte for byte", () =>
    Effect.gen(function* () {
      const { ours, raw } = yield* Peers
      const inbox = yield* ours.receive({ format: "Raw" })
      const payload = noise(5_000, "raw back")
      const received = yield* deliver(raw.send(ours.destination.base64, payload), Queue.take(inbox))
      assert.deepStrictEqual(received.payload, payload)
      assert.include(received, { port: 0, sourcePort: 0 })
    }).pipe(Effect.scoped)
  )

  it.effect("i2pd verifies a Datagram1 of ours, and names its sender", () =>
    Effect.gen(function* () {
      const { ours, repliable } = yield* Peers
      for (const [size, compress] of [
        [SAM_BYTES - 1_000, true],
        [0, true],
        [1, false]
      ] as const) {
        const payload = noise(size, `signed there ${size}`)
        const received = yield* deliver(
          ours.send({ format: "Datagram1", to: destinationOf(repliable), port: 0, payload, compress }),
          repliable.receive
        )
        assert.strictEqual(received.from, ours.destination.base64)
        assert.deepStrictEqual(new Uint8Array(received.payload), payload)
      }
    })
  )

  it.effect("we verify a Datagram1 of i2pd's, and name its sender", () =>
    Effect.gen(function* () {
      const { ours, repliable } = yield* Peers
      const inbox = yield* ours.receive({ format: "Datagram1" })
      for (const size of [1, 5_000]) {
        const payload = noise(size, `signed back ${size}`)
        const received = yield* deliver(repliable.send(ours.destination.base64, payload), Queue.take(inbox))
        assert.strictEqual(received.from.b32, destinationOf(repliable).b32)
        assert.deepStrictEqual(received.payload, payload)
      }
      assert.strictEqual((yield* ours.stats).droppedUntrusted, 0)
    }).pipe(Effect.scoped)
  )
})
