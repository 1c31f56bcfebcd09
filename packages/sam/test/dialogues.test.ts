/** What the bridge answers to every command, over the embedded router and on simulated time. */
import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Harness from "./harness.js"

const { simulate } = Harness

const privateKey = (name: string): string => Redacted.value(DestinationKeys.toBase64(MemoryTransport.keysOf(name)))

const ok = (reply: string, field: string): string => {
  const value = new RegExp(`(?:^| )${field}=(\\S+)`).exec(reply)?.[1]
  assert.isDefined(value, reply)
  return value!
}

describe("HELLO", () => {
  const versions: ReadonlyArray<readonly [said: string, answer: string]> = [
    ["HELLO VERSION", "RESULT=OK VERSION=3.3"],
    ["HELLO VERSION MIN=3.0 MAX=3.0", "RESULT=OK VERSION=3.0"],
    ["HELLO VERSION MIN=3.1 MAX=3.1", "RESULT=OK VERSION=3.1"],
    ["HELLO VERSION MAX=3.2", "RESULT=OK VERSION=3.2"],
    ["HELLO VERSION MIN=3 MAX=3", "RESULT=OK VERSION=3.3"],
    ["HELLO VERSION MIN=1.0 MAX=99.99", "RESULT=OK VERSION=3.3"],
    ["hello version MAX=3.1 MIN=3.0", "RESULT=OK VERSION=3.1"],
    ["HELLO VERSION MIN=3.1 MAX=3.1 USER=me PASSWORD=x\r", "RESULT=OK VERSION=3.1"]
  ]
  for (const [said, answer] of versions) {
    it.effect(`answers ${JSON.stringify(said)}`, () =>
      simulate()((world) =>
        Effect.gen(function* () {
          const peer = yield* world.connect
          assert.strictEqual(yield* peer.ask(said), `HELLO REPLY ${answer}`)
        })
      )
    )
  }

  const refused: ReadonlyArray<readonly [said: string, result: string]> = [
    ["HELLO VERSION MIN=3.4", "NOVERSION"],
    ["HELLO VERSION MIN=1.0 MAX=2.0", "NOVERSION"],
    ["HELLO VERSION MIN=x", "NOVERSION"],
    ["HELLO", "I2P_ERROR"],
    ["SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT", "I2P_ERROR"],
    ["GET / HTTP/1.1", "I2P_ERROR"],
    ['HELLO VERSION MIN="3.0', "I2P_ERROR"]
  ]
  for (const [said, result] of refused) {
    it.effect(`refuses ${JSON.stringify(said)} and closes`, () =>
      simulate()((world) =>
        Effect.gen(function* () {
          const peer = yield* world.connect
          assert.match(yield* peer.ask(said), new RegExp(`^HELLO REPLY RESULT=${result} MESSAGE="`))
          assert.strictEqual(yield* peer.hear, "(end)")
        })
      )
    )
  }

  it.effect("is waited for a minute", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.connect
        assert.strictEqual(yield* peer.hear, 'HELLO REPLY RESULT=I2P_ERROR MESSAGE="no HELLO VERSION within 60 s"')
        assert.strictEqual(yield* peer.hear, "(end)")
      })
    )
  )

  it.effect("is refused beyond maxSockets", () =>
    simulate({ maxSockets: 1 })((world) =>
      Effect.gen(function* () {
        const first = yield* world.hello()
        const second = yield* world.connect
        assert.match(yield* second.hear, /^HELLO REPLY RESULT=I2P_ERROR MESSAGE="this bridge has 1 clients/)
        assert.strictEqual(yield* second.hear, "(end)")
        yield* first.end
        assert.strictEqual(yield* first.hear, "(end)")
        yield* world.hello()
      })
    )
  )
})

