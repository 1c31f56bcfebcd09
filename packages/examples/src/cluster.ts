/**
 * A site whose identity fails over: its session is a singleton of a cluster, so exactly one runner serves under its keys,
 * and another takes over when that one stops. The runners talk to each other over I2P as well.
 *
 * Only the runners' storage is not what it would be elsewhere: here they are in one process, and share an object; runners
 * on several machines share a database, `SqlRunnerStorage`.
 *
 * @since 0.1.0
 */
import * as Entity from "@effect/cluster/Entity"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as Singleton from "@effect/cluster/Singleton"
import * as SocketRunner from "@effect/cluster/SocketRunner"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as I2pClusterSocket from "@effect-i2p/platform-node/I2pClusterSocket"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** What the cluster does besides: an entity per name, on whichever runner has its shard. */
const Guest = Entity.make("Guest", [Rpc.make("WhoHasMe", { success: Schema.String })])

/** The one site. It lives in the scope of the runner that has it. */
const site = (name: string, keys: DestinationKeys) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      NodeI2p.layerOnLocalRouter({ keys, streaming: { shutdownTimeout: "1 second" } })
      // The router takes a destination once, and the one before may not be gone yet.
    ).pipe(Effect.retry(Schedule.spaced("500 millis")))
    yield* Effect.provide(
      Effect.gen(function* () {
        const streams = yield* StreamManager
        yield* streams.ready
        const listener = yield* streams.listen({ port: 80 })
        yield* listener.run((stream) => stream.write(new TextEncoder().encode(`served by ${name}`)))
      }),
      context
    )
  })

/** A runner, as each machine would run one. */
const runner = (name: string, siteKeys: DestinationKeys) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const own = yield* Layer.build(NodeI2p.layerOnLocalRouter({ streaming: { shutdownTimeout: "1 second" } }))
      const manager = yield* Effect.provide(StreamManager, own)
      yield* manager.ready
      return Layer.mergeAll(
        Singleton.make("site", site(name, siteKeys)),
        Guest.toLayer({ WhoHasMe: () => Effect.succeed(name) })
      ).pipe(
        Layer.provideMerge(SocketRunner.layer),
        // They reach each other over streams: the host of a runner's address is its destination.
        Layer.provide([I2pClusterSocket.layerClientProtocol(), I2pClusterSocket.layerSocketServer()]),
        Layer.provide([RpcSerialization.layerMsgPack, RunnerHealth.layerNoop, MessageStorage.layerNoop]),
        Layer.provide(
          I2pClusterSocket.layerConfig({
            shardsPerGroup: 16,
            refreshAssignmentsInterval: "200 millis",
            entityTerminationTimeout: "1 second"
          })
        ),
        Layer.provide(Layer.succeedContext(own))
      )
    })
  )

/** Who has which shard. A lock is held until it is released or not refreshed in time. */
const storage = Layer.sync(RunnerStorage.RunnerStorage, () => {
  const runners = new Map<string, Parameters<RunnerStorage.RunnerStorage["Type"]["register"]>[0]>()
  const locks = new Map<string, { readonly owner: string; readonly until: number }>()
  let machines = 0
  const take: RunnerStorage.RunnerStorage["Type"]["acquire"] = (address, shards) =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      Array.from(shards).filter((shard) => {
        const lock = locks.get(shard.toString())
        if (lock !== undefined && lock.owner !== address.toString() && lock.until > now) return false
        locks.set(shard.toString(), { owner: address.toString(), until: now + 35_000 })
        return true
      })
    )
  return RunnerStorage.RunnerStorage.of({
    getRunners: Effect.sync(() => Array.from(runners.values(), (runner) => [runner, true] as const)),
    register: (runner, _healthy) =>
      Effect.sync(() => {
        runners.set(runner.address.toString(), runner)
        return machines++ as never
      }),
    unregister: (address) => Effect.sync(() => runners.delete(address.toString())),
    setRunnerHealth: () => Effect.void,
    acquire: take,
    refresh: take,
    release: (_address, shard) => Effect.sync(() => locks.delete(shard.toString())),
    releaseAll: (address) =>
      Effect.sync(() => {
        for (const [shard, lock] of locks) if (lock.owner === address.toString()) locks.delete(shard)
      })
  })
})

/** Asks the site, until it is there, who serves it. */
const visit = (keys: DestinationKeys, expected: (answer: string) => boolean) =>
  Effect.gen(function* () {
    const streams = yield* StreamManager
    const stream = yield* streams.connect({ destination: keys.destination, port: 80, timeout: "2 seconds" })
    return Chunk.join(yield* Stream.runCollect(Stream.decodeText(stream.readable)), "")
  }).pipe(
    Effect.scoped,
    Effect.filterOrFail(expected, (answer) => new Error(`still ${answer}`)),
    Effect.retry(Schedule.spaced("200 millis"))
  )

/** A runner that is up, and how to stop it. */
const start = Effect.fnUntraced(function* (name: string, keys: DestinationKeys) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const services = yield* Scope.extend(Layer.build(runner(name, keys)), scope)
  return { name, services, stop: Scope.close(scope, Exit.void) }
})

/**
 * Two runners and a visitor on one embedded router. Answers which of them entities were found on, asked through one of the
 * two, and whether the site moved when its runner stopped.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const keys = yield* NodeKeyStore.transient
  const runners = [yield* start("one", keys), yield* start("two", keys)] as const
  const visitor = yield* Layer.build(NodeI2p.layerOnLocalRouter())

  const before = yield* Effect.provide(
    visit(keys, () => true),
    visitor
  )

  const guests = yield* Effect.provide(Guest.client, runners[0].services)
  // Each is on one of the two; asked through the first, those on the other are asked over I2P.
  const hosts = yield* Effect.forEach(Array.from({ length: 30 }), (_, index) => guests(`guest ${index}`).WhoHasMe(), {
    concurrency: 10
  }).pipe(
    Effect.map((names) => [...new Set(names)].sort()),
    // The second runner gets its share of the shards only when the first has noticed it.
    Effect.filterOrFail((names) => names.length === runners.length),
    Effect.retry(Schedule.spaced("200 millis"))
  )

  const serving = runners.find(({ name }) => before.endsWith(name))
  if (serving === undefined) return yield* Effect.fail(new Error(`unexpected answer: ${before}`))
  yield* serving.stop
  const after = yield* Effect.provide(
    visit(keys, (answer) => answer !== before),
    visitor
  )
  return `guests on ${hosts.join(" and ")}; the site ${after === before ? "stayed" : "moved"}`
}).pipe(
  Effect.scoped,
  Effect.provide(storage),
  Effect.provide(NodeI2p.layerLocalRouter({ link: { latencyMillis: 20 } }))
)
