/**
 * Routers that are broken in every way the command knows, on TCP: the embedded one, and where that is too well-behaved a
 * server with a script.
 */
import * as Http from "node:http"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as DoctorReport from "../../src/doctor/DoctorReport.js"
import { type Outcome, stages } from "../../src/doctor/DoctorStage.js"
import * as Style from "../../src/output/Style.js"
import { i2p } from "../harness.js"

interface Report {
  readonly ok: boolean
  readonly stage: string | null
  readonly hint: string | null
  readonly router: string
  readonly stages: ReadonlyArray<{
    readonly stage: string
    readonly ok: boolean | null
    readonly duration_ms: number | null
    readonly detail: string | null
  }>
}

/** Runs the command; its output must be one object, and the exit code its verdict. */
const doctor = (router: string, args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const { code, err, out } = yield* i2p(["doctor", "--json", "--router", router, ...args], env)
    assert.strictEqual(err, "")
    assert.match(out, /^[^\n]+\n$/)
    const report: Report = JSON.parse(out)
    assert.deepStrictEqual(
      report.stages.map(({ stage }) => stage),
      [...stages]
    )
    assert.strictEqual(code, report.ok ? 0 : 1)
    return report
  })

/** The stage that failed, those before it passed and those after it not tried. */
const assertFails = (report: Report, stage: string, detail: RegExp, hint: RegExp) => {
  assert.strictEqual(report.stage, stage, JSON.stringify(report))
  assert.isFalse(report.ok)
  const at = report.stages.findIndex((candidate) => candidate.stage === stage)
  report.stages.forEach(({ ok }, i) => assert.strictEqual(ok, i < at ? true : i === at ? false : null))
  assert.match(report.stages[at]!.detail!, detail)
  assert.match(report.hint!, hint)
  assert.notInclude(report.hint!, "\n")
}

const routerOn = (options: Partial<RouterOptions.RouterOptions>): Effect.Effect<string, unknown, Scope.Scope> =>
  Effect.flatMap(Layer.build(NodeLocalRouter.layerTcp({ port: 0, router: options })), (context) =>
    Effect.map(Effect.provide(NodeLocalRouter.port, context), (port) => `127.0.0.1:${port}`)
  )

const serverOn = (make: () => Net.Server): Effect.Effect<string, never, Scope.Scope> =>
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
  ).pipe(Effect.map(({ server }) => `127.0.0.1:${(server.address() as Net.AddressInfo).port}`))

type Answer = (
  message: Message.Message,
  reply: (...messages: ReadonlyArray<Message.Message>) => void,
  end: () => void
) => boolean

/** A router that does what is right, unless `answer` says that it has answered already. */
const scripted = (answer: Answer): Effect.Effect<string, never, Scope.Scope> => {
  let sessions = 0
  return serverOn(() =>
    Net.createServer((socket) => {
      const framer = new Framer.Framer("ToRouter")
      const sessionId = ++sessions
      const reply = (...messages: ReadonlyArray<Message.Message>) => {
        for (const message of messages) socket.write(Message.encode(message))
      }
      socket.on("data", (chunk) => {
        framer.push(chunk, (type, body) => {
          const message = Either.getOrThrow(Message.decode(type, body))
          if (answer(message, reply, () => socket.end())) return
          switch (message._tag) {
            case "GetDate":
              return reply({ _tag: "SetDate", date: Date.now(), version: message.version })
            case "GetBandwidthLimits":
              return reply({ _tag: "BandwidthLimits", limits: Array.from({ length: 16 }, () => 0) })
            case "CreateSession":
              return reply({ _tag: "SessionStatus", sessionId, status: "Created" }, leaseRequest(sessionId))
            case "HostLookup":
              return reply({
                _tag: "HostReply",
                sessionId: message.sessionId,
                requestId: message.requestId,
                answer: { _tag: "NotFound", code: 1 }
              })
            case "DestroySession":
              return socket.end()
          }
        })
      })
    })
  )
}

const leaseRequest = (sessionId: number): Message.Message => ({
  _tag: "RequestVariableLeaseSet",
  sessionId,
  leases: [{ gateway: Hash.unsafeFromBytes(new Uint8Array(32).fill(9)), tunnelId: 1, endDate: Date.now() + 600_000 }]
})

