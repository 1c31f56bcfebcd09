/**
 * i2pd alone: proof that the network carries streams and that the harness reaches every door of it. When this fails,
 * nothing the other suites say means anything.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Tcp from "../../src/Tcp.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const network = Layer.merge(TestNetwork.layer, NodeContext.layer)

/** GetDate by hand: protocol byte, then length 7, type 32 and the version as a string of 6. */
const getDate = new Uint8Array([0x2a, 0, 0, 0, 7, 32, 6, ...new TextEncoder().encode("0.9.67")])

const askDate = (port: number) =>
  Effect.gen(function* () {
    const connection = yield* Tcp.connect({ port })
    yield* connection.write(getDate)
    const header = yield* connection.readExactly(5)
    const body = yield* connection.readExactly(new DataView(header.buffer, header.byteOffset).getUint32(0))
    return { type: header[4], body }
  }).pipe(Effect.scoped)

layer(network, { excludeTestServices: true })("i2pd", (it) => {
  it.effect("answers GetDate with SetDate, which echoes our version", () =>
    Effect.gen(function* () {
      const { a } = yield* TestNetwork.TestNetwork
      const { type, body } = yield* askDate(a.i2cpPort)
      assert.strictEqual(type, 33)
      const date = Number(new DataView(body.buffer, body.byteOffset).getBigUint64(0))
      assert.approximately(date, Date.now(), 60_000)
      assert.strictEqual(text(body.subarray(9)), "0.9.67")
    })
  )

  it.scoped("carries a stream between two SAM sessions, both ways", () =>
    Effect.gen(function* () {
      const { samNear, samFar } = yield* TestNetwork.TestNetwork
      const [connected, accepted] = yield* Effect.all([samNear.connect(samFar.destination), samFar.accept], {
        concurrency: 2
      })
      assert.strictEqual(accepted.remote, samNear.destination)
      yield* connected.write("ping")
      assert.strictEqual(text(yield* accepted.readExactly(4)), "ping")
      yield* accepted.write("pong")
      assert.strictEqual(text(yield* connected.readExactly(4)), "pong")
    })
  )

  it.scoped("puts the echo server on the b32 address of its server tunnel", () =>
    Effect.gen(function* () {
      const { far, samNear } = yield* TestNetwork.TestNetwork
      const stream = yield* samNear.connect(far.serverTunnel)
      const sent = crypto.getRandomValues(new Uint8Array(60_000))
      yield* stream.write(sent)
      assert.deepStrictEqual(new Uint8Array(yield* stream.readExactly(sent.length)), sent)
    })
  )

  it.effect("falls silent when stopped and goes on when continued", () =>
    Effect.gen(function* () {
      const { spare, signal } = yield* TestNetwork.TestNetwork
      yield* signal("c", "STOP")
      const silent = yield* askDate(spare.i2cpPort).pipe(Effect.timeoutOption("500 millis"))
      yield* signal("c", "CONT")
      assert.strictEqual(silent._tag, "None")
      assert.strictEqual((yield* askDate(spare.i2cpPort)).type, 33)
    })
  )

  it.effect("comes back after SIGKILL, its SAM sessions with it", () =>
    Effect.gen(function* () {
      const { spare, signal, start, samNear, samSpare } = yield* TestNetwork.TestNetwork
      yield* signal("c", "KILL")
      const refused = yield* Effect.flip(askDate(spare.i2cpPort))
      assert.strictEqual(refused._tag === "TcpError" && refused.operation, "connect")
      yield* start("c")
      assert.strictEqual((yield* askDate(spare.i2cpPort)).type, 33)
      // Only the restarted side can dial: the other may still hold its old lease set.
      const again = Effect.gen(function* () {
        const connected = yield* samSpare.connect(samNear.destination)
        yield* connected.write("again")
        const accepted = yield* samNear.accept
        return text(yield* accepted.readExactly(5))
      }).pipe(
        Effect.scoped,
        Effect.timeout("10 seconds"),
        Effect.retry(Schedule.spaced("1 second").pipe(Schedule.upTo("2 minutes")))
      )
      assert.strictEqual(yield* again, "again")
    })
  )
})
