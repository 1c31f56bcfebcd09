/** What suites of Effect programs had to write themselves to run on streams. */

import * as Entity from "@effect/cluster/Entity"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SocketRunner from "@effect/cluster/SocketRunner"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as SocketServer from "@effect/platform/SocketServer"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as StreamSocket from "@effect-i2p/streaming/StreamSocket"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestContext from "effect/TestContext"
import * as I2pCaller from "../src/I2pCaller.js"
import * as I2pClusterSocket from "../src/I2pClusterSocket.js"
import * as I2pHttpServer from "../src/I2pHttpServer.js"
import * as Harness from "./harness.js"

describe("I2pHttpServer.layerTest", () => {
  const app = Effect.gen(function* () {
    const { url } = yield* HttpServerRequest.HttpServerRequest
    const { destination } = yield* I2pCaller.fromRequest
    return HttpServerResponse.text(`${url} ${destination.b32}`)
  })

  it.scoped("serves a client whose base address is the server's, with time standing still", () =>
    Effect.gen(function* () {
      yield* HttpServer.serveEffect(app)
      const { address } = yield* HttpServer.HttpServer
      const own = address._tag === "TcpAddress" ? address.hostname : ""
      const answer = yield* (yield* HttpClient.get("/page")).text
      assert.match(answer, /^\/page .*\.b32\.i2p$/)
      // Two destinations: whoever tests what a caller is finds another one.
      assert.notInclude(answer, own)
      assert.strictEqual(yield* (yield* HttpClient.get("/page")).text, answer)
    }).pipe(Effect.provide(I2pHttpServer.layerTest()))
  )

  it.scoped("over a bad link, with options of both sides, and a WebSocket", () =>
    Effect.gen(function* () {
      yield* HttpServer.serveEffect(
        Effect.gen(function* () {
          const socket = yield* HttpServerRequest.upgrade
          const write = yield* socket.writer
          yield* socket.runRaw((message) => write(message))
          return HttpServerResponse.empty()
        })
      )
      const { address } = yield* HttpServer.HttpServer
      if (address._tag !== "TcpAddress") return assert.fail("no TCP address")
      assert.notStrictEqual(address.port, 80)
      const socket = yield* Socket.makeWebSocket(`ws://${address.hostname}:${address.port}/`)
      const write = yield* socket.writer
      const heard: Array<unknown> = []
      yield* socket
        .runRaw(
          (message) => {
            heard.push(message)
            return write(new Socket.CloseEvent(1000))
          },
          { onOpen: Effect.orDie(write("hello")) }
        )
        .pipe(Effect.ignore)
      assert.deepStrictEqual(heard, ["hello"])
    }).pipe(
      Effect.provide(I2pHttpServer.layerTest({ server: { port: "any" }, link: { latencyMillis: 20, loss: 0.02 } }))
    )
  )

  it.scoped("leaves handlers and tests their clock, and says who asks", () =>
    Effect.gen(function* () {
      yield* HttpServer.serveEffect(
        Effect.gen(function* () {
          const { headers } = yield* HttpServerRequest.HttpServerRequest
          const millis = yield* Clock.currentTimeMillis
          return HttpServerResponse.text(`${millis} ${headers["traceparent"] !== undefined}`)
        })
      )
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      const response = yield* Effect.withSpan(HttpClient.get("/"), "visit")
      assert.strictEqual(yield* response.text, "0 true")
    }).pipe(Effect.provide(I2pHttpServer.layerTest()))
  )

  it.scoped("is a server of its own at each call", () =>
    Effect.gen(function* () {
      const addressOf = Effect.map(HttpServer.HttpServer, ({ address }) => HttpServer.formatAddress(address))
      const first = yield* Effect.provide(addressOf, I2pHttpServer.layerTest())
      assert.notStrictEqual(yield* Effect.provide(addressOf, I2pHttpServer.layerTest()), first)
    })
  )
})

/** A socket server that sends back what it gets, on any free port, and who visits it. */
const echo = Effect.gen(function* () {
  const [site, visitor] = [yield* Harness.session(), yield* Harness.session()]
  const server = yield* Effect.provideService(StreamSocket.makeSocketServer({ port: "any" }), StreamManager, site)
  yield* server
    .run((socket) => Effect.flatMap(socket.writer, (write) => socket.run(write)).pipe(Effect.scoped))
    .pipe(Effect.forkScoped)
  return { server, site, visitor }
})

describe("any free port", () => {
  Harness.live(
    "is a dynamic one, and each time another",
    Effect.gen(function* () {
      const site = yield* Harness.session()
      const ports = yield* Effect.forEach(Array.from({ length: 20 }), () => site.listen({ port: "any" }))
      for (const { port } of ports) assert.isTrue(port >= 49_152 && port <= 65_535, `${port}`)
      assert.strictEqual(new Set(ports.map(({ port }) => port)).size, 20)
    })
  )
})