describe("doctor", { concurrent: true }, () => {
  it.scopedLive("finds nothing wrong with a router that works, on TCP and inside", () =>
    Effect.gen(function* () {
      for (const router of [yield* routerOn({ link: { latencyMillis: 20 } }), "embedded"]) {
        const report = yield* doctor(router)
        assert.strictEqual(report.router, router)
        assert.deepStrictEqual([report.ok, report.stage, report.hint], [true, null, null])
        assert.isTrue(report.stages.every(({ ok, duration_ms }) => ok === true && duration_ms !== null))
      }
    })
  )

  it.scopedLive("port: nothing is listening", () =>
    Effect.gen(function* () {
      const report = yield* doctor("127.0.0.1:1")
      assertFails(report, "port", /ECONNREFUSED/, /Java I2P, .*i2cp\.tcp\.port.*i2pd, \[i2cp\] enabled = true/)
    })
  )

  it.scopedLive("port: TLS is spoken to a router that has none", () =>
    Effect.gen(function* () {
      const report = yield* doctor(`tls://${yield* routerOn({})}`)
      assertFails(report, "port", /no TLS came back/, /use host:port.*i2cp\.SSL=true.*i2pd has none/)
    })
  )

  it.scopedLive("port: no such Unix socket", () =>
    Effect.gen(function* () {
      assertFails(yield* doctor("unix:/nowhere/i2cp.sock"), "port", /ENOENT/, /check the path/)
    })
  )

  it.scopedLive("version: a web server answers", () =>
    Effect.gen(function* () {
      const report = yield* doctor(yield* serverOn(() => Http.createServer()))
      assertFails(
        report,
        "version",
        /a web server answered: "HTTP\/1\.1 400/,
        /use the I2CP port, 7654.*\[i2cp\] enabled = true/
      )
    })
  )

  it.scopedLive("version: a web server waits for the end of what it takes for a request", () =>
    Effect.gen(function* () {
      const patient = Net.createServer((socket) =>
        socket.on("data", (data) => {
          if (data.includes("\r\n\r\n")) socket.end("HTTP/1.0 200 OK\r\n\r\n")
        })
      )
      const report = yield* doctor(yield* serverOn(() => patient), ["-w", "1"])
      assertFails(report, "version", /nothing came back, and speaks HTTP/, /use the I2CP port, 7654/)
    })
  )

  it.scopedLive("version: nothing is said, or not in time", () =>
    Effect.gen(function* () {
      const mute = yield* doctor(yield* serverOn(() => Net.createServer()), ["-w", "1"])
      assertFails(mute, "version", /nothing came back/, /check host and port/)
      const gone = yield* doctor(yield* serverOn(() => Net.createServer((socket) => socket.end())))
      assertFails(gone, "version", /hung up/, /check host and port/)
    })
  )

  it.scopedLive("version: a router that wants TLS, whether it says so or just hangs up", () =>
    Effect.gen(function* () {
      const hint = /use tls:\/\/host:port.*i2cp\.SSL=false/
      // Without a certificate the handshake cannot succeed, but a TLS alert is proof enough.
      const silent = yield* doctor(yield* serverOn(() => Tls.createServer({ pskCallback: () => null, ciphers: "PSK" })))
      assertFails(silent, "version", /hung up, and speaks TLS/, hint)
      const alert = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a)
      const spoken = yield* serverOn(() => Net.createServer((socket) => socket.on("data", () => socket.end(alert))))
      assertFails(yield* doctor(spoken), "version", /a TLS server answered/, hint)
    })
  )

  it.scopedLive("version: name and password are missing or wrong; with the right ones all is well", () =>
    Effect.gen(function* () {
      const router = yield* routerOn({ users: { me: Redacted.make("secret") } })
      const hint = /user name and password.*i2cp\.auth.*I2P_USERNAME and I2P_PASSWORD/
      assertFails(yield* doctor(router), "version", /Authorization required/, hint)
      const wrong = yield* doctor(router, [], { I2P_USERNAME: "me", I2P_PASSWORD: "wrong" })
      assertFails(wrong, "version", /Authorization failed/, hint)
      assert.isTrue((yield* doctor(router, [], { I2P_USERNAME: "me", I2P_PASSWORD: "secret" })).ok)
    })
  )

  it.scopedLive("session: the router refuses it, or has no room for it", () =>
    Effect.gen(function* () {
      const refused = yield* scripted((message, reply) => {
        if (message._tag !== "CreateSession") return false
        reply({ _tag: "SessionStatus", sessionId: 7, status: "Refused" })
        return true
      })
      assertFails(yield* doctor(refused), "session", /status Refused/, /see its log/)
      const full = yield* doctor(yield* routerOn({ maxSessions: 0 }))
      assertFails(full, "session", /session limit exceeded/, /i2cp\.maxSessions/)
      const mute = yield* scripted((message) => message._tag === "CreateSession")
      assertFails(yield* doctor(mute, ["-w", "1"]), "session", /no session within 1 s/, /restart the router/)
    })
  )

  it.scopedLive("tunnels: they are never ready", () =>
    Effect.gen(function* () {
      const report = yield* doctor(yield* routerOn({ tunnelBuildTime: "1 hour" }), ["-w", "1"])
      assertFails(report, "tunnels", /no tunnels within 1 s/, /127\.0\.0\.1:7657.*127\.0\.0\.1:7070.*--tunnels 1x1/)
    })
  )

  it.scopedLive("tunnels: the router gives up on them", () =>
    Effect.gen(function* () {
      const router = yield* scripted((message, reply, end) => {
        if (message._tag !== "CreateSession") return false
        reply({ _tag: "SessionStatus", sessionId: 7, status: "Created" })
        setTimeout(end, 50)
        return true
      })
      assertFails(yield* doctor(router), "tunnels", /hung up/, /builds no tunnels/)
    })
  )

  it.scopedLive("lease set: it is refused at once, with a word or without, or later", () =>
    Effect.gen(function* () {
      const hint = /does not take our lease set: update it/
      const refusing = (refuse: (reply: (message: Message.Message) => void, end: () => void, id: number) => void) =>
        scripted((message, reply, end) => {
          if (message._tag !== "CreateLeaseSet2") return false
          refuse(reply, end, message.sessionId)
          return true
        })
      const told = yield* refusing((reply, end) => {
        reply({ _tag: "Disconnect", reason: "Invalid leaseset: bad signature" })
        end()
      })
      assertFails(yield* doctor(told), "lease set", /Invalid leaseset: bad signature/, hint)
      const ended = yield* refusing((reply, _, sessionId) =>
        reply({ _tag: "SessionStatus", sessionId, status: "Destroyed" })
      )
      assertFails(yield* doctor(ended), "lease set", /ended the session/, hint)
      // So fast that we never see the session ready.
      const atOnce = yield* scripted((message, reply, end) => {
        if (message._tag !== "CreateSession") return false
        reply({ _tag: "SessionStatus", sessionId: 7, status: "Created" }, leaseRequest(7))
        reply({ _tag: "Disconnect", reason: "Too many leaseset request fails" })
        end()
        return true
      })
      assertFails(yield* doctor(atOnce), "lease set", /Too many leaseset/, hint)
      // As i2pd, but not after ten seconds; by then a second session is looking us up.
      let first = true
      const late = yield* scripted((message, _, end) => {
        if (message._tag === "HostLookup") return true
        if (message._tag === "CreateLeaseSet2" && first) {
          first = false
          setTimeout(end, 1_500)
        }
        return false
      })
      assertFails(yield* doctor(late), "lease set", /hung up/, hint)
    })
  )

  it.scopedLive("self-lookup: nobody knows us, no answer comes, or no second session", () =>
    Effect.gen(function* () {
      const hint = /network's database.*dontPublishLeaseSet/
      const unknown = yield* scripted(() => false)
      assertFails(yield* doctor(unknown, ["-w", "3"]), "self-lookup", /does not know it/, hint)
      const slow = yield* doctor(yield* routerOn({ lookupTime: "1 hour" }), ["-w", "1"])
      assertFails(slow, "self-lookup", /did not find us within 1 s/, hint)
      const full = yield* doctor(yield* routerOn({ maxSessions: 1 }))
      assertFails(full, "self-lookup", /second destination did not come up: session limit/, /i2cp\.maxSessions/)
    })
  )

  it.scopedLive("loopback stream: messages get lost", () =>
    Effect.gen(function* () {
      const report = yield* doctor(yield* routerOn({ link: { loss: 1 } }), ["-w", "2"])
      assertFails(report, "loopback stream", /nothing came back within 2 s|did not answer/, /get lost/)
    })
  )

  it.scopedLive("for people: a line a stage, and what to do at the end", () =>
    Effect.gen(function* () {
      const router = yield* routerOn({ tunnelBuildTime: "1 hour" })
      const { code, err, out } = yield* i2p(["doctor", "--router", router, "-w", "1"])
      assert.strictEqual(err, "")
      assert.strictEqual(code, 1)
      const lines = out.split("\n").map((line) => line.replace(/ +/g, " "))
      assert.match(lines[0]!, /^router 127\.0\.0\.1:\d+$/)
      assert.match(lines[1]!, /^ok port connected \d+ ms$/)
      assert.match(lines[2]!, /^ok version 0\.9\.67, like the embedded router, clocks agree \d+ ms$/)
      assert.match(lines[4]!, /^FAILED tunnels no tunnels within 1 s [\d.]+ s$/)
      assert.deepStrictEqual(lines.slice(5, 8), [
        "- lease set not tried",
        "- self-lookup not tried",
        "- loopback stream not tried"
      ])
      assert.match(lines[8]!, /^what to do about tunnels: the router builds no tunnels/)
    })
  )

  it.live("exits with 2 for arguments that make no sense", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, Readonly<Record<string, string>>]> = [
        [["-w", "0"], {}],
        [["-w", "soon"], {}],
        [["--router", "http://127.0.0.1:7657"], {}],
        [["--router", "tls://127.0.0.1?pin=1"], {}],
        [[], { I2P_USERNAME: "me" }],
        [["extra"], {}]
      ]
      for (const [args, env] of wrong) {
        const { code, err, out } = yield* i2p(["doctor", ...args], env)
        assert.strictEqual(code, 2, args.join(" "))
        assert.match(err, /^[^\n]+\n$/)
        assert.strictEqual(out, "")
      }
    })
  )
})

