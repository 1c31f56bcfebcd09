/** Destinations with an encrypted lease set, on an embedded router on TCP, for commands with and without what opens it. */
import { assert, describe, it } from "@effect/vitest"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import type { LocalRouter } from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Address from "@effect-i2p/wire/Address"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import type { Authorization } from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as PerfProtocol from "../../src/perf/PerfProtocol.js"
import * as PerfServer from "../../src/perf/PerfServer.js"
import { i2p, spawn } from "../harness.js"

const friend = EncryptionKey.make(SecureRandom.makeSeeded("friend"))
const key = encodeBase64(Redacted.value(friend.privateKey))
const stranger = encodeBase64(Redacted.value(EncryptionKey.make(SecureRandom.makeSeeded("stranger")).privateKey))
const dh: Authorization = { _tag: "Dh", clients: [friend.publicKey] }
const psk: Authorization = { _tag: "Psk", clients: [friend.privateKey] }
const SECRET = "sécret"
const secret = Redacted.make(SECRET)

/** A router, and what names it on the command line. */
const router = Effect.gen(function* () {
  const context = yield* Layer.build(NodeLocalRouter.layerTcp({ port: 0 }))
  const port = yield* Effect.provide(NodeLocalRouter.port, context)
  return { local: Layer.succeedContext(context), at: ["--router", `127.0.0.1:${port}`] }
})

/** A destination that echoes, and serves `i2p perf`, behind an encrypted lease set: its b32 and its b33 address. */
const hidden = (local: Layer.Layer<LocalRouter>, encryptedLeaseSet: I2cpConfig.EncryptedLeaseSetOptions) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.provide(NodeI2p.layerOnLocalRouter({ session: { encryptedLeaseSet } }), local)
    )
    const streams = Context.get(context, StreamManager)
    yield* streams.ready
    yield* Effect.forkScoped(PerfServer.run(yield* streams.listen({ port: PerfProtocol.port })))
    const listener = yield* streams.listen()
    yield* Effect.forkScoped(
      listener.run((stream) =>
        Effect.ignore(Effect.zipRight(Stream.run(stream.readable, stream.writable), stream.close))
      )
    )
    const { b32, signingKey } = streams.destination
    const needs = {
      secretRequired: encryptedLeaseSet.secret !== undefined,
      authenticationRequired: encryptedLeaseSet.authorization !== undefined
    }
    return { b32, b33: Either.getOrThrow(Address.fromSigningKey(signingKey, needs)).name }
  })

