/**
 * Every way to a router, and every way it fails, on real sockets of this machine.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type { I2cpError } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as NodeI2cp from "../src/NodeI2cp.js"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeLocalRouter from "../src/NodeLocalRouter.js"
import { ca, client, expired, java, router } from "./certificates.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2cp-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const tls = (of: { readonly certificate: string; readonly key: string }) => ({
  certificate: of.certificate,
  key: Redacted.make(of.key)
})

const fingerprint = (pem: string): string => new Crypto.X509Certificate(pem).fingerprint256

/** Sends a datagram to oneself through the router. */
const roundTrip = (options: NodeI2cp.Options, config: Partial<I2cpConfig.Service> = {}) =>
  Effect.gen(function* () {
    const session = yield* I2cpSession.I2cpSession
    yield* session.ready
    const inbox = yield* session.subscribe(18)
    const payload = new Uint8Array(30_000).fill(7)
    yield* session.send({ to: session.destination, protocol: 18, sourcePort: 1, destinationPort: 2, payload })
    assert.deepStrictEqual((yield* Queue.take(inbox)).payload, payload)
  }).pipe(Effect.scoped, Effect.provide(layer(options, config)))

const layer = (options: NodeI2cp.Options, config: Partial<I2cpConfig.Service>) =>
  Layer.provide(I2cpSession.layer(), [NodeI2cp.layer(options), I2cpConfig.layer(config)])

const failure = (
  options: NodeI2cp.Options,
  config: Partial<I2cpConfig.Service> = {}
): Effect.Effect<I2cpError, void, Scope.Scope> => Effect.flip(Layer.build(layer(options, config)) as never)

/** What kind of error, and that its one line says what to do. */
const assertFails = (error: I2cpError, kind: string, hint: RegExp) => {
  assert.strictEqual(`${error._tag} ${"reason" in error ? error.reason : ""}`, kind, error.message)
  assert.match(error.message, hint)
  assert.notInclude(error.message, "\n")
}

const tlsPort = (options: NodeLocalRouter.TlsOptions) =>
  Effect.flatMap(Layer.build(NodeLocalRouter.layerTcp({ port: 0, tls: options })), (context) =>
    Effect.provide(NodeLocalRouter.port, context)
  )

const plainPort = Effect.flatMap(Layer.build(NodeLocalRouter.layerTcp({ port: 0 })), (context) =>
  Effect.provide(NodeLocalRouter.port, context)
)

/** A bare server; connections end with the scope. */
const listen = (make: () => Net.Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
      const sockets = new Set<Net.Socket>()
      const server = make().listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
      })
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ).pipe(Effect.map(({ server }) => (server.address() as Net.AddressInfo).port))

