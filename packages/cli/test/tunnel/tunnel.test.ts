import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { i2p, type Process, spawn } from "../harness.js"

const connect = (port: number): Promise<Net.Socket> =>
  new Promise((resolve) => {
    const socket: Net.Socket = Net.connect(port, "127.0.0.1", () => resolve(socket))
    socket.on("error", () => {})
  })

/** Everything that is answered to `bytes`, to the end. */
const all = (socket: Net.Socket, bytes: string | Buffer): Promise<Buffer> =>
  new Promise((resolve) => {
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("close", () => resolve(Buffer.concat(chunks)))
    socket.resume()
    socket.write(bytes)
  })

/** The next bytes. */
const next = (socket: Net.Socket, bytes: string | Buffer): Promise<Buffer> =>
  new Promise((resolve) => {
    socket.once("data", (chunk) => {
      socket.pause()
      resolve(chunk)
    })
    socket.resume()
    socket.write(bytes)
  })

const get = (host: string, path: string): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

/** What comes behind the header section. */
const bodyOf = (answer: Buffer): string => answer.subarray(answer.indexOf("\r\n\r\n") + 4).toString()

/** Asks a SOCKS proxy; answers with its reply code, and leaves the socket as it is then. */
const socks = async (port: number, request: ReadonlyArray<number>) => {
  const socket = await connect(port)
  assert.deepStrictEqual([...(await next(socket, Buffer.from([5, 1, 0])))], [5, 0])
  return { socket, code: (await next(socket, Buffer.from(request)))[1] }
}

const named = (host: string, port: number): ReadonlyArray<number> => [
  ...[5, 1, 0, 3, host.length],
  ...Buffer.from(host),
  ...[port >> 8, port & 255]
]

const page = Crypto.randomBytes(400_000).toString("base64")

