import * as Dgram from "node:dgram"
import { lookup, promises, Resolver, resolve4 } from "node:dns"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Undici from "@effect/platform-node/Undici"
import { afterAll, assert, beforeEach, describe, it } from "@effect/vitest"
import * as NetworkTrap from "./networkTrap.js"

/** A trap that catches nothing proves nothing. */
describe("the network trap", () => {
  const trap = NetworkTrap.set()
  afterAll(() => trap.remove())
  beforeEach(() => {
    trap.caught.length = 0
  })

  const attempts: ReadonlyArray<readonly [caught: string, attempt: () => unknown]> = [
    ["dns.lookup", () => lookup("example.com", () => {})],
    ["dns.resolve4", () => resolve4("example.com", () => {})],
    ["dns.promises.lookup", () => promises.lookup("example.com")],
    ["dns.Resolver.resolve", () => new Resolver().resolve("example.com", () => {})],
    ["net.connect", () => Net.connect(9, "127.0.0.1")],
    ["net.Socket.connect", () => new Net.Socket().connect(9, "127.0.0.1")],
    ["net.Server.listen", () => Net.createServer().listen(0, "127.0.0.1")],
    ["tls.connect", () => Tls.connect(9, "127.0.0.1")],
    ["dgram.Socket.send", () => Dgram.createSocket("udp4").send("x", 9, "127.0.0.1")]
  ]
  for (const [caught, attempt] of attempts) {
    it(`catches ${caught}`, () => {
      assert.throws(attempt, `${caught} was called`)
      assert.deepStrictEqual(trap.caught, [caught])
    })
  }

  it("catches a request of node:http and one of undici", async () => {
    assert.throws(() => Http.get("http://127.0.0.1:9/"))
    await Undici.request("http://127.0.0.1:9/").then(
      () => assert.fail("went through"),
      () => {}
    )
    assert.isAtLeast(trap.caught.length, 2)
  })
})