describe("SESSION CREATE", () => {
  it.effect("makes a transient destination, whose private key makes the same one again", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const first = yield* world.hello()
        const answer = yield* first.ask("SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=7")
        const me = ok(yield* first.ask("NAMING LOOKUP NAME=ME"), "VALUE")
        yield* first.end
        assert.strictEqual(yield* first.hear, "(end)")
        const second = yield* world.hello()
        const again = yield* second.ask(`SESSION CREATE STYLE=STREAM ID=a DESTINATION=${ok(answer, "DESTINATION")}`)
        assert.strictEqual(again, answer)
        assert.strictEqual(ok(yield* second.ask("NAMING LOOKUP NAME=ME"), "VALUE"), me)
        yield* second.end
        assert.strictEqual(yield* second.hear, "(end)")
        // yosemite says the type whatever the destination; keys have theirs.
        const third = yield* world.hello()
        const typed = `DESTINATION=${ok(answer, "DESTINATION")} SIGNATURE_TYPE=1`
        assert.strictEqual(yield* third.ask(`SESSION CREATE STYLE=STREAM ID=a ${typed}`), answer)
      })
    )
  )

  it.effect("takes keys of every type that signs, Ed25519 unless told", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        for (const [type, code] of [
          ["", 7],
          ["SIGNATURE_TYPE=1", 1],
          ["SIGNATURE_TYPE=ecdsa_sha384_p384", 2],
          ["SIGNATURE_TYPE=3", 3],
          ["SIGNATURE_TYPE=EdDSA_SHA512_Ed25519", 7],
          ["SIGNATURE_TYPE=11", 11]
        ] as const) {
          const peer = yield* world.hello()
          const answer = yield* peer.ask(
            `SESSION CREATE STYLE=STREAM ID=s${code}${type.length} DESTINATION=TRANSIENT ${type}`
          )
          const keys = Either.getOrThrow(DestinationKeys.fromBase64(Redacted.make(ok(answer, "DESTINATION"))))
          assert.strictEqual(keys.destination.signingType, code)
        }
      })
    )
  )

  it.effect("takes offline keys, but not for DATAGRAM, which has no room for them", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const { random } = yield* Effect.map(Effect.void, () => ({
          random: { bytes: (n: number) => new Uint8Array(n).fill(7), u32: () => 7 }
        }))
        const offline = Either.getOrThrow(
          DestinationKeys.makeOffline(MemoryTransport.keysOf("offline"), { expires: 4_000_000_000, random })
        )
        const key = Redacted.value(DestinationKeys.toBase64(offline))
        const peer = yield* world.hello()
        assert.match(
          yield* peer.ask(`SESSION CREATE STYLE=DATAGRAM ID=a DESTINATION=${key}`),
          /RESULT=I2P_ERROR MESSAGE=".*use STYLE=DATAGRAM2"$/
        )
        assert.strictEqual(
          yield* peer.ask(`SESSION CREATE STYLE=STREAM ID=a DESTINATION=${key}`),
          `SESSION STATUS RESULT=OK DESTINATION=${key}`
        )
      })
    )
  )

  const refused: ReadonlyArray<readonly [options: string, answer: RegExp]> = [
    ["STYLE=STREAM DESTINATION=TRANSIENT", /RESULT=I2P_ERROR MESSAGE="ID is missing"/],
    ["ID=a DESTINATION=TRANSIENT", /RESULT=I2P_ERROR MESSAGE="STYLE is missing"/],
    ["STYLE=STREAM ID=a", /RESULT=I2P_ERROR MESSAGE="DESTINATION is missing"/],
    ["STYLE=SMOKE ID=a DESTINATION=TRANSIENT", /RESULT=I2P_ERROR MESSAGE="STYLE is unknown"/],
    ["STYLE=STREAM ID=a DESTINATION=AAAA", /RESULT=INVALID_KEY MESSAGE="DESTINATION is not a private key/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=99", /RESULT=I2P_ERROR MESSAGE="SIGNATURE_TYPE/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=4", /RESULT=I2P_ERROR MESSAGE="SIGNATURE_TYPE/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=Ed", /RESULT=I2P_ERROR MESSAGE="SIGNATURE_TYPE/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT PORT=1", /RESULT=I2P_ERROR MESSAGE="HOST and PORT are for datagrams/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT FROM_PORT=70000", /RESULT=I2P_ERROR MESSAGE="FROM_PORT is not/],
    ["STYLE=DATAGRAM ID=a DESTINATION=TRANSIENT HOST=127.0.0.1", /RESULT=I2P_ERROR MESSAGE="HOST needs PORT"/],
    ["STYLE=DATAGRAM ID=a DESTINATION=TRANSIENT PROTOCOL=7", /RESULT=I2P_ERROR MESSAGE="PROTOCOL, LISTEN_/],
    ["STYLE=RAW ID=a DESTINATION=TRANSIENT PROTOCOL=17", /RESULT=I2P_ERROR MESSAGE="PROTOCOL 17 is for/],
    ["STYLE=RAW ID=a DESTINATION=TRANSIENT LISTEN_PROTOCOL=6", /RESULT=I2P_ERROR MESSAGE="LISTEN_PROTOCOL 6/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT inbound.length=9", /RESULT=I2P_ERROR MESSAGE="inbound.length: not an/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT i2p.streaming.profile=9", /RESULT=I2P_ERROR MESSAGE="i2p.streaming.p/],
    ["STYLE=STREAM ID=a DESTINATION=TRANSIENT i2cp.leaseSetEncType=9", /RESULT=I2P_ERROR MESSAGE="i2cp.leaseSetE/],
    ["STYLE=STREAM ID=a ID=b DESTINATION=TRANSIENT", /RESULT=I2P_ERROR MESSAGE="ID comes twice"/],
    ['STYLE=STREAM ID="a b" DESTINATION=TRANSIENT', /RESULT=I2P_ERROR MESSAGE="ID is empty, or holds a blank"/]
  ]
  it.effect("says what is wrong with it, and goes on", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        for (const [options, answer] of refused) {
          assert.match(yield* peer.ask(`SESSION CREATE ${options}`), answer, options)
        }
        assert.match(yield* peer.ask("SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT"), /RESULT=OK/)
      })
    )
  )

  it.effect("takes the options of I2CP and streaming, in any order and with empty values", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        const options = [
          "inbound.length=1",
          "outbound.quantity=3",
          "i2cp.leaseSetEncType=4,0",
          "i2p.streaming.inactivityTimeout=60000",
          'inbound.nickname="my program"',
          "sam.udp.port=7655",
          "i2cp.dontPublishLeaseSet=false",
          "some.future.option=",
          "CRYPTO_TYPE=4"
        ]
        assert.match(
          yield* peer.ask(
            `SESSION CREATE ${options.join("  ")} DESTINATION=TRANSIENT ID=a STYLE=STREAM SIGNATURE_TYPE=7`
          ),
          /RESULT=OK/
        )
      })
    )
  )

  it.effect("refuses ids and destinations that are in use, and a second session on a socket", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const key = privateKey("alice")
        const first = yield* world.hello()
        assert.match(yield* first.ask(`SESSION CREATE STYLE=STREAM ID=a DESTINATION=${key}`), /RESULT=OK/)
        assert.match(
          yield* first.ask("SESSION CREATE STYLE=STREAM ID=b DESTINATION=TRANSIENT"),
          /RESULT=I2P_ERROR MESSAGE="this socket has a session/
        )
        const second = yield* world.hello()
        assert.match(
          yield* second.ask("SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT"),
          /^SESSION STATUS RESULT=DUPLICATED_ID MESSAGE="/
        )
        assert.match(
          yield* second.ask(`SESSION CREATE STYLE=STREAM ID=b DESTINATION=${key}`),
          /^SESSION STATUS RESULT=DUPLICATED_DEST MESSAGE="/
        )
      })
    )
  )

  it.effect("is bounded", () =>
    simulate({ maxSessions: 2 })((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const third = yield* world.hello()
        const create = "SESSION CREATE STYLE=STREAM ID=c DESTINATION=TRANSIENT SIGNATURE_TYPE=7"
        assert.match(yield* third.ask(create), /RESULT=I2P_ERROR MESSAGE="this bridge has 2 sessions/)
        yield* b.end
        assert.strictEqual(yield* b.hear, "(end)")
        assert.match(yield* third.ask(create), /RESULT=OK/)
      })
    )
  )

  it.effect("is given up when the client goes away meanwhile", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.faults.withholdTunnels(true)
        const peer = yield* world.hello()
        yield* peer.say("SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=7")
        yield* Effect.sleep("30 seconds")
        const other = yield* world.hello()
        const create = "SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=7"
        assert.match(yield* other.ask(create), /RESULT=DUPLICATED_ID/)
        yield* peer.end
        assert.strictEqual(yield* peer.hear, "(end)")
        yield* world.faults.withholdTunnels(false)
        assert.match(yield* other.ask(create), /RESULT=OK/)
      })
    )
  )
})

