/**
 * Reviews every listener of this package. An exception in one of them ends the process, or the fiber that emits: a listener
 * is guarded, or it stands in the list below with the reason why it cannot throw, or why it may.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const root = fileURLToPath(new URL("../src", import.meta.url))

/** What adds a listener, or takes one as its last argument. */
const adders =
  /(?<!\bEffect)\.(?:on|once|addListener|prependListener|prependOnceListener)\(|\b(?:createServer|pipeline|finished)\(/g

const guards = ["Guard.guarded(", "Guard.ignore", "guardedFor"]

const resumes = "only resumes an effect, which does not throw"
const ours = "the emitter is ours and the event comes from nobody else"
const users = "the listener is the program's own: it throws where node:net would let it"
const reads = "asks a socket what it holds, and resumes an effect"

const reviewed: Readonly<Record<string, ReadonlyArray<readonly [call: string, reason: string]>>> = {
  "NodeDuplex.ts": [
    ['this.once("timeout", listener)', users],
    ['this.once("finish", () => this.destroy())', ours],
    ['this.once("connect", () => this.resetAndDestroy())', ours],
    ['duplex.once("close", () => resume(Effect.void))', resumes],
    ['duplex.once("connect", onConnect as () => void)', users]
  ],
  "NodeStreamServer.ts": [
    ['this.on("connection", onConnection)', users],
    ['this.once("listening", onListening as () => void)', users],
    ['this.once("close", scope === undefined ? () => onClose(', users],
    ["createServer(options, onConnection)", users],
    ["server.prependListener(event, track)", "guarded where it is made"],
    ["createServer({ allowHalfOpen, highWaterMark, pauseOnConnect, ...options })", "takes options, and no listener"],
    ['streams.on("connection", (socket) => { Object.assign(socket, { server }) server.emit("connection",', users],
    ['streams.on("drop", (dropped) => server.emit("drop",', users],
    ['streams.once("error", (error) => resume(failureOf(error)))', resumes]
  ],
  "NodeInsight.ts": [
    ['server.once("error", onError)', resumes],
    ['socket.on("connect", () => { socket.destroy() resume(Effect.succeed(true)) })', resumes],
    ['socket.on("error", () => resume(Effect.succeed(false)))', resumes]
  ],
  "NodeSam.ts": [
    ['socket.once("error", (error) => resume(new Tcp.TcpBroken(', resumes],
    ['socket.once("secureConnect", () => resume(Effect.succeed(connection)))', resumes]
  ],
  "internal/samUdp.ts": [['socket.once("error", (error) => resume(new TunnelError(', resumes]],
  "NodeVanity.ts": [
    ['worker.on("error", (cause) => resume(Effect.fail(cause)))', resumes],
    ['worker.on("exit", (code) => resume(', resumes]
  ],
  "NodeHttpProxy.ts": [["Http.createServer({", "takes options, and no listener"]],
  "internal/destinationServer.ts": [
    ['this.once("listening", listener as () => void)', users],
    ['this.once("close", () => callback(NodeErrors.notRunning()))', users]
  ],
  "internal/dial.ts": [
    [
      'socket.once("error", (cause) => resume(Effect.fail(openError(options.explain(cause)))))',
      "reads the error's code"
    ],
    ["socket.once(options.event, () => { isOpen = true resume(Effect.void) })", resumes]
  ],
  "internal/tlsDial.ts": [['made.once("connect", () => { isConnected = true })', "sets a variable"]],
  "internal/tlsServer.ts": [
    ["Tls.createServer({", "takes options, and no listener"],
    ['server.once("error", (cause) => resume(', resumes]
  ],
  "internal/tcp.ts": [
    ["socket.on(event, look)", reads],
    ['socket.once("close", look)', reads],
    ['server.once("error", (error) => resume(listenFailed(at, error)))', resumes],
    ['socket.once("error", (error) => resume(new TcpBroken({ code: brokenBy(error) })))', resumes],
    ['socket.once("connect", () => resume(Effect.succeed(connection)))', resumes]
  ],
  "internal/httpConnector.ts": [
    ['socket.once("secureConnect", stop)', "guarded where it is made"],
    ['socket.once("close", stop)', "guarded where it is made"]
  ],
  "internal/httpForward.ts": [
    ['answered.on("error", cutShort)', "guarded where it is made"],
    ['answered.on("close", cutShort)', "guarded where it is made"]
  ],
  "internal/join.ts": [['from.on("error", broke)', "resets two sockets, which does not throw"]]
}

/** The call that begins at `start`, in one line. */
const callAt = (text: string, start: number): string => {
  let depth = 0
  for (let at = text.indexOf("(", start); at < text.length; at++) {
    if (text[at] === "(") depth++
    else if (text[at] === ")" && --depth === 0)
      return text
        .slice(start, at + 1)
        .replace(/\s+/g, " ")
        .replace(/(?<=\() | (?=\))/g, "")
  }
  return text.slice(start)
}

interface Call {
  readonly file: string
  readonly line: number
  readonly call: string
}

/** All calls that add a listener, comments left out. */
const calls: ReadonlyArray<Call> = Fs.readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => {
    const text = Fs.readFileSync(Path.join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, (comment) =>
      comment.replace(/[^\n]/g, " ")
    )
    return [...text.matchAll(adders)].map(({ index }) => {
      // From the emitter's name on.
      const start = index - /[\w.#]*$/.exec(text.slice(0, index))![0].length
      return { file, line: text.slice(0, index).split("\n").length, call: callAt(text, start) }
    })
  })

const isGuarded = ({ call }: Call): boolean => {
  const listener = call.slice(call.indexOf("(") + 1).replace(/^\s*"[^"]*",\s*/, "")
  return (
    guards.some((guard) => listener.startsWith(guard)) ||
    /^\([^)]*\) => Guard\.guarded\(|\) => \(?Guard\.guarded\(/.test(listener)
  )
}

const isReviewed = ({ call, file }: Call): boolean => (reviewed[file] ?? []).some(([start]) => call.startsWith(start))

describe("every listener", () => {
  it("is guarded, or reviewed", () => {
    assert.isAbove(calls.length, 50)
    const others = calls.filter((call) => !isGuarded(call) && !isReviewed(call))
    assert.deepStrictEqual(
      others.map(({ call, file, line }) => `${file}:${line} ${call.slice(0, 120)}`),
      []
    )
  })

  it("of the list is there still", () => {
    const gone = Object.entries(reviewed).flatMap(([file, list]) =>
      list
        .filter(
          ([start]) => !calls.some((call) => call.file === file && isReviewed(call) && call.call.startsWith(start))
        )
        .map(([start]) => `${file} ${start}`)
    )
    assert.deepStrictEqual(gone, [])
  })
})

describe("every timer", () => {
  it("gets its time from Timers", () => {
    const found = Fs.readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && file !== Path.join("internal", "timers.ts"))
      .flatMap((file) =>
        Fs.readFileSync(Path.join(root, file), "utf8")
          .split("\n")
          .flatMap((line, at) =>
            /(?<![.\w])set(?:Timeout|Interval)\(|Duration\.toMillis\(/.test(line) &&
            !/^\s*(?:\*|\/\/|setTimeout\(millis)/.test(line)
              ? [`${file}:${at + 1} ${line.trim()}`]
              : []
          )
      )
    assert.deepStrictEqual(found, [])
  })
})
