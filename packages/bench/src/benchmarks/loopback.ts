/**
 * Bulk through two complete stacks and the embedded router in one process, against a bare TCP connection over loopback
 * with the same write size in the same process.
 *
 * @since 0.1.0
 */
import * as net from "node:net"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Benchmark } from "../Benchmark.js"

const megabytes = 32
const writeBytes = 65_536
const chunk = new Uint8Array(writeBytes).fill(0x2a)
const writes = Math.ceil((megabytes * 1_000_000) / writeBytes)

const peer = Effect.map(Layer.build(NodeI2p.layerOnLocalRouter()), (context) => Context.get(context, StreamManager))

const streams = Effect.gen(function* () {
  const server = yield* peer
  const client = yield* peer
  yield* Effect.all([server.ready, client.ready])
  const listener = yield* server.listen({ port: 1 })
  yield* Effect.fork(listener.run((connection) => Stream.runDrain(connection.readable)))
  const connection = yield* client.connect({ destination: server.destination, port: 1 })
  const start = performance.now()
  for (let i = 0; i < writes; i++) yield* connection.write(chunk)
  yield* connection.flush
  return megabytes / ((performance.now() - start) / 1000)
}).pipe(Effect.scoped, Effect.provide(LocalRouter.layer()), Effect.orDie)

const tcp = Effect.async<number>((resume) => {
  const server = net.createServer((socket) => {
    let received = 0
    socket.on("data", (data) => {
      received += data.length
      if (received >= writes * writeBytes) socket.end("done")
    })
  })
  server.listen(0, "127.0.0.1", () => {
    const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1")
    const start = performance.now()
    let written = 0
    const pump = () => {
      while (written < writes) {
        written += 1
        if (!socket.write(chunk)) {
          socket.once("drain", pump)
          return
        }
      }
    }
    socket.once("connect", pump)
    socket.once("data", () => {
      const rate = megabytes / ((performance.now() - start) / 1000)
      socket.destroy()
      server.close()
      resume(Effect.succeed(rate))
    })
  })
})

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const loopback: Benchmark = {
  name: "loopback",
  rows: [
    {
      name: "loopback",
      unit: "MB/s",
      subject: "bulk through two stacks and the embedded router in memory",
      against: "raw TCP over loopback",
      better: "more",
      target: 0.25
    }
  ],
  rounds: { full: 5, quick: 3 },
  warmUp: true,
  measure: () => Effect.zipWith(streams, tcp, (value, reference) => ({ samples: { loopback: { value, reference } } }))
}