describe("StreamSocket.makeNet", () => {
  const hear = (socket: Socket.Socket) =>
    Effect.gen(function* () {
      const write = yield* socket.writer
      let heard = ""
      yield* socket
        .run(
          (bytes) => {
            heard += new TextDecoder().decode(bytes)
            return heard.length < 5 ? Effect.void : write(new Socket.CloseEvent(1000))
          },
          { onOpen: Effect.orDie(write("hello")) }
        )
        .pipe(Effect.ignore)
      return heard
    }).pipe(Effect.scoped)

  Harness.live(
    "reaches the address of a socket server, or a host and a port",
    Effect.gen(function* () {
      const { server, site, visitor } = yield* echo
      const { address } = server
      if (address._tag !== "TcpAddress") return assert.fail("no TCP address")
      const as = Effect.provideService(StreamManager, visitor)
      assert.strictEqual(yield* as(Effect.flatMap(StreamSocket.makeNet(address), hear)), "hello")
      const host = { host: site.destination.b32, port: address.port }
      assert.strictEqual(yield* as(Effect.flatMap(StreamSocket.makeNet(host), hear)), "hello")
      const layer = Layer.provide(StreamSocket.layerNet(address), Layer.succeed(StreamManager, visitor))
      assert.strictEqual(yield* Effect.provide(Effect.flatMap(Socket.Socket, hear), layer), "hello")
    })
  )

  for (const clock of ["live", "test"]) {
    Harness.live(
      `is a channel whose output ends after its input, at the defaults, on a ${clock} clock`,
      Effect.gen(function* () {
        const { server, visitor } = yield* echo
        const output = yield* Stream.make("Hello", "World").pipe(
          Stream.encodeText,
          Stream.pipeThroughChannel(StreamSocket.makeNetChannel(server.address)),
          Stream.decodeText(),
          Stream.mkString,
          Effect.provideService(StreamManager, visitor),
          // It stands still.
          clock === "test" ? Effect.provide(TestContext.TestContext) : identity
        )
        assert.strictEqual(output, "HelloWorld")
      })
    )
  }

  Harness.live(
    "dies of a path",
    Effect.gen(function* () {
      const { visitor } = yield* echo
      const exit = yield* Effect.exit(
        Effect.provideService(StreamSocket.makeNet({ _tag: "UnixAddress", path: "/run/x" }), StreamManager, visitor)
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("/run/x"))
    })
  )

  Harness.live(
    "carries RPC to the address of its server",
    Effect.gen(function* () {
      const group = RpcGroup.make(Rpc.make("Greet", { payload: { name: Schema.String }, success: Schema.String }))
      const [site, visitor] = [yield* Harness.session(), yield* Harness.session()]
      const handlers = group.toLayer({ Greet: ({ name }) => Effect.succeed(`hello, ${name}`) })
      const services = yield* Layer.build(
        RpcServer.layer(group).pipe(
          Layer.provide(handlers),
          Layer.provide(RpcServer.layerProtocolSocketServer),
          Layer.provide(RpcSerialization.layerNdjson),
          Layer.provideMerge(StreamSocket.layerSocketServer({ port: "any" })),
          Layer.provide(Layer.succeed(StreamManager, site))
        )
      )
      const { address } = Context.get(services, SocketServer.SocketServer)
      const client = yield* Layer.build(
        RpcClient.layerProtocolSocket().pipe(
          Layer.provide([StreamSocket.layerNet(address), RpcSerialization.layerNdjson]),
          Layer.provide(Layer.succeed(StreamManager, visitor))
        )
      )
      const rpc = yield* Effect.provide(RpcClient.make(group), client)
      assert.strictEqual(yield* rpc.Greet({ name: "you" }), "hello, you")
    })
  )
})

describe("I2pClusterSocket", () => {
  const Guest = Entity.make("Guest", [Rpc.make("WhoHasMe", { success: Schema.String })])
  const serialization = RpcSerialization.layerMsgPack

  Harness.live(
    "lets a client of the cluster reach a runner at its destination",
    Effect.gen(function* () {
      const [site, visitor] = [yield* Harness.session(), yield* Harness.session()]
      const storage = yield* Layer.build(
        Layer.provide(
          Layer.mergeAll(RunnerStorage.layerMemory, MessageStorage.layerMemory),
          ShardingConfig.layerDefaults
        )
      )
      const runner = Guest.toLayer({ WhoHasMe: () => Effect.succeed("the runner") }).pipe(
        Layer.provide(SocketRunner.layer),
        Layer.provide([I2pClusterSocket.layerSocketServer(), I2pClusterSocket.layerClientProtocol()]),
        Layer.provide([I2pClusterSocket.layerConfig({ shardsPerGroup: 8 }), RunnerHealth.layerNoop, serialization]),
        Layer.provide([Layer.succeed(StreamManager, site), Layer.succeedContext(storage)])
      )
      yield* Layer.build(runner)
      const client = yield* Layer.build(
        SocketRunner.layerClientOnly.pipe(
          Layer.provide(I2pClusterSocket.layerClientProtocol({ timeout: "5 seconds" })),
          Layer.provide([
            ShardingConfig.layer({ shardsPerGroup: 8, runnerAddress: Option.none(), refreshAssignmentsInterval: 100 }),
            serialization
          ]),
          Layer.provide([Layer.succeed(StreamManager, visitor), Layer.succeedContext(storage)])
        )
      )
      const guests = yield* Effect.provide(Guest.client, client)
      const answer = yield* guests("one")
        .WhoHasMe()
        .pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.timeout("20 seconds"))
      assert.strictEqual(answer, "the runner")
      assert.strictEqual((yield* visitor.active)[0]?.remotePort, I2pClusterSocket.defaultPort)
    })
  )
})