describe("DoctorReport", () => {
  const outcome = (at: number, failsAt: number): Outcome => {
    const common = { stage: stages[at]!, millis: at, detail: `d${at}` }
    return at === failsAt ? { _tag: "Failed", ...common, hint: "flip it" } : { _tag: "Passed", ...common }
  }

  it("breaks advice at blanks on a terminal, and nowhere in a pipe", () => {
    const hint = "flip this and that and the other one"
    const outcomes: ReadonlyArray<Outcome> = [{ _tag: "Failed", stage: "port", millis: 1, detail: "d", hint }]
    const last = (columns: number) => DoctorReport.verdict(outcomes, Style.make(false), columns).split("\n").slice(6)
    assert.deepStrictEqual(last(Number.POSITIVE_INFINITY), [`what to do about port: ${hint}`])
    assert.deepStrictEqual(last(40), ["what to do about port: flip this and", "that and the other one"])
  })

  it("agrees with itself wherever it fails", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 0, max: stages.length }), (failsAt) => {
        const outcomes = stages.slice(0, failsAt + 1).map((_, at) => outcome(at, failsAt))
        const report: Report = JSON.parse(DoctorReport.json("here", outcomes))
        assert.strictEqual(report.ok, failsAt === stages.length)
        assert.strictEqual(report.stage, stages[failsAt] ?? null)
        assert.strictEqual(report.hint, report.ok ? null : "flip it")
        const text = DoctorReport.verdict(outcomes, Style.make(false), Number.POSITIVE_INFINITY)
        assert.strictEqual(text.split("not tried").length - 1, report.ok ? 0 : stages.length - failsAt - 1)
        assert.strictEqual(text.includes("flip it"), !report.ok)
      })
    )
  })
})