describe("TLS", () => {
  it.scopedLive("carries a session to a router whose authority is trusted, by number and by name", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(router))
      for (const host of ["127.0.0.1", "localhost"]) yield* roundTrip({ host, port, tls: { ca } })
    })
  )

  it.scopedLive("trusts a self-signed certificate that is given as authority, or pinned, with any name on it", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(java))
      yield* roundTrip({ port, tls: { ca: java.certificate } })
      yield* roundTrip({ port, tls: { fingerprint: fingerprint(java.certificate) } })
      const pin = fingerprint(java.certificate).replaceAll(":", "").toLowerCase()
      yield* roundTrip(`tls://127.0.0.1:${port}?pin=${pin}`)
      const timeIsUp = yield* tlsPort(tls(expired))
      yield* roundTrip({ port: timeIsUp, tls: { fingerprint: fingerprint(expired.certificate) } })
    })
  )

  it.scopedLive("trusts nobody unless told, and says which pin would do", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(java))
      const pin = fingerprint(java.certificate).replaceAll(":", "").toLowerCase()
      for (const options of [{ port, tls: {} }, `tls://127.0.0.1:${port}`]) {
        assertFails(yield* failure(options), "TlsFailed NotTrusted", new RegExp(`i2cp\\.local\\.crt.*pin=${pin}`))
      }
      assertFails(yield* failure({ port, tls: { ca } }), "TlsFailed NotTrusted", /SELF_SIGNED/)
    })
  )

  it.scopedLive("sends nothing of ours to a router that is not trusted", () =>
    Effect.gen(function* () {
      let received = 0
      const port = yield* listen(() =>
        Tls.createServer({ cert: java.certificate, key: java.key }, (socket) => {
          socket.on("data", (chunk) => {
            received += chunk.length
          })
          socket.on("error", () => {})
        })
      )
      const credentials = { username: "me", password: Redacted.make("secret") }
      assertFails(yield* failure({ port, tls: { ca } }, { credentials }), "TlsFailed NotTrusted", /pin/)
      yield* Effect.sleep("50 millis")
      assert.strictEqual(received, 0)
    })
  )

  it.scopedLive("refuses another certificate than the pinned one, even from the right authority", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(router))
      for (const trust of [{}, { ca }]) {
        const error = yield* failure({ port, tls: { ...trust, fingerprint: fingerprint(java.certificate) } })
        assertFails(error, "TlsFailed WrongPin", /somebody else answers/)
      }
    })
  )

  it.scopedLive("refuses a certificate for another name, and one whose time is up", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(router))
      const wrong = yield* failure({ port, tls: { ca, serverName: "router.example" } })
      assertFails(wrong, "TlsFailed WrongName", /router\.example.*name=HOST/)
      yield* roundTrip({ port, tls: { ca, serverName: "localhost" } })
      const timeIsUp = yield* failure({ port: yield* tlsPort(tls(expired)), tls: { ca } })
      assertFails(timeIsUp, "TlsFailed Expired", /clocks/)
    })
  )

  it.scopedLive("shows our certificate to a router that asks for one, from text or files", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort({ ...tls(router), clientCa: ca })
      yield* roundTrip({
        port,
        tls: { ca, certificate: { chain: client.certificate, key: Redacted.make(client.key) } }
      })
      const path = yield* directory
      Fs.writeFileSync(Path.join(path, "ca.pem"), ca)
      Fs.writeFileSync(Path.join(path, "cert.pem"), client.certificate)
      Fs.writeFileSync(Path.join(path, "key.pem"), client.key)
      yield* roundTrip(`tls://localhost:${port}?ca=${path}/ca.pem&cert=${path}/cert.pem&key=${path}/key.pem`)
    })
  )

  it.scopedLive("says so when the router wants a certificate of ours", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort({ ...tls(router), clientCa: ca })
      assertFails(yield* failure({ port, tls: { ca } }), "TlsFailed ClientCertificate", /cert=FILE/)
    })
  )

  it.scopedLive("names the file or the pin that cannot be used", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(router))
      const missing = yield* failure(`tls://127.0.0.1:${port}?ca=/nowhere/ca.pem`)
      assertFails(missing, "TlsFailed Misconfigured", /\/nowhere\/ca\.pem: ENOENT/)
      const path = Path.join(yield* directory, "noise.pem")
      Fs.writeFileSync(path, "noise")
      const certificate = { chain: { file: path }, key: { file: path } }
      assertFails(yield* failure({ port, tls: { ca, certificate } }), "TlsFailed Misconfigured", /PEM/)
      assertFails(yield* failure({ port, tls: { fingerprint: "abc" } }), "TlsFailed Misconfigured", /openssl x509/)
    })
  )

  it.scopedLive("tells a port without TLS: a router's, one that hangs up, one that says nothing", () =>
    Effect.gen(function* () {
      const hint = /use host:port; or switch TLS on: .*i2cp\.SSL=true/
      const trust = { ca }
      assertFails(yield* failure({ port: yield* plainPort, tls: trust }), "TlsFailed PlainServer", hint)
      // i2pd 2.45.1 resets.
      const resets = yield* listen(() =>
        Net.createServer((socket) => socket.on("data", () => socket.resetAndDestroy()))
      )
      assertFails(yield* failure({ port: resets, tls: trust }), "TlsFailed PlainServer", hint)
      const hangsUp = yield* listen(() => Net.createServer((socket) => socket.on("data", () => socket.destroy())))
      assertFails(yield* failure({ port: hangsUp, tls: trust }), "TlsFailed PlainServer", hint)
      const ends = yield* listen(() => Net.createServer((socket) => socket.end()))
      assertFails(yield* failure({ port: ends, tls: trust }), "TlsFailed PlainServer", hint)
      const port = yield* listen(() => Net.createServer())
      assertFails(yield* failure({ port, tls: trust, connectTimeout: "1 second" }), "TlsFailed PlainServer", hint)
    })
  )

  it.scopedLive("is recognised by a client that does without, or suspected where the server says nothing", () =>
    Effect.gen(function* () {
      // What Java answers to bytes that are no TLS: the alert unexpected_message. OpenSSL just hangs up.
      const alert = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a)
      const port = yield* listen(() => Net.createServer((socket) => socket.on("data", () => socket.end(alert))))
      assertFails(yield* failure({ port }), "NotI2cp TlsServer", /tls:\/\/host:port.*i2cp\.SSL=false/)
      const silent = yield* failure({ port: yield* tlsPort(tls(router)) })
      assertFails(silent, "NotI2cp Closed", /i2cp\.SSL=true.*tls:\/\/host:port/)
    })
  )

  it.scopedLive("has nobody listening", () =>
    Effect.gen(function* () {
      const port = 9
      for (const host of ["127.0.0.1", "localhost"]) {
        const error = yield* failure({ host, port, tls: { ca } })
        assertFails(error, "RouterUnreachable Refused", /\[i2cp\] enabled = true/)
      }
    })
  )

  it.scopedLive("survives a client that resets in the middle of a handshake", () =>
    Effect.gen(function* () {
      const port = yield* tlsPort(tls(router))
      const half = Net.createConnection({ port, host: "127.0.0.1" })
      half.on("error", () => {})
      yield* Effect.async<void>((resume) => {
        half.write(Uint8Array.of(0x16, 0x03, 0x01, 0x02), () => resume(Effect.void))
      })
      half.resetAndDestroy()
      yield* roundTrip({ port, tls: { ca } })
    })
  )

  it.scopedLive("fails to listen with a key that is not the certificate's, and on a port that is taken", () =>
    Effect.gen(function* () {
      const mismatched = { certificate: router.certificate, key: Redacted.make(java.key) }
      assert.strictEqual((yield* Effect.flip(tlsPort(mismatched)))._tag, "SocketServerError")
      const port = yield* plainPort
      const taken = Layer.build(NodeLocalRouter.layerTcp({ port, tls: tls(router) }))
      assert.strictEqual((yield* Effect.flip(taken))._tag, "SocketServerError")
    })
  )
})

