/**
 * What i2pd says of a message that it cannot send, and what our streams make of it.
 */
import { assert, layer } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Payload from "../../src/Payload.js"
import * as Sessions from "../../src/Sessions.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const ours = StreamManager.layerI2cp().pipe(
  Layer.provideMerge(Layer.unwrapEffect(Effect.map(TestNetwork.TestNetwork, ({ a }) => Sessions.layer(a))))
)
const network = Layer.provideMerge(ours, TestNetwork.layer)

/** Sends a message and gives the codes that come back within the time. */
const codesOf = (to: Destination.Destination, seconds: number) =>
  Effect.gen(function* () {
    const session = yield* I2cpSession.I2cpSession
    const codes: Array<number> = []
    yield* session.send({
      to,
      protocol: 18,
      sourcePort: 0,
      destinationPort: 0,
      payload: new Uint8Array(10),
      onStatus: (status) => void codes.push(status)
    })
    yield* Effect.sleep(seconds * 1000)
    return codes
  })

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("i2pd's message status", (it) => {
  it.scoped("is 4, guaranteed success, for a destination that is there", () =>
    Effect.gen(function* () {
      yield* (yield* I2cpSession.I2cpSession).ready
      const { samFar } = yield* TestNetwork.TestNetwork
      const codes = yield* codesOf(Either.getOrThrow(Destination.fromBase64(samFar.destination)), 15)
      assert.deepStrictEqual(codes, [4])
    })
  )

  it.scoped("is 21, no lease set, for one that nobody serves; connect tries until its time is up, and says so", () =>
    Effect.gen(function* () {
      yield* (yield* I2cpSession.I2cpSession).ready
      const streams = yield* StreamManager
      const nobody = yield* Payload.unusedDestination
      const [codes, error] = yield* Effect.all(
        [codesOf(nobody, 30), Effect.flip(streams.connect({ destination: nobody, timeout: "30 seconds" }))],
        { concurrency: 2 }
      )
      assert.deepStrictEqual(codes, [21])
      assert.deepInclude(error, { _tag: "ConnectTimedOut", trouble: "NoLeaseSet" })
    })
  )
})
