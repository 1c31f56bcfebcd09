import { assert, describe, it } from "@effect/vitest"
import * as StreamError from "@effect-i2p/streaming/StreamError"
import { NotI2pHost } from "../src/I2pHttpError.js"
import * as ProxyPage from "../src/ProxyPage.js"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("answers of a proxy", () => {
  it("are whole HTTP messages with the length of their body", () => {
    const answer = text(ProxyPage.toBytes(ProxyPage.badRequest("„quoted“"), undefined))
    const [head, body] = answer.split("\r\n\r\n")
    assert.match(head!, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: text\/plain; charset=utf-8\r\n/)
    assert.include(head!, `Content-Length: ${new TextEncoder().encode(body).length}`)
    assert.include(head!, "Proxy-Status: i2p; error=http_request_error")
  })

  it("are pages for browsers, and escape what the request brought", () => {
    const { body, headers } = ProxyPage.render(ProxyPage.badRequest("<script>"), "text/html,*/*")
    assert.deepInclude(headers, ["Content-Type", "text/html; charset=utf-8"])
    assert.include(text(body), "&#60;script&#62;")
    assert.notInclude(text(body), "<script>")
  })

  it("never show the cause", () => {
    const problem = { ...ProxyPage.serviceDown, cause: "127.0.0.1:8080 refuses" }
    assert.notInclude(text(ProxyPage.toBytes(problem, undefined)), "8080")
    assert.strictEqual(ProxyPage.reasonOf(problem), "127.0.0.1:8080 refuses")
  })

  it("have a status for each failure", () => {
    const status = (error: Parameters<typeof ProxyPage.fromFailure>[0]) => ProxyPage.fromFailure(error).status
    assert.strictEqual(status(new StreamError.ConnectTimedOut({ destination: "a", millis: 1 })), 504)
    assert.strictEqual(status(new StreamError.TooManyStreams({ limit: 1 })), 503)
    const transport = (reason: StreamError.TransportFailed["reason"]) =>
      status(new StreamError.TransportFailed({ reason, detail: "d" }))
    assert.deepStrictEqual([transport("Overloaded"), transport("NotReady"), transport("RouterAway")], [503, 503, 502])
    const refused = new NotI2pHost({ host: "example.com", reason: "r" })
    assert.strictEqual(ProxyPage.fromError(new TypeError("x", { cause: refused })).status, 403)
    assert.deepInclude(ProxyPage.fromError(new Error("broke")), { status: 502, title: "No proper answer" })
  })
})
