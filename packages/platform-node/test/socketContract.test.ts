import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { describe, it, layer } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as StreamSocket from "@effect-i2p/streaming/StreamSocket"
import * as SocketContract from "@effect-i2p/testkit/SocketContract"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeLocalRouter from "../src/NodeLocalRouter.js"

const nodeVersion = Number.parseInt(process.versions.node, 10)

const tcp: Effect.Effect<SocketContract.Rig, unknown, import("effect/Scope").Scope> = Effect.gen(function* () {
  const server = yield* NodeSocketServer.make({ host: "127.0.0.1", port: 0 })
  const port = server.address._tag === "TcpAddress" ? server.address.port : 0
  return {
    server,
    client: Effect.orDie(NodeSocket.makeNet({ host: "127.0.0.1", port })),
    // Nothing listens on the port of "tcpmux".
    nobody: Effect.orDie(NodeSocket.makeNet({ host: "127.0.0.1", port: 1 })),
    reset: Effect.map(
      Effect.serviceOption(NodeSocket.NetSocket),
      Option.match({ onNone: () => {}, onSome: (socket) => void socket.resetAndDestroy() })
    )
  }
})

describe("sockets over TCP, the model", () => {
  for (const { name, run } of SocketContract.clauses({
    rig: tcp,
    traits: { ...SocketContract.tcp, failsLostWrites: nodeVersion >= 22 }
  })) {
    it.live(name, () => run)
  }
})

/** One pair of sessions for all clauses; each has a port of its own. */
class Sessions extends Context.Tag("socketContract.test/Sessions")<
  Sessions,
  { readonly here: StreamManager["Type"]; readonly there: StreamManager["Type"] }
>() {}

const session = Effect.gen(function* () {
  const router = { port: yield* NodeLocalRouter.port }
  const streams = Context.get(
    yield* Layer.build(NodeI2p.layer({ router, streaming: { shutdownTimeout: "1 second" } })),
    StreamManager
  )
  yield* streams.ready
  return streams
})

const layerSessions = Layer.scoped(
  Sessions,
  Effect.map(Effect.all([session, session]), ([here, there]) => ({ here, there }))
).pipe(Layer.provide(NodeLocalRouter.layerTcp({ port: 0 })))

let lastPort = 7000

const streams = Effect.gen(function* () {
  const { here, there } = yield* Sessions
  lastPort += 1
  const client = (port: number) =>
    Effect.provideService(
      StreamSocket.makeSocket({ destination: there.destination, port, halfClose: true }),
      StreamManager,
      here
    )
  return {
    server: yield* Effect.provideService(
      StreamSocket.makeSocketServer({ port: lastPort, maxHandlers: 10 }),
      StreamManager,
      there
    ),
    client: client(lastPort),
    nobody: client(1),
    reset: Effect.flatMap(
      Effect.serviceOption(StreamSocket.CurrentStream),
      Option.match({ onNone: () => Effect.dieMessage("no stream"), onSome: (stream) => stream.reset })
    )
  }
})

layer(layerSessions, { excludeTestServices: true })(
  "sockets over streams, through the embedded router over TCP",
  (it) => {
    const traits = {
      maxHandlers: 10,
      lingers: true,
      endsUnrun: true,
      resetsOnFailure: true,
      failsLostWrites: true,
      halfCloses: true
    }
    for (const { name, run } of SocketContract.clauses({
      rig: streams,
      traits,
      bulkBytes: 512 * 1024,
      stallBytes: 4 * 1024 * 1024
    })) {
      it.effect(name, () => run)
    }
  }
)
