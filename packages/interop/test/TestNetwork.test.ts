import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestNetwork from "../src/TestNetwork.js"

const router = (name: "a" | "b" | "c", index: number): TestNetwork.ClientRouter => ({
  name,
  i2cpPort: 1000 + index,
  samPort: 2000 + index,
  samDestinations: ["one==", "two~-"],
  serverTunnel: `${name}.b32.i2p`,
  clientTunnelPorts: { streams: 3000 + index, command: 5000 + index },
  httpTunnel: `${name}-http.b32.i2p`,
  httpProxyPort: 4000 + index
})

const read = (environment: Record<string, string>) =>
  TestNetwork.config.pipe(
    Effect.withConfigProvider(
      ConfigProvider.fromMap(new Map(Object.entries(environment)), { pathDelim: "_", seqDelim: "," })
    )
  )

describe("environment", () => {
  const settings: TestNetwork.Settings = {
    mode: "fab",
    controlPort: 9,
    listenerKeys: { streams: "/tmp/streams.dat", command: "/tmp/command.dat" },
    routers: [router("a", 1), router("b", 2), router("c", 3)]
  }

  it.effect("gives the suites what the network was started with", () =>
    Effect.gen(function* () {
      const config = yield* read(TestNetwork.toEnvironment(settings))
      assert.deepStrictEqual(config.a, settings.routers[0])
      assert.deepStrictEqual(Option.getOrThrow(config.b), settings.routers[1])
      assert.deepStrictEqual(config.c, settings.routers[2])
      assert.strictEqual(config.mode, "fab")
      assert.deepStrictEqual(config.listenerKeys, settings.listenerKeys)
    })
  )

  it.effect("has no router b in mode fa", () =>
    Effect.gen(function* () {
      const routers = [router("a", 1), router("c", 3)]
      const config = yield* read(TestNetwork.toEnvironment({ ...settings, mode: "fa", routers }))
      assert.isTrue(Option.isNone(config.b))
    })
  )

  it.effect("says which variable is missing outside of a network", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({}))
      assert.include(String(error), "I2P_TEST_MODE")
    })
  )
})
