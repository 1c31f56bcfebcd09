/** The SAM client that the suites use with i2pd, on our own bridge: the same words get the same answers. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeSam from "@effect-i2p/platform-node/NodeSam"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sam from "../src/Sam.js"
import * as SamDatagrams from "../src/SamDatagrams.js"

const bridge = NodeSam.layer({ listen: { port: 0 }, udp: false }).pipe(
  Layer.provide(NodeSam.layerSessionsOnLocalRouter()),
  Layer.provide(NodeI2p.layerLocalRouter())
)

const bytes = (text: string) => new TextEncoder().encode(text)

describe("our SAM bridge, with the client of the suites", () => {
  it.scopedLive("carries streams", () =>
    Effect.gen(function* () {
      const { tcp } = yield* NodeSam.Listening
      const a = yield* Sam.session(tcp)
      const b = yield* Sam.session(tcp)
      const accepted = yield* Effect.forkScoped(b.accept)
      // Until somebody accepts, the port is closed, which the client takes for a lease set that is not found yet.
      const near = yield* a.connect(b.destination)
      const far = yield* accepted
      assert.strictEqual(far.remote, a.destination)
      yield* near.write("there\n")
      assert.strictEqual(yield* far.readLine, "there")
      yield* far.write("back\n")
      assert.strictEqual(yield* near.readLine, "back")
      const again = yield* Effect.flip(Sam.session(tcp, { id: a.id }))
      assert.strictEqual("result" in again ? again.result : "", "DUPLICATED_ID")
    }).pipe(Effect.provide(bridge))
  )

  for (const style of ["DATAGRAM", "RAW"] as const) {
    it.scopedLive(`carries datagrams of STYLE=${style}`, () =>
      Effect.gen(function* () {
        const { tcp } = yield* NodeSam.Listening
        const a = yield* SamDatagrams.session(tcp, style)
        const b = yield* SamDatagrams.session(tcp, style)
        yield* a.send(b.destination, bytes("hello"))
        const { from, payload } = yield* b.receive
        assert.deepStrictEqual([...payload], [...bytes("hello")])
        assert.strictEqual(from, style === "RAW" ? undefined : a.destination)
      }).pipe(Effect.provide(bridge))
    )
  }
})
