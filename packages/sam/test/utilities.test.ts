/** Look-ups, keys, users and the small commands, over the embedded router and on simulated time. */
import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as SamCommand from "../src/SamCommand.js"
import * as SamMetrics from "../src/SamMetrics.js"
import * as SamUsers from "../src/SamUsers.js"
import * as Harness from "./harness.js"

const { simulate } = Harness

describe("NAMING LOOKUP", () => {
  const alice = MemoryTransport.keysOf("alice").destination
  const router = { names: { "alice.i2p": alice } }

  for (const [where, hasSession] of [
    ["with a session", true],
    ["without one", false]
  ] as const) {
    it.effect(`finds names, hashes and destinations ${where}`, () =>
      simulate({ router })((world) =>
        Effect.gen(function* () {
          const peer = hasSession ? yield* world.session("a") : yield* world.hello()
          const b = yield* world.session("b")
          for (const [name, value] of [
            ["alice.i2p", alice.base64],
            [alice.base64, alice.base64]
          ] as const) {
            assert.strictEqual(
              yield* peer.ask(`NAMING LOOKUP NAME=${name}`),
              `NAMING REPLY RESULT=OK NAME=${name} VALUE=${value}`
            )
          }
          const destination = Either.getOrThrow(Destination.fromBase64(b.destination))
          assert.strictEqual(
            yield* peer.ask(`NAMING LOOKUP NAME=${destination.b32}`),
            `NAMING REPLY RESULT=OK NAME=${destination.b32} VALUE=${b.destination}`
          )
          assert.match(
            yield* peer.ask("NAMING LOOKUP NAME=nobody.i2p"),
            /^NAMING REPLY RESULT=KEY_NOT_FOUND NAME=nobody\.i2p MESSAGE="/
          )
          assert.match(
            yield* peer.ask("NAMING LOOKUP NAME=example.org OPTIONS=true"),
            /^NAMING REPLY RESULT=INVALID_KEY NAME=example\.org MESSAGE="/
          )
          assert.match(yield* peer.ask("NAMING LOOKUP"), /^NAMING REPLY RESULT=INVALID_KEY MESSAGE="NAME is missing"$/)
        })
      )
    )
  }

  it.effect("knows ME only where a session is", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        assert.match(yield* peer.ask("NAMING LOOKUP NAME=ME"), /^NAMING REPLY RESULT=INVALID_KEY NAME=ME MESSAGE="/)
      })
    )
  )
})

describe("DEST GENERATE", () => {
  it.effect("makes keys of every type that signs", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.connect
        yield* peer.ask("HELLO VERSION")
        for (const [type, code] of [
          ["", 7],
          [" SIGNATURE_TYPE=ECDSA_SHA256_P256", 1],
          [" SIGNATURE_TYPE=12", 12]
        ] as const) {
          const reply = yield* peer.reply(`DEST GENERATE${type}`)
          assert.strictEqual(reply._tag, "DestReply")
          if (reply._tag !== "DestReply") return
          const keys = Either.getOrThrow(DestinationKeys.fromBase64(Redacted.make(reply.priv ?? "")))
          assert.strictEqual(keys.destination.base64, reply.pub)
          assert.strictEqual(keys.destination.signingType, code)
        }
        assert.match(yield* peer.ask("DEST GENERATE SIGNATURE_TYPE=0"), /^DEST REPLY RESULT=I2P_ERROR MESSAGE="/)
        assert.match(yield* peer.ask("DEST GENERATE SIGNATURE_TYPE=?"), /^DEST REPLY RESULT=I2P_ERROR MESSAGE="/)
        assert.match(yield* peer.ask("DEST"), /^DEST REPLY RESULT=I2P_ERROR MESSAGE="DEST command is not complete/)
      })
    )
  )
})

