/**
 * Key files exchanged with i2pd, both ways, and look-ups through it: what the command writes is what i2pd serves.
 *
 * Router `c` is restarted to read its new tunnels.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, layer } from "@effect/vitest"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as I2pCommand from "../../src/I2pCommand.js"
import * as I2pdConfig from "../../src/I2pdConfig.js"
import * as Payload from "../../src/Payload.js"
import * as Sam from "../../src/Sam.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"
import * as Topology from "../../src/Topology.js"

const ours = Layer.scoped(
  StreamManager,
  Effect.flatMap(TestNetwork.TestNetwork, ({ a }) => Streams.open(a))
)
const network = Layer.provideMerge(ours, TestNetwork.layer)

/** Runs the command; it must do what it is told, without a word on standard error. */
const i2p = (...words: ReadonlyArray<string>) =>
  Effect.map(I2pCommand.run(words), ({ code, err, out }) => {
    assert.strictEqual(err, "")
    assert.strictEqual(code, 0)
    return out
  })

const onRouter = (router: TestNetwork.ClientRouter) => ["--router", `127.0.0.1:${router.i2cpPort}`, "--tunnels", "0x1"]

/** A restarted router's lease sets take a while to be published and found. */
const whileStarting = Schedule.spaced("2 seconds").pipe(Schedule.upTo("2 minutes"))

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("key files and i2pd", (it) => {
  it.scoped(
    "i2pd serves tunnels with the files the command wrote, under the b32 that it printed",
    () =>
      Effect.gen(function* () {
        const { listenerKeys, signal, start } = yield* TestNetwork.TestNetwork
        const streams = yield* StreamManager
        // Beside that of the router with the listener's keys.
        const folder = Path.join(Path.dirname(Path.dirname(listenerKeys.streams)), "c")
        const file = (name: string) => Path.join(folder, name)
        const run = yield* Effect.sync(() => Date.now().toString(36))
        const name = (kind: string) => `${kind}-${run}.dat`
        const b32s = {
          ed25519: yield* i2p("keygen", file(name("ed25519"))),
          p256: yield* i2p("keygen", "--type", "p256", file(name("p256"))),
          vanity: yield* i2p("key", "vanity", "i2", file(name("vanity"))),
          text: yield* i2p("keygen", "--form", "base64", file(name("text"))),
          offline: yield* i2p("keygen", file(name("master")))
        }
        yield* i2p("key", "convert", file(name("text")), file(name("converted")))
        yield* i2p("key", "offline", file(name("master")), file(name("offline")), "--expires", "30d")
        const served = [
          [name("ed25519"), b32s.ed25519],
          [name("p256"), b32s.p256],
          [name("vanity"), b32s.vanity],
          [name("converted"), b32s.text],
          [name("offline"), b32s.offline]
        ] as const
        const tunnels = served.map(
          ([keys]): I2pdConfig.Tunnel => ({ type: "server", name: keys, keys, port: Topology.echoPort })
        )
        const configuration = file("tunnels.d/keys.conf")
        yield* Effect.acquireRelease(
          Effect.promise(() => Fs.writeFile(configuration, I2pdConfig.tunnels(tunnels))),
          () => Effect.promise(() => Fs.rm(configuration, { force: true }))
        )
        const before = yield* Effect.forEach(served, ([keys]) => Effect.promise(() => Fs.readFile(file(keys))))
        yield* signal("c", "KILL")
        yield* start("c")

        yield* Effect.forEach(
          served,
          ([keys, b32]) =>
            Effect.gen(function* () {
              const stream = yield* streams.connect({ destination: b32.trim(), timeout: "20 seconds" })
              const sent = Payload.random(20_000)
              yield* stream.write(sent)
              const received = yield* stream.readable.pipe(Payload.takeBytes(sent.length), Payload.sha256)
              assert.strictEqual(received, Payload.sha256Of(sent))
            }).pipe(
              Effect.scoped,
              Effect.timeout("40 seconds"),
              Effect.retry(whileStarting),
              Effect.mapError((error) => new Error(`${keys}: ${error.message}`))
            ),
          { concurrency: "unbounded", discard: true }
        )
        // i2pd makes keys of its own where it cannot read a file; it has read these and left them alone.
        const after = yield* Effect.forEach(served, ([keys]) => Effect.promise(() => Fs.readFile(file(keys))))
        for (const [i, bytes] of after.entries()) assert.isTrue(bytes.equals(before[i]!), served[i]![0])
      }),
    180_000
  )

  it.scoped("we load the files that i2pd wrote, and would write the same bytes", () =>
    Effect.gen(function* () {
      const { a, listenerKeys } = yield* TestNetwork.TestNetwork
      const echoKeys = Path.join(Path.dirname(listenerKeys.streams), "echo-keys.dat")
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => Fs.mkdtemp("/tmp/effect-i2p-keys-")),
        (path) => Effect.promise(() => Fs.rm(path, { recursive: true }))
      )
      // i2pd leaves its key files for everybody to read: as they are, they are refused.
      const refused = yield* I2pCommand.run(["key", "show", echoKeys])
      assert.match(refused.err, /others may use it too \(mode 644\): chmod 600 it/)
      const copy = Path.join(folder, "echo-keys.dat")
      yield* Effect.promise(() => Fs.copyFile(echoKeys, copy))
      yield* Effect.promise(() => Fs.chmod(copy, 0o600))
      const shown = JSON.parse(yield* i2p("key", "show", "--json", copy))
      assert.strictEqual(shown.b32, a.serverTunnel)
      const keys = yield* NodeKeyStore.load(copy)
      const written = Path.join(folder, "written.dat")
      yield* NodeKeyStore.save(written, keys)
      const [theirs, same] = yield* Effect.promise(() => Promise.all([Fs.readFile(echoKeys), Fs.readFile(written)]))
      assert.isTrue(same.equals(theirs))
    })
  )

  it.scoped("SAM takes our Base64 and we take SAM's", () =>
    Effect.gen(function* () {
      const { a } = yield* TestNetwork.TestNetwork
      const mine = yield* NodeKeyStore.transient
      const privateKeys = Redacted.value(DestinationKeys.toBase64(mine))
      const [theirs, made] = yield* Effect.all(
        [Sam.session({ port: a.samPort }, { privateKeys }), Sam.session({ port: a.samPort })],
        { concurrency: 2 }
      )
      assert.strictEqual(theirs.destination, mine.destination.base64)
      const keys = Either.getOrThrow(DestinationKeys.fromBase64(Redacted.make(made.privateKeys)))
      assert.strictEqual(keys.destination.base64, made.destination)
    })
  )

  it.effect("lookup finds what i2pd hosts, and exits with 1 for what nobody does", () =>
    Effect.gen(function* () {
      const { a, samFar } = yield* TestNetwork.TestNetwork
      const { b32 } = Either.getOrThrow(Destination.fromBase64(samFar.destination))
      const json = JSON.parse(yield* i2p("lookup", "--json", ...onRouter(a), b32))
      assert.deepStrictEqual([json.found, json.b32, json.destination], [true, b32, samFar.destination])
      const nobody = yield* Payload.unusedDestination
      const unknown = [nobody.b32, "nobody.i2p"].map((address) =>
        I2pCommand.run(["lookup", "-w", "8", ...onRouter(a), address])
      )
      for (const { code, err, out } of yield* Effect.all(unknown, { concurrency: 2 })) {
        assert.match(err, /^i2p: [^\n]+\n$/)
        assert.strictEqual(out, "")
        assert.strictEqual(code, 1)
      }
    })
  )
})
