/** Datagrams and subsessions, over the embedded router and on simulated time. */
import { assert, describe, it } from "@effect/vitest"
import { decodeBase64, encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import * as Harness from "./harness.js"

const { simulate } = Harness

/** Nothing has come by now. */
const nothing = (peer: Harness.Peer) =>
  Effect.gen(function* () {
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* peer.heard, "")
  })

const styles = [
  ["DATAGRAM", "DATAGRAM"],
  ["DATAGRAM2", "DATAGRAM"],
  ["DATAGRAM3", "DATAGRAM"],
  ["RAW", "RAW"]
] as const

describe("datagrams on the control socket", () => {
  for (const [style, word] of styles) {
    it.effect(`go and come with STYLE=${style}`, () =>
      simulate()((world) =>
        Effect.gen(function* () {
          const a = yield* world.session("a", `STYLE=${style}`)
          const b = yield* world.session("b", `STYLE=${style}`)
          yield* a.say(
            `${word} SEND SIZE=5 DESTINATION=${b.destination}\nhe\nlo${word} SEND DESTINATION=${b.destination} SIZE=1 FROM_PORT=1 TO_PORT=2`
          )
          yield* a.send("x")
          const protocol = style === "RAW" ? " PROTOCOL=18" : ""
          const first = yield* b.hear
          assert.match(first, new RegExp(`^${word} RECEIVED .*SIZE=5 FROM_PORT=0 TO_PORT=0${protocol}$`))
          if (style === "DATAGRAM3") assert.match(first, /DESTINATION=[A-Za-z0-9~-]{43}= /)
          else if (style !== "RAW") assert.include(first, `DESTINATION=${a.destination} `)
          assert.strictEqual(yield* b.bytes(5), "he\nlo")
          assert.match(yield* b.hear, new RegExp(`SIZE=1 FROM_PORT=1 TO_PORT=2${protocol}$`))
          assert.strictEqual(yield* b.bytes(1), "x")
          const { datagramsReceived, datagramsSent } = yield* world.sam.stats
          assert.deepStrictEqual([datagramsSent, datagramsReceived], [2, 2])
        })
      )
    )
  }

  it.effect("say nothing of ports to a client before 3.2", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a", "STYLE=RAW")
        const b = yield* world.session("b", "STYLE=RAW", "3.1")
        yield* a.send(`RAW SEND SIZE=2 DESTINATION=${b.destination}\nhi`)
        assert.strictEqual(yield* b.hear, "RAW RECEIVED SIZE=2")
      })
    )
  )

  it.effect("hold what the session's ports and protocol say", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a", "STYLE=RAW FROM_PORT=5 TO_PORT=6 PROTOCOL=77")
        const b = yield* world.session("b", "STYLE=RAW PROTOCOL=77")
        const other = yield* world.session("c", "STYLE=RAW")
        yield* a.send(`RAW SEND SIZE=1 DESTINATION=${b.destination} PROTOCOL=78\n1`)
        yield* a.send(`RAW SEND SIZE=1 DESTINATION=${b.destination}\n2`)
        assert.strictEqual(yield* b.hear, "RAW RECEIVED SIZE=1 FROM_PORT=5 TO_PORT=6 PROTOCOL=77")
        assert.strictEqual(yield* b.bytes(1), "2")
        yield* a.send(`RAW SEND SIZE=1 DESTINATION=${other.destination}\n3`)
        yield* nothing(other)
      })
    )
  )

  const failures: ReadonlyArray<readonly [style: string, command: string, answer: RegExp]> = [
    [
      "STYLE=STREAM",
      "DATAGRAM SEND SIZE=1 DESTINATION=x.i2p\nx",
      /^DATAGRAM STATUS RESULT=I2P_ERROR MESSAGE=".*no session with/
    ],
    [
      "STYLE=DATAGRAM",
      "RAW SEND SIZE=1 DESTINATION=x.i2p\nx",
      /^RAW STATUS RESULT=I2P_ERROR MESSAGE=".*no session with/
    ],
    ["STYLE=DATAGRAM", "DATAGRAM SEND SIZE=1 DESTINATION=AAAA\nx", /^DATAGRAM STATUS RESULT=INVALID_KEY MESSAGE="/],
    ["STYLE=RAW", "RAW SEND SIZE=1 DESTINATION=unknown.i2p\nx", /^RAW STATUS RESULT=CANT_REACH_PEER MESSAGE="/],
    [
      "STYLE=RAW",
      "RAW SEND SIZE=1 PROTOCOL=6 DESTINATION=x.i2p\nx",
      /^RAW STATUS RESULT=I2P_ERROR MESSAGE="PROTOCOL 6/
    ],
    ["STYLE=RAW", "RAW SEND DESTINATION=x.i2p\n", /^RAW STATUS RESULT=I2P_ERROR MESSAGE="SIZE is missing"/],
    ["STYLE=RAW", "RAW SEND SIZE=0 DESTINATION=x.i2p\n", /^RAW STATUS RESULT=I2P_ERROR MESSAGE="SIZE is not an/],
    [
      "STYLE=DATAGRAM",
      `DATAGRAM SEND SIZE=31745 DESTINATION=x.i2p\n${"x".repeat(31_745)}`,
      /^DATAGRAM STATUS RESULT=I2P_ERROR MESSAGE="31745 bytes are more/
    ]
  ]
  it.effect("say what is wrong, and take the bytes as bytes all the same", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        for (const [at, [style, command, answer]] of failures.entries()) {
          const peer = yield* world.session(`s${at}`, style)
          yield* peer.send(command)
          assert.match(yield* peer.hear, answer, command.slice(0, 60))
          assert.strictEqual(yield* peer.ask("PING"), "PONG")
        }
      })
    )
  )

  it.effect("are waited for three minutes", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const peer = yield* world.session("a", "STYLE=RAW")
        yield* peer.send("RAW SEND SIZE=10 DESTINATION=x.i2p\nfour")
        assert.match(yield* peer.hear, /^RAW STATUS RESULT=I2P_ERROR MESSAGE="fewer bytes/)
        assert.strictEqual(yield* peer.hear, "(end)")
      })
    )
  )
})

