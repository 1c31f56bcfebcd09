/**
 * i2pd alone: proof that the network carries streams and that the harness reaches every door of it. When this fails,
 * nothing the other suites say means anything.
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Sam from "../../src/Sam.js"
import * as Tcp from "../../src/Tcp.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

layer(TestNetwork.layer, { excludeTestServices: true })("i2pd", (it) => {
  it.scoped("answers GetDate with SetDate on its I2CP port", () =>
    Effect.gen(function* () {
      const { a } = yield* TestNetwork.TestNetwork
      const connection = yield* Tcp.connect({ port: a.i2cpPort })
      // Protocol byte, then length 7, type 32 and the version as a string of 6: "0.9.67".
      const version = new TextEncoder().encode("0.9.67")
      yield* connection.write(new Uint8Array([0x2a, 0, 0, 0, 7, 32, 6, ...version]))
      const header = yield* connection.readExactly(5)
      assert.strictEqual(header[4], 33)
      const body = yield* connection.readExactly(new DataView(header.buffer, header.byteOffset).getUint32(0))
      const date = Number(new DataView(body.buffer, body.byteOffset).getBigUint64(0))
      assert.approximately(date, Date.now(), 60_000)
      assert.strictEqual(body.length, 8 + 1 + body[8]!)
    })
  )

  it.scoped("carries a stream between two SAM sessions and back", () =>
    Effect.gen(function* () {
      const { a, far } = yield* TestNetwork.TestNetwork
      const [client, server] = yield* Effect.all(
        [Sam.session({ port: a.samPort }), Sam.session({ port: far.samPort })],
        {
          concurrency: 2
        }
      )
      const [connected, accepted] = yield* Effect.all([client.connect(server.destination), server.accept], {
        concurrency: 2
      })
      assert.strictEqual(accepted.remote, client.destination)
      yield* connected.write("ping")
      assert.strictEqual(text(yield* accepted.readExactly(4)), "ping")
      yield* accepted.write("pong")
      assert.strictEqual(text(yield* connected.readExactly(4)), "pong")
    })
  )

  it.scoped("puts the echo server on the b32 address of its server tunnel", () =>
    Effect.gen(function* () {
      const { a, far } = yield* TestNetwork.TestNetwork
      const client = yield* Sam.session({ port: a.samPort })
      const destination = yield* client.lookup(far.serverTunnel)
      const stream = yield* client.connect(destination)
      const sent = crypto.getRandomValues(new Uint8Array(60_000))
      yield* stream.write(sent)
      assert.deepStrictEqual(new Uint8Array(yield* stream.readExactly(sent.length)), sent)
    })
  )
})
