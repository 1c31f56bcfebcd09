/**
 * Where attacks take place: three destinations on an embedded router, all of them complete. Bob is the victim and offers an
 * echo, a reader who never reads, an endless source and a sink; Alice has a stream to the echo, whose round trips tell what
 * becomes of others; Mallory has a bare I2CP session, knows the protocol, and sends what he likes.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import * as Datagrams from "@effect-i2p/i2cp/Datagrams"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Message from "@effect-i2p/i2cp/Message"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Packet from "@effect-i2p/streaming/Packet"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * A client's connection to its router with somebody in the middle, who reads along and puts frames in. It relies on the
 * embedded router's chunks, which are whole frames.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tap {
  readonly socket: Socket.Socket
  readonly sessionId: () => number
  /** As if the router had sent it. */
  readonly toClient: (bytes: Uint8Array) => void
  /** Lease sets that the client has signed for its router. */
  readonly leaseSets: () => number
  /** As if the client had sent it. */
  readonly toRouter: (bytes: Uint8Array) => Effect.Effect<void>
}

/** Types of messages. Source: I2CP specification. */
const sessionStatus = 20
const createLeaseSet2 = 41

const tap = (inner: Socket.Socket): Tap => {
  let sessionId = 0
  let leaseSets = 0
  let deliver: (bytes: Uint8Array) => unknown = () => undefined
  let write: (bytes: Uint8Array) => Effect.Effect<unknown, unknown> = () => Effect.void
  const run: Socket.Socket["run"] = (handler, options) => {
    const framer = new Framer.Framer("ToClient")
    deliver = handler
    return inner.run((chunk) => {
      framer.push(chunk, (type, body) => {
        if (type !== sessionStatus) return
        const status = Message.decode(type, body)
        if (Either.isRight(status) && status.right._tag === "SessionStatus") sessionId = status.right.sessionId
      })
      return handler(chunk)
    }, options)
  }
  return {
    socket: Socket.Socket.of({
      [Socket.TypeId]: Socket.TypeId,
      run,
      runRaw: inner.runRaw,
      writer: Effect.map(inner.writer, (writer) => {
        const framer = new Framer.Framer("ToRouter")
        write = writer
        return (chunk) => {
          if (chunk instanceof Uint8Array) {
            framer.push(chunk, (type) => {
              if (type === createLeaseSet2) leaseSets += 1
            })
          }
          return writer(chunk)
        }
      })
    }),
    sessionId: () => sessionId,
    leaseSets: () => leaseSets,
    toClient: (bytes) => void deliver(bytes),
    toRouter: (bytes) => Effect.ignore(Effect.suspend(() => write(bytes)))
  }
}

/**
 * Ports of Bob's: `echo` sends back, `deaf` never reads, `source` writes without end, `sink` reads everything, `shut` has
 * no listener; at `datagrams` Bob takes signed ones.
 *
 * @since 0.1.0
 * @category constants
 */
export const ports = { echo: 7, deaf: 8, source: 9, sink: 10, shut: 11, datagrams: 12 } as const

/**
 * How a packet is signed: not at all, or as one that names its sender.
 *
 * @since 0.1.0
 * @category models
 */
export type Signing = "none" | "signature" | "identity"

/**
 * Ids of a stream as its attacker sees them: `theirs` is Bob's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ids {
  readonly own: number
  readonly theirs: number
}

/**
 * What Mallory can do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mallory {
  readonly keys: DestinationKeys.DestinationKeys
  readonly tap: Tap
  /** Packets and bytes that came back. */
  readonly received: { packets: number; bytes: number }
  readonly sent: { packets: number; bytes: number }
  /** Nothing leaves, to tell what the making of messages costs. */
  isMuted: boolean
  /** The latest packet that came back. */
  readonly latest: () => Packet.Packet | undefined
  /** A packet as bytes. */
  readonly packet: (fields: Partial<Packet.Packet>, signing?: Signing) => Uint8Array
  readonly send: (bytes: Uint8Array, port?: number) => Effect.Effect<void>
  /** Any envelope, past the session's own checks. */
  readonly sendEnvelope: (envelope: Uint8Array) => Effect.Effect<void>
  /** A Datagram1, whatever it is. */
  readonly sendDatagram: (bytes: Uint8Array) => Effect.Effect<void>
  /** A first SYN to Bob, signed and sound. */
  readonly syn: (fields?: Partial<Packet.Packet>, as?: DestinationKeys.DestinationKeys) => Uint8Array
  /** Opens a stream as anybody would. */
  readonly open: (port: number) => Effect.Effect<Ids>
}

/**
 * Everybody.
 *
 * @since 0.1.0
 * @category models
 */
