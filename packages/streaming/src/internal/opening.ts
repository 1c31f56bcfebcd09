/**
 * Opens streams: those that we ask for, and those that a peer's SYN asks for.
 *
 * @since 0.1.0
 */
import { checkPort } from "@effect-i2p/i2cp/Ids"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import { shorten } from "@effect-i2p/wire/Text"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Core from "../core/Connection.js"
import * as Endpoint from "../core/Endpoint.js"
import type { Outcome } from "../core/State.js"
import * as Packet from "../Packet.js"
import * as StreamConnection from "../StreamConnection.js"
import {
  type ConnectError,
  ConnectRefused,
  ConnectTimedOut,
  DestinationUnreachable,
  TooManyStreams,
  TransportFailed
} from "../StreamError.js"
import * as StreamingConfig from "../StreamingConfig.js"
import type { Connections } from "./Connections.js"
import type { Configs } from "./configs.js"
import type { Connection, SessionServices } from "./connection/connection.js"
import type { Peer } from "./connection/peer.js"
import * as TcbCache from "./connection/tcbCache.js"
import type { Numbers } from "./numbers.js"
import * as Metering from "./observe/metering.js"
import { spanOf } from "./observe/tracing.js"

/**
 * What `connect` takes; every knob of a connection may be given for this one.
 */
export interface ConnectOptions extends StreamingConfig.Changes<StreamingConfig.ConnectionOptions> {
  /** A host name, b32 address, full Base64, or a destination. */
  readonly destination: string | Destination
  /** The peer's port; 0, the default, is "any". */
  readonly port?: number | undefined
  /**
   * Our port. Default: a random one of 49152 to 65535 that no stream of ours has (RFC 6335, dynamic ports), so that a
   * peer that tells its connections apart by ports can. 0 is "unspecified", which Java I2P and i2pd always send. We do
   * not tell streams apart by it: answers find their stream by its id, on whatever port they come.
   */
  readonly localPort?: number | undefined
  /** Bytes for the peer that travel with the SYN as far as they fit: no round trip before the request. */
  readonly initialData?: Uint8Array | undefined
  /** Time for look-up and opening together. Default `connectTimeout`. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * What it takes to open streams.
 */
export interface Parts {
  readonly options: StreamingConfig.StreamingOptions
  readonly session: SessionServices
  readonly connections: Connections
  readonly numbers: Numbers
  readonly configs: Configs
  readonly isClosing: () => boolean
}

const timedOut: Outcome = { _tag: "TimedOut", during: "connect" }

/**
 * Fails when our offline keys have expired: no peer would take what we sign.
 */
export const checkExpiry = ({
  clock,
  transport
}: SessionServices): Effect.Effect<void, DestinationKeys.OfflineKeysExpired> =>
  Effect.suspend(() => DestinationKeys.checkExpiry(transport.keys, clock.unsafeCurrentTimeMillis()))

/**
 * Opens a stream to a peer, which lives as long as the scope.
 */
export const connect = Effect.fn("StreamManager.connect")(function* (
  { configs, connections, isClosing, numbers, options, session }: Parts,
  request: ConnectOptions
): Effect.fn.Return<StreamConnection.StreamConnection, ConnectError, Scope.Scope> {
  const { timers, transport } = session
  yield* checkExpiry(session)
  const began = timers.now
  const merged = StreamingConfig.override(options, request)
  const localPort = checkPort(request.localPort ?? numbers.port())
  const remotePort = checkPort(request.port ?? 0)
  const timeout = Duration.decode(request.timeout ?? merged.connectTimeout)
  const deadline = began + Duration.toMillis(timeout)
  const name = typeof request.destination === "string" ? shorten(request.destination) : request.destination.short
  const onTimeout = (connection?: Connection) =>
    new ConnectTimedOut({ destination: name, millis: Duration.toMillis(timeout), trouble: connection?.trouble })
  const destination =
    typeof request.destination === "string"
      ? yield* Effect.timeoutFail(transport.lookup(request.destination), {
          duration: timeout,
          onTimeout: () => onTimeout()
        })
      : request.destination
  yield* Effect.annotateCurrentSpan(spanOf(destination, remotePort))
  if (isClosing()) return yield* closing()
  const path = connections.path()
  if (path === "Gone" || path === "Away") return yield* lost(path)
  if (!Endpoint.hasRoom(connections.endpoint)) {
    return yield* new TooManyStreams({ limit: options.maxConcurrentStreams })
  }
  const connectTimeout = Math.max(1, deadline - timers.now)
  const config = configs.of(merged)
  const initialData = (request.initialData ?? Bytes.empty).slice()
  const seed = yield* TcbCache.seed(connections.tcbCache, destination.b32, config, timers.now)
  const replayHash = Packet.replayHash(destination.hash)
  const own = { localStreamId: numbers.id(), timeout: connectTimeout, idleJitter: numbers.idleJitter(), seed }
  const [state, actions] = Core.open(config, { ...own, replayHash, initialData }, timers.now)
  const opening = {
    peer: { destination, localPort, remotePort },
    peerKey: destination.signingKey,
    state,
    actions,
    options: merged,
    initialBytes: initialData.length
  }
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(connections.open(opening), (connection) => {
      const owned = StreamConnection.make(connection)
      // The core keeps the same limit, but cannot when the transport makes its packets wait.
      const opened = timers.during(
        timers.now + connectTimeout,
        () => {
          connection.account.timedOut = connection.failOpening(timedOut)
        },
        connection.opened
      )
      return Effect.matchCauseEffect(restore(opened), {
        onSuccess: () => {
          Metering.open(connection.account, timers.now - began)
          // Not `Effect.addFinalizer`, which keeps all that its fiber knew, and a closure here what `connect` was given.
          return Effect.flatMap(Effect.scope, (scope) =>
            Effect.as(Scope.addFinalizerExit(scope, releaseOf(owned)), owned.connection)
          )
        },
        onFailure: (cause) => {
          const error = Cause.map(cause, (outcome) =>
            refusedBy(outcome, connection, { onTimeout, isClosing, path: connections.path })
          )
          // The peer has not answered, or not believed us. The fiber may wait for the transport, and then reads no command.
          const why = connection.account.timedOut
            ? Effect.zipRight(connections.abort(connection), checkExpiry(session))
            : owned.connection.reset
          return Effect.zipRight(why, Effect.failCause(error))
        }
      })
    })
  )
})