describe("a session", () => {
  it.effect("says what the router says when there is none", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.faults.refuseSessions({ _tag: "Disconnect", reason: "full house" })
        const peer = yield* world.hello()
        assert.match(
          yield* peer.ask("SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT"),
          /^SESSION STATUS RESULT=I2P_ERROR MESSAGE=".*full house/
        )
        assert.strictEqual((yield* world.sam.stats).sessions, 0)
      })
    )
  )

  it.effect("ends its socket, and what is on it, when it is lost for good", () =>
    simulate({ session: { reconnect: Schedule.stop } })((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a")
        const acceptor = yield* world.hello()
        yield* acceptor.ask("STREAM ACCEPT ID=a")
        const forward = yield* world.hello()
        yield* world.session("b")
        yield* forward.ask("STREAM FORWARD ID=b PORT=80")
        yield* world.faults.restart("5 seconds")
        assert.match(yield* a.hear, /^SESSION STATUS RESULT=I2P_ERROR MESSAGE="the session is lost: /)
        assert.strictEqual(yield* a.hear, "(end)")
        assert.match(yield* acceptor.hear, /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="the session is lost: /)
        assert.match(yield* forward.hear, /^SESSION STATUS RESULT=I2P_ERROR MESSAGE="the session/)
        yield* Effect.sleep("1 minute")
        assert.deepInclude(yield* world.sam.stats, { sessions: 0, sockets: 0 })
      })
    )
  )

  it.effect("outlives its router, streams and all", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const { acceptor, connector } = yield* Harness.pair(world, "a", "b", b.destination)
        yield* world.faults.restart("5 seconds")
        yield* connector.say("across the restart")
        assert.strictEqual(yield* acceptor.hear, "across the restart")
        assert.strictEqual(yield* b.ask("PING"), "PONG")
      })
    )
  )
})

