/**
 * Makes sessions and subsessions of what clients say.
 */
import * as SessionState from "@effect-i2p/i2cp/SessionState"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Control from "../core/Control.js"
import type { Version } from "../core/Version.js"
import type * as SamCommand from "../SamCommand.js"
import type { Services } from "../SamSessions.js"
import { Acceptor } from "./acceptor.js"
import type { Bridge } from "./bridge.js"
import { type Failed, failed, ofLookup, ofSession } from "./failures.js"
import { RawReceivers } from "./raw.js"
import * as Session from "./session.js"
import * as SessionOptions from "./sessionOptions.js"

/** Who asks: where datagrams go by default, and what writes on the control socket. */
export interface Client {
  readonly host: string
  readonly version: Version
  readonly say: (bytes: Uint8Array) => Effect.Effect<void>
}

/** A new destination of a type, or why there is none. */
export const generate = (bridge: Bridge, type: number): Either.Either<DestinationKeys.DestinationKeys, string> =>
  Either.match(Signatures.generate(type, bridge.random), {
    onLeft: () =>
      Either.left(`SIGNATURE_TYPE ${KeyType.signingTypeName(type)} cannot be made here: use 7, EdDSA_SHA512_Ed25519`),
    onRight: (signingKey) =>
      Either.right(DestinationKeys.fromSigningKey(signingKey, bridge.random.bytes(32), bridge.signatures))
  })

const keysOf = (
  bridge: Bridge,
  { destination, signatureType = Control.defaultSignatureType, style }: SamCommand.Of<"SessionCreate">
): Either.Either<DestinationKeys.DestinationKeys, Failed> => {
  if (destination === "TRANSIENT") {
    return Either.mapLeft(generate(bridge, signatureType), (message) => failed("I2P_ERROR", message))
  }
  return Either.mapLeft(DestinationKeys.fromBase64(Redacted.make(destination)), ({ message }) =>
    failed("INVALID_KEY", `DESTINATION is not a private key: ${message}`)
  ).pipe(
    Either.filterOrLeft(
      ({ offline }) => offline === undefined || style !== "DATAGRAM",
      () => failed("I2P_ERROR", "DATAGRAM has no room for the transient key of offline keys: use STYLE=DATAGRAM2")
    )
  )
}

/** Everything of a session is in `scope`; a caller that fails closes it. */
export const create = (
  bridge: Bridge,
  client: Client,
  command: SamCommand.Of<"SessionCreate">,
  scope: Scope.Scope
): Effect.Effect<{ readonly session: Session.Session; readonly privateKey: string }, Failed> =>
  Effect.gen(function* () {
    const { id, style } = command
    const parsed = yield* Either.mapLeft(SessionOptions.parse(command.options, id), (message) =>
      failed("I2P_ERROR", message)
    )
    yield* checkDelivery(bridge, command)
    const keys = yield* keysOf(bridge, command)
    yield* bridge.registry.reserve(id, keys.destination.b32)
    yield* Effect.forEach(
      parsed.ignored,
      ({ name, reason }) => Effect.logDebug(`session ${id}: option ${name} does nothing: ${reason}`),
      { discard: true }
    )
    const services = yield* Effect.mapError(
      bridge.sessions.make({ keys, session: parsed.session, streaming: parsed.streaming }),
      ofSession
    )
    yield* Effect.mapError(services.session.ready, ofSession)
    const ended = yield* Deferred.make<string | undefined>()
    yield* watch(services, ended)
    const ports = Session.portsOf(command)
    const privateKey = Redacted.value(DestinationKeys.toBase64(keys))
    const raw = new RawReceivers(services.session, scope)
    const session: Session.Session =
      style === "PRIMARY" || style === "MASTER"
        ? {
            _tag: "Primary",
            id,
            ports,
            ended,
            scope,
            ...facts(services),
            services,
            raw,
            listening: new Map()
          }
        : yield* carrier(bridge, client, { id, style, ports, ended, scope, services, raw, command })
    bridge.registry.set(session)
    yield* Effect.addFinalizer(() => Deferred.succeed(ended, undefined))
    return { session, privateKey }
  }).pipe(Scope.extend(scope))

