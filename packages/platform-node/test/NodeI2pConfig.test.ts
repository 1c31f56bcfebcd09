import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { I2cpSession } from "@effect-i2p/i2cp/I2cpSession"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeI2pConfig from "../src/NodeI2pConfig.js"
import * as NodeKeyStore from "../src/NodeKeyStore.js"

const withEnv = (env: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env))))

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-config-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

describe("NodeI2pConfig", () => {
  it.effect("reads all of it, and nothing is the default", () =>
    Effect.gen(function* () {
      const nothing = yield* withEnv({ I2P_ROUTER: "", I2P_KEYS: "" })(NodeI2pConfig.config)
      assert.deepStrictEqual(nothing, {
        router: NodeI2pConfig.defaultRouter,
        keys: undefined,
        hosts: undefined,
        tunnels: undefined,
        credentials: undefined
      })
      const all = yield* withEnv({
        I2P_ROUTER: "embedded:latency=50ms,seed=7",
        I2P_KEYS: "site.dat",
        I2P_HOSTS: "hosts.txt",
        I2P_TUNNELS: "1x3/2x4",
        I2P_USERNAME: "me",
        I2P_PASSWORD: "secret"
      })(NodeI2pConfig.config)
      assert.deepStrictEqual(all.router, { _tag: "Embedded", link: { config: { latencyMillis: 50 }, seed: 7 } })
      assert.deepStrictEqual(all.tunnels, {
        inboundLength: 1,
        inboundQuantity: 3,
        outboundLength: 2,
        outboundQuantity: 4
      })
      assert.strictEqual(Redacted.value(all.credentials!.password), "secret")
      assert.notInclude(JSON.stringify(all), "secret")
    })
  )

  const wrong: ReadonlyArray<readonly [env: Readonly<Record<string, string>>, why: RegExp]> = [
    [{ I2P_ROUTER: "ftp://a" }, /^I2P_ROUTER "ftp:\/\/a": ftp is not supported/],
    [{ I2P_ROUTER: "embedded:speed=1" }, /^I2P_ROUTER "speed" is no link option/],
    [{ I2P_TUNNELS: "many" }, /^I2P_TUNNELS "many" is no tunnel option/],
    [{ I2P_USERNAME: "me" }, /^I2P_USERNAME and I2P_PASSWORD belong together/],
    [{ I2P_USERNAME: "me", I2P_PASSWORD: "x".repeat(256) }, /^I2P_USERNAME and I2P_PASSWORD may have 255 bytes/]
  ]
  for (const [env, why] of wrong) {
    it.effect(`says what is wrong with ${Object.keys(env).join(" and ")} ${why.source.slice(0, 30)}`, () =>
      Effect.gen(function* () {
        assert.match(NodeI2pConfig.explain(yield* Effect.flip(withEnv(env)(NodeI2pConfig.config))), why)
      })
    )
  }
})

describe("NodeI2pConfig.leaseSetAccess", () => {
  const key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
  const read = (env: Readonly<Record<string, string>>) => withEnv(env)(NodeI2pConfig.leaseSetAccess)

  it.effect("reads a secret and a key of either kind, and hides both", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ I2P_LEASESET_SECRET: "", I2P_LEASESET_KEY: "" }), {
        secret: undefined,
        clientKey: undefined
      })
      const both = yield* read({ I2P_LEASESET_SECRET: "sécret", I2P_LEASESET_KEY: `dh:${key}` })
      assert.strictEqual(Redacted.value(both.secret!), "sécret")
      assert.strictEqual(both.clientKey?.scheme, "Dh")
      assert.deepStrictEqual(
        Redacted.value(both.clientKey!.key),
        Uint8Array.from({ length: 32 }, (_, at) => at + 1)
      )
      assert.notInclude(JSON.stringify(both), "sécret")
      assert.notInclude(JSON.stringify(both), key.slice(0, 9))
      assert.strictEqual((yield* read({ I2P_LEASESET_KEY: `psk:${key.slice(0, -1)}` })).clientKey?.scheme, "Psk")
    })
  )

  it.effect.each([
    [{ I2P_LEASESET_KEY: key }, /^I2P_LEASESET_KEY must be dh: or psk:/],
    [{ I2P_LEASESET_KEY: `rsa:${key}` }, /^I2P_LEASESET_KEY must be dh: or psk:/],
    [{ I2P_LEASESET_KEY: `dh:${key.slice(4)}` }, /^I2P_LEASESET_KEY must be/],
    [{ I2P_LEASESET_KEY: `dh:${key.replace("A", "+")}` }, /I2P's Base64, which has - and ~/],
    [{ I2P_LEASESET_SECRET: "x".repeat(256) }, /^I2P_LEASESET_SECRET may have 255 bytes/]
  ] as ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]>)(
    "says what is wrong without the value: %#",
    ([env, why]) =>
      Effect.gen(function* () {
        const text = NodeI2pConfig.explain(yield* Effect.flip(read(env)))
        assert.match(text, why)
        for (const value of Object.values(env)) assert.notInclude(text, value.slice(-9))
      })
  )
})

