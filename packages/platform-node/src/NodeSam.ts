/**
 * The SAM bridge of `@effect-i2p/sam` on TCP and UDP of this machine, with sessions on a router.
 *
 * Listens on the loopback address unless told otherwise, and warns loudly then: whoever reaches the port can use the bridge,
 * and have it connect to any address (STREAM FORWARD) and send to any (HOST and PORT of a session).
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs/promises"
import * as Tls from "node:tls"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import type { TunnelError } from "@effect-i2p/platform/TunnelError"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Sam from "@effect-i2p/sam/Sam"
import { DialFailed, SamDial, type Target } from "@effect-i2p/sam/SamDial"
import * as SamSessions from "@effect-i2p/sam/SamSessions"
import * as SamSocket from "@effect-i2p/sam/SamSocket"
import { type Endpoint, SamUdp } from "@effect-i2p/sam/SamUdp"
import * as SamUsers from "@effect-i2p/sam/SamUsers"
import type * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { errorCode } from "./internal/errorCode.js"
import * as Meter from "./internal/meter.js"
import * as Udp from "./internal/samUdp.js"
import * as Tcp from "./internal/tcp.js"
import type * as NodeI2cp from "./NodeI2cp.js"
import * as NodeI2p from "./NodeI2p.js"

/**
 * Where to listen.
 *
 * **Shape** `listen` is the TCP address of control sockets, default 127.0.0.1:7656; `udp` that of datagrams, default
 * 127.0.0.1:7655, `false` for none. Port 0 takes a free one, see {@link Listening}.
 *
 * **Source** SAM V3 specification, "Default SAM Setup".
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  readonly listen?: Partial<Endpoint> | undefined
  readonly udp?: Partial<Endpoint> | false | undefined
}

/**
 * The addresses that a bridge got.
 *
 * @category tags
 * @since 0.1.0
 */
export class Listening extends Context.Tag("@effect-i2p/platform-node/NodeSam/Listening")<
  Listening,
  { readonly tcp: Endpoint; readonly udp: Endpoint | undefined }
>() {}

/** Where SAM is when nobody says. */
const defaultHost = "127.0.0.1"
const defaultPort = 7656
const defaultUdpPort = 7655

/**
 * What a bridge takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends ListenOptions, Partial<Sam.Options> {
  readonly users?: SamUsers.SamUsers | undefined
}

/**
 * A bridge that listens, over any sessions.
 *
 * **Errors** `TunnelError` when an address cannot be listened on.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Sam.Sam | Listening, TunnelError, SamSessions.SamSessions> => {
  const { listen, udp, ...bounds } = options
  return Layer.scopedContext(
    Effect.gen(function* () {
      const datagrams =
        udp === false
          ? undefined
          : yield* Udp.open({ host: udp?.host ?? listen?.host ?? defaultHost, port: udp?.port ?? defaultUdpPort })
      const sam = yield* Sam.make(bounds).pipe(
        Effect.provideService(SamDial, { connect: dial }),
        datagrams === undefined ? (self) => self : Effect.provideService(SamUdp, datagrams)
      )
      const at = { host: listen?.host ?? defaultHost, port: listen?.port ?? defaultPort }
      // One more than the bridge takes, so that it can say that it is full.
      const maxConnections = (bounds.maxSockets ?? Sam.defaults.maxSockets) + spareSockets
      const tcp = yield* Tcp.serve(at, maxConnections, Meter.make(), (connection) =>
        Effect.scoped(
          Effect.flatMap(ofConnection(connection), (socket) =>
            sam.serve(socket, Udp.plainAddress(connection.socket.remoteAddress ?? defaultHost))
          )
        )
      )
      yield* Effect.forEach([tcp, datagrams?.address], warn, { discard: true })
      return Context.make(Sam.Sam, sam).pipe(Context.add(Listening, { tcp, udp: datagrams?.address }))
    })
  ).pipe(Layer.provide(NodeI2p.layerBackends))
}

/** Connections that are only told that there are too many. Ours. */
const spareSockets = 64

const warn = (at: Endpoint | undefined): Effect.Effect<void> =>
  at === undefined || RouterAddress.isLoopback(at.host)
    ? Effect.void
    : Effect.logWarning(
        `the SAM bridge listens on ${Tcp.format(at)}, which is not this machine alone: whoever reaches it can use your ` +
          "router, and connect and send from this machine; set users, and a firewall"
      ).pipe(Effect.annotateLogs({ package: "platform-node", module: "NodeSam" }))

const ofConnection = (connection: Tcp.Connection): Effect.Effect<SamSocket.SamSocket, never, Scope.Scope> => {
  const broken = ({ message }: Tcp.TcpBroken) => new SamSocket.SocketBroken({ detail: message })
  return SamSocket.make({
    read: Effect.mapError(connection.read, broken),
    broken: Effect.mapError(connection.broken, broken),
    write: (bytes) => Effect.mapError(connection.write([bytes]), broken),
    end: connection.end,
    reset: connection.reset
  })
}