/** Everything in one process, on the embedded router: a site, a way to it, an HTTP proxy and a SOCKS proxy. */
describe("i2p tunnel --config", { timeout: 120_000 }, () => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-tunnel-"))
  const web = Http.createServer((request, response) => {
    response.end(request.url === "/page" ? page : `${request.headers["x-i2p-destb32"]} wants ${request.url}`)
  })
  const ports = { client: 0, http: 0, socks: 0 }
  let tunnels: Process
  let site = ""

  beforeAll(async () => {
    await new Promise<void>((resolve) => void web.listen(0, "127.0.0.1", resolve))
    const { port } = web.address() as Net.AddressInfo
    site = (await Effect.runPromise(NodeKeyStore.file(Path.join(folder, "site.dat")))).destination.b32
    const config = `
      # as i2pd has them
      [site]
      type = http
      host = 127.0.0.1
      port = ${port}
      inport = 80
      keys = site.dat
      i2p.streaming.profile=2

      [visit]
      type = client
      port = 0
      destination = ${site}
      keys = visit.dat
      inbound.length = 1

      [proxy]
      type = httpproxy
      port = 0
      keys = visit.dat

      [socks]
      type = socks
      address = 127.0.0.1
      port = 0

      [game]
      type = udpclient
      destination = game.i2p
      port = 1
    `
    Fs.writeFileSync(Path.join(folder, "tunnels.conf"), config)
    tunnels = spawn(["tunnel", "--config", Path.join(folder, "tunnels.conf"), "--router", "embedded", "--json"])
    for (const [name, tunnel] of [
      ["client", "visit"],
      ["http", "proxy"],
      ["socks", "socks"]
    ] as const) {
      const [, port] = await tunnels.says(new RegExp(`"tunnel":"${tunnel}",.*"host":"127\\.0\\.0\\.1","port":(\\d+),`))
      ports[name] = Number(port)
    }
  }, 120_000)

  afterAll(() => {
    tunnels.child.kill("SIGKILL")
    web.close()
    web.closeAllConnections()
    Fs.rmSync(folder, { recursive: true })
  })

  it("makes the key files that are missing, beside the file", () => {
    assert.strictEqual(Fs.statSync(Path.join(folder, "visit.dat")).mode & 0o777, 0o600)
  })

  it("reaches the site through the client tunnel, the HTTP proxy, CONNECT and SOCKS", async () => {
    const visitor = (await Effect.runPromise(NodeKeyStore.load(Path.join(folder, "visit.dat")))).destination.b32
    const [direct, proxied, large] = await Promise.all([
      all(await connect(ports.client), get(site, "/a")),
      all(await connect(ports.http), get(site, `http://${site}/b`)),
      all(await connect(ports.http), get(site, `http://${site}/page`))
    ])
    // The tunnel and the proxy have the same keys, so they are the same visitor.
    assert.strictEqual(bodyOf(direct), `${visitor} wants /a`)
    assert.strictEqual(bodyOf(proxied), `${visitor} wants /b`)
    assert.isTrue(bodyOf(large) === page, "the page came otherwise than it left")

    const connected = await connect(ports.http)
    assert.match(`${await next(connected, `CONNECT ${site}:80 HTTP/1.1\r\n\r\n`)}`, /^HTTP\/1\.1 200 /)
    assert.strictEqual(bodyOf(await all(connected, get(site, "/c"))), `${visitor} wants /c`)

    const { code, socket } = await socks(ports.socks, named(site, 80))
    assert.strictEqual(code, 0)
    const other = bodyOf(await all(socket, get(site, "/d")))
    assert.match(other, /^[a-z2-7]{52}\.b32\.i2p wants \/d$/)
    assert.notInclude(other, visitor)
  })

  it("refuses clearnet in both proxies", async () => {
    const answer = await all(await connect(ports.http), get("example.com", "http://example.com/"))
    assert.match(`${answer}`, /^HTTP\/1\.1 403 .*\r\n\r\n403 Not on I2P\n/s)
    assert.strictEqual((await socks(ports.socks, named("example.com", 80))).code, 2)
    assert.strictEqual((await socks(ports.socks, [5, 1, 0, 1, 127, 0, 0, 1, 0, 80])).code, 8)
  })

  it("says what it does not run, and ends at Ctrl-C with the sums", async () => {
    tunnels.child.kill("SIGINT")
    const { code, err, out } = await tunnels.ended
    assert.match(err, /^i2p: \[game\] is not run: [^\n]+\ni2p: \[proxy\] shares|^i2p: \[game\] is not run: [^\n]+\n$/)
    assert.strictEqual(code, 0)
    const lines = out
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    const listening = lines.filter(({ type }) => type === "listening")
    assert.deepStrictEqual(
      listening.map(({ kind, tunnel }) => [tunnel, kind]),
      [
        ["site", "http"],
        ["visit", "client"],
        ["proxy", "httpproxy"],
        ["socks", "socks"]
      ]
    )
    const sums = lines.filter(({ type }) => type === "summary")
    assert.lengthOf(sums, 4)
    assert.deepInclude(sums[1], { tunnel: "visit", failed: 0, refused: 0 })
    assert.isAbove(sums[2].bytes_received, page.length)
    assert.match(sums[2].last_failure, /^Not on I2P/)
  })
})

