/**
 * What an application of somebody else looks like: it has the packed packages and no source of ours. `pack.ts` copies
 * this file into an empty project, where it is type-checked, compiled and run.
 */
import assert from "node:assert/strict"
import * as Cli from "@effect-i2p/cli"
import * as I2cp from "@effect-i2p/i2cp"
import * as Platform from "@effect-i2p/platform"
import * as PlatformNode from "@effect-i2p/platform-node"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as Router from "@effect-i2p/router"
import * as Sam from "@effect-i2p/sam"
import * as Streaming from "@effect-i2p/streaming"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as Testkit from "@effect-i2p/testkit"
import * as Wire from "@effect-i2p/wire"
import * as Address from "@effect-i2p/wire/Address"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** A barrel and a deep path lead to the same module, or tags and error classes would exist twice. */
const sameModules = () => {
  assert.equal(PlatformNode.NodeI2p.layer, NodeI2p.layer)
  assert.equal(Streaming.StreamManager.StreamManager, StreamManager)
  assert.equal(Wire.Address.parse, Address.parse)
  assert.equal(typeof Connection.step, "function")
  for (const barrel of [Cli, I2cp, Platform, Router, Sam, Testkit]) assert.notEqual(Object.keys(barrel).length, 0)
  assert.ok(Either.isLeft(Address.parse("not an address")))
}

const text = "through packed packages"

/** A site and a visitor on one embedded router; the site sends back what it gets. */
const echo = Effect.gen(function* () {
  const site = Context.get(yield* Layer.build(NodeI2p.layerOnLocalRouter()), StreamManager)
  const visitor = Context.get(yield* Layer.build(NodeI2p.layerOnLocalRouter()), StreamManager)
  const listener = yield* site.listen({ port: 7 })
  yield* Effect.forkScoped(listener.run((connection) => Stream.run(connection.readable, connection.writable)))
  yield* visitor.ready
  const connection = yield* visitor.connect({ destination: site.destination.b32, port: 7 })
  yield* connection.write(new TextEncoder().encode(text))
  return yield* connection.readable.pipe(
    Stream.decodeText(),
    Stream.scan("", (all, part) => all + part),
    Stream.takeUntil((all) => all.length >= text.length),
    Stream.runLast
  )
}).pipe(Effect.scoped, Effect.provide(NodeI2p.layerLocalRouter()), Effect.timeout("20 seconds"))

const program = Effect.gen(function* () {
  yield* Effect.sync(sameModules)
  const answer = yield* Effect.flatten(echo)
  yield* Effect.sync(() => assert.equal(answer, text))
  yield* Console.log(answer)
})

await Effect.runPromise(program)
