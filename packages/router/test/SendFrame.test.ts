import * as Message from "@effect-i2p/i2cp/Message"
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import * as SendFrame from "../src/core/SendFrame.js"
import { identity } from "./identity.js"

const slab = new ByteSlab(65_536)
const to = identity("alice").keys.destination

const sends = FastCheck.record({
  sessionId: FastCheck.nat(0xffff),
  payload: FastCheck.uint8Array({ maxLength: 2000 }),
  nonce: FastCheck.nat(0xffff_ffff),
  flags: FastCheck.nat(0xffff),
  expiration: FastCheck.integer({ min: 0, max: 2 ** 48 - 1 }),
  expires: FastCheck.boolean()
})

const bodyOf = ({
  expires,
  expiration,
  flags,
  ...fields
}: typeof sends extends FastCheck.Arbitrary<infer A> ? A : never) =>
  Message.encode(
    expires
      ? { _tag: "SendMessageExpires", destination: to, flags, expiration, ...fields }
      : { _tag: "SendMessage", destination: to, ...fields }
  ).subarray(5)

describe("SendFrame", () => {
  it("finds what the full codec wrote and frames the payload as the full codec would", () => {
    FastCheck.assert(
      FastCheck.property(sends, FastCheck.nat(0xffff), FastCheck.nat(0xffff_ffff), (fields, session, messageId) => {
        const body = bodyOf(fields)
        const send = SendFrame.parse(fields.expires ? 36 : 5, body)
        if (typeof send === "string") return assert.fail(send)
        assert.strictEqual(send.session, fields.sessionId)
        assert.strictEqual(send.nonce, fields.nonce)
        assert.strictEqual(send.expiry, fields.expires ? fields.expiration : 0)
        assert.isTrue(SendFrame.isAt(to.bytes, body, send.destinationStart, send.destinationEnd))
        assert.strictEqual(SendFrame.fingerprint(body, send.destinationStart), SendFrame.fingerprint(to.bytes, 0))
        assert.deepStrictEqual(
          SendFrame.payloadFrame(slab, session, messageId, body, send),
          Message.encode({ _tag: "MessagePayload", sessionId: session, messageId, payload: fields.payload })
        )
      })
    )
  })

  it("rejects every truncation and every surplus byte", () => {
    for (const expires of [true, false]) {
      const payload = Uint8Array.of(1, 2, 3)
      const body = bodyOf({ sessionId: 1, payload, nonce: 2, flags: 0, expiration: 3, expires })
      const type = expires ? 36 : 5
      assert.isObject(SendFrame.parse(type, body))
      for (let length = 0; length < body.length; length++) {
        assert.isString(SendFrame.parse(type, body.subarray(0, length)), `${length} bytes`)
      }
      assert.isString(SendFrame.parse(type, Uint8Array.of(...body, 0)))
    }
  })

  it("accepts no lengths that the full codec refuses", () => {
    const bodies = FastCheck.uint8Array({ minLength: 405, maxLength: 450 }).map((bytes) => {
      // Without this hardly any length adds up by chance.
      bytes.set([5, 0, 4], 386)
      bytes.set([0, 0, 0, bytes.length - 409], 393)
      return bytes
    })
    FastCheck.assert(
      FastCheck.property(bodies, (body) => {
        const send = SendFrame.parse(36, body)
        if (typeof send === "string") return
        assert.isAtLeast(send.payloadEnd, send.payloadStart)
        assert.isAtMost(send.payloadEnd, body.length)
        const destination = Destination.decode(body.subarray(send.destinationStart, send.destinationEnd))
        if (Either.isRight(destination)) assert.isTrue(Either.isRight(Message.decode(36, body)))
      })
    )
  })

  it("does not take a longer or different destination for the one it knows", () => {
    const other = identity("bob").keys.destination.bytes
    assert.isFalse(SendFrame.isAt(to.bytes, other, 0, other.length))
    const longer = Uint8Array.of(...to.bytes, 0)
    assert.isFalse(SendFrame.isAt(to.bytes, longer, 0, longer.length))
    // Wherever it lies in the frame, and whichever byte differs.
    const frame = Uint8Array.of(1, 2, 3, ...to.bytes, 4)
    assert.isTrue(SendFrame.isAt(to.bytes, frame, 3, 3 + to.bytes.length))
    for (let i = 0; i < to.bytes.length; i++) {
      const oneBitOff = frame.slice()
      oneBitOff[3 + i]! ^= 1
      assert.isFalse(SendFrame.isAt(to.bytes, oneBitOff, 3, 3 + to.bytes.length), `byte ${i}`)
    }
  })
})