describe("a b33 address", () => {
  const ways: ReadonlyArray<readonly [string, I2cpConfig.EncryptedLeaseSetOptions, Readonly<Record<string, string>>]> =
    [
      ["a secret", { secret }, { I2P_LEASESET_SECRET: SECRET }],
      ["an X25519 key", { authorization: dh }, { I2P_LEASESET_KEY: `dh:${key}` }],
      ["a pre-shared key", { authorization: psk }, { I2P_LEASESET_KEY: `psk:${key}` }],
      ["both", { secret, authorization: psk }, { I2P_LEASESET_SECRET: SECRET, I2P_LEASESET_KEY: `psk:${key}` }]
    ]
  for (const [what, options, env] of ways) {
    it.scopedLive(`that takes ${what} is looked up, pinged and measured with it`, () =>
      Effect.gen(function* () {
        const { at, local } = yield* router
        const { b32, b33 } = yield* hidden(local, options)
        const found = yield* i2p(["lookup", ...at, "--json", b33], env)
        assert.deepInclude(JSON.parse(found.out), { found: true, b32 })
        const ping = yield* i2p(["ping", ...at, "-c", "1", b33], env)
        assert.deepStrictEqual([ping.code, ping.err], [0, ""])
        const perf = yield* i2p(["perf", ...at, "-n", "64k", "--json", b33], env)
        assert.deepStrictEqual([perf.code, perf.err], [0, ""])
      })
    )
  }

  it.scopedLive("that takes a secret is talked to with nc", () =>
    Effect.gen(function* () {
      const { at, local } = yield* router
      const { b33 } = yield* hidden(local, { secret })
      // With -q 0 it would end once "hello" is acknowledged, whether the echo is there or not.
      const nc = spawn(["nc", ...at, "-N", b33], { I2P_LEASESET_SECRET: SECRET })
      nc.child.stdin.end("hello")
      const { code, err, out } = yield* Effect.promise(() => nc.ended)
      assert.deepStrictEqual([code, err, out.toString()], [0, "", "hello"])
    })
  )

  it.scopedLive("says which variables are missing or wrong, whatever the command", () =>
    Effect.gen(function* () {
      const { at, local } = yield* router
      const { b33: secretive } = yield* hidden(local, { secret })
      const { b33: exclusive } = yield* hidden(local, { authorization: dh })
      const { b33: both } = yield* hidden(local, { secret, authorization: dh })
      const cases: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, RegExp]> = [
        [secretive, {}, /found with a secret only; set I2P_LEASESET_SECRET to/],
        [exclusive, {}, /with a key of one's own only; set I2P_LEASESET_KEY to dh:BASE64 or psk:BASE64/],
        [both, {}, /a secret and a key; set I2P_LEASESET_SECRET, and I2P_LEASESET_KEY/],
        [both, { I2P_LEASESET_SECRET: SECRET }, /set I2P_LEASESET_KEY/],
        [exclusive, { I2P_LEASESET_KEY: `dh:${stranger}` }, /the key is wrong; look at I2P_LEASESET_SECRET and/]
      ]
      const commands: ReadonlyArray<ReadonlyArray<string>> = [["lookup"], ["ping", "-c", "1"], ["nc"], ["perf"]]
      for (const command of commands) {
        for (const [address, env, why] of cases) {
          const { code, err, out } = yield* i2p([...command, ...at, address], env)
          assert.match(err, why, command[0])
          assert.match(err, /^[^\n]+\n$/)
          assert.deepStrictEqual([code, out], [2, ""])
          assert.notInclude(err, SECRET)
          assert.notInclude(err, stranger)
        }
      }
    })
  )

  it.live("that nobody has looks like one whose secret is wrong, which is said", () =>
    Effect.gen(function* () {
      const { signingKey } = DestinationKeys.generate(SecureRandom.makeSeeded("nobody")).destination
      const { name } = Either.getOrThrow(Address.fromSigningKey(signingKey, { secretRequired: true }))
      const { code, err } = yield* i2p(["lookup", "--router", "embedded", name], { I2P_LEASESET_SECRET: "guess" })
      assert.match(err, /looks the same with a wrong I2P_LEASESET_SECRET\n$/)
      assert.strictEqual(code, 1)
    })
  )

  it.live("is not asked for when a variable makes no sense, which is not repeated", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]> = [
        [{ I2P_LEASESET_KEY: key }, /^I2P_LEASESET_KEY must be dh: or psk: and 32 bytes in I2P's Base64/],
        [{ I2P_LEASESET_KEY: `psk:${key.slice(4)}` }, /^I2P_LEASESET_KEY must be/],
        [{ I2P_LEASESET_SECRET: "é".repeat(128) }, /^I2P_LEASESET_SECRET may have 255 bytes/]
      ]
      for (const [env, why] of wrong) {
        const { code, err } = yield* i2p(["lookup", "--router", "embedded", "echo.i2p"], env)
        assert.match(err, why)
        assert.strictEqual(code, 2)
        for (const value of Object.values(env)) assert.notInclude(err, value.slice(-20))
      }
    })
  )

  it.live("is all that the variables are for", () =>
    Effect.gen(function* () {
      const env = { I2P_LEASESET_SECRET: SECRET, I2P_LEASESET_KEY: `psk:${key}` }
      assert.strictEqual((yield* i2p(["lookup", "--router", "embedded", "echo.i2p"], env)).code, 0)
    })
  )
})