/** A private key's Base64: a destination's with more behind it. */
const withKeys = (destination: string): string =>
  encodeBase64(Uint8Array.of(...Either.getOrThrow(decodeBase64(destination)), ...new Uint8Array(288)))

describe("datagrams by UDP", () => {
  for (const [style] of styles) {
    it.effect(`go and come with STYLE=${style}`, () =>
      simulate()((world) =>
        Effect.gen(function* () {
          const a = yield* world.session("a", `STYLE=${style} PORT=4000`)
          const b = yield* world.session("b", `STYLE=${style} PORT=4001 HOST=10.0.0.2`)
          yield* world.datagram(`3.0 a ${b.destination}\nhello`)
          const { text, to } = yield* Queue.take(world.sent)
          assert.deepStrictEqual(to, { host: "10.0.0.2", port: 4001 })
          if (style === "RAW") assert.strictEqual(text, "hello")
          else if (style === "DATAGRAM3") assert.match(text, /^[A-Za-z0-9~-]{43}= FROM_PORT=0 TO_PORT=0\nhello$/)
          else assert.strictEqual(text, `${a.destination} FROM_PORT=0 TO_PORT=0\nhello`)
          yield* world.datagram(`3.0 a ${withKeys(b.destination)}\nto a private key`)
          assert.match((yield* Queue.take(world.sent)).text, /to a private key$/)
          yield* nothing(b)
        })
      )
    )
  }

  it.effect("of raw sessions have a header line when HEADER=true", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        yield* world.session("a", "STYLE=RAW PORT=4000")
        const b = yield* world.session("b", "STYLE=RAW PORT=4001 HEADER=true PROTOCOL=30")
        yield* world.datagram(
          `3.3 a ${b.destination} FROM_PORT=3 TO_PORT=4 PROTOCOL=30 EXPIRES=60 SEND_LEASESET=false\nhello`
        )
        assert.strictEqual((yield* Queue.take(world.sent)).text, "FROM_PORT=3 TO_PORT=4 PROTOCOL=30\nhello")
      })
    )
  )

  it.effect("are dropped when they come from a stranger, name nobody, or make no sense", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a", "STYLE=RAW PORT=4000")
        const stream = yield* world.session("s")
        for (const [text, host] of [
          [`3.0 a ${a.destination}\nhello`, "10.0.0.9"],
          [`3.0 nobody ${a.destination}\nhello`, undefined],
          [`3.0 s ${stream.destination}\nhello`, undefined],
          [`2.0 a ${a.destination}\nhello`, undefined],
          [`3.0 a ${a.destination} FROM_PORT=x\nhello`, undefined],
          [`3.0 a ${a.destination}`, undefined],
          [`3.0 a ${a.destination}\n`, undefined],
          ["", undefined],
          ["3.0 a unknown.i2p\nhello", undefined]
        ] as const) {
          yield* world.datagram(text, host)
        }
        yield* world.datagram(`3.0 a ${a.destination}\nlast`)
        assert.strictEqual((yield* Queue.take(world.sent)).text, "last")
        assert.strictEqual(yield* Queue.size(world.sent), 0)
        assert.strictEqual((yield* world.sam.stats).datagramsDropped, 9)
      })
    )
  )

  it.effect("go only out when PORT=0", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const a = yield* world.session("a", "STYLE=DATAGRAM PORT=0 HOST=127.0.0.1")
        const b = yield* world.session("b", "STYLE=DATAGRAM PORT=4001")
        yield* world.datagram(`3.0 a ${b.destination}\nthere`)
        assert.include((yield* Queue.take(world.sent)).text, "\nthere")
        yield* world.datagram(`3.0 b ${a.destination}\nback`)
        yield* nothing(a)
        assert.strictEqual(yield* Queue.size(world.sent), 0)
      })
    )
  )

  it.effect("need a UDP port", () =>
    simulate({ udp: false })((world) =>
      Effect.gen(function* () {
        const peer = yield* world.hello()
        assert.match(
          yield* peer.ask("SESSION CREATE STYLE=RAW ID=a DESTINATION=TRANSIENT PORT=4000"),
          /RESULT=I2P_ERROR MESSAGE="this bridge has no UDP port/
        )
      })
    )
  )
})

