/**
 * The layers below a command: a destination on the router that the settings name.
 *
 * @since 0.1.0
 */
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as SessionState from "@effect-i2p/i2cp/SessionState"
import * as NodeAddressBook from "@effect-i2p/platform-node/NodeAddressBook"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import type { LocalRouter } from "@effect-i2p/router/LocalRouter"
import type { Changes, StreamingOptions } from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Format from "../output/Format.js"
import { Output } from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import * as PerfProtocol from "../perf/PerfProtocol.js"
import * as PerfServer from "../perf/PerfServer.js"
import type { Settings } from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"
import { echoName } from "./Target.js"

/**
 * Streams of one destination on the chosen router, with our own address book. The embedded router comes with
 * {@link echoName}, so that there is somebody to talk to.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  settings: Settings,
  streaming: Changes<StreamingOptions> = {},
  session: Partial<I2cpConfig.Service> = {},
  watch: Watch.Options = Watch.nobody
) => Layer.provide(layerRouter(settings, streaming, session, watch), layerAddressBook(settings))

/**
 * The address book of `--hosts`; empty without.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAddressBook = (settings: Settings): Layer.Layer<never, NodeAddressBook.AddressBookError> =>
  settings.hosts === undefined ? Layer.empty : NodeAddressBook.layer(settings.hosts)

const layerRouter = (
  settings: Settings,
  streaming: Changes<StreamingOptions>,
  session: Partial<I2cpConfig.Service>,
  watch: Watch.Options
) => {
  const keys = settings.keys === undefined ? undefined : NodeKeyStore.file(settings.keys)
  const options = { keys, session: { nickname: "i2p command", ...session }, streaming }
  // Around our own destination and not around the echo's.
  return Layer.unwrapScoped(Effect.map(placeWithoutBook(settings), (place) => Watch.layer(place(options), watch)))
}

/**
 * Where destinations are made, with our own address book: all of them on one router, should it be the embedded one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const place = (settings: Settings) =>
  Effect.map(
    placeWithoutBook(settings),
    (place) =>
      <E = never>(options: NodeI2p.SessionOptions<E>) =>
        Layer.provide(place(options), layerAddressBook(settings))
  )

const placeWithoutBook = (settings: Settings) =>
  Effect.gen(function* () {
    const { router } = settings
    const withTunnels = <E>(options: NodeI2p.SessionOptions<E>) => ({
      ...options,
      session: { credentials: settings.credentials, ...settings.tunnels, ...options.session }
    })
    if (router._tag !== "Embedded") {
      const where = router._tag === "Several" ? router.routers : router
      return <E = never>(options: NodeI2p.SessionOptions<E>) =>
        NodeI2p.layer({ ...withTunnels(options), router: where })
    }
    const echoKeys = yield* NodeKeyStore.transient
    const local = yield* Layer.build(
      NodeI2p.layerLocalRouter({
        link: router.link.config,
        seed: router.link.seed,
        names: { [echoName]: echoKeys.destination }
      })
    )
    yield* Effect.provide(Layer.build(layerEcho(echoKeys)), local)
    return <E = never>(options: NodeI2p.SessionOptions<E>) =>
      Layer.provide(NodeI2p.layerOnLocalRouter(withTunnels(options)), Layer.succeedContext(local))
  })

/**
 * A destination on the embedded router that answers pings and `i2p perf`, and sends back what it is sent on every other
 * port.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEcho = (keys: DestinationKeys): Layer.Layer<never, never, LocalRouter> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const streams = yield* StreamManager
      yield* streams.ready
      yield* Effect.forkScoped(PerfServer.run(yield* streams.listen({ port: PerfProtocol.port })))
      const listener = yield* streams.listen()
      yield* Effect.forkScoped(
        listener.run((stream) =>
          Effect.ignore(Effect.zipRight(Stream.run(stream.readable, stream.writable), stream.close))
        )
      )
    })
  ).pipe(Layer.provide(NodeI2p.layerOnLocalRouter({ keys, session: { nickname: echoName } })), Layer.orDie)

/**
 * Waits until the tunnels are there, and shows what is going on to whoever is watching.
 *
 * @category running
 * @since 0.1.0
 */
export const ready = Effect.gen(function* () {
  const streams = yield* StreamManager
  const session = yield* I2cpSession.I2cpSession
  const { err } = yield* Output
  const state = Effect.map(session.state.get, (state) =>
    Format.truncate(`i2p: ${SessionState.progress(state)} …`, err.columns() - 1)
  )
  yield* Progress.during(streams.ready, err, state)
})
