/**
 * HTTP through i2pd: its proxy to a site of ours, and our clients to a site behind its HTTP server tunnel.
 */
import { execFile } from "node:child_process"
import * as Http from "node:http"
import { promisify } from "node:util"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import * as I2pCaller from "@effect-i2p/platform-node/I2pCaller"
import * as I2pDispatcher from "@effect-i2p/platform-node/I2pDispatcher"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as I2pHttpServer from "@effect-i2p/platform-node/I2pHttpServer"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Payload from "../../src/Payload.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"
import * as Topology from "../../src/Topology.js"

const ours = Layer.scoped(
  StreamManager,
  Effect.flatMap(TestNetwork.TestNetwork, ({ a }) => Streams.open(a))
)

const run = promisify(execFile)

/** What curl prints, through the far router's HTTP proxy. */
const curl = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(TestNetwork.TestNetwork, ({ far }) =>
    Effect.promise(async () => {
      const proxy = `http://127.0.0.1:${far.httpProxyPort}`
      const { stdout } = await run("curl", ["-sS", "--max-time", "60", "--proxy", proxy, ...args], {
        maxBuffer: 16 * 1024 * 1024
      })
      return stdout
    })
  )

const fileOf = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped()
    yield* fs.writeFile(file, bytes)
    return file
  }).pipe(Effect.provide(NodeContext.layer))

/** Says who calls, and what came. */
const app = Effect.gen(function* () {
  const { destination } = yield* I2pCaller.fromRequest
  const { headers, method, stream } = yield* HttpServerRequest.HttpServerRequest
  if (method === "GET") {
    return yield* HttpServerResponse.json({ caller: destination.b32, header: headers["x-i2p-destb32"] })
  }
  return HttpServerResponse.text(yield* Payload.sha256(Stream.orDie(stream)))
})

const site = HttpServer.serve(app).pipe(Layer.provide(I2pHttpServer.layer()))

/** The HTTP server behind i2pd's tunnel. */
const behindTunnel = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const server = Http.createServer((request, response) => {
      if (request.method === "GET") {
        const { url, headers } = request
        response.end(JSON.stringify({ url, caller: headers["x-i2p-destb32"] }))
      } else request.pipe(response)
    }).listen(Topology.httpPort, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

const network = Layer.provideMerge(ours, TestNetwork.layer)

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("HTTP and i2pd", (it) => {
  it.scoped("curl through i2pd's proxy reaches a site of ours, which knows who calls", () =>
    Effect.gen(function* () {
      const { b32 } = (yield* StreamManager).destination
      const url = `http://${b32}/`
      const answer = JSON.parse(yield* curl("-H", "X-I2P-DestB32: forged.b32.i2p", url))
      assert.match(answer.caller, /^[a-z2-7]{52}\.b32\.i2p$/)
      assert.strictEqual(answer.header, answer.caller)
      const payload = Payload.random(1024 * 1024)
      assert.strictEqual(yield* curl("-T", yield* fileOf(payload), url), Payload.sha256Of(payload))
    }).pipe(Effect.provide(site))
  )

  it.scoped("undici reaches a site behind i2pd's HTTP server tunnel, which knows who calls", () =>
    Effect.gen(function* () {
      const { destination } = yield* StreamManager
      const { far } = yield* TestNetwork.TestNetwork
      yield* behindTunnel
      const dispatcher = yield* I2pDispatcher.make()
      const origin = `http://${far.httpTunnel}`
      for (const path of ["/first", "/second"]) {
        const { body, statusCode } = yield* Effect.promise(() => dispatcher.request({ origin, path, method: "GET" }))
        assert.strictEqual(statusCode, 200)
        assert.deepStrictEqual(yield* Effect.promise(() => body.json()), { url: path, caller: destination.b32 })
      }
      const payload = Payload.random(1024 * 1024)
      const fetch = I2pHttpClient.fetchFrom(dispatcher)
      const echo = yield* Effect.promise(() =>
        fetch(origin, { method: "POST", body: payload }).then((got) => got.arrayBuffer())
      )
      assert.strictEqual(Payload.sha256Of(new Uint8Array(echo)), Payload.sha256Of(payload))
    })
  )
})
