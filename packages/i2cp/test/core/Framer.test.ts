import { assert, describe, it } from "@effect/vitest"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Hash from "@effect-i2p/wire/Hash"
import * as FastCheck from "effect/FastCheck"
import { filled, keys, text, toHex } from "../vectors.js"

const frame = (type: number, body: Uint8Array, declared = body.length): Uint8Array => {
  const bytes = new Uint8Array(5 + body.length)
  new DataView(bytes.buffer).setUint32(0, declared)
  bytes[4] = type
  bytes.set(body, 5)
  return bytes
}

const join = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

const run = (direction: Framer.Direction, chunks: Iterable<Uint8Array>) => {
  const framer = new Framer.Framer(direction)
  const frames: Array<string> = []
  let error: Framer.FrameError | undefined
  for (const chunk of chunks) {
    error = framer.push(chunk, (type, body) => frames.push(`${type}:${toHex(body)}`))
  }
  return { frames, error, buffered: framer.buffered }
}

const found = Message.encode({
  _tag: "HostReply",
  sessionId: 1,
  requestId: 7,
  answer: { _tag: "Found", destination: keys.destination }
})
const lease = { gateway: Hash.unsafeFromBytes(filled(0xaa)), tunnelId: 9, endDate: 1_700_000_000_000 }
const request = Message.encode({ _tag: "RequestVariableLeaseSet", sessionId: 1, leases: [lease, lease] })
const setDate = Message.encode({ _tag: "SetDate", date: 1_700_000_000_000, version: "0.9.67" })
const empty = frame(8, new Uint8Array(0))
const stream = join(setDate, request, empty, found, empty)
const whole = run("ToClient", [stream])

describe("chunking", () => {
  it("finds all frames of one chunk", () => {
    assert.strictEqual(whole.frames.length, 5)
    assert.strictEqual(whole.error, undefined)
    assert.strictEqual(whole.buffered, 0)
  })

  it("gives the same frames when split at every byte", () => {
    for (let at = 0; at <= stream.length; at++) {
      const { frames } = run("ToClient", [stream.subarray(0, at), stream.subarray(at)])
      assert.deepStrictEqual(frames, whole.frames, `split at ${at}`)
    }
  })

  it("gives the same frames one byte at a time", () => {
    assert.deepStrictEqual(
      run(
        "ToClient",
        Array.from(stream, (byte) => Uint8Array.of(byte))
      ).frames,
      whole.frames
    )
  })

  it("gives the same frames for any chunking", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const chunks: Array<Uint8Array> = []
        for (let at = 0, n = 0; at < stream.length; n++) {
          const size = sizes[n % sizes.length]!
          chunks.push(stream.subarray(at, at + size))
          at += size
        }
        assert.deepStrictEqual(run("ToClient", chunks).frames, whole.frames)
      })
    )
  })

  it("reads the preamble of a client once", () => {
    const bytes = join(Uint8Array.of(Framer.PREAMBLE), empty, empty)
    assert.deepStrictEqual(run("ToRouter", [bytes]).frames, ["8:", "8:"])
    assert.deepStrictEqual(
      run(
        "ToRouter",
        Array.from(bytes, (byte) => Uint8Array.of(byte))
      ).frames,
      ["8:", "8:"]
    )
  })
})

describe("caps", () => {
  it("refuses a frame over the cap of its type from the head alone", () => {
    for (const [type, cap] of [
      [20, 3],
      [22, 15],
      [23, 64],
      [30, 256],
      [33, 264],
      [35, 4_096],
      [31, 65_546],
      [37, 11_223],
      [39, 68_200],
      [21, 9_191],
      [99, 65_536]
    ] as const) {
      assert.strictEqual(Framer.capOf("ToClient", type), cap)
      const { error } = run("ToClient", [frame(type, new Uint8Array(0), cap + 1)])
      assert.strictEqual(error?.reason, "TooLarge")
      assert.strictEqual(error?.limit, cap)
      assert.strictEqual(run("ToClient", [frame(type, new Uint8Array(0), cap)]).error, undefined)
    }
  })

  it("never allocates by the declared length", () => {
    const framer = new Framer.Framer("ToClient")
    framer.push(frame(31, new Uint8Array(10), 65_000), () => assert.fail("no frame yet"))
    assert.strictEqual(framer.buffered, 15)
  })

  it("refuses 4 GiB and stays refused", () => {
    const framer = new Framer.Framer("ToClient")
    const error = framer.push(frame(31, new Uint8Array(0), 0xffffffff), () => assert.fail("no frame"))
    assert.strictEqual(error?.length, 0xffffffff)
    assert.strictEqual(
      framer.push(setDate, () => assert.fail("no frame after an error")),
      error
    )
  })

  it("keeps the first bytes of what is not I2CP", () => {
    const { error } = run("ToClient", [text("HTTP/1.1 400 Bad Request\r\n")])
    assert.strictEqual(new TextDecoder().decode(error?.head), "HTTP/1.1 400 Bad")
  })

  it("refuses a client without the preamble", () => {
    assert.strictEqual(run("ToRouter", [text("GET / HTTP/1.1")]).error?.reason, "BadPreamble")
  })
})

describe("emissary's wrong lengths", () => {
  const shortened = (bytes: Uint8Array, by: number): Uint8Array => {
    const copy = bytes.slice()
    const view = new DataView(copy.buffer)
    view.setUint32(0, view.getUint32(0) - by)
    return copy
  }
  const failed = Message.encode({
    _tag: "HostReply",
    sessionId: 1,
    requestId: 7,
    answer: { _tag: "NotFound", code: 1 }
  })

  it("does not wait for ever for the certificate of a host reply that ends in front of it", () => {
    // Found by fuzzing: one byte short as emissary's, but with a certificate, whose length stands beyond the frame.
    const reply = new Uint8Array(5 + 393 + 40)
    reply.set([0, 0, 393 >> 8, 393 & 0xff, 39])
    reply.fill(1, 5 + 7 + 385, 5 + 7 + 387)
    const whole = run("ToClient", [reply])
    for (let at = 0; at <= reply.length; at++) {
      assert.deepStrictEqual(run("ToClient", [reply.subarray(0, at), reply.subarray(at)]), whole, `split at ${at}`)
    }
  })

  it("reads lease requests and host replies at their real length, at every split", () => {
    const right = run("ToClient", [join(request, found, failed, setDate)]).frames
    const wrong = join(shortened(request, 2), shortened(found, 1), shortened(failed, 1), setDate)
    for (let at = 0; at <= wrong.length; at++) {
      assert.deepStrictEqual(
        run("ToClient", [wrong.subarray(0, at), wrong.subarray(at)]).frames,
        right,
        `split at ${at}`
      )
    }
  })

  it("leaves right lengths alone", () => {
    assert.deepStrictEqual(run("ToClient", [join(found, failed)]).frames.length, 2)
  })
})