describe("a Unix socket", () => {
  it.scopedLive("carries a session, and is gone with its router", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "i2cp.sock")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Layer.build(NodeLocalRouter.layerUnix({ path }))
          yield* roundTrip({ path })
          yield* roundTrip(`unix:${path}`)
        })
      )
      assert.isFalse(Fs.existsSync(path))
    })
  )

  it.scopedLive("that is missing, stale or no socket is told apart", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const missing = yield* failure({ path: Path.join(path, "missing.sock") })
      assertFails(missing, "RouterUnreachable NotFound", /missing\.sock.*socat/)
      Fs.writeFileSync(Path.join(path, "file"), "")
      assertFails(yield* failure(`unix:${path}/file`), "RouterUnreachable Refused", /check the path/)
    })
  )

  it.scopedLive("that is not for us says whose it is to be", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "i2cp.sock")
      yield* Layer.build(NodeLocalRouter.layerUnix({ path }))
      Fs.chmodSync(path, 0)
      assertFails(yield* asNobody(failure({ path })), "RouterUnreachable NotPermitted", /permissions/)
    })
  )
})

/** Root may do everything, so as root a test of permissions has to be somebody else. Source of 65534: Linux, overflowuid. */
const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.getuid?.() === 0
    ? Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(65_534)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )
    : effect

describe("user name and password", () => {
  const users = { me: Redacted.make("secret") }
  const credentials = (username: string, password: string) => ({
    credentials: { username, password: Redacted.make(password) }
  })
  const authorized = Effect.flatMap(Layer.build(NodeLocalRouter.layerTcp({ port: 0, router: { users } })), (context) =>
    Effect.provide(NodeLocalRouter.port, context)
  )

  it.scopedLive("open the router, for the whole session", () =>
    Effect.gen(function* () {
      const port = yield* authorized
      yield* roundTrip({ port }, credentials("me", "secret"))
    })
  )

  it.scopedLive("that are wrong or missing end in an error that says where users are made", () =>
    Effect.gen(function* () {
      const port = yield* authorized
      const wrong = [credentials("me", "wrong"), credentials("nobody", "secret"), {}]
      for (const config of wrong) {
        const error = yield* failure({ port }, { ...config, retryFirst: true })
        assertFails(error, "SessionRejected Unauthorized", /user name and password.*i2cp\.auth/)
        assert.notInclude(error.message, "secret")
      }
    })
  )

  it.scopedLive("do not cross a network in clear unless told to", () =>
    Effect.gen(function* () {
      const port = yield* authorized
      const me = credentials("me", "secret")
      // An address that leads here and does not look like it.
      const error = yield* failure({ host: "0.0.0.0", port }, me)
      assertFails(error, "SessionRejected Misconfigured", /in clear; use tls:\/\/.*cleartext/)
      const one = NodeI2p.layer({ router: `0.0.0.0:${port}`, session: me })
      assertFails(yield* Effect.flip(Layer.build(one)), "SessionRejected Misconfigured", /in clear/)
      yield* roundTrip({ host: "0.0.0.0", port, allowClearText: true }, me)
      yield* roundTrip(`tcp://0.0.0.0:${port}?cleartext`, me)
    })
  )
})

describe("an address that is none", () => {
  it.scopedLive("fails at once, also where a first attempt would be repeated", () =>
    Effect.gen(function* () {
      for (const address of ["", "http://127.0.0.1:7654", "embedded"]) {
        const error = yield* failure(address, { retryFirst: true })
        assert.isTrue(error._tag === "RouterUnreachable" && error.reason === "BadAddress", error.message)
      }
    })
  )

  it.scopedLive("leads to a host that does not exist", () =>
    Effect.gen(function* () {
      // A label longer than 63 characters is refused by the resolver itself: no question leaves this machine.
      const error = yield* failure(`${"x".repeat(70)}.invalid`)
      assertFails(error, "RouterUnreachable NotFound", /check the name/)
    })
  )
})