/** Made here, so that it keeps nothing but the stream. */
const releaseOf = (owned: StreamConnection.Owned) => (exit: Exit.Exit<unknown, unknown>) => owned.release(exit)

const closing = () =>
  new TransportFailed({ reason: "SessionClosed", detail: "the session of these streams is being closed" })

const lost = (path: "Gone" | "Away") =>
  path === "Away"
    ? new TransportFailed({
        reason: "RouterAway",
        detail: "the router has been away for longer than outageTimeout"
      })
    : new TransportFailed({ reason: "SessionFailed", detail: "the session with the router has failed or is closed" })

/** What an opening is refused with depends on why the session's side of it ended. */
interface Circumstances {
  readonly onTimeout: (connection: Connection) => ConnectTimedOut
  readonly isClosing: () => boolean
  readonly path: Connections["path"]
}

const refusedBy = (
  outcome: Outcome,
  connection: Connection,
  { isClosing, onTimeout, path }: Circumstances
): ConnectRefused | ConnectTimedOut | DestinationUnreachable | TransportFailed => {
  const { destination, remotePort } = connection.peer
  switch (outcome._tag) {
    case "Refused":
      return new ConnectRefused({ destination: destination.short, port: remotePort })
    case "TimedOut":
      return onTimeout(connection)
    case "Unreachable":
      return new DestinationUnreachable({ destination: destination.short, reason: outcome.reason })
    default:
      break
  }
  const why = connection.ended?.error?.reason
  switch (why) {
    case "SessionLost":
      return lost(path() === "Gone" ? "Gone" : "Away")
    case "BadSignatures": {
      const detail = `too many packets in the name of ${destination.short} had bad signatures`
      return new TransportFailed({ reason: why, detail })
    }
    case "Defect": {
      const detail = `the connection to ${destination.short} ended by an internal error`
      return new TransportFailed({ reason: why, detail })
    }
    default: {
      if (isClosing()) return closing()
      const detail = `the connection to ${destination.short} was ended here before it was open`
      return new TransportFailed({ reason: "Aborted", detail })
    }
  }
}

/**
 * Opens the stream that a first SYN asks for, whose signature has been checked. What overtook the SYN follows.
 */
export const accept = Effect.fnUntraced(function* (
  { configs, connections, numbers, session }: Parts,
  syn: Packet.Packet,
  peer: Peer,
  peerKey: PublicKey,
  options: StreamingConfig.ConnectionOptions
): Effect.fn.Return<StreamConnection.Owned> {
  const { timers } = session
  const { endpoint, tcbCache } = connections
  const config = configs.of(options)
  const seed = yield* TcbCache.seed(tcbCache, peer.destination.b32, config, timers.now)
  const own = { localStreamId: numbers.id(), idleJitter: numbers.idleJitter(), seed }
  const [state, actions] = Core.accept(config, { ...own, syn }, timers.now)
  const known = TcbCache.known(tcbCache, peer.destination)
  const connection = yield* connections.open({
    peer: { ...peer, destination: known },
    peerKey: peerKey === peer.destination.signingKey ? known.signingKey : peerKey,
    state,
    actions,
    options,
    initialBytes: 0,
    syn
  })
  Metering.open(connection.account)
  for (const early of Endpoint.takeEarly(endpoint, syn.receiveStreamId, timers.now)) {
    connection.receive(early.packet, early.bytes)
  }
  return StreamConnection.make(connection)
})
