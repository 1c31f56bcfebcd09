/**
 * A session or subsession by its id: what STREAM commands and datagrams that name it are given.
 */
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { Destination } from "@effect-i2p/wire/Destination"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Version } from "../core/Version.js"
import type * as SamCommand from "../SamCommand.js"
import * as SamDatagram from "../SamDatagram.js"
import * as SamReply from "../SamReply.js"
import type { Services } from "../SamSessions.js"
import type { Endpoint, SamUdpService } from "../SamUdp.js"
import type { Acceptor } from "./acceptor.js"
import { type Failed, failed } from "./failures.js"
import { frontOf } from "./front.js"
import type { RawReceivers, Sink } from "./raw.js"

/** A style that carries datagrams. */
export type DatagramStyle = "DATAGRAM" | "DATAGRAM2" | "DATAGRAM3" | "RAW"

/** What the client said of ports; 0 is the default of all but `protocol`. */
export interface Ports {
  readonly fromPort: number
  readonly toPort: number
  readonly protocol: number
  readonly listenPort: number
  readonly listenProtocol: number
}

export const portsOf = (command: SamCommand.Of<"SessionCreate"> | SamCommand.Of<"SessionAdd">): Ports => {
  const { fromPort = 0, protocol = Datagram.protocols.Raw, toPort = 0 } = command
  return {
    fromPort,
    toPort,
    protocol,
    listenPort: command.listenPort ?? fromPort,
    listenProtocol: command.listenProtocol ?? protocol
  }
}

/** **Shape** `ended` is done when the session ends, with why if nobody asked for it. `clients`: who may send by UDP. */
interface Common {
  readonly id: string
  readonly ports: Ports
  readonly ended: Deferred.Deferred<string | undefined>
  /** Everything on the session is in it. */
  readonly scope: Scope.Scope
  readonly destination: Destination
  readonly lookup: (name: string) => Effect.Effect<Destination, Failed>
}

export interface StreamSession extends Common {
  readonly _tag: "Stream"
  readonly streams: StreamManager["Type"]
  readonly acceptor: Acceptor
}

export interface DatagramSession extends Common {
  readonly _tag: "Datagram"
  readonly style: DatagramStyle
  readonly services: Services
  readonly clients: ReadonlyArray<string>
}

export interface PrimarySession extends Common {
  readonly _tag: "Primary"
  readonly services: Services
  readonly raw: RawReceivers
  /** Ids of subsessions by what they listen for. */
  readonly listening: Map<string, string>
}

export type Session = StreamSession | DatagramSession | PrimarySession

const formats = { DATAGRAM: "Datagram1", DATAGRAM2: "Datagram2", DATAGRAM3: "Datagram3" } as const

/** What two subsessions of one session must not both have. */
export const listeningOf = (style: SamCommand.Style, { listenPort, listenProtocol }: Ports): string =>
  style === "RAW" ? `${style} ${listenProtocol}:${listenPort}` : `${style} ${listenPort}`

export interface Sending {
  readonly destination: string
  readonly fromPort?: number | undefined
  readonly toPort?: number | undefined
  readonly protocol?: number | undefined
  readonly expires?: number | undefined
  readonly sendLeaseset?: boolean | undefined
}

/**
 * Largest payload.
 *
 * **Source** SAM V3 specification: raw datagrams "may be up to 32768 bytes", repliable ones 31,744.
 */
const maxPayload = (style: DatagramStyle): number => (style === "RAW" ? 32_768 : 31_744)