describe("a session with STYLE=PRIMARY", () => {
  const primary = Effect.fnUntraced(function* (world: Harness.World, id: string) {
    const peer = yield* world.session(id, "STYLE=PRIMARY")
    const add = (options: string) => peer.ask(`SESSION ADD ${options}`)
    return { ...peer, add }
  })

  it.effect("carries streams, datagrams and raw ones by protocol and port", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const p = yield* primary(world, "p")
        assert.match(yield* p.add("STYLE=STREAM ID=s"), /^SESSION STATUS RESULT=OK ID=s MESSAGE="ADD s"$/)
        for (const [options, id] of [
          ["STYLE=STREAM FROM_PORT=80", "s80"],
          ["STYLE=DATAGRAM PORT=4001", "d"],
          ["STYLE=DATAGRAM PORT=4002 LISTEN_PORT=5", "d5"],
          ["STYLE=DATAGRAM2 PORT=4003", "d2"],
          ["STYLE=DATAGRAM3 PORT=4004", "d3"],
          ["STYLE=RAW PORT=4005", "r"],
          ["STYLE=RAW PORT=4006 PROTOCOL=40 LISTEN_PORT=9", "r40"],
          ["STYLE=RAW PORT=4007 LISTEN_PROTOCOL=0", "rest"]
        ] as const) {
          assert.match(yield* p.add(`${options} ID=${id}`), new RegExp(`RESULT=OK ID=${id} `), options)
        }
        const to = p.destination

        for (const [style, options, port] of [
          ["DATAGRAM", "", 4001],
          ["DATAGRAM", "TO_PORT=5", 4002],
          ["DATAGRAM", "TO_PORT=6", 4001],
          ["DATAGRAM2", "", 4003],
          ["DATAGRAM3", "", 4004],
          ["RAW", "", 4005],
          ["RAW", "PROTOCOL=40 TO_PORT=9", 4006],
          ["RAW", "PROTOCOL=40 TO_PORT=8", 4007],
          ["RAW", "PROTOCOL=200", 4007]
        ] as const) {
          const id = `x${port}${options.length}`
          const sender = yield* world.session(id, `STYLE=${style} PORT=1`)
          yield* world.datagram(`3.3 ${id} ${to} ${options}\nhello`)
          const sent = yield* Queue.take(world.sent)
          assert.strictEqual(sent.to.port, port, `${style} ${options}`)
          yield* sender.end
        }

        yield* world.session("a")
        for (const [id, toPort] of [
          ["s", 0],
          ["s80", 80]
        ] as const) {
          const acceptor = yield* world.hello()
          assert.strictEqual(yield* acceptor.ask(`STREAM ACCEPT ID=${id}`), "STREAM STATUS RESULT=OK")
          const connector = yield* world.hello()
          yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${to} TO_PORT=${toPort}`)
          assert.match(yield* acceptor.hear, new RegExp(`FROM_PORT=0 TO_PORT=${toPort}$`))
        }
        // Out of a subsession, with its port.
        const b = yield* world.session("b")
        const { line } = yield* Harness.pair(world, "s80", "b", b.destination)
        assert.strictEqual(line, `${to} FROM_PORT=80 TO_PORT=0`)
      })
    )
  )

  it.effect("says what a subsession may not be", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const p = yield* primary(world, "p")
        yield* world.session("taken")
        assert.match(yield* p.add("STYLE=STREAM ID=s FROM_PORT=80"), /RESULT=OK/)
        for (const [options, answer] of [
          ["STYLE=STREAM ID=t FROM_PORT=80", /RESULT=I2P_ERROR MESSAGE="subsession s listens for STREAM 80/],
          ["STYLE=STREAM ID=taken", /RESULT=DUPLICATED_ID/],
          ["STYLE=STREAM ID=s", /RESULT=DUPLICATED_ID/],
          ["STYLE=STREAM", /RESULT=I2P_ERROR MESSAGE="ID is missing"/],
          ["STYLE=PRIMARY ID=q", /RESULT=I2P_ERROR MESSAGE="STYLE is not one of STREAM/],
          ["STYLE=DATAGRAM ID=d", /RESULT=I2P_ERROR MESSAGE="PORT is missing/],
          ["STYLE=STREAM ID=u LISTEN_PORT=5", /RESULT=I2P_ERROR MESSAGE="LISTEN_PORT of a stream/],
          ["STYLE=RAW ID=r PORT=1 LISTEN_PROTOCOL=6", /RESULT=I2P_ERROR MESSAGE="LISTEN_PROTOCOL 6/]
        ] as const) {
          assert.match(yield* p.add(options), answer, options)
        }
        assert.match(
          yield* p.ask(`DATAGRAM SEND SIZE=1 DESTINATION=${p.destination}\nx`),
          /^DATAGRAM STATUS RESULT=I2P_ERROR/
        )
      })
    )
  )

  it.effect("loses a subsession by SESSION REMOVE, with what is on it, and keeps the others", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const p = yield* primary(world, "p")
        yield* p.add("STYLE=STREAM ID=s FROM_PORT=80")
        yield* p.add("STYLE=RAW ID=r PORT=4000")
        const acceptor = yield* world.hello()
        yield* acceptor.ask("STREAM ACCEPT ID=s")
        assert.strictEqual(yield* p.ask("SESSION REMOVE ID=s"), "SESSION STATUS RESULT=OK ID=s")
        assert.match(yield* acceptor.hear, /^STREAM STATUS RESULT=I2P_ERROR/)
        assert.match(yield* p.ask("SESSION REMOVE ID=s"), /^SESSION STATUS RESULT=INVALID_ID ID=s MESSAGE="/)
        assert.match(yield* p.add("STYLE=STREAM ID=s FROM_PORT=80"), /RESULT=OK/)
        yield* world.datagram(`3.3 r ${p.destination}\nstill`)
        assert.strictEqual((yield* Queue.take(world.sent)).text, "still")
        yield* p.end
        assert.strictEqual(yield* p.hear, "(end)")
        const late = yield* world.hello()
        assert.match(yield* late.ask("STREAM ACCEPT ID=s"), /RESULT=INVALID_ID/)
        assert.strictEqual((yield* world.sam.stats).sessions, 0)
      })
    )
  )

  it.effect("is for 3.3, by both of its names, and has no ports of its own", () =>
    simulate()((world) =>
      Effect.gen(function* () {
        const old = yield* world.hello("3.2")
        assert.match(
          yield* old.ask("SESSION CREATE STYLE=PRIMARY ID=p DESTINATION=TRANSIENT"),
          /RESULT=I2P_ERROR MESSAGE="STYLE=PRIMARY needs version 3.3/
        )
        const peer = yield* world.hello()
        assert.match(
          yield* peer.ask("SESSION CREATE STYLE=MASTER ID=p DESTINATION=TRANSIENT FROM_PORT=5"),
          /RESULT=I2P_ERROR MESSAGE="FROM_PORT is for subsessions/
        )
        yield* world.session("m", "STYLE=MASTER")
        const single = yield* world.session("a")
        assert.match(
          yield* single.ask("SESSION ADD STYLE=STREAM ID=b"),
          /RESULT=I2P_ERROR MESSAGE="SESSION ADD belongs/
        )
        assert.match(yield* single.ask("SESSION REMOVE ID=b"), /RESULT=I2P_ERROR MESSAGE="SESSION REMOVE belongs/)
      })
    )
  )
})