describe("the small commands", () => {
  it.effect("are answered, whatever the case of their words", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        assert.strictEqual(yield* peer.ask("PING"), "PONG")
        assert.strictEqual(yield* peer.ask('ping  two=blanks "and quotes'), 'PONG  two=blanks "and quotes')
        assert.strictEqual(yield* peer.ask("help"), `HELP STATUS RESULT=OK MESSAGE="${SamCommand.commands.join(", ")}"`)
        yield* peer.say("PONG unasked")
        yield* peer.say("")
        yield* peer.say("   \r")
        assert.match(yield* peer.ask("HELLO VERSION"), /^HELLO REPLY RESULT=I2P_ERROR MESSAGE="HELLO was said already"/)
        assert.match(yield* peer.ask("MAKE coffee"), /^MAKE STATUS RESULT=I2P_ERROR MESSAGE="unknown command/)
        assert.match(yield* peer.ask("\u0001\u0002"), /^COMMAND STATUS RESULT=I2P_ERROR MESSAGE="unknown command/)
        assert.match(yield* peer.ask('STREAM CONNECT ID="a'), /^STREAM STATUS RESULT=I2P_ERROR MESSAGE="the quote/)
        for (const word of ["QUIT", "STOP", "exit"]) {
          const other = yield* world.hello()
          assert.strictEqual(yield* other.ask(word), `${word.toUpperCase()} STATUS RESULT=OK MESSAGE=bye`)
          assert.strictEqual(yield* other.hear, "(end)")
        }
      })
    )
  )

  it.effect("are answered in their order, however many come at once", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.connect
        yield* peer.send("HELLO VERSION\nDEST GENERATE\nPING 1\nNAMING LOOKUP NAME=ME\nPING 2\nQUIT\nPING 3\n")
        yield* peer.end
        const heard: Array<string> = []
        for (let line = yield* peer.hear; line !== "(end)"; line = yield* peer.hear) heard.push(line.slice(0, 12))
        assert.deepStrictEqual(heard, [
          "HELLO REPLY ",
          "DEST REPLY P",
          "PONG 1",
          "NAMING REPLY",
          "PONG 2",
          "QUIT STATUS "
        ])
      })
    )
  )

  it.effect("must come within three minutes of HELLO", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        assert.match(yield* peer.hear, /^SESSION STATUS RESULT=I2P_ERROR MESSAGE="no command within 180 s after HELLO"/)
        assert.strictEqual(yield* peer.hear, "(end)")
        // Afterwards a client may be silent for as long as it likes.
        const busy = yield* world.session("a")
        yield* Effect.sleep("20 minutes")
        assert.strictEqual(yield* busy.ask("PING"), "PONG")
      })
    )
  )

  it.effect("end with a line that is too long", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        assert.match(yield* peer.ask(`PING ${"x".repeat(65_531)}`), /^PONG x+$/)
        yield* peer.send("x".repeat(65_538))
        assert.match(yield* peer.hear, /^SESSION STATUS RESULT=I2P_ERROR MESSAGE="the line is too long"/)
        assert.strictEqual(yield* peer.hear, "(end)")
      })
    )
  )

  it.effect("are asked for by PING where that is on, of clients that know it", () =>
    simulate({ pingInterval: "1 minute", pingTimeout: "30 seconds" })((world) =>
      Effect.gen(function* () {
        const old = yield* world.session("old", "STYLE=STREAM", "3.1")
        const peer = yield* world.session("a")
        const ping = yield* peer.hear
        assert.match(ping, /^PING \d+$/)
        yield* peer.say(ping.replace("PING", "PONG"))
        assert.match(yield* peer.hear, /^PING \d+$/)
        yield* peer.say("PONG wrong")
        assert.match(yield* peer.hear, /^SESSION STATUS RESULT=I2P_ERROR MESSAGE="no PONG/)
        assert.strictEqual(yield* peer.hear, "(end)")
        assert.strictEqual(yield* old.heard, "")
      })
    )
  )
})

describe("metrics", () => {
  it.effect("say what the bridge has done, and nothing of it when it has gone", () =>
    Effect.gen(function* () {
      const count = (metric: Metric.Metric.Counter<number>) => Effect.map(Metric.value(metric), ({ count }) => count)
      const value = (metric: Metric.Metric.Gauge<number>) => Effect.map(Metric.value(metric), ({ value }) => value)
      const { counters, gauges } = SamMetrics
      const before = yield* count(counters.bytesSent)
      yield* simulate()((world) =>
        Effect.gen(function* () {
          yield* world.session("a")
          const b = yield* world.session("b")
          const { acceptor, connector } = yield* Harness.pair(world, "a", "b", b.destination)
          yield* Effect.zipRight(connector.say("12345"), acceptor.hear)
          yield* Effect.sleep("10 seconds")
          assert.strictEqual(yield* value(gauges.sessions), 2)
          assert.strictEqual(yield* value(gauges.streams), 2)
          assert.strictEqual((yield* count(counters.bytesSent)) - before, 6)
        })
      )
      assert.strictEqual(yield* value(gauges.streams), 0)
      assert.strictEqual(yield* value(gauges.sockets), 0)
    })
  )
})

