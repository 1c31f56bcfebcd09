/**
 * The destinations of several tunnels: one session for each, and one embedded router for all of them if that is asked for.
 *
 * @since 0.1.0
 */
import * as Path from "node:path"
import type { I2cpError } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import type { Tunnel } from "@effect-i2p/platform/TunnelsConf"
import type { AddressBookError } from "@effect-i2p/platform-node/NodeAddressBook"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { CliError } from "../output/Failure.js"
import type { Settings } from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"
import * as Streams from "../stream/Streams.js"

/**
 * Tunnels that share a destination. The options of the session are those of the first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Group {
  readonly keys: DestinationKeys.DestinationKeys
  readonly tunnels: ReadonlyArray<Tunnel>
}

/**
 * Loads or makes the keys of each tunnel, and groups tunnels by destination. Paths are relative to `directory`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const group = (
  tunnels: ReadonlyArray<Tunnel>,
  directory: string
): Effect.Effect<ReadonlyArray<Group>, NodeKeyStore.KeyStoreError> =>
  Effect.gen(function* () {
    const transients = new Map<string, DestinationKeys.DestinationKeys>()
    const groups = new Map<
      string,
      { readonly keys: DestinationKeys.DestinationKeys; readonly tunnels: Array<Tunnel> }
    >()
    for (const tunnel of tunnels) {
      const { keys: source } = tunnel
      const make = generate(tunnel.signatureType)
      const keys =
        source._tag === "File"
          ? yield* fromFile(Path.resolve(directory, source.path), tunnel.signatureType)
          : (transients.get(source.name) ?? (yield* make))
      if (source._tag === "Transient") transients.set(source.name, keys)
      const { b32 } = keys.destination
      const together = groups.get(b32)
      if (together === undefined) groups.set(b32, { keys, tunnels: [tunnel] })
      else together.tunnels.push(tunnel)
    }
    return [...groups.values()]
  })

const generate = (type: number): Effect.Effect<DestinationKeys.DestinationKeys> =>
  Effect.gen(function* () {
    return DestinationKeys.generate(yield* SecureRandom, yield* Signatures, type)
  }).pipe(Effect.provide(NodeI2p.layerBackends))

const fromFile = (path: string, type: number) =>
  type === KeyType.Ed25519
    ? NodeKeyStore.file(path)
    : NodeKeyStore.load(path).pipe(
        Effect.catchIf(
          (error) => error.reason === "NotFound",
          () => Effect.tap(generate(type), (keys) => NodeKeyStore.save(path, keys))
        )
      )

/**
 * A destination that is up.
 *
 * **Shape** `streams` waits in `connect` until the tunnels of the router are there.
 */
interface Open {
  readonly streams: StreamManager["Type"]
  readonly session: I2cpSession.I2cpSession["Type"]
}

/**
 * A function that opens destinations, all of them on the router of the settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  settings: Settings,
  watch: Watch.Options
): Effect.Effect<
  (group: Group) => Effect.Effect<Open, I2cpError | AddressBookError | CliError, Scope.Scope>,
  never,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const place = yield* Streams.place(settings)
    return ({ keys, tunnels }) => {
      const { name, session, streaming } = tunnels[0]!
      const isClient = tunnels.every((tunnel) => "listen" in tunnel)
      const services = place({
        keys,
        session: { nickname: name, ...session },
        // Whoever only visits need not answer who asks. Source: i2pd, Java I2P.
        streaming: { ...(isClient ? { answerPings: false } : {}), ...streaming }
      })
      return Layer.build(Watch.layer(services, watch)).pipe(
        Effect.map((context) => {
          const manager = Context.get(context, StreamManager)
          return {
            streams: { ...manager, connect: (options) => Effect.zipRight(manager.ready, manager.connect(options)) },
            session: Context.get(context, I2cpSession.I2cpSession)
          }
        })
      )
    }
  })
