import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Ids from "@effect-i2p/i2cp/Ids"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as SendFrame from "../../../src/internal/payloads/sendFrame.js"

const slab = new ByteSlab(65_536)

describe("the one-pass frame", () => {
  it("has the bytes of the general codec", () => {
    FastCheck.assert(
      FastCheck.property(
        Arbitrary.make(Payload.Payload),
        Arbitrary.make(Destination.Schema),
        Arbitrary.make(Ids.SessionId),
        Arbitrary.make(Ids.Uint16),
        Arbitrary.make(Ids.Millis48),
        (content, destination, sessionId, flags, expiration) => {
          const payload = Payload.encode(content, Compression.portable)
          const expected = Message.encode({
            _tag: "SendMessageExpires",
            sessionId,
            destination,
            payload,
            nonce: 0,
            flags,
            expiration
          })
          const crc = Compression.portable.crc32(content.payload)
          assert.deepStrictEqual(
            SendFrame.encode(slab, sessionId, destination, content, crc, flags, expiration),
            expected
          )
          assert.deepStrictEqual(
            SendFrame.encodeEnvelope(slab, sessionId, destination, payload, flags, expiration),
            expected
          )
        }
      ),
      { numRuns: 200 }
    )
  })

  it("of the largest content is as large as a router takes, to any Destination", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Destination.Schema), (destination) => {
        const payload = new Uint8Array(SendFrame.maxContent(destination))
        const content = { protocol: 6, sourcePort: 0, destinationPort: 0, payload }
        const frame = SendFrame.encode(slab, 1, destination, content, 0, 0, 0)
        assert.strictEqual(frame.length - Framer.HEADER_BYTES, Framer.capOf("ToRouter", frame[4]!))
        assert.isTrue(Either.isRight(Message.decodeFrame(frame)))
      }),
      { numRuns: 5 }
    )
  })
})
