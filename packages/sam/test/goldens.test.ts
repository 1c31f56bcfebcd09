/**
 * What i2pd answers to lines that need no session, and what we answer to the same. i2pd's column is as it was heard from 2.45.1
 * (Debian's package) on 2026-12-01, started in an empty directory without a network; keys are left out. It is here to be read
 * beside ours: where the two differ, the README's table says why.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Harness from "./harness.js"

type End = "goes on" | "closes"

interface Row {
  readonly said: ReadonlyArray<string>
  /** What i2pd 2.45.1 answered to the last line, and whether it took another. */
  readonly i2pd: readonly [answer: string, end: End]
  readonly ours: readonly [answer: string, end: End]
}

const hello = "HELLO VERSION MIN=3.0 MAX=3.3"

const rows: ReadonlyArray<Row> = [
  {
    said: ["SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT"],
    i2pd: ["", "closes"],
    ours: ['HELLO REPLY RESULT=I2P_ERROR MESSAGE="the first command must be HELLO VERSION"', "closes"]
  },
  {
    said: ["GET / HTTP/1.1"],
    i2pd: ["", "closes"],
    ours: ['HELLO REPLY RESULT=I2P_ERROR MESSAGE="the first command must be HELLO VERSION"', "closes"]
  },
  {
    said: ["HELLO VERSION"],
    i2pd: ["HELLO REPLY RESULT=OK VERSION=3.1", "goes on"],
    ours: ["HELLO REPLY RESULT=OK VERSION=3.3", "goes on"]
  },
  {
    said: ["HELLO VERSION MAX=3"],
    i2pd: ["HELLO REPLY RESULT=OK VERSION=3.0", "goes on"],
    ours: ["HELLO REPLY RESULT=OK VERSION=3.3", "goes on"]
  },
  {
    said: ["HELLO VERSION MIN=3.4"],
    i2pd: ["HELLO REPLY RESULT=OK VERSION=3.1", "goes on"],
    ours: ['HELLO REPLY RESULT=NOVERSION MESSAGE="this bridge speaks 3.0 to 3.3: widen MIN and MAX"', "closes"]
  },
  {
    said: ["HELLO VERSION MIN=1.0 MAX=2.0"],
    i2pd: ["HELLO REPLY RESULT=NOVERSION", "closes"],
    ours: ['HELLO REPLY RESULT=NOVERSION MESSAGE="this bridge speaks 3.0 to 3.3: widen MIN and MAX"', "closes"]
  },
  {
    said: ["hello version"],
    i2pd: ["", "closes"],
    ours: ["HELLO REPLY RESULT=OK VERSION=3.3", "goes on"]
  },
  {
    said: [hello, hello],
    i2pd: ["", "closes"],
    ours: ['HELLO REPLY RESULT=I2P_ERROR MESSAGE="HELLO was said already"', "goes on"]
  },
  {
    said: [hello, "MAKE coffee"],
    i2pd: ["", "closes"],
    ours: ['MAKE STATUS RESULT=I2P_ERROR MESSAGE="unknown command; HELP lists those there are"', "goes on"]
  },
  {
    said: [hello, "STREAM"],
    i2pd: ["", "closes"],
    ours: [
      'STREAM STATUS RESULT=I2P_ERROR MESSAGE="STREAM command is not complete: use CONNECT, ACCEPT, FORWARD"',
      "closes"
    ]
  },
  {
    said: [hello, "PING a  b", "PING c"],
    i2pd: ["", "closes"],
    ours: ["PONG c", "goes on"]
  },
  {
    said: [hello, "QUIT"],
    i2pd: ["", "closes"],
    ours: ["QUIT STATUS RESULT=OK MESSAGE=bye", "closes"]
  },
  {
    said: [hello, "HELP"],
    i2pd: ["", "closes"],
    ours: [
      'HELP STATUS RESULT=OK MESSAGE="HELLO VERSION, SESSION CREATE, SESSION ADD, SESSION REMOVE, STREAM CONNECT, STREAM ACCEPT, STREAM FORWARD, DATAGRAM SEND, RAW SEND, NAMING LOOKUP, DEST GENERATE, AUTH ENABLE, AUTH DISABLE, AUTH ADD, AUTH REMOVE, PING, QUIT, STOP, EXIT, HELP"',
      "goes on"
    ]
  },
  {
    said: [hello, "DEST GENERATE SIGNATURE_TYPE=7"],
    i2pd: ["DEST REPLY PUB=<key> PRIV=<key>", "goes on"],
    ours: ["DEST REPLY PUB=<key> PRIV=<key>", "goes on"]
  },
  {
    said: [hello, "DEST GENERATE SIGNATURE_TYPE=foo"],
    i2pd: ["DEST REPLY PUB=<key> PRIV=<key>", "goes on"],
    ours: [
      'DEST REPLY RESULT=I2P_ERROR MESSAGE="SIGNATURE_TYPE is not a signature type: use a number or a name, 7 or EdDSA_SHA512_Ed25519"',
      "goes on"
    ]
  },
  {
    said: [hello, "DEST GENERATE"],
    i2pd: ["DEST REPLY PUB=<key> PRIV=<key>", "goes on"],
    ours: ["DEST REPLY PUB=<key> PRIV=<key>", "goes on"]
  },
  {
    said: [hello, "NAMING LOOKUP NAME=ME"],
    i2pd: ["NAMING REPLY RESULT=OK NAME=ME VALUE=<key>", "goes on"],
    ours: ['NAMING REPLY RESULT=INVALID_KEY NAME=ME MESSAGE="ME needs a session on this socket"', "goes on"]
  },
  {
    said: [hello, "NAMING LOOKUP NAME=nobody.i2p"],
    i2pd: ["NAMING REPLY RESULT=INVALID_KEY NAME=nobody.i2p", "goes on"],
    ours: [
      'NAMING REPLY RESULT=KEY_NOT_FOUND NAME=nobody.i2p MESSAGE="lookup of nobody.i2p failed: the router does not know it, or it is off line"',
      "goes on"
    ]
  },
  {
    said: [hello, "NAMING LOOKUP NAME=example.org"],
    i2pd: ["NAMING REPLY RESULT=INVALID_KEY NAME=example.org", "goes on"],
    ours: [
      'NAMING REPLY RESULT=INVALID_KEY NAME=example.org MESSAGE="lookup of example.org failed: does not end in .i2p"',
      "goes on"
    ]
  },
  {
    said: [hello, "NAMING LOOKUP"],
    i2pd: ["NAMING REPLY RESULT=INVALID_KEY NAME=", "goes on"],
    ours: ['NAMING REPLY RESULT=INVALID_KEY MESSAGE="NAME is missing"', "goes on"]
  },
  {
    said: [hello, "SESSION CREATE STYLE=SMOKE ID=a DESTINATION=TRANSIENT"],
    i2pd: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="Unknown STYLE"', "closes"],
    ours: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="STYLE is unknown"', "goes on"]
  },
  {
    said: [hello, "SESSION CREATE ID=a DESTINATION=TRANSIENT"],
    i2pd: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="Unknown STYLE"', "closes"],
    ours: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="STYLE is missing"', "goes on"]
  },
  {
    said: [hello, "SESSION CREATE STYLE=STREAM ID=a"],
    i2pd: ["SESSION STATUS RESULT=INVALID_KEY", "closes"],
    ours: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="DESTINATION is missing"', "goes on"]
  },
  {
    said: [hello, "SESSION CREATE STYLE=STREAM ID=a DESTINATION=AAAA"],
    i2pd: ["SESSION STATUS RESULT=INVALID_KEY", "closes"],
    ours: [
      'SESSION STATUS RESULT=INVALID_KEY MESSAGE="DESTINATION is not a private key: DestinationKeys: destination keys at 0: needs 384 bytes, 3 left"',
      "goes on"
    ]
  },
  {
    said: [hello, "SESSION CREATE STYLE=STREAM ID=a<b DESTINATION=AAAA"],
    i2pd: ["SESSION STATUS RESULT=INVALID_ID", "closes"],
    ours: [
      'SESSION STATUS RESULT=INVALID_KEY MESSAGE="DESTINATION is not a private key: DestinationKeys: destination keys at 0: needs 384 bytes, 3 left"',
      "goes on"
    ]
  },
  {
    said: [hello, "STREAM CONNECT ID=zz DESTINATION=AAAA"],
    i2pd: ["STREAM STATUS RESULT=INVALID_ID", "closes"],
    ours: ['STREAM STATUS RESULT=INVALID_ID MESSAGE="no session has this ID: SESSION CREATE makes one"', "closes"]
  },
  {
    said: [hello, "STREAM ACCEPT ID=zz"],
    i2pd: ["STREAM STATUS RESULT=INVALID_ID", "closes"],
    ours: ['STREAM STATUS RESULT=INVALID_ID MESSAGE="no session has this ID: SESSION CREATE makes one"', "closes"]
  },
  {
    said: [hello, "STREAM FORWARD ID=zz PORT=80"],
    i2pd: ["STREAM STATUS RESULT=INVALID_ID", "closes"],
    ours: ['STREAM STATUS RESULT=INVALID_ID MESSAGE="no session has this ID: SESSION CREATE makes one"', "closes"]
  },
  {
    said: [hello, "STREAM FORWARD PORT=80"],
    i2pd: ["STREAM STATUS RESULT=INVALID_ID", "closes"],
    ours: ['STREAM STATUS RESULT=I2P_ERROR MESSAGE="ID is missing"', "closes"]
  },
  {
    said: [hello, "SESSION ADD STYLE=STREAM ID=b"],
    i2pd: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="Wrong session type"', "closes"],
    ours: [
      'SESSION STATUS RESULT=I2P_ERROR MESSAGE="SESSION ADD belongs on the socket of a session with STYLE=PRIMARY"',
      "goes on"
    ]
  },
  {
    said: [hello, "SESSION REMOVE ID=b"],
    i2pd: ['SESSION STATUS RESULT=I2P_ERROR MESSAGE="Wrong session type"', "closes"],
    ours: [
      'SESSION STATUS RESULT=I2P_ERROR MESSAGE="SESSION REMOVE belongs on the socket of a session with STYLE=PRIMARY"',
      "goes on"
    ]
  },
  {
    said: [hello, "AUTH ENABLE"],
    i2pd: ["", "closes"],
    ours: ['AUTH STATUS RESULT=I2P_ERROR MESSAGE="nobody could connect any more: AUTH ADD a user first"', "goes on"]
  }
]

/** Keys are new each time. */
const withoutKeys = (line: string): string => line.replaceAll(/[A-Za-z0-9~-]{60,}=*/g, "<key>")

describe("the answer to", () => {
  for (const { i2pd, ours, said } of rows) {
    it.effect(`${JSON.stringify(said.at(-1))} (i2pd: ${JSON.stringify(i2pd[0])}, ${i2pd[1]})`, () =>
      Harness.simulate()((world) =>
        Effect.gen(function* () {
          const peer = yield* world.connect
          let answer = ""
          for (const line of said) answer = yield* peer.ask(line)
          assert.strictEqual(withoutKeys(answer), ours[0])
          const next = yield* peer.ask("PING")
          assert.strictEqual(next === "(end)" ? "closes" : "goes on", ours[1])
        })
      )
    )
  }
})
