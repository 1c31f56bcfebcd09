import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import * as RouterAddress from "../src/RouterAddress.js"

const pin = "0123456789abcdef".repeat(4)
const tcp = (host: string, port = 7654, allowClearText = false) =>
  ({ _tag: "Tcp", host, port, allowClearText }) as const

describe("RouterAddress", () => {
  const readable: ReadonlyArray<readonly [text: string, address: RouterAddress.RouterAddress]> = [
    ["127.0.0.1:7654", tcp("127.0.0.1")],
    ["router.lan", tcp("router.lan")],
    [":7000", tcp("127.0.0.1", 7000)],
    ["[::1]:7000", tcp("::1", 7000)],
    ["[fe80::1]", tcp("fe80::1")],
    ["tcp://router.lan:1", tcp("router.lan", 1)],
    ["tcp://router.lan:1/", tcp("router.lan", 1)],
    ["router.lan:1?cleartext", tcp("router.lan", 1, true)],
    ["tls://router.lan", { _tag: "Tls", host: "router.lan", port: 7654, trust: {} }],
    ["TLS://[::1]:7000", { _tag: "Tls", host: "::1", port: 7000, trust: {} }],
    [`tls://r:1?pin=${pin}`, { _tag: "Tls", host: "r", port: 1, trust: { pin } }],
    [
      "tls://r:1?ca=/etc/ca.pem&cert=c.pem&key=k.pem&name=localhost",
      { _tag: "Tls", host: "r", port: 1, trust: { ca: "/etc/ca.pem", cert: "c.pem", key: "k.pem", name: "localhost" } }
    ],
    ["unix:/run/i2cp.sock", { _tag: "Unix", path: "/run/i2cp.sock" }],
    ["unix:///run/i2cp.sock", { _tag: "Unix", path: "/run/i2cp.sock" }],
    ["unix:./i2cp.sock", { _tag: "Unix", path: "./i2cp.sock" }],
    ["embedded", { _tag: "Embedded", link: "" }],
    ["Embedded:latency=50ms,loss=1%", { _tag: "Embedded", link: "latency=50ms,loss=1%" }]
  ]
  for (const [text, address] of readable) {
    it(`reads ${text.slice(0, 60)}`, () => {
      assert.deepStrictEqual(RouterAddress.parse(text), Either.right(address))
    })
  }

  const refused: ReadonlyArray<readonly [text: string, why: RegExp]> = [
    ["", /is not a valid router address/],
    ["127.0.0.1:0", /is not a valid router address/],
    ["127.0.0.1:65536", /is not a valid router address/],
    ["a b", /is not a valid router address/],
    ["me@router:7654", /is not a valid router address/],
    ["http://127.0.0.1:7657", /http is not supported/],
    ["unix:", /names no Unix socket/],
    ["unix:i2cp.sock", /names no Unix socket/],
    ["127.0.0.1:7654?pin=00", /pin needs TLS/],
    ["tls://r?pin=00", /64 hexadecimal digits/],
    ["tls://r?cert=c.pem", /belong together/],
    ["tls://r?verify=no", /verify is unknown/]
  ]
  for (const [text, why] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.match(Either.getOrThrow(Either.flip(RouterAddress.parse(text))), why)
    })
  }

  it("reads what it writes", () => {
    const host = FastCheck.oneof(FastCheck.ipV4(), FastCheck.ipV6(), FastCheck.domain())
    const port = FastCheck.integer({ min: 1, max: 65_535 })
    FastCheck.assert(
      FastCheck.property(host, port, FastCheck.boolean(), (host, port, isTls) => {
        const address: RouterAddress.RouterAddress = isTls ? { _tag: "Tls", host, port, trust: {} } : tcp(host, port)
        assert.deepStrictEqual(RouterAddress.parse(RouterAddress.format(address)), Either.right(address))
      })
    )
  })

  it("reads what it writes of machines whose names are forms of addresses", () => {
    for (const host of ["unix", "embedded", "Unix"]) {
      assert.deepStrictEqual(RouterAddress.parse(RouterAddress.format(tcp(host, 7654))), Either.right(tcp(host, 7654)))
    }
  })

  it("never throws", () => {
    FastCheck.assert(FastCheck.property(FastCheck.string({ unit: "binary" }), (text) => void RouterAddress.parse(text)))
  })

  it("knows this machine by name and number, and nothing that only looks like it", () => {
    const here = [
      "127.0.0.1",
      "127.1.2.3",
      "localhost",
      "LOCALHOST.",
      "a.localhost",
      "::1",
      "0:0:0:0:0:0:0:1",
      "::ffff:127.0.0.1"
    ]
    const elsewhere = [
      "0.0.0.0",
      "::",
      "128.0.0.1",
      "localhost.example",
      "127.0.0.1.example",
      "::2",
      "1::1",
      "10.0.0.1"
    ]
    for (const host of here) assert.isTrue(RouterAddress.isLoopback(host), host)
    for (const host of elsewhere) assert.isFalse(RouterAddress.isLoopback(host), host)
  })
})
