import { assert, describe, it } from "@effect/vitest"
import * as StreamError from "@effect-i2p/streaming/StreamError"
import { OfflineKeysExpired } from "@effect-i2p/wire/DestinationKeys"
import * as Option from "effect/Option"
import * as I2pHttpError from "../src/I2pHttpError.js"

/** As clients wrap what goes wrong. */
const wrapped = (cause: unknown) => new TypeError("fetch failed", { cause: new Error("connect", { cause }) })

const destination = "abc.b32.i2p"
const refusal = new I2pHttpError.NotI2pHost({ host: "example.com", reason: "not .i2p" })

const connectErrors: ReadonlyArray<readonly [StreamError.ConnectError, boolean]> = [
  [new StreamError.ConnectTimedOut({ destination, millis: 1 }), true],
  [new StreamError.ConnectRefused({ destination, port: 80 }), true],
  [new StreamError.TooManyStreams({ limit: 1 }), true],
  [new StreamError.DestinationUnreachable({ destination, reason: "ExpiredLeaseSet" }), true],
  [new StreamError.DestinationUnreachable({ destination, reason: "UnsupportedEncryption" }), false],
  [new StreamError.DestinationNotFound({ address: "a.i2p", reason: "NotFound", detail: "" }), true],
  [new StreamError.DestinationNotFound({ address: "a", reason: "BadAddress", detail: "" }), false],
  [new OfflineKeysExpired({ destination, expires: 0 }), false]
]

describe("connectError", () => {
  it("finds the error of a stream that did not open, however deep it is", () => {
    for (const [error] of connectErrors) {
      assert.deepStrictEqual(I2pHttpError.connectError(error), Option.some(error))
      assert.deepStrictEqual(I2pHttpError.connectError(wrapped(error)), Option.some(error))
    }
  })

  it("finds none in what happened on an open stream, in a refusal, or in anything else", () => {
    const reset = new StreamError.StreamReset({ reason: "ResetByPeer", destination })
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    for (const error of [reset, refusal, circle, new Error("x"), "text", undefined]) {
      assert.deepStrictEqual(I2pHttpError.connectError(wrapped(error)), Option.none())
    }
  })
})

describe("retryable", () => {
  it("is so for what may pass", () => {
    for (const [error, isSo] of connectErrors) {
      assert.strictEqual(I2pHttpError.retryable(wrapped(error)), isSo, error.message)
    }
    assert.isTrue(I2pHttpError.retryable(wrapped(new I2pHttpError.TlsTimedOut({ host: "a.i2p", millis: 1 }))))
  })

  it("is not so for a refusal, nor for what happened on an open stream", () => {
    const reset = new StreamError.StreamReset({ reason: "ResetByPeer", destination })
    for (const error of [refusal, reset, new Error("x"), undefined]) {
      assert.isFalse(I2pHttpError.retryable(wrapped(error)))
    }
  })
})
