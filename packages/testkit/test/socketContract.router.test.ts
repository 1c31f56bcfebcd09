import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as StreamSocket from "@effect-i2p/streaming/StreamSocket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"
import * as SocketContract from "../src/SocketContract.js"

const session = (name: string) =>
  StreamManager.layerI2cp().pipe(
    Layer.provide(I2cpSession.layer({ keys: MemoryTransport.keysOf(name) })),
    Layer.provide(LocalRouter.layerSocket()),
    // Two sessions do not share a connection.
    Layer.fresh,
    Layer.build,
    Effect.map(Context.get(StreamManager)),
    Effect.tap((streams) => streams.ready)
  )

const rig = (options: StreamSocket.SocketOptions, maxHandlers = 10) =>
  Effect.gen(function* () {
    const [here, there] = [yield* session("alice"), yield* session("bob")]
    const client = (port: number) =>
      Effect.provideService(
        StreamSocket.makeSocket({ ...options, destination: there.destination, port }),
        StreamManager,
        here
      )
    return {
      server: yield* Effect.provideService(
        StreamSocket.makeSocketServer({ maxHandlers, port: 80 }),
        StreamManager,
        there
      ),
      client: client(80),
      nobody: client(81),
      reset: Effect.flatMap(
        Effect.serviceOption(StreamSocket.CurrentStream),
        Option.match({ onNone: () => Effect.dieMessage("no stream"), onSome: (stream) => stream.reset })
      )
    }
  })

const links = {
  "a perfect link": {},
  "a link of 50 ms with some loss": { latencyMillis: 50, jitterMillis: 5, loss: 0.005 }
}

for (const [name, link] of Object.entries(links)) {
  for (const halfClose of [true, false, undefined]) {
    const how = { true: "half-closing", false: "not half-closing", undefined: "as they are" }[`${halfClose}`]
    describe(`sockets over streams, ${how}, over ${name}`, () => {
      const clauses = SocketContract.clauses({
        rig: rig({ halfClose }),
        traits: {
          maxHandlers: 10,
          lingers: true,
          endsUnrun: true,
          resetsOnFailure: true,
          failsLostWrites: true,
          halfCloses: halfClose !== false
        },
        bulkBytes: 512 * 1024,
        stallBytes: 4 * 1024 * 1024,
        patience: "5 minutes",
        silence: "2 seconds"
      })
      for (const { name, run } of clauses) {
        it.effect(name, () => run.pipe(Effect.provide(LocalRouter.layer({ link })), SimulatedTime.run))
      }
    })
  }
}

describe("a socket whose handlers take long", () => {
  it.effect("is given no more than 256 KiB and a packet for each handler", () =>
    Effect.gen(function* () {
      const { client, server } = yield* rig({}, 40)
      const held: Array<number> = []
      yield* Effect.forkScoped(
        server.run((socket) =>
          socket.run((bytes) => {
            held.push(bytes.length)
            return Effect.never
          })
        )
      )
      const socket = yield* client
      const write = yield* socket.writer
      yield* Effect.forkScoped(socket.run(() => {}))
      yield* Effect.forkScoped(write(new Uint8Array(2_000_000)))
      yield* Effect.sleep("2 minutes")
      assert.strictEqual(held.length, 40)
      const total = held.reduce((sum, length) => sum + length, 0)
      assert.isAtLeast(total, 262_144)
      assert.isAtMost(total, 262_144 + 40 * 1_812)
    }).pipe(Effect.scoped, Effect.provide(LocalRouter.layer()), SimulatedTime.run)
  )
})
