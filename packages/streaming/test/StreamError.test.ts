import { assert, describe, it } from "@effect/vitest"
import * as I2cpError from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as PacketTransport from "../src/PacketTransport.js"
import * as StreamError from "../src/StreamError.js"
import { alice, bob } from "./simulation.js"

/** The transport over a session of which these parts are used. */
const transportOver = (session: Partial<I2cpSession.Service>) =>
  Effect.provide(PacketTransport.PacketTransport, PacketTransport.layerI2cp()).pipe(
    Effect.provideService(I2cpSession.I2cpSession, {
      keys: alice,
      state: { changes: Stream.never },
      ...session
    } as I2cpSession.Service)
  )

const ping: PacketTransport.Outgoing = {
  to: bob.destination,
  sourcePort: 0,
  destinationPort: 0,
  bytes: Bytes.empty,
  lifetime: 1000,
  bundleLeaseSet: true
}

describe("TransportFailed over I2CP", () => {
  const readiness = (error: I2cpError.I2cpError) =>
    Effect.flatMap(transportOver({ ready: Effect.fail(error) }), ({ ready }) => Effect.flip(ready))

  it.effect("says whether the session may still come up, or has failed", () =>
    Effect.gen(function* () {
      const notYet = yield* readiness(new I2cpError.NotReady({ waited: 1, detail: "building tunnels" }))
      assert.deepInclude(notYet, { reason: "NotReady", retryable: true })
      const refusal = new I2cpError.SessionRejected({ reason: "Unauthorized", detail: "no", retryable: false })
      const failed = yield* readiness(refusal)
      assert.deepInclude(failed, { reason: "SessionFailed", retryable: false, cause: refusal })
      assert.include(failed.message, "make a new session")
    })
  )

  it.effect("says that a full queue takes packets again, and which packet it never takes", () =>
    Effect.gen(function* () {
      const sending = (reason: I2cpError.SendRejected["reason"]) =>
        transportOver({ unsafeSend: () => new I2cpError.SendRejected({ reason, size: 2, limit: 1 }) }).pipe(
          Effect.flatMap(({ send }) => Effect.flip(send([ping])))
        )
      assert.deepInclude(yield* sending("OutboundFull"), { reason: "Overloaded", retryable: true })
      assert.deepInclude(yield* sending("Stalled"), { reason: "Overloaded", retryable: true })
      assert.deepInclude(yield* sending("TooLarge"), { reason: "Rejected", retryable: false })
    })
  )
})

describe("isRetryable", () => {
  it("tells what passes from what stays", () => {
    const notFound = (reason: StreamError.DestinationNotFound["reason"]) =>
      new StreamError.DestinationNotFound({ address: "a", reason, detail: "d" })
    const unreachable = (reason: StreamError.DestinationUnreachable["reason"]) =>
      new StreamError.DestinationUnreachable({ destination: "a", reason })
    const transport = (reason: StreamError.TransportFailed["reason"]) =>
      new StreamError.TransportFailed({ reason, detail: "d" })
    const passing = [
      new StreamError.ConnectTimedOut({ destination: "a", millis: 1 }),
      new StreamError.ConnectRefused({ destination: "a", port: 1 }),
      new StreamError.TooManyStreams({ limit: 1 }),
      notFound("NotFound"),
      notFound("Timeout"),
      unreachable("Overflow"),
      transport("RouterAway"),
      transport("Overloaded")
    ]
    const lasting = [
      notFound("BadAddress"),
      notFound("Unavailable"),
      unreachable("BadDestination"),
      unreachable("Loopback"),
      unreachable("MetaLeaseSet"),
      transport("SessionClosed"),
      transport("SessionFailed")
    ]
    assert.deepStrictEqual(
      passing.map(StreamError.isRetryable),
      passing.map(() => true)
    )
    assert.deepStrictEqual(
      lasting.map(StreamError.isRetryable),
      lasting.map(() => false)
    )
  })
})
