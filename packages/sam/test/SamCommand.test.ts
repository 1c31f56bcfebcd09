import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as SamCommand from "../src/SamCommand.js"
import * as SamDatagram from "../src/SamDatagram.js"
import * as SamReply from "../src/SamReply.js"

const decode = (line: string) => Either.mapLeft(SamCommand.decode(line), ({ message }) => message)

/** Absent and undefined are one on a line. */
const strip = <A extends object>(value: A): object =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, typeof field === "object" ? { ...field } : field])
  )

/** An empty value is none on a line. */
const withoutEmpty = <A extends object>(value: A): object =>
  Object.fromEntries(Object.entries(strip(value)).filter(([key, field]) => key === "text" || field !== ""))

describe("a command", () => {
  it("is read as it was printed", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(SamCommand.SamCommand), (command) => {
        // Users and passwords of no length cannot be said.
        FastCheck.pre(command._tag !== "AuthAdd" || (command.user !== "" && command.password !== ""))
        FastCheck.pre(command._tag !== "AuthRemove" || command.user !== "")
        const read = Either.getOrThrow(decode(SamCommand.encode(command)))
        assert.deepStrictEqual(withoutEmpty(read), withoutEmpty(command))
      }),
      { numRuns: 2000 }
    )
  })

  it("is the same in any order of its keys, and with keys that nobody knows", () => {
    const command = "STREAM CONNECT"
    const pairs = ["ID=a", "DESTINATION=b.i2p", "SILENT=true", "FROM_PORT=1", "FUTURE=x", "another"]
    FastCheck.assert(
      FastCheck.property(FastCheck.shuffledSubarray(pairs, { minLength: pairs.length }), (shuffled) => {
        assert.deepStrictEqual(
          decode([command, ...shuffled].join(" ")),
          decode(`${command} ID=a DESTINATION=b.i2p SILENT=true FROM_PORT=1`)
        )
      })
    )
  })

  it("has options of the session, and not what is for the bridge", () => {
    const command = Either.getOrThrow(
      decode(
        "SESSION CREATE STYLE=RAW ID=a DESTINATION=TRANSIENT inbound.length=1 i2p.streaming.profile= FUTURE=1 HEADER=TRUE"
      )
    )
    assert.deepStrictEqual(strip(command), {
      _tag: "SessionCreate",
      style: "RAW",
      id: "a",
      destination: "TRANSIENT",
      header: true,
      options: { "inbound.length": "1", "i2p.streaming.profile": "" }
    })
  })

  it("takes an empty value for none", () => {
    assert.deepStrictEqual(decode("STREAM ACCEPT ID=a SILENT="), decode("STREAM ACCEPT ID=a"))
    assert.deepStrictEqual(decode("STREAM ACCEPT ID=a SILENT"), decode("STREAM ACCEPT ID=a SILENT=true"))
    assert.deepStrictEqual(decode("STREAM ACCEPT ID="), Either.left("ID is missing"))
  })

  it("is one line, whatever is in it", () => {
    const refused = Either.left("a line holds no carriage return but at its end")
    assert.deepStrictEqual(decode("PING a\rPONG b"), refused)
    assert.deepStrictEqual(decode('SESSION CREATE inbound.nickname="a\rb" ID=a'), refused)
  })

  it("is not looked for on the prototype", () => {
    const create = "SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT"
    assert.deepStrictEqual(decode(`${create} __proto__=1`), decode(create))
    const reply = "NAMING REPLY RESULT=OK"
    assert.deepStrictEqual(SamReply.decode(`${reply} OPTION:__proto__=1`), SamReply.decode(reply))
    assert.deepStrictEqual(decode("CONSTRUCTOR TOSTRING"), Either.left("unknown command; HELP lists those there are"))
  })

  it("says what is wrong in one line", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...SamCommand.commands),
        FastCheck.string({ unit: "grapheme" }),
        (words, rest) => {
          const result = decode(`${words} ${rest.replaceAll("\n", " ")}`)
          if (Either.isLeft(result)) assert.notMatch(result.left, /[\r\n]/)
        }
      )
    )
  })
})

describe("a reply", () => {
  it("is read as it was printed", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(SamReply.SamReply), (reply) => {
        // Those are words of other replies.
        FastCheck.pre(reply._tag !== "Status" || /^[A-Z]{2,10}$/.test(reply.word))
        FastCheck.pre(reply._tag !== "Peer" || /^[A-Za-z0-9~-]{43,}=*$/.test(reply.destination))
        const read = Either.getOrThrow(SamReply.decode(SamReply.encode(reply)))
        if (reply._tag !== "Status") assert.deepStrictEqual(withoutEmpty(read), withoutEmpty(reply))
      }),
      { numRuns: 2000 }
    )
  })

  it("is what the specification shows", () => {
    for (const [line, reply] of [
      ["HELLO REPLY RESULT=OK VERSION=3.1", { _tag: "HelloReply", result: "OK", version: "3.1" }],
      ["SESSION STATUS RESULT=DUPLICATED_ID", { _tag: "SessionStatus", result: "DUPLICATED_ID" }],
      ["STREAM STATUS RESULT=OK", { _tag: "StreamStatus", result: "OK" }],
      [
        'NAMING REPLY RESULT=OK NAME=example.i2p VALUE=base64dest OPTION:_smtp._tcp="1 86400 0 0 25 b.b32.i2p"',
        {
          _tag: "NamingReply",
          result: "OK",
          name: "example.i2p",
          value: "base64dest",
          options: { "_smtp._tcp": "1 86400 0 0 25 b.b32.i2p" }
        }
      ],
      ["DEST REPLY PUB=a PRIV=b", { _tag: "DestReply", pub: "a", priv: "b" }],
      [
        `${"A".repeat(516)}== FROM_PORT=1 TO_PORT=2`,
        { _tag: "Peer", destination: `${"A".repeat(516)}==`, fromPort: 1, toPort: 2 }
      ],
      ["AUTH STATUS RESULT=OK", { _tag: "AuthStatus", result: "OK" }],
      ["QUIT STATUS RESULT=OK MESSAGE=bye", { _tag: "Status", word: "QUIT", result: "OK", message: "bye" }]
    ] as const) {
      const read = Either.getOrThrow(SamReply.decode(line))
      assert.deepStrictEqual(strip(read), reply as object)
      assert.strictEqual(SamReply.encode(read), line)
    }
  })
})

describe("a datagram", () => {
  it("is read as it was written", () => {
    FastCheck.assert(
      FastCheck.property(
        Arbitrary.make(SamDatagram.Header),
        FastCheck.uint8Array({ minLength: 1, maxLength: 64 }),
        (header, payload) => {
          const read = Either.getOrThrow(SamDatagram.decode(SamDatagram.encode({ header, payload })))
          assert.deepStrictEqual(strip(read.header), strip(header))
          assert.deepStrictEqual([...read.payload], [...payload])
        }
      )
    )
  })

  it("never throws", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 64 }), (bytes) => void SamDatagram.decode(bytes))
    )
  })
})