export interface World {
  readonly router: LocalRouter.LocalRouter["Type"]
  readonly bob: StreamManager["Type"]
  readonly bobSession: I2cpSession.Service
  readonly bobTap: Tap
  readonly alice: StreamManager["Type"]
  /** Alice's stream to the echo. */
  readonly stream: StreamConnection
  /** Bob's id of it. */
  readonly streamIds: Ids
  readonly mallory: Mallory
  /** Milliseconds since 1970, by everybody's clock. */
  readonly now: () => number
}

/** Keys of a name: the same in each run. */
const keysOf = (name: string, type: number = KeyType.Ed25519) =>
  DestinationKeys.generate(SecureRandom.makeSeeded(`abuse ${name}`), Signatures.noble, type)

/** One way, in ms. */
const latencyMillis = 25

const protocol = 6

const join = Effect.fnUntraced(function* (router: LocalRouter.LocalRouter["Type"], name: string, type?: number) {
  const line = tap(yield* router.connect)
  const keys = keysOf(name, type)
  const session = yield* Layer.build(
    Layer.fresh(
      I2cpSession.layer({ keys }).pipe(
        Layer.provide(Layer.succeed(Socket.Socket, line.socket)),
        // No jitter: a run is to be the same each time.
        Layer.provide(I2cpConfig.layer({ reconnect: Schedule.spaced("1 second"), renewEncryptionKey: false }))
      )
    )
  ).pipe(Effect.map(Context.get(I2cpSession.I2cpSession)), Effect.orDie)
  yield* Effect.orDie(session.ready)
  return { keys, line, session }
})

const streamsOf = (session: I2cpSession.Service, options: StreamingConfig.Changes<StreamingConfig.StreamingOptions>) =>
  Layer.build(
    StreamManager.layerI2cp().pipe(
      Layer.provide(Layer.succeed(I2cpSession.I2cpSession, session)),
      Layer.provide(StreamingConfig.layer({ shutdownTimeout: "100 millis", ...options }))
    )
  ).pipe(Effect.map(Context.get(StreamManager)))

const offer = Effect.fnUntraced(function* (bob: StreamManager["Type"]) {
  const handlers: ReadonlyArray<readonly [number, (stream: StreamConnection) => Effect.Effect<unknown, unknown>]> = [
    [ports.echo, (stream) => Stream.run(stream.readable, stream.writable)],
    [ports.deaf, () => Effect.never],
    [ports.source, (stream) => Effect.forever(stream.write(new Uint8Array(16_384)))],
    [ports.sink, (stream) => Stream.runDrain(stream.readable)]
  ]
  for (const [port, handler] of handlers) {
    const listener = yield* Effect.orDie(bob.listen({ port }))
    yield* Effect.forkScoped(listener.run((stream) => Effect.ignore(handler(stream))))
  }
})

/** Signs with the signature's own bytes zero, as the specification has it. */
const seal = (
  fields: Partial<Packet.Packet>,
  signing: Signing,
  keys: DestinationKeys.DestinationKeys,
  signatures: Signatures.Service
) => {
  if (signing === "none") return Packet.encode(Packet.make(fields))
  const length = KeyType.signatureLength(keys.destination.signingKey.type) ?? 0
  const packet = Packet.make({
    ...fields,
    ...(signing === "identity" ? { from: keys.destination } : undefined),
    signature: new Uint8Array(length)
  })
  const bytes = Packet.encode(packet)
  bytes.set(
    Either.getOrThrow(signatures.sign(keys.signingKey, bytes, SecureRandom.system)),
    Packet.signatureOffset(packet)
  )
  return bytes
}