describe("NodeI2p.layerFromEnv", () => {
  const built = (env: Readonly<Record<string, string>>) =>
    withEnv(env)(
      Effect.gen(function* () {
        const streams = yield* StreamManager
        yield* streams.ready
        yield* streams.listen({ port: 80 })
        return { b32: (yield* I2cpSession).destination.b32, streams }
      }).pipe(Effect.provide(NodeI2p.layerFromEnv()), Effect.scoped)
    )

  it.scopedLive("makes the destination of the environment, the same one twice", () =>
    Effect.gen(function* () {
      const env = { I2P_ROUTER: "embedded", I2P_KEYS: Path.join(yield* directory, "site.dat") }
      const first = yield* built(env)
      assert.strictEqual((yield* built(env)).b32, first.b32)
    })
  )

  it.scopedLive("takes the default keys where the environment names none", () =>
    Effect.gen(function* () {
      const defaultKeys = yield* NodeKeyStore.transient
      const b32Of = (env: Readonly<Record<string, string>>) =>
        withEnv({ I2P_ROUTER: "embedded", ...env })(
          Effect.map(
            Layer.build(NodeI2p.layerFromEnv({ defaultKeys })),
            (services) => Context.get(services, StreamManager).destination.b32
          )
        )
      assert.strictEqual(yield* b32Of({}), defaultKeys.destination.b32)
      const file = { I2P_KEYS: Path.join(yield* directory, "site.dat") }
      const named = yield* b32Of(file)
      assert.notStrictEqual(named, defaultKeys.destination.b32)
      assert.strictEqual(yield* b32Of(file), named)
    })
  )

  it.scopedLive("takes streaming options by their I2P names", () =>
    Effect.gen(function* () {
      const env = { I2P_ROUTER: "embedded", I2P_STREAMING_MAX_CONNS_PER_MINUTE: "5" }
      const { streams } = yield* built(env)
      assert.deepStrictEqual((yield* streams.connectionLimits).perPeer, { minute: 5 })
    })
  )

  it.scopedLive("takes tuning of the environment and of the overrides together", () =>
    Effect.gen(function* () {
      const env = { I2P_ROUTER: "embedded", I2P_STREAMING_MAX_MESSAGE_SIZE: "700" }
      const services = yield* withEnv(env)(
        Layer.build(NodeI2p.layerFromEnv({ streaming: { tuning: { initialWindow: 9 } } }))
      )
      const streams = Context.get(services, StreamManager)
      yield* streams.listen({ port: 80 })
      const stream = yield* streams.connect({ destination: streams.destination, port: 80 })
      const { cwnd, maxPacketSize } = yield* stream.stats
      assert.deepStrictEqual([cwnd, maxPacketSize], [9, 700])
    })
  )

  it.effect("fails with the variable's name before it dials", () =>
    Effect.gen(function* () {
      const exit = yield* withEnv({ I2P_ROUTER: "ftp://a" })(
        Effect.exit(Effect.scoped(Layer.build(NodeI2p.layerFromEnv())))
      )
      assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", /I2P_ROUTER/)
    })
  )
})
