import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { i2p, spawn } from "../harness.js"

/** Everything that a bridge answers to some lines, the last of which ends the connection. */
const talk = (port: number, lines: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.async((resume) => {
    const socket = Net.connect(port, "127.0.0.1", () => socket.write(`${lines.join("\n")}\n`))
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(chunks).toString())))
  })

describe("sam", () => {
  it.live("serves clients on the router of the settings, and says what it did", () =>
    Effect.gen(function* () {
      const bridge = spawn(["sam", "--listen", "0", "--udp", "0", "--json", "--router", "embedded"])
      const [, port] = yield* Effect.promise(() => bridge.says(/"type":"listening","host":"127\.0\.0\.1","port":(\d+)/))
      const answers = yield* talk(Number(port), [
        "HELLO VERSION",
        "SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=7",
        "NAMING LOOKUP NAME=echo.i2p",
        "QUIT"
      ])
      assert.match(
        answers,
        /^HELLO REPLY RESULT=OK VERSION=3\.3\nSESSION STATUS RESULT=OK DESTINATION=\S+\nNAMING REPLY RESULT=OK NAME=echo\.i2p VALUE=\S+\nQUIT STATUS RESULT=OK MESSAGE=bye\n$/
      )
    })
  )

  it.live("asks for the password that it was given", () =>
    Effect.gen(function* () {
      const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-sam-"))
      const users = Path.join(directory, "users.json")
      const bridge = spawn(
        ["sam", "--listen", "0", "--udp", "none", "--user", "me", "--users", users, "--router", "embedded"],
        { I2P_SAM_PASSWORD: "secret" }
      )
      const [, port] = yield* Effect.promise(() => bridge.says(/SAM 3\.3 on 127\.0\.0\.1:(\d+), no UDP/))
      assert.match(
        yield* talk(Number(port), ["HELLO VERSION"]),
        /^HELLO REPLY RESULT=I2P_ERROR MESSAGE="this bridge asks/
      )
      assert.match(
        yield* talk(Number(port), [
          "HELLO VERSION USER=me PASSWORD=secret",
          "AUTH ADD USER=you PASSWORD=other",
          "QUIT"
        ]),
        /^HELLO REPLY RESULT=OK VERSION=3\.3\nAUTH STATUS RESULT=OK\nQUIT/
      )
      assert.match(Fs.readFileSync(users, "utf8"), /"you": "/)
      Fs.rmSync(directory, { recursive: true })
    })
  )

  it.live("refuses what makes no sense in one line", () =>
    Effect.gen(function* () {
      for (const [args, why] of [
        [["--listen", "nowhere"], /--listen "nowhere" is no place to listen/],
        [["--udp", "1:2:3"], /--udp "1:2:3" is no place to listen/],
        [["--user", "me"], /--user needs --password, or I2P_SAM_PASSWORD/],
        [["--password", "x"], /--password needs --user/],
        [["--sessions", "0"], /--sessions must be 1 or more/],
        [["--keys", "a.dat"], /--keys is for one destination/]
      ] as const) {
        const { code, err } = yield* i2p(["sam", "--router", "embedded", ...args])
        assert.notStrictEqual(code, 0)
        assert.match(err, why)
      }
    })
  )
})
