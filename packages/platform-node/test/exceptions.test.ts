import * as Http from "node:http"
import { assert, describe } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as I2pAgent from "../src/I2pAgent.js"
import * as I2pHttpServer from "../src/I2pHttpServer.js"
import * as NodeDuplex from "../src/NodeDuplex.js"
import * as NodeStreamServer from "../src/NodeStreamServer.js"
import { callback, event, live, session } from "./harness.js"

/** What nobody caught from here on, in the place of the test runner's own listeners. */
const uncaught: Effect.Effect<Array<string>, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const others = process.listeners("uncaughtException")
      const seen: Array<string> = []
      process.removeAllListeners("uncaughtException")
      process.on("uncaughtException", (error) => void seen.push(error.message))
      return { others, seen }
    }),
    ({ others }) =>
      Effect.sync(() => {
        process.removeAllListeners("uncaughtException")
        for (const other of others) process.on("uncaughtException", other)
      })
  ),
  ({ seen }) => seen
)

const bug = (name: string) => () => {
  throw new Error(name)
}

const until = (isThere: () => boolean) =>
  Effect.repeat(Effect.delay(Effect.sync(isThere), "5 millis"), { until: (there) => there }).pipe(
    Effect.timeoutFail({ duration: "3 seconds", onTimeout: () => new Error("it does not come") }),
    Effect.orDie
  )

const both = Effect.gen(function* () {
  const [host, visitor] = [yield* session(), yield* session()]
  const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, visitor)
  const make = (...args: Parameters<typeof NodeStreamServer.make>) =>
    Effect.provideService(NodeStreamServer.make(...args), StreamManager, host)
  return { host, visitor, make, connect: (port: number) => connect({ destination: host.destination, port }) }
})

describe("an exception is an uncaughtException, and costs nobody the stream,", () => {
  live(
    "in a listener of a Duplex",
    Effect.gen(function* () {
      const { connect, make } = yield* both
      const seen = yield* uncaught
      const received: Array<string> = []
      const server = yield* make({}, (socket) => {
        socket.on("data", (bytes) => received.push(String(bytes)))
        socket.on("data", bug("data"))
        socket.on("end", bug("end"))
        bug("connection")()
      })
      server.listen(80)
      server.on("listening", bug("listening"))
      yield* until(() => seen.includes("listening"))
      const socket = connect(80)
      socket.on("connect", bug("connect"))
      socket.on("timeout", bug("timeout"))
      socket.on("close", bug("close"))
      socket.setTimeout(50)
      socket.write("one", bug("write"))
      yield* until(() => seen.includes("timeout"))
      socket.setTimeout(0)
      assert.sameMembers(seen, ["listening", "connection", "connect", "write", "data", "timeout"])
      socket.write("two")
      yield* until(() => received.length === 2)
      assert.deepStrictEqual(received, ["one", "two"])
      socket.end("three", bug("ended"))
      yield* until(() => seen.includes("ended"))
      socket.destroy()
      yield* until(() => seen.includes("close") && seen.includes("end"))
      assert.deepStrictEqual(received, ["one", "two", "three"])
    })
  )

  live(
    "in a listener for a failed connect, and in a callback of close",
    Effect.gen(function* () {
      const { connect, make } = yield* both
      const seen = yield* uncaught
      connect(9).on("error", bug("error"))
      yield* until(() => seen.includes("error"))
      const server = yield* make()
      yield* callback<void>((resume) => server.listen(80, resume))
      server.close(bug("closed"))
      yield* until(() => seen.includes("closed"))
      assert.deepStrictEqual(seen, ["error", "closed"])
    })
  )

  live(
    "in request, response and close of an http server and its client",
    Effect.gen(function* () {
      const { host, visitor } = yield* both
      const seen = yield* uncaught
      const server = yield* Effect.provideService(I2pHttpServer.makeNode({ shutdownTimeout: 50 }), StreamManager, host)
      server.on("connection", bug("connection"))
      server.on("request", (request, response) => {
        if (request.url === "/bug") bug("request")()
        response.end("fine")
      })
      server.listen()
      const { http } = yield* Effect.provideService(I2pAgent.make(), StreamManager, visitor)
      const get = (path: string) => Http.get({ agent: http, host: host.destination.b32, path })
      const broken = get("/bug").on("error", () => {})
      yield* until(() => seen.includes("request"))
      broken.destroy()
      get("/").on("response", (response) => {
        response.resume()
        response.on("end", bug("answered"))
      })
      yield* until(() => seen.includes("answered"))
      get("/")
        .on("response", bug("response"))
        .on("error", () => {})
      yield* until(() => seen.includes("response"))
      server.close(bug("closed"))
      yield* until(() => seen.includes("closed"))
      assert.includeMembers(seen, ["connection", "request", "answered", "response", "closed"])
    })
  )

  live(
    "in a callback of a write that is lost, when a scope ends",
    Effect.gen(function* () {
      const { connect, make } = yield* both
      const seen = yield* uncaught
      const held = yield* Effect.fork(
        Effect.scoped(
          Effect.gen(function* () {
            const server = yield* make({ lingerTimeout: "50 millis" }, (socket) => {
              socket.write(Buffer.alloc(9_000_000), bug("lost"))
              socket.on("error", () => {})
            })
            server.listen(81)
            const socket = connect(81).on("error", () => {})
            socket.pause()
            yield* event(server, "connection")
          })
        )
      )
      yield* Fiber.join(held)
      yield* until(() => seen.includes("lost"))
    })
  )
})
