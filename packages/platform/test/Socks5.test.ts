import { assert, describe, it } from "@effect/vitest"
import * as StreamError from "@effect-i2p/streaming/StreamError"
import * as FastCheck from "effect/FastCheck"
import * as Socks5 from "../src/Socks5.js"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
const named = (host: string, port: number, command = 1) =>
  bytes(5, command, 0, 3, host.length, ...new TextEncoder().encode(host), port >> 8, port & 255)

describe("greeting", () => {
  it("takes a client that needs no authentication, whatever else it offers", () => {
    assert.deepStrictEqual(Socks5.greeting(bytes(5, 2, 2, 0, 9)), { _tag: "Done", value: undefined, length: 4 })
  })

  it("refuses one that insists on authentication with FF", () => {
    assert.deepInclude(Socks5.greeting(bytes(5, 1, 2)), { _tag: "Refuse", answer: bytes(5, 0xff) })
  })

  it("says no to SOCKS 4 in its own words, and nothing to what is no SOCKS", () => {
    assert.deepInclude(Socks5.greeting(bytes(4)), { answer: bytes(0, 0x5b, 0, 0, 0, 0, 0, 0) })
    assert.deepInclude(Socks5.greeting(bytes(0x47, 0x45)), { _tag: "Refuse", answer: bytes() })
  })
})

describe("request", () => {
  it("reads a name and a port, and leaves what comes behind", () => {
    const request = Uint8Array.from([...named("a.i2p", 443), 1, 2, 3])
    assert.deepStrictEqual(Socks5.request(request), {
      _tag: "Done",
      value: { host: "a.i2p", port: 443 },
      length: request.length - 3
    })
  })

  it("refuses IP addresses with 08, and other commands with 07", () => {
    const v4 = Socks5.request(bytes(5, 1, 0, 1, 127, 0, 0, 1, 0, 80))
    const v6 = Socks5.request(bytes(5, 1, 0, 4))
    assert.deepInclude(v4, { _tag: "Refuse", answer: Socks5.reply(8) })
    assert.deepInclude(v6, { _tag: "Refuse", answer: Socks5.reply(8) })
    for (const command of [2, 3]) {
      assert.deepInclude(Socks5.request(named("a.i2p", 80, command)), { answer: Socks5.reply(7) })
    }
  })

  it("waits for more after every part of it", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.domain(),
        FastCheck.integer({ min: 0, max: 65_535 }),
        FastCheck.nat(),
        (host, port, cut) => {
          const whole = named(host, port)
          assert.strictEqual(Socks5.request(whole.subarray(0, cut % whole.length))._tag, "More")
          assert.deepInclude(Socks5.request(whole), { value: { host, port } })
        }
      )
    )
  })

  it("never throws, and never waits for more than there can be", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const step of [Socks5.greeting(bytes), Socks5.request(bytes)]) {
          if (bytes.length >= Socks5.maxBytes) assert.notStrictEqual(step._tag, "More")
        }
      })
    )
  })
})

describe("replyTo", () => {
  it("tells the failures of streams apart", () => {
    const timedOut = new StreamError.ConnectTimedOut({ destination: "a", millis: 1 })
    assert.strictEqual(Socks5.replyTo(timedOut), Socks5.Reply.TtlExpired)
    assert.strictEqual(Socks5.replyTo(new StreamError.TooManyStreams({ limit: 1 })), Socks5.Reply.GeneralFailure)
  })
})