describe("STREAM CONNECT and ACCEPT", () => {
  it.effect("join two sockets, and say who connected", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a")
        const b = yield* world.session("b")
        const { acceptor, connector, line } = yield* Harness.pair(world, "a", "b", b.destination)
        assert.strictEqual(line, `${a.destination} FROM_PORT=0 TO_PORT=0`)
        assert.strictEqual(yield* Effect.zipRight(connector.say("hello"), acceptor.hear), "hello")
        assert.strictEqual(yield* Effect.zipRight(acceptor.say("HELLO VERSION"), connector.hear), "HELLO VERSION")
        yield* connector.end
        assert.strictEqual(yield* acceptor.hear, "(end)")
        yield* acceptor.end
        assert.strictEqual(yield* connector.hear, "(end)")
        yield* Effect.sleep("1 second")
        const { streams, streamsOpened } = yield* world.sam.stats
        assert.deepStrictEqual({ streams, streamsOpened }, { streams: 0, streamsOpened: 2 })
      })
    )
  )

  it.effect("take a private key for the destination in front of it", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a")
        const b = yield* world.hello()
        const key = ok(yield* b.ask("SESSION CREATE STYLE=STREAM ID=b DESTINATION=TRANSIENT"), "DESTINATION")
        const { acceptor, connector, line } = yield* Harness.pair(world, "a", "b", key)
        assert.strictEqual(line, `${a.destination} FROM_PORT=0 TO_PORT=0`)
        assert.strictEqual(yield* Effect.zipRight(connector.say("hello"), acceptor.hear), "hello")
        const short = yield* world.hello()
        const refused = yield* short.ask(`STREAM CONNECT ID=a DESTINATION=${key.slice(0, 517)}`)
        assert.match(refused, /^STREAM STATUS RESULT=INVALID_KEY MESSAGE="/)
      })
    )
  )

  it.effect("carry what is sent without waiting for the answer", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const acceptor = yield* world.connect
        // Everything at once, and bytes for the stream behind it.
        yield* acceptor.send("HELLO VERSION MAX=3.1\r\nSTREAM ACCEPT ID=b SILENT=false\r\nwelcome\n")
        const connector = yield* world.connect
        yield* connector.send(`HELLO VERSION\nSTREAM CONNECT ID=a DESTINATION=${b.destination}\nGET /\n`)
        assert.strictEqual(yield* connector.hear, "HELLO REPLY RESULT=OK VERSION=3.3")
        assert.strictEqual(yield* connector.hear, "STREAM STATUS RESULT=OK")
        assert.strictEqual(yield* connector.hear, "welcome")
        assert.strictEqual(yield* acceptor.hear, "HELLO REPLY RESULT=OK VERSION=3.1")
        assert.strictEqual(yield* acceptor.hear, "STREAM STATUS RESULT=OK")
        // Before 3.2 there are no ports behind the destination.
        assert.match(yield* acceptor.hear, /^[A-Za-z0-9~-]+=*$/)
        assert.strictEqual(yield* acceptor.hear, "GET /")
      })
    )
  )

  it.effect("say nothing when SILENT", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const acceptor = yield* world.hello()
        yield* acceptor.say("STREAM ACCEPT ID=b SILENT=true")
        const connector = yield* world.hello()
        yield* connector.say(`STREAM CONNECT ID=a DESTINATION=${b.destination} SILENT=true`)
        yield* connector.say("first")
        assert.strictEqual(yield* acceptor.hear, "first")
        yield* acceptor.say("second")
        assert.strictEqual(yield* connector.hear, "second")
        const failing = yield* world.hello()
        assert.strictEqual(yield* failing.ask(`STREAM CONNECT ID=a DESTINATION=AAAA SILENT=true`), "(end)")
      })
    )
  )

  it.effect("tell of ports", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a", "STYLE=STREAM FROM_PORT=7 TO_PORT=8")
        const b = yield* world.session("b")
        const { line } = yield* Harness.pair(world, "a", "b", b.destination)
        assert.strictEqual(line, `${a.destination} FROM_PORT=7 TO_PORT=8`)
        const acceptor = yield* world.hello()
        yield* acceptor.ask("STREAM ACCEPT ID=b")
        const connector = yield* world.hello()
        yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination} FROM_PORT=1 TO_PORT=65535`)
        assert.strictEqual(yield* acceptor.hear, `${a.destination} FROM_PORT=1 TO_PORT=65535`)
      })
    )
  )

  it.effect("let many ACCEPTs wait, in their order, up to the bound", () =>
    simulate({ maxAccepts: 2 })((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a")
        const b = yield* world.session("b")
        const first = yield* world.hello()
        const second = yield* world.hello()
        const third = yield* world.hello()
        assert.strictEqual(yield* first.ask("STREAM ACCEPT ID=b"), "STREAM STATUS RESULT=OK")
        assert.strictEqual(yield* second.ask("STREAM ACCEPT ID=b"), "STREAM STATUS RESULT=OK")
        assert.match(
          yield* third.ask("STREAM ACCEPT ID=b"),
          /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="2 STREAM ACCEPTs/
        )
        assert.strictEqual(yield* third.hear, "(end)")
        for (const acceptor of [first, second]) {
          const connector = yield* world.hello()
          yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination}`)
          assert.include(yield* acceptor.hear, a.destination)
        }
      })
    )
  )

  it.effect("keep a stream that comes between two ACCEPTs, and refuse one that nobody waits for", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const connect = Effect.flatMap(world.hello(), (peer) =>
          Effect.map(peer.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination}`), (answer) => ({ peer, answer }))
        )
        assert.match((yield* connect).answer, /^STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE="/)
        yield* Harness.pair(world, "a", "b", b.destination)
        const early = yield* connect
        assert.strictEqual(early.answer, "STREAM STATUS RESULT=OK")
        yield* early.peer.say("early")
        yield* Effect.sleep("5 seconds")
        const acceptor = yield* world.hello()
        assert.strictEqual(yield* acceptor.ask("STREAM ACCEPT ID=b"), "STREAM STATUS RESULT=OK")
        yield* acceptor.hear
        assert.strictEqual(yield* acceptor.hear, "early")
        yield* Effect.sleep("16 seconds")
        assert.match((yield* connect).answer, /RESULT=CANT_REACH_PEER/)
      })
    )
  )

  it.effect("free the place of an ACCEPT whose client goes away", () =>
    simulate({ maxAccepts: 1 })((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const first = yield* world.hello()
        yield* first.ask("STREAM ACCEPT ID=b")
        yield* first.end
        assert.strictEqual(yield* first.hear, "(end)")
        yield* Harness.pair(world, "a", "b", b.destination)
      })
    )
  )

  it.effect("end with the session's control socket", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const { acceptor, connector } = yield* Harness.pair(world, "a", "b", b.destination)
        const waiting = yield* world.hello()
        yield* waiting.ask("STREAM ACCEPT ID=b")
        yield* b.end
        assert.strictEqual(yield* b.hear, "(end)")
        assert.match(yield* waiting.hear, /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="the session has ended"$/)
        assert.strictEqual(yield* waiting.hear, "(end)")
        assert.match(yield* acceptor.hear, /^\((end|reset)\)$/)
        assert.match(yield* connector.hear, /^\((end|reset)\)$/)
        const late = yield* world.hello()
        assert.match(yield* late.ask("STREAM ACCEPT ID=b"), /^STREAM STATUS RESULT=INVALID_ID MESSAGE="/)
      })
    )
  )

  it.effect("break the socket off when the peer resets its stream", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const acceptor = yield* world.hello()
        yield* acceptor.ask("STREAM ACCEPT ID=b")
        const { peer: connector, socket } = yield* Harness.connection
        const fiber = yield* Effect.forkScoped(world.sam.serve(socket, "127.0.0.1"))
        yield* connector.ask("HELLO VERSION")
        yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination}`)
        yield* acceptor.hear
        yield* fiber.interruptAsFork(fiber.id())
        assert.strictEqual(yield* acceptor.hear, "(reset)")
      })
    )
  )

  const failures: ReadonlyArray<readonly [command: string, answer: RegExp]> = [
    ["STREAM CONNECT ID=nobody DESTINATION=AAAA", /^STREAM STATUS RESULT=INVALID_ID MESSAGE="no session has this ID/],
    ["STREAM CONNECT ID=a DESTINATION=AAAA", /^STREAM STATUS RESULT=INVALID_KEY MESSAGE="/],
    ["STREAM CONNECT ID=a DESTINATION=unknown.i2p", /^STREAM STATUS RESULT=INVALID_KEY MESSAGE="/],
    [`STREAM CONNECT ID=a DESTINATION=${"a".repeat(51)}q.b32.i2p`, /^STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE="/],
    ["STREAM CONNECT ID=a", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="DESTINATION is missing"/],
    ["STREAM CONNECT DESTINATION=x.i2p", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="ID is missing"/],
    ["STREAM CONNECT ID=d DESTINATION=x.i2p", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE=".*another style/],
    ["STREAM ACCEPT ID=p", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE=".*the ID of a subsession/],
    ["STREAM ACCEPT", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="ID is missing"/],
    ["STREAM FORWARD ID=a", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="PORT is missing"/],
    ["STREAM FORWARD ID=a PORT=0", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="PORT is not an integer from 1/],
    ["STREAM FORWARD ID=nobody PORT=80", /^STREAM STATUS RESULT=INVALID_ID MESSAGE="/],
    ["STREAM DANCE ID=a", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="STREAM command is unknown: use CONNECT/],
    ["STREAM", /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="STREAM command is not complete/],
    ["STREAM CONNECT ID=a DESTINATION=x.i2p SILENT=perhaps", /RESULT=I2P_ERROR MESSAGE="SILENT is neither true nor/]
  ]
  it.effect("say what is wrong", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        yield* world.session("d", "STYLE=DATAGRAM")
        yield* world.session("p", "STYLE=PRIMARY")
        for (const [command, answer] of failures) {
          const peer = yield* world.hello()
          assert.match(yield* peer.ask(command), answer, command)
        }
      })
    )
  )

  it.effect("time out", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a", "STYLE=STREAM i2p.streaming.connectTimeout=5000")
        const peer = yield* world.hello()
        // A destination that is nowhere: the router drops what goes to it.
        const nobody = MemoryTransport.keysOf("nobody").destination.base64
        assert.match(
          yield* peer.ask(`STREAM CONNECT ID=a DESTINATION=${nobody}`),
          /^STREAM STATUS RESULT=(TIMEOUT|CANT_REACH_PEER) MESSAGE="/
        )
        assert.strictEqual(yield* peer.hear, "(end)")
      })
    )
  )

  it.effect("need a socket without a session", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a")
        assert.match(yield* a.ask("STREAM ACCEPT ID=a"), /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="this socket has a s/)
        assert.strictEqual(yield* a.hear, "(end)")
      })
    )
  )
})

describe("STREAM FORWARD", () => {
  it.effect("dials for each stream, and says who comes", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a")
        const b = yield* world.session("b")
        const forward = yield* world.hello()
        assert.strictEqual(yield* forward.ask("STREAM FORWARD ID=b PORT=8080"), "STREAM STATUS RESULT=OK")
        for (let i = 0; i < 2; i++) {
          const connector = yield* world.hello()
          yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination} FROM_PORT=5`)
          const { host, peer, port } = yield* Queue.take(world.dialled)
          assert.deepStrictEqual([host, port], ["127.0.0.1", 8080])
          assert.strictEqual(yield* peer.hear, `${a.destination} FROM_PORT=5 TO_PORT=0`)
          yield* connector.say("ping")
          assert.strictEqual(yield* peer.hear, "ping")
          yield* peer.say("pong")
          assert.strictEqual(yield* connector.hear, "pong")
          yield* peer.end
          assert.strictEqual(yield* connector.hear, "(end)")
        }
      })
    )
  )

  it.effect("keeps its streams when it ends, and refuses new ones", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        const b = yield* world.session("b")
        const forward = yield* world.hello("3.1")
        yield* forward.ask("STREAM FORWARD ID=b PORT=8080 HOST=10.0.0.1 SILENT=true")
        const connector = yield* world.hello()
        yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination}`)
        const { host, peer } = yield* Queue.take(world.dialled)
        assert.strictEqual(host, "10.0.0.1")
        yield* forward.end
        assert.strictEqual(yield* forward.hear, "(end)")
        yield* connector.say("still")
        assert.strictEqual(yield* peer.hear, "still")
        const late = yield* world.hello()
        assert.match(yield* late.ask(`STREAM CONNECT ID=a DESTINATION=${b.destination}`), /RESULT=CANT_REACH_PEER/)
      })
    )
  )

  it.effect("and ACCEPT keep each other out", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("b")
        const accept = yield* world.hello()
        yield* accept.ask("STREAM ACCEPT ID=b")
        const forward = yield* world.hello()
        assert.match(
          yield* forward.ask("STREAM FORWARD ID=b PORT=80"),
          /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="a STREAM ACCEPT waits/
        )
        yield* accept.end
        yield* accept.hear
        const again = yield* world.hello()
        assert.strictEqual(yield* again.ask("STREAM FORWARD ID=b PORT=80"), "STREAM STATUS RESULT=OK")
        const second = yield* world.hello()
        assert.match(
          yield* second.ask("STREAM ACCEPT ID=b"),
          /RESULT=I2P_ERROR MESSAGE="this session has a STREAM FORW/
        )
        const third = yield* world.hello()
        assert.match(yield* third.ask("STREAM FORWARD ID=b PORT=80"), /RESULT=I2P_ERROR MESSAGE=".*FORWARD already"/)
      })
    )
  )

  it.effect("to a port where nobody is ends the stream, at once or after three seconds", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        for (const [id, port] of [
          ["b", Harness.deadPort],
          ["c", Harness.silentPort]
        ] as const) {
          const session = yield* world.session(id)
          const forward = yield* world.hello()
          yield* forward.ask(`STREAM FORWARD ID=${id} PORT=${port}`)
          const connector = yield* world.hello()
          yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${session.destination}`)
          assert.strictEqual(yield* connector.hear, "(reset)")
        }
        assert.strictEqual((yield* world.sam.stats).streamsFailed, 2)
      })
    )
  )

  it.effect("is bounded", () =>
    simulate({ maxForwards: 1 })((world) =>
      Effect.gen(function* () {
        yield* world.session("a")
        yield* world.session("b")
        const first = yield* world.hello()
        yield* first.ask("STREAM FORWARD ID=a PORT=80")
        const second = yield* world.hello()
        assert.match(yield* second.ask("STREAM FORWARD ID=b PORT=80"), /RESULT=I2P_ERROR MESSAGE="this bridge has 1 /)
        yield* first.end
        yield* first.hear
        const third = yield* world.hello()
        assert.strictEqual(yield* third.ask("STREAM FORWARD ID=b PORT=80"), "STREAM STATUS RESULT=OK")
      })
    )
  )
})