describe("AUTH", () => {
  it.effect("asks for a password from the next connection on", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        assert.match(yield* peer.ask("AUTH ENABLE"), /^AUTH STATUS RESULT=I2P_ERROR MESSAGE="nobody could connect/)
        assert.strictEqual(yield* peer.ask('AUTH ADD USER="a b" PASSWORD="p \\" w"'), "AUTH STATUS RESULT=OK")
        assert.match(yield* peer.ask('AUTH ADD USER="a b" PASSWORD=x'), /RESULT=I2P_ERROR MESSAGE="that user exists/)
        assert.match(yield* peer.ask("AUTH ADD USER=x"), /RESULT=I2P_ERROR MESSAGE="PASSWORD is missing"/)
        assert.match(yield* peer.ask("AUTH REMOVE USER=x"), /RESULT=I2P_ERROR MESSAGE="there is no such user"/)
        assert.match(
          yield* peer.ask("AUTH"),
          /RESULT=I2P_ERROR MESSAGE="AUTH command is not complete: use ENABLE, DISA/
        )
        assert.strictEqual(yield* peer.ask("AUTH ENABLE"), "AUTH STATUS RESULT=OK")
        assert.match(yield* peer.ask('AUTH REMOVE USER="a b"'), /RESULT=I2P_ERROR MESSAGE="nobody could connect/)
        for (const [said, why] of [
          ["HELLO VERSION", "asks for USER and PASSWORD"],
          ['HELLO VERSION USER="a b"', "asks for USER and PASSWORD"],
          ['HELLO VERSION USER="a b" PASSWORD=wrong', "USER or PASSWORD is wrong"],
          ["HELLO VERSION USER=constructor PASSWORD=x", "USER or PASSWORD is wrong"]
        ] as const) {
          const other = yield* world.connect
          const answer = yield* other.ask(said)
          assert.match(answer, /^HELLO REPLY RESULT=I2P_ERROR MESSAGE="/)
          assert.include(answer, why)
          assert.strictEqual(yield* other.hear, "(end)")
        }
        const known = yield* world.connect
        assert.strictEqual(
          yield* known.ask('HELLO VERSION PASSWORD="p \\" w" USER="a b"'),
          "HELLO REPLY RESULT=OK VERSION=3.3"
        )
        assert.strictEqual(yield* known.ask("AUTH DISABLE"), "AUTH STATUS RESULT=OK")
        yield* world.hello()
      })
    )
  )

  it.effect("keeps users who were there, as hashes, and takes back what cannot be kept", () =>
    Effect.gen(function* () {
      const kept: Array<SamUsers.Stored> = []
      let isFull = false
      const users = yield* SamUsers.make({
        users: [{ user: "me", password: Redacted.make("secret") }],
        onChange: (stored) =>
          isFull
            ? new SamUsers.UserError({ reason: "NotKept", detail: "the disk is full" })
            : Effect.sync(() => void kept.push(stored))
      })
      assert.isTrue(yield* users.isEnabled)
      assert.isTrue(yield* users.check("me", "secret"))
      assert.isFalse(yield* users.check("me", "Secret"))
      assert.isFalse(yield* users.check("you", "secret"))
      assert.isFalse(yield* users.check("you", ""))
      yield* users.add("you", "secret")
      assert.notInclude(JSON.stringify(kept), "secret")
      const [stored] = kept
      assert.notStrictEqual(stored?.hashes["me"], stored?.hashes["you"])
      const again = yield* SamUsers.make({ stored })
      assert.isTrue(yield* again.check("you", "secret"))
      isFull = true
      assert.strictEqual((yield* Effect.flip(users.remove("you"))).message, "the disk is full")
      assert.isTrue(yield* users.check("you", "secret"))
    })
  )
})
