import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as ProxyHeaders from "../src/ProxyHeaders.js"

const url = new URL("http://site.i2p/page?x=1")
const plain = { sendUserAgent: false }
const sent = (pairs: ProxyHeaders.Pairs) =>
  Object.fromEntries(ProxyHeaders.anonymous(pairs, url, plain).map(([name, value]) => [name.toLowerCase(), value]))

describe("a request's headers", () => {
  it("lose what is for the next hop, and what Connection names", () => {
    const headers = sent([
      ["Connection", "keep-alive, X-Secret"],
      ["X-Secret", "1"],
      ["Proxy-Connection", "keep-alive"],
      ["Proxy-Authorization", "Basic x"],
      ["TE", "trailers"],
      ["Upgrade", "websocket"],
      ["Cookie", "a=1"]
    ])
    assert.deepStrictEqual(headers, { host: "site.i2p", cookie: "a=1", "user-agent": "MYOB/6.66 (AN/ON)" })
  })

  it("lose what tells who is asking", () => {
    const headers = sent([
      ["User-Agent", "Mozilla/5.0 (me)"],
      ["Accept-Language", "de-AT"],
      ["Accept-Encoding", "gzip"],
      ["Accept", "text/html,application/xhtml+xml;q=0.123"],
      ["Via", "1.1 home"],
      ["From", "me@home"],
      ["X-Forwarded-For", "192.168.1.2"],
      ["Forwarded", "for=192.168.1.2"],
      ["Sec-CH-UA", "x"],
      ["DNT", "1"],
      ["X-Requested-With", "org.example.app"],
      ["X-I2P-DestB32", "me.b32.i2p"],
      ["Authorization", "NTLM x"]
    ])
    assert.deepStrictEqual(headers, {
      host: "site.i2p",
      "accept-encoding": "gzip",
      accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "user-agent": "MYOB/6.66 (AN/ON)"
    })
  })

  it("name the host of the first line, whatever Host said", () => {
    assert.strictEqual(sent([["Host", "evil.example"]]).host, "site.i2p")
  })

  it("keep a Referer of the same site, and no other", () => {
    assert.strictEqual(sent([["Referer", "http://site.i2p/other"]])["referer"], "http://site.i2p/other")
    for (const referer of ["http://other.i2p/", "http://site.i2p:81/", "https://site.i2p/", "garbage"]) {
      assert.isUndefined(sent([["Referer", referer]])["referer"])
    }
  })

  it("keep what a script says of itself, what it accepts, and how it proves who it is", () => {
    const headers = sent([
      ["X-Requested-With", "XMLHttpRequest"],
      ["Accept", "application/json"],
      ["Authorization", "Bearer x"]
    ])
    assert.deepInclude(headers, {
      "x-requested-with": "XMLHttpRequest",
      accept: "application/json",
      authorization: "Bearer x"
    })
  })

  it("never grow a second Host, and never throw", () => {
    const pair = FastCheck.tuple(FastCheck.string(), FastCheck.string())
    FastCheck.assert(
      FastCheck.property(FastCheck.array(pair), (pairs) => {
        const hosts = ProxyHeaders.anonymous(pairs, url, plain).filter(([name]) => name.toLowerCase() === "host")
        assert.deepStrictEqual(hosts, [["Host", "site.i2p"]])
      })
    )
  })
})

describe("an answer's headers", () => {
  it("do not lead anywhere else", () => {
    const kept = ProxyHeaders.answer([
      ["Alt-Svc", 'h2="example.com:443"'],
      ["Proxy-Authenticate", "NTLM"],
      ["Keep-Alive", "timeout=5"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"]
    ])
    assert.deepStrictEqual(kept, [
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"]
    ])
  })

  it("of a service do not tell about its machine", () => {
    const headers = ["Server", "Date", "X-Powered-By", "X-Runtime", "Proxy"].map((name) => [name, "x"] as const)
    assert.deepStrictEqual(ProxyHeaders.discreet([...headers, ["ETag", "1"]]), [["ETag", "1"]])
  })
})
