/**
 * The command, as a process, on a real router.
 */
import { assert, layer } from "@effect/vitest"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as I2pCommand from "../../src/I2pCommand.js"
import * as Payload from "../../src/Payload.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const i2p = I2pCommand.run

const noHops = ["--tunnels", "0x1"]
const reply = /seq=\d+ time=[\d.]+ ms/g

layer(TestNetwork.layer, { excludeTestServices: true })("i2p on i2pd", (it) => {
  const routerOf = (network: { readonly a: TestNetwork.ClientRouter }) => [
    "--router",
    `127.0.0.1:${network.a.i2cpPort}`
  ]
  const samAddress = (network: { readonly samFar: { readonly destination: string } }) =>
    Either.getOrThrow(Destination.fromBase64(network.samFar.destination)).b32

  it.effect("ping prints round trips of a destination that i2pd hosts, and exits with 0", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.TestNetwork
      const words = ["ping", "-c", "5", "-i", "0.2", ...routerOf(network), ...noHops, samAddress(network)]
      const { code, err, out } = yield* i2p(words)
      assert.strictEqual(err, "")
      assert.isAbove(out.match(reply)?.length ?? 0, 2, out)
      assert.match(out, /5 sent, \d received/)
      assert.match(out, /rtt min\/avg\/max\/mdev = [\d.]+\//)
      assert.strictEqual(code, 0)
    })
  )

  it.effect("doctor finds nothing wrong, and knows which router it is", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.TestNetwork
      const { code, err, out } = yield* i2p(["doctor", "--json", ...routerOf(network), ...noHops])
      assert.strictEqual(err, "")
      const { ok, stages } = JSON.parse(out)
      assert.isTrue(ok, out)
      assert.match(stages[1].detail, /like i2pd/)
      assert.strictEqual(code, 0)
    })
  )

  it.effect("doctor says that i2pd does without TLS, and that its SAM bridge is no I2CP port", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.TestNetwork
      const doctor = (...words: ReadonlyArray<string>) =>
        Effect.map(i2p(["doctor", "--json", ...words]), ({ code, out }) => {
          assert.strictEqual(code, 1, out)
          return JSON.parse(out)
        })
      const tls = yield* doctor("-w", "5", "--router", `tls://127.0.0.1:${network.a.i2cpPort}`)
      assert.strictEqual(tls.stage, "port")
      assert.match(tls.hint, /use host:port/)
      const sam = yield* doctor("-w", "2", "--router", `127.0.0.1:${network.a.samPort}`)
      assert.strictEqual(sam.stage, "version")
    })
  )

  it.effect("ping prints its summary after Ctrl-C", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.TestNetwork
      const words = ["ping", "-i", "0.2", ...routerOf(network), ...noHops, samAddress(network)]
      const { code, out } = yield* i2p(words, /seq=2 time/)
      assert.match(out, /ping statistics ---\n\d+ sent, \d+ received/)
      assert.strictEqual(code, 0)
    })
  )

  it.effect("ping exits with 1 when nobody serves the destination", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.TestNetwork
      const nobody = yield* Payload.unusedDestination
      const words = ["ping", "-c", "1", "-W", "3", ...routerOf(network), ...noHops, nobody.base64]
      const { code, out } = yield* i2p(words)
      assert.match(out, /1 sent, 0 received, 100% loss/)
      assert.strictEqual(code, 1)
    })
  )

  it.effect("ping exits with 2 and says which switch to flip when no router is there", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* i2p(["ping", "-c", "1", "--router", "127.0.0.1:17999", "a.i2p"])
      assert.match(err, /^i2p: router unreachable [^\n]*\[i2cp\] enabled = true[^\n]*\n$/)
      assert.strictEqual(out, "")
      assert.strictEqual(code, 2)
    })
  )
})