describe("i2p tunnel", { timeout: 120_000 }, () => {
  it("carries megabytes between two processes over a lossy link, unharmed, and ends with the last of them", async () => {
    const router = spawn(["router", "--listen", "0", "--latency", "2ms", "--loss", "0.2%", "--seed", "3"])
    const [, port] = await router.says(/listening on 127\.0\.0\.1:(\d+)\n/)
    const address = `127.0.0.1:${port}`
    const sent = Crypto.randomBytes(2_000_000)
    const service = Net.createServer((socket) => socket.end(sent)).listen(0, "127.0.0.1")
    await new Promise((resolve) => service.once("listening", resolve))
    const to = `127.0.0.1:${(service.address() as Net.AddressInfo).port}`
    const server = spawn(["tunnel", "server", "--to", to, "--port", "25", "--router", address])
    const [, b32] = await server.says(/server: (\S+\.b32\.i2p), port 25, leads to 127\.0\.0\.1:\d+\n/)
    const client = spawn(["tunnel", "client", "--listen", "0", "--to", `${b32}:25`, "-o", "inbound.length=0"], {
      I2P_ROUTER: address
    })
    const [, at] = await client.says(/client: 127\.0\.0\.1:(\d+) leads to \S+, port 25\n/)
    const got = await new Promise<Buffer>((resolve) => {
      const chunks: Array<Buffer> = []
      const socket = Net.connect(Number(at), "127.0.0.1")
      socket.on("data", (chunk) => chunks.push(chunk))
      socket.on("close", () => resolve(Buffer.concat(chunks)))
    })
    assert.isTrue(got.equals(sent), `${got.length} bytes came of ${sent.length}`)
    service.close()
    for (const process of [client, server, router]) {
      process.child.kill("SIGINT")
      assert.strictEqual((await process.ended).code, 0)
    }
  })

  const refusals: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: RegExp]> = [
    [["tunnel"], /^which of i2p tunnel client, /],
    [["tunnel", "client", "--listen", "x", "--to", "a.i2p"], /^--listen "x" is no TCP address/],
    [
      ["tunnel", "client", "--listen", "0", "--to", "example.com:80"],
      /^destination: "example.com" is not an I2P address/
    ],
    [["tunnel", "server", "--to", "80", "--allow", "friend"], /^accesslist: /],
    [["tunnel", "server", "--to", "80", "--host", "a"], /^--host is for --http/],
    [["tunnel", "http", "--listen", "0", "-o", "nonsense=1"], /^nonsense: no such option/],
    [["tunnel", "http", "--listen", "0", "-o", "nonsense"], /^--option "nonsense" is not name=value/],
    [["tunnel", "socks"], /--listen/],
    [["tunnel", "--config", "/nowhere/tunnels.conf"], /^cannot read \/nowhere\/tunnels\.conf: ENOENT/]
  ]
  for (const [args, why] of refusals) {
    it(`refuses ${args.join(" ")} with one line and 2`, async () => {
      const { code, err } = await Effect.runPromise(i2p([...args, "--router", "embedded"]))
      const last = err.trim().split("\n").at(-1)!
      assert.match(last, why)
      assert.strictEqual(code, 2)
    })
  }

  it("takes a destination whose Base64 begins with a minus, as one in 64 does, with a port and in a list", async () => {
    const { base64 } = DestinationKeys.generate(SecureRandom.makeSeeded("minus")).destination
    for (const start of ["-A", "-l", "--", "--A"]) {
      // The first bytes are padding: nobody reads them.
      const peer = `${start}${base64.slice(start.length)}`
      for (const args of [
        ["client", "--listen", "0", "--to", peer],
        ["client", "--listen", "0", "--to", `${peer}:25`],
        ["server", "--to", "80", "--allow", peer],
        ["server", "--to", "80", "--deny", `${peer},${peer}`]
      ]) {
        const { code, err } = await Effect.runPromise(i2p(["tunnel", ...args, "--router", "127.0.0.1:1"]))
        assert.match(err, /^router unreachable/m, args.join(" "))
        assert.strictEqual(code, 2)
      }
    }
  })

  it("says in one line that a port is taken, and warns of one that is open to others", async () => {
    const server = Net.createServer().listen(0, "0.0.0.0")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as Net.AddressInfo
    const { code, err } = await Effect.runPromise(
      i2p(["tunnel", "http", "--listen", `0.0.0.0:${port}`, "--router", "embedded"])
    )
    server.close()
    assert.match(err, /^i2p: warning: http listens on 0\.0\.0\.0:\d+: whoever reaches[^\n]+\n/)
    assert.match(err, /\nhttp: cannot listen on 0\.0\.0\.0:\d+: the port is taken; choose another[^\n]+\n$/)
    assert.strictEqual(code, 2)
  })

  it("has help for each of its commands, which fits 80 columns", async () => {
    for (const args of [
      ["tunnel"],
      ["tunnel", "client"],
      ["tunnel", "server"],
      ["tunnel", "http"],
      ["tunnel", "socks"]
    ]) {
      const { code, out } = await Effect.runPromise(i2p([...args, "--help"]))
      assert.strictEqual(code, 0)
      assert.match(out, new RegExp(`^Usage: i2p ${args.join(" ")} `))
      for (const line of out.split("\n")) assert.isAtMost(line.length, 80)
    }
  })
})