const makeMallory = Effect.fnUntraced(function* (
  router: LocalRouter.LocalRouter["Type"],
  bob: StreamManager["Type"],
  type: number | undefined
) {
  const { keys, line, session } = yield* join(router, "mallory", type)
  const signatures = yield* Signatures.Signatures
  const incoming = yield* session.subscribe(protocol)
  const received = { packets: 0, bytes: 0 }
  const sent = { packets: 0, bytes: 0 }
  const synAcks = yield* Queue.sliding<Packet.Packet>(64)
  let latest: Packet.Packet | undefined
  yield* Queue.take(incoming).pipe(
    Effect.tap(({ payload }) => {
      received.packets += 1
      received.bytes += payload.length
      latest = Either.getOrUndefined(Packet.decode(payload))
      return latest !== undefined && Packet.has(latest, Packet.SYNCHRONIZE) ? Queue.offer(synAcks, latest) : Effect.void
    }),
    Effect.forever,
    Effect.forkScoped
  )
  const packet = (fields: Partial<Packet.Packet>, signing: Signing = "none", as = keys) =>
    seal(fields, signing, as, signatures)
  const send: Mallory["send"] = (payload, port = ports.echo) =>
    Effect.suspend(() => {
      if (mallory.isMuted) return Effect.void
      sent.packets += 1
      sent.bytes += payload.length
      const to = bob.destination
      return Effect.ignore(
        session.send({ to, protocol, sourcePort: 1, destinationPort: port, payload, whenFull: "wait" })
      )
    })
  const sendEnvelope: Mallory["sendEnvelope"] = (envelope) =>
    Effect.suspend(() => {
      if (mallory.isMuted) return Effect.void
      sent.packets += 1
      sent.bytes += envelope.length
      const message = { _tag: "SendMessage", sessionId: line.sessionId(), destination: bob.destination } as const
      return line.toRouter(Message.encode({ ...message, payload: envelope, nonce: 0 }))
    })
  let own = 1
  const syn: Mallory["syn"] = (fields = {}, as = keys) =>
    packet(
      {
        receiveStreamId: own,
        nacks: Packet.replayHash(bob.destination.hash),
        flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
        maxPacketSize: 1812,
        ...fields
      },
      "identity",
      as
    )
  const open: Mallory["open"] = (port) =>
    Effect.gen(function* () {
      own += 1
      const id = own
      yield* send(syn(), port)
      for (;;) {
        const answer = yield* Queue.take(synAcks)
        if (answer.sendStreamId !== id) continue
        yield* send(packet({ sendStreamId: answer.receiveStreamId, receiveStreamId: id }), port)
        return { own: id, theirs: answer.receiveStreamId }
      }
    })
  const sendDatagram: Mallory["sendDatagram"] = (payload) =>
    Effect.suspend(() => {
      if (mallory.isMuted) return Effect.void
      sent.packets += 1
      sent.bytes += payload.length
      return Effect.ignore(
        session.send({
          to: bob.destination,
          protocol: Datagram.protocols.Datagram1,
          sourcePort: 1,
          destinationPort: ports.datagrams,
          payload,
          whenFull: "wait"
        })
      )
    })
  const mallory: Mallory = {
    isMuted: false,
    keys,
    tap: line,
    received,
    sent,
    latest: () => latest,
    packet,
    send,
    sendEnvelope,
    sendDatagram,
    syn,
    open
  }
  return mallory
})

/**
 * Everybody at their places, and Alice's stream open. `malloryType` is the signature type of Mallory's keys.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: StreamingConfig.Changes<StreamingConfig.StreamingOptions> = {},
  malloryType?: number | undefined
): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const router = yield* LocalRouter.make({ link: { latencyMillis } })
    const victim = yield* join(router, "bob")
    const bob = yield* streamsOf(victim.session, options)
    yield* offer(bob)
    const datagrams = yield* Effect.provideService(
      Datagrams.make({ senderKeyTypes: options.callerKeyTypes ?? Datagrams.defaults.senderKeyTypes }),
      I2cpSession.I2cpSession,
      victim.session
    )
    yield* datagrams.receive({ format: "Datagram1", port: ports.datagrams })
    const visitor = yield* join(router, "alice")
    const alice = yield* streamsOf(visitor.session, {})
    const stream = yield* Effect.orDie(alice.connect({ destination: bob.destination, port: ports.echo }))
    yield* echo(stream)
    const { remoteStreamId } = yield* stream.stats
    return {
      router,
      bob,
      bobSession: victim.session,
      bobTap: victim.line,
      alice,
      stream,
      streamIds: { own: stream.localStreamId, theirs: remoteStreamId },
      mallory: yield* makeMallory(router, bob, malloryType),
      now: () => clock.unsafeCurrentTimeMillis()
    }
  })

const question = new Uint8Array(100).fill(1)

/**
 * One round trip of a hundred bytes, in ms; infinite when the stream is lost, something else comes back, or nothing within
 * a minute.
 *
 * @since 0.1.0
 * @category measuring
 */
export const echo = (stream: StreamConnection): Effect.Effect<number> =>
  Effect.clockWith((clock) =>
    Effect.gen(function* () {
      const before = clock.unsafeCurrentTimeNanos()
      yield* stream.write(question)
      for (let missing = question.length; missing > 0; ) {
        const answer = yield* stream.read
        if (Option.isNone(answer) || answer.value.some((byte) => byte !== 1)) return Number.POSITIVE_INFINITY
        missing -= answer.value.length
      }
      return Number(clock.unsafeCurrentTimeNanos() - before) / 1e6
    }).pipe(
      Effect.timeoutTo({
        duration: "1 minute",
        onSuccess: (millis) => millis,
        onTimeout: () => Number.POSITIVE_INFINITY
      }),
      Effect.orElseSucceed(() => Number.POSITIVE_INFINITY)
    )
  )