/** Sends a datagram as the session's style has it. */
export const send = (
  { ports, services, style }: DatagramSession,
  sending: Sending,
  payload: Uint8Array
): Effect.Effect<void, Failed> =>
  Effect.gen(function* () {
    if (payload.length === 0) return yield* Effect.fail(failed("I2P_ERROR", "a datagram has at least one byte"))
    if (payload.length > maxPayload(style)) {
      const message = `${payload.length} bytes are more than the ${maxPayload(style)} of a datagram`
      return yield* Effect.fail(failed("I2P_ERROR", message))
    }
    const clock = yield* Effect.clock
    const expiresAt =
      sending.expires === undefined || sending.expires === 0
        ? undefined
        : clock.unsafeCurrentTimeMillis() + sending.expires * 1000
    const sourcePort = sending.fromPort ?? ports.fromPort
    const port = sending.toPort ?? ports.toPort
    if (style !== "RAW") {
      return yield* services.datagrams.send({
        format: formats[style],
        to: frontOf(sending.destination),
        port,
        sourcePort,
        payload,
        expiresAt
      })
    }
    const protocol = sending.protocol ?? ports.protocol
    if (excludedProtocols.includes(protocol)) {
      return yield* Effect.fail(failed("I2P_ERROR", `PROTOCOL ${protocol} is for another style`))
    }
    const to = yield* services.session.lookup(frontOf(sending.destination))
    yield* services.session.send({
      to,
      protocol,
      sourcePort,
      destinationPort: port,
      payload,
      compress: true,
      expiresAt,
      bundleLeaseSet: sending.sendLeaseset
    })
  }).pipe(
    Effect.mapError((error) => {
      if (error._tag === "Failed") return error
      if (error._tag !== "LookupFailed") return failed("I2P_ERROR", error.message)
      return failed(error.reason === "BadAddress" ? "INVALID_KEY" : "CANT_REACH_PEER", error.message)
    })
  )

/** **Source** SAM V3 specification: "6, 17, 19, 20 not allowed". */
const excludedProtocols = [6, 17, 19, 20]

/** Where what arrives goes: to an address on UDP, or onto the control socket. */
export interface Delivery {
  readonly version: Version
  readonly udp: SamUdpService
  readonly to: Endpoint | undefined
  readonly header: boolean
  readonly say: (bytes: Uint8Array) => Effect.Effect<void>
}

/** Receives until the session's scope ends, which it is in. */
export const receive = (
  style: DatagramStyle,
  ports: Ports,
  { datagrams }: Services,
  raw: RawReceivers,
  delivery: Delivery
): Effect.Effect<void, never, Scope.Scope> => {
  if (style === "RAW") return raw.add(ports.listenProtocol, ports.listenPort, rawSink(delivery))
  const format = formats[style]
  return Effect.flatMap(datagrams.receive({ format, port: ports.listenPort }), (queue) =>
    Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(queue), (incoming) => deliver(delivery, incoming))))
  ).pipe(Effect.asVoid)
}

type Repliable = Exclude<Datagram.Incoming, { readonly _tag: "Raw" }>

const deliver = (delivery: Delivery, incoming: Repliable): Effect.Effect<void> => {
  const destination = incoming._tag === "Datagram3" ? encodeBase64(incoming.fromHash) : incoming.from.base64
  const { payload } = incoming
  const ports = portPairs(delivery, incoming.sourcePort, incoming.port)
  if (delivery.to !== undefined) {
    return delivery.udp.send(
      delivery.to,
      SamDatagram.withLine(SamReply.encode({ _tag: "Peer", destination, ...ports }), payload)
    )
  }
  const line = SamReply.encode({ _tag: "DatagramReceived", destination, size: payload.length, ...ports })
  return delivery.say(SamDatagram.withLine(line, payload))
}

const rawSink =
  (delivery: Delivery): Sink =>
  ({ destinationPort, payload, protocol, sourcePort }) => {
    const ports = portPairs(delivery, sourcePort, destinationPort)
    if (delivery.to !== undefined) {
      const line = `FROM_PORT=${sourcePort} TO_PORT=${destinationPort} PROTOCOL=${protocol}`
      return delivery.udp.send(delivery.to, delivery.header ? SamDatagram.withLine(line, payload) : payload)
    }
    const line = SamReply.encode({
      _tag: "RawReceived",
      size: payload.length,
      ...ports,
      ...(delivery.version >= 2 ? { protocol } : {})
    })
    return delivery.say(SamDatagram.withLine(line, payload))
  }

const portPairs = ({ version }: Delivery, fromPort: number, toPort: number) =>
  version >= 2 ? { fromPort, toPort } : {}