const dial = ({ host, port, ssl }: Target): Effect.Effect<SamSocket.SamSocket, DialFailed, Scope.Scope> =>
  // The bridge has its own, shorter timeout.
  (ssl ? connectTls({ host, port }) : Tcp.connect({ host, port }, { timeoutMillis: dialMillis })).pipe(
    Effect.mapError(({ message }) => new DialFailed({ host, port, detail: message })),
    Effect.flatMap(ofConnection)
  )

const dialMillis = 60_000

/** A client's own server, on a certificate of its own: there is nobody to vouch for it. */
const connectTls = (to: Endpoint): Effect.Effect<Tcp.Connection, Tcp.TcpBroken, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Tcp.Connection, Tcp.TcpBroken>((resume) => {
      const socket = Tls.connect({ host: to.host, port: to.port, rejectUnauthorized: false })
      const connection = Tcp.fromSocket(socket)
      socket.once("error", (error) => resume(new Tcp.TcpBroken({ code: errorCode(error) || "closed" })))
      socket.once("secureConnect", () => resume(Effect.succeed(connection)))
      return Effect.sync(() => socket.destroy())
    }).pipe(Effect.interruptible),
    ({ socket }) => Effect.sync(() => socket.destroySoon())
  )

/**
 * What every session of a bridge has, besides what its client asks for, which wins.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions {
  readonly session?: Partial<I2cpConfig.Service> | undefined
  readonly streaming?: StreamingConfig.Changes<StreamingConfig.StreamingOptions> | undefined
}

const merged = ({ keys, session, streaming }: SamSessions.Request, common: SessionOptions) => ({
  keys,
  session: {
    ...common.session,
    ...session,
    options: { ...common.session?.options, ...session.options }
  },
  streaming: { ...common.streaming, ...streaming }
})

/**
 * Sessions on the router at `router`, as `NodeI2p.layer` has it: each on a connection of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSessions = (
  options: SessionOptions & {
    readonly router?: NodeI2cp.Options | Arr.NonEmptyReadonlyArray<NodeI2cp.Options> | undefined
  } = {}
): Layer.Layer<SamSessions.SamSessions> =>
  Layer.succeed(
    SamSessions.SamSessions,
    SamSessions.fromLayers((request) => NodeI2p.layer({ ...merged(request, options), router: options.router }))
  )

/**
 * Sessions on an embedded router that exists already.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSessionsOnLocalRouter = (
  options: SessionOptions = {}
): Layer.Layer<SamSessions.SamSessions, never, LocalRouter.LocalRouter> =>
  Layer.effect(
    SamSessions.SamSessions,
    Effect.map(LocalRouter.LocalRouter, (router) =>
      SamSessions.fromLayers((request) =>
        Layer.provide(
          NodeI2p.layerOnLocalRouter(merged(request, options)),
          Layer.succeed(LocalRouter.LocalRouter, router)
        )
      )
    )
  )

/**
 * A bridge on the router at `router`, 127.0.0.1:7654 unless told otherwise.
 *
 * @example
 * ```ts
 * import * as NodeSam from "@effect-i2p/platform-node/NodeSam"
 * import * as Layer from "effect/Layer"
 *
 * const program = Layer.launch(NodeSam.layerRouter({ router: "127.0.0.1:7654" }))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouter = (
  options: Options & Parameters<typeof layerSessions>[0] = {}
): Layer.Layer<Sam.Sam | Listening, TunnelError> => {
  const { router, session, streaming, ...rest } = options
  return Layer.provide(layer(rest), layerSessions({ router, session, streaming }))
}

/** A file that many users make is still small. Ours. */
const maxFileBytes = 1_048_576

const decodeStored = Schema.decodeUnknown(Schema.parseJson(SamUsers.Stored))

/**
 * Users who are kept in a file: names and salted hashes, as JSON, readable for its owner only. AUTH writes it.
 *
 * **Errors** `UserError` for a file that is there and cannot be read, or is none of users.
 *
 * @category constructors
 * @since 0.1.0
 */
export const usersFile = (
  path: string,
  users: NonNullable<Parameters<typeof SamUsers.make>[0]>["users"] = []
): Effect.Effect<SamUsers.SamUsers, SamUsers.UserError> =>
  Effect.gen(function* () {
    const notKept = (error: unknown) =>
      new SamUsers.UserError({
        reason: "NotKept",
        detail: `users in ${path}: ${error instanceof Error ? error.message : String(error)}`
      })
    const text = yield* Effect.tryPromise({
      try: async () => {
        try {
          if ((await Fs.stat(path)).size > maxFileBytes) throw new Error(`more than ${maxFileBytes} bytes`)
          return await Fs.readFile(path, "utf8")
        } catch (error) {
          if (errorCode(error) === "ENOENT") return undefined
          throw error
        }
      },
      catch: notKept
    })
    const stored = text === undefined ? undefined : yield* Effect.mapError(decodeStored(text), notKept)
    return yield* SamUsers.make({
      users,
      stored,
      onChange: (changed) =>
        Effect.tryPromise({
          try: async () => {
            // Whole or not at all: a half-written file would lock everybody out.
            const next = `${path}.new`
            await Fs.writeFile(next, `${JSON.stringify(changed, undefined, 2)}\n`, { mode: 0o600 })
            await Fs.rename(next, path)
          },
          catch: notKept
        })
    })
  })