/** A subsession of a session with STYLE=PRIMARY; everything of it is in `scope`. */
export const add = (
  bridge: Bridge,
  client: Client,
  primary: Session.PrimarySession,
  command: SamCommand.Of<"SessionAdd">,
  scope: Scope.Scope
): Effect.Effect<void, Failed> =>
  Effect.gen(function* () {
    const { id, style } = command
    yield* checkDelivery(bridge, command)
    if (style === "DATAGRAM" && primary.services.session.keys.offline !== undefined) {
      const message = "DATAGRAM has no room for the transient key of offline keys: use STYLE=DATAGRAM2"
      return yield* Effect.fail(failed("I2P_ERROR", message))
    }
    const ports = Session.portsOf(command)
    const listening = Session.listeningOf(style, ports)
    const other = primary.listening.get(listening)
    if (other !== undefined) {
      const message = `subsession ${other} listens for ${listening} already: give each its own LISTEN_PORT`
      return yield* Effect.fail(failed("I2P_ERROR", message))
    }
    yield* bridge.registry.reserve(id, undefined)
    yield* Effect.acquireRelease(
      Effect.sync(() => primary.listening.set(listening, id)),
      () => Effect.sync(() => primary.listening.delete(listening))
    )
    const ended = yield* Deferred.make<string | undefined>()
    const { raw, services } = primary
    const session = yield* carrier(bridge, client, { id, style, ports, ended, scope, services, raw, command })
    bridge.registry.set(session)
    yield* Effect.addFinalizer(() => Deferred.succeed(ended, undefined))
  }).pipe(Scope.extend(scope))

interface Parts {
  readonly id: string
  readonly style: Exclude<SamCommand.Style, "PRIMARY" | "MASTER">
  readonly ports: Session.Ports
  readonly ended: Deferred.Deferred<string | undefined>
  readonly scope: Scope.Scope
  readonly services: Services
  readonly raw: RawReceivers
  readonly command: SamCommand.Of<"SessionCreate"> | SamCommand.Of<"SessionAdd">
}

/** What carries streams or datagrams, listening for the latter already. */
const carrier = (
  bridge: Bridge,
  client: Client,
  { command, ended, id, ports, raw, scope, services, style }: Parts
): Effect.Effect<Session.Session, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (style === "STREAM") {
      // A session of its own takes every port unless told; a subsession that of its FROM_PORT.
      const port = command._tag === "SessionAdd" ? ports.listenPort : (command.listenPort ?? 0)
      return streamSession(bridge, { id, ports, ended, scope, ...facts(services), streams: services.streams, port })
    }
    const { counters, udp } = bridge
    const to = command.port === undefined ? undefined : { host: command.host ?? client.host, port: command.port }
    // Port 0 is what clients say that only send (@diva.exchange/i2p-sam 5.5.2): nothing can be delivered there.
    if (command.port !== 0) {
      const counted = <A>(effect: Effect.Effect<A>) =>
        Effect.zipRight(
          Effect.sync(() => counters.datagramsReceived++),
          effect
        )
      yield* Session.receive(style, ports, services, raw, {
        version: client.version,
        udp: { ...udp, send: (to, bytes) => counted(udp.send(to, bytes)) },
        to,
        header: command.header === true,
        say: (bytes) => counted(client.say(bytes))
      })
    }
    const clients = command.host === undefined ? [client.host] : [client.host, command.host]
    return { _tag: "Datagram", id, style, ports, ended, scope, ...facts(services), services, clients }
  })

/** What every session can be asked. */
const facts = ({ session }: Services) => ({
  destination: session.destination,
  lookup: (name: string) => Effect.mapError(session.lookup(name), ofLookup)
})

/** A session that carries streams. */
export const streamSession = (
  { bounds }: Pick<Bridge, "bounds">,
  { port, ...session }: Omit<Session.StreamSession, "_tag" | "acceptor"> & { readonly port: number }
): Session.StreamSession => {
  const { scope, streams } = session
  const acceptor = new Acceptor({
    streams,
    port,
    scope,
    maxAccepts: bounds.maxAccepts,
    linger: bounds.acceptLinger
  })
  return { ...session, _tag: "Stream", acceptor }
}

const checkDelivery = (
  { udp }: Bridge,
  { port, style }: SamCommand.Of<"SessionCreate"> | SamCommand.Of<"SessionAdd">
): Effect.Effect<void, Failed> =>
  port !== undefined && style !== "STREAM" && !udp.isOpen
    ? Effect.fail(failed("I2P_ERROR", "this bridge has no UDP port: leave PORT out to get datagrams on this socket"))
    : Effect.void

/** Tells when the session is lost for good; what happens to its router in between is nobody's business. */
const watch = (
  { session }: Services,
  ended: Deferred.Deferred<string | undefined>
): Effect.Effect<void, never, Scope.Scope> =>
  session.state.changes.pipe(
    Stream.filter(SessionState.is("Failed")),
    Stream.runForEach(({ reason }) => Deferred.succeed(ended, `the session is lost: ${reason.message}`)),
    Effect.forkScoped,
    Effect.asVoid
  )
