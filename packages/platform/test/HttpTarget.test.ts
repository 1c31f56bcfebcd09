import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as HttpTarget from "../src/HttpTarget.js"

const b32 = `${"a".repeat(51)}q.b32.i2p`
const reasonOf = (protocol: string, host: string) =>
  Either.getOrThrow(Either.flip(HttpTarget.resolve({}, protocol, host, ""))).reason

describe("resolve", () => {
  it("takes the port of the URL, or the protocol's own", () => {
    const target = (protocol: string, port: string | number) =>
      Either.getOrThrow(HttpTarget.resolve({}, protocol, "Site.I2P", port))
    assert.deepStrictEqual(target("http:", ""), { destination: "site.i2p", port: 80 })
    assert.deepStrictEqual(target("https:", ""), { destination: "site.i2p", port: 443 })
    assert.deepStrictEqual(target("http:", 8080), { destination: "site.i2p", port: 8080 })
  })

  it("asks the given names first, and no property of Object", () => {
    const hosts = { "site.i2p": b32 }
    assert.deepStrictEqual(
      HttpTarget.resolve(hosts, "http:", "site.i2p", ""),
      Either.right({ destination: b32, port: 80 })
    )
    for (const name of ["constructor.i2p", "__proto__.i2p"]) {
      const target = HttpTarget.resolve({}, "http:", name, "")
      if (Either.isRight(target)) assert.strictEqual(target.right.destination, name)
    }
  })

  it("refuses every host that is not on I2P", () => {
    for (const host of ["example.com", "127.0.0.1", "[::1]", "localhost", "i2p", "site.i2p.example.com", ""]) {
      assert.isTrue(Either.isLeft(HttpTarget.resolve({}, "http:", host, "")), host)
    }
  })

  it("refuses other protocols, and whole destinations", () => {
    assert.match(reasonOf("ftp:", "site.i2p"), /protocol is ftp:/)
    assert.match(reasonOf("http:", `${"A".repeat(512)}BQAEAAcABA==`), /whole destination/)
  })
})

describe("parse", () => {
  it("keeps the path as it was written", () => {
    const path = (text: string) => Either.map(HttpTarget.parse(text), (it) => it.path)
    assert.deepStrictEqual(path("http://site.i2p"), Either.right("/"))
    assert.deepStrictEqual(path("http://site.i2p/a/../b?c=%7e"), Either.right("/a/../b?c=%7e"))
    assert.deepStrictEqual(path("http://site.i2p?x"), Either.right("/?x"))
  })

  it("takes nothing but absolute URLs, and ends the host where the URL standard does", () => {
    for (const text of [
      "/page",
      "site.i2p:80",
      "http:///x",
      "http://site.i2p/#a",
      "http://site.i2p\\@example.com/",
      "*"
    ]) {
      assert.deepStrictEqual(HttpTarget.parse(text), Either.left("NoUrl"), text)
    }
  })

  it("never throws", () => {
    FastCheck.assert(FastCheck.property(FastCheck.string({ unit: "binary" }), (text) => void HttpTarget.parse(text)))
  })
})
