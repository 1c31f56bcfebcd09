/**
 * `i2p tunnel` as a process on i2pd: its HTTP and SOCKS proxies to a site behind i2pd's tunnel, i2pd's proxy and i2pd's
 * client tunnel to services behind ours.
 */
import { execFile, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import { fileURLToPath } from "node:url"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Payload from "../../src/Payload.js"
import * as TestNetwork from "../../src/TestNetwork.js"
import * as Topology from "../../src/Topology.js"

const bin = fileURLToPath(new URL("../../../cli/src/bin.ts", import.meta.url))
const noHops = ["--tunnels", "0x1"]

/** Runs `i2p tunnel` until the scope ends; answers with the line that says that it is open. */
const tunnel = (router: TestNetwork.ClientRouter, ...words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const address = ["--router", `127.0.0.1:${router.i2cpPort}`, "--json", ...noHops]
    const args = ["--conditions=@effect-i2p/source", "--import", "tsx", bin, "tunnel", ...words, ...address]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] })),
      (child) =>
        Effect.async<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.once("close", () => resume(Effect.void))
          child.kill("SIGINT")
        })
    )
    return yield* Effect.async<{ readonly host: string; readonly port: number; readonly b32: string }, Error>(
      (resume) => {
        let out = ""
        let err = ""
        child.stderr.on("data", (data) => {
          err += data
        })
        child.stdout.on("data", (data) => {
          out += data
          if (out.includes("\n")) resume(Effect.succeed(JSON.parse(out.slice(0, out.indexOf("\n")))))
        })
        child.once("close", () => resume(Effect.fail(new Error(`i2p tunnel ended: ${err}`))))
      }
    )
  })

const curl = (...args: ReadonlyArray<string>) =>
  Effect.async<string>((resume) => {
    const options = { maxBuffer: 16 * 1024 * 1024 }
    execFile("curl", ["-sS", "--max-time", "60", ...args], options, (error, stdout) =>
      resume(Effect.succeed(error === null ? stdout : `${error.message}${stdout}`))
    )
  })

const fileOf = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped()
    yield* fs.writeFile(file, bytes)
    return file
  }).pipe(Effect.provide(NodeContext.layer))

/** A web server on a TCP port: says who calls, and sends back what is sent. */
const webServer = (port: number) =>
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer((request, response) => {
        const { headers, method, url } = request
        if (method === "GET") response.end(JSON.stringify({ url, caller: headers["x-i2p-destb32"] }))
        else request.pipe(response)
      }).listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

/** A TCP service that answers with everything it has got once `length` bytes have come, and ends. */
const echoAndEnd = (length: number) =>
  Effect.acquireRelease(
    Effect.async<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        const chunks: Array<Buffer> = []
        socket.on("error", () => {})
        socket.on("data", (chunk) => {
          chunks.push(chunk)
          const all = Buffer.concat(chunks)
          if (all.length === length) socket.end(all)
        })
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

const exchange = (port: number, bytes: Uint8Array) =>
  Effect.async<Buffer>((resume) => {
    const chunks: Array<Buffer> = []
    const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("error", () => {})
    socket.on("end", () => socket.end())
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(chunks))))
    // The FIN goes out with the last byte: what comes back must not suffer from it.
    socket.end(bytes)
  })

layer(TestNetwork.layer, { excludeTestServices: true, timeout: "90 seconds" })("i2p tunnel on i2pd", (it) => {
  it.scoped("curl through `i2p tunnel http` and `socks` reaches a site behind i2pd's tunnel", () =>
    Effect.gen(function* () {
      const { a, far } = yield* TestNetwork.TestNetwork
      yield* webServer(Topology.httpPort)
      const url = `http://${far.httpTunnel}`
      const http = yield* tunnel(a, "http", "--listen", "0")
      const proxy = ["--proxy", `http://127.0.0.1:${http.port}`]
      assert.deepStrictEqual(JSON.parse(yield* curl(...proxy, `${url}/a`)), { url: "/a", caller: http.b32 })
      assert.deepStrictEqual(JSON.parse(yield* curl(...proxy, "-p", `${url}/b`)), { url: "/b", caller: http.b32 })
      const payload = Payload.random(1024 * 1024)
      const file = yield* fileOf(payload)
      const back = yield* curl(...proxy, "--data-binary", `@${file}`, "-o", `${file}.back`, `${url}/`)
      assert.strictEqual(back, "")
      const got = yield* Effect.provide(
        Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(`${file}.back`)),
        NodeContext.layer
      )
      assert.strictEqual(Payload.sha256Of(got), Payload.sha256Of(payload))
      assert.match(yield* curl(...proxy, "http://example.com/"), /^403 Not on I2P\n/)

      const socks = yield* tunnel(a, "socks", "--listen", "0")
      const answer = yield* curl("--proxy", `socks5h://127.0.0.1:${socks.port}`, `${url}/c`)
      assert.deepStrictEqual(JSON.parse(answer), { url: "/c", caller: socks.b32 })
    })
  )

  it.scoped("curl through i2pd's HTTP proxy reaches a site behind `i2p tunnel server --http`", () =>
    Effect.gen(function* () {
      const { a, far } = yield* TestNetwork.TestNetwork
      const port = yield* webServer(0)
      const site = yield* tunnel(a, "server", "--http", "--to", `127.0.0.1:${port}`)
      const proxy = ["--proxy", `http://127.0.0.1:${far.httpProxyPort}`]
      const forged = ["-H", "X-I2P-DestB32: forged.b32.i2p"]
      const answer = JSON.parse(yield* curl(...proxy, ...forged, `http://${site.b32}/page`))
      assert.strictEqual(answer.url, "/page")
      assert.match(answer.caller, /^[a-z2-7]{52}\.b32\.i2p$/)
    })
  )

  it.scoped("i2pd's client tunnel gets the whole answer of a service behind `i2p tunnel server`", () =>
    Effect.gen(function* () {
      const { a, far, listenerKeys } = yield* TestNetwork.TestNetwork
      const payload = Payload.random(512 * 1024)
      const port = yield* echoAndEnd(payload.length)
      // i2pd lets others read its file, and we would not take it so.
      const keys = yield* fileOf(Fs.readFileSync(listenerKeys.command))
      Fs.chmodSync(keys, 0o600)
      yield* tunnel(a, "server", "--to", `127.0.0.1:${port}`, "--keys", keys)
      // i2pd ends a connection when its TCP side does, so that this one may not say FIN first.
      const got = yield* Effect.async<Buffer>((resume) => {
        const chunks: Array<Buffer> = []
        const socket = Net.connect(far.clientTunnelPorts.command, "127.0.0.1")
        socket.on("data", (chunk) => chunks.push(chunk))
        socket.on("error", () => {})
        socket.on("close", () => resume(Effect.succeed(Buffer.concat(chunks))))
        socket.write(payload)
      })
      assert.strictEqual(Payload.sha256Of(got), Payload.sha256Of(payload))
    })
  )

  it.scoped("`i2p tunnel client` gets the whole answer of a service behind i2pd's tunnel, FIN or not", () =>
    Effect.gen(function* () {
      const { a, far } = yield* TestNetwork.TestNetwork
      const client = yield* tunnel(a, "client", "--listen", "0", "--to", far.serverTunnel, "-o", "endtimeout=5")
      const payload = Payload.random(512 * 1024)
      const got = yield* exchange(client.port, payload)
      assert.strictEqual(Payload.sha256Of(got), Payload.sha256Of(payload))
    })
  )
})
