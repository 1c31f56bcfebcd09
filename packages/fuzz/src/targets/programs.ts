/**
 * Whole stacks on simulated time, with somebody at the other end who sends bytes: a client to the embedded router, a
 * router to a session of ours, a peer to our streams. Signatures count as good where what lies behind is to be reached.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Message from "@effect-i2p/i2cp/Message"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Defects from "../Defects.js"
import { Finding, must, type Target, utf8 } from "../Target.js"
import * as I2cp from "./i2cp.js"
import * as Samples from "./samples.js"

const simulated = <A, E>(self: Effect.Effect<A, E, Scope.Scope>, signatures: Signatures.Service): Effect.Effect<void> =>
  self.pipe(
    Effect.provide([Layer.succeed(Signatures.Signatures, signatures), SecureRandom.layerSeeded(1)]),
    Effect.withRandom(Random.make(1)),
    Defects.noneIn,
    (effect) => SimulatedTime.run(effect),
    Effect.catchAll((error) => Effect.die(error)),
    Effect.asVoid
  )

/** The first byte says how large the pieces of the rest are. */
const piecesOf = (input: Uint8Array): ReadonlyArray<Uint8Array> => {
  const rest = input.subarray(1)
  const size = 1 + (input[0] ?? 0) * 8
  return Array.from({ length: Math.ceil(rest.length / size) }, (_, n) => rest.subarray(n * size, (n + 1) * size))
}

/** A client that writes pieces a millisecond apart, waits a second and hangs up; answers with what it got. */
const clientOf = (router: LocalRouter.LocalRouter["Type"], pieces: ReadonlyArray<Uint8Array>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const socket = yield* router.connect
      const got: Array<number> = []
      const framer = new Framer.Framer("ToClient")
      let error: Framer.FrameError | undefined
      const reading = socket.run((bytes) => {
        error = framer.push(bytes, (type) => got.push(type))
      })
      const write = yield* socket.writer
      const writing = Effect.forEach(pieces, (piece) => Effect.zipRight(write(piece), Effect.sleep(1)), {
        discard: true
      })
      // Writing waits for a new connection once this one has ended.
      yield* Effect.ignore(Effect.raceFirst(reading, Effect.zipRight(writing, Effect.sleep("1 second"))))
      must(error === undefined, "the router writes frames that are none")
      return got
    })
  )

const preamble = Uint8Array.of(Framer.PREAMBLE)
const askDate = [preamble, Message.encode({ _tag: "GetDate", version: "0.9.67" })]

const checkRouter = (input: Uint8Array): Effect.Effect<void> =>
  simulated(
    Effect.gen(function* () {
      const router = yield* LocalRouter.make()
      yield* clientOf(router, [preamble, ...piecesOf(input)])
      // Leases, look-ups and last words have their times.
      yield* Effect.sleep("1 minute")
      const { connections, inFlight, sessions } = yield* router.stats
      must(connections === 0 && sessions === 0 && inFlight === 0, "a client that hung up left something")
      const got = yield* clientOf(router, askDate)
      must(got.includes(Message.typeOf("SetDate")), "the next client gets no answer")
    }),
    Samples.credulous
  )

/**
 * @since 0.1.0
 * @category targets
 */
export const router: Target = {
  _tag: "Program",
  name: "router",
  about: "the embedded router, from a client",
  maxBytes: 2_048,
  seeds: () => {
    const frames = I2cp.clientMessages().map((message) => Message.encode(message))
    return [
      ...frames.map((frame) => Uint8Array.of(255, ...frame)),
      Uint8Array.of(20, ...frames.flatMap((frame) => [...frame])),
      Uint8Array.of(255, ...frames.slice(0, 4).flatMap((frame) => [...frame]))
    ]
  },
  words: I2cp.clientMessages().map((message) => Message.encode(message).subarray(0, 40)),
  check: checkRouter
}

/** A router that writes pieces to whoever connects, takes everything, and hangs up after ten seconds. */
const hostileRouter = (pieces: ReadonlyArray<Uint8Array>): Socket.Socket => {
  const run = <_, E, R>(
    // biome-ignore lint/suspicious/noConfusingVoidType: as Socket has it
    handler: (bytes: Uint8Array) => Effect.Effect<_, E, R> | void,
    options?: { readonly onOpen?: Effect.Effect<void> | undefined }
  ): Effect.Effect<void, Socket.SocketError | E, R> =>
    Effect.gen(function* () {
      if (options?.onOpen !== undefined) yield* options.onOpen
      for (const piece of pieces) {
        yield* Effect.sleep(1)
        const handled = handler(piece)
        if (Effect.isEffect(handled)) yield* handled
      }
      yield* Effect.sleep("10 seconds")
    })
  return Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.succeed(() => Effect.void)
  })
}

const checkSession = (input: Uint8Array): Effect.Effect<void> =>
  simulated(
    Effect.gen(function* () {
      const layer = I2cpSession.layer({ keys: Samples.keys }).pipe(
        Layer.provide(Layer.succeed(Socket.Socket, hostileRouter(piecesOf(input))))
      )
      const built = yield* Effect.either(Layer.build(layer))
      if (Either.isLeft(built)) return must("_tag" in built.left, "a session fails with a tagged error")
      yield* Effect.sleep("1 minute")
    }),
    Samples.credulous
  )

/**
 * @since 0.1.0
 * @category targets
 */
export const session: Target = {
  _tag: "Program",
  name: "session",
  about: "our I2CP session, from a router",
  maxBytes: 2_048,
  seeds: () => {
    const frames = I2cp.routerMessages().map((message) => Message.encode(message))
    return [
      ...frames.map((frame) => Uint8Array.of(255, ...frame)),
      Uint8Array.of(255, ...frames.flatMap((frame) => [...frame])),
      Uint8Array.of(3, ...frames.flatMap((frame) => [...frame]))
    ]
  },
  words: I2cp.routerMessages().map((message) => Message.encode(message).subarray(0, 40)),
  check: checkSession
}

const mallory = MemoryTransport.keysOf("mallory")
const bob = MemoryTransport.keysOf("bob")

/** Bits of the byte in front of a packet. */
const toKnownStream = 1
const fromKnownStream = 2
const signed = 4

/** Packets, each with a byte that says what is made right about it and a byte of its length. */
const packetsOf = (input: Uint8Array, ids: Packet.Packet): ReadonlyArray<Uint8Array> => {
  const packets: Array<Uint8Array> = []
  for (let at = 0; at + 2 <= input.length; at += 2 + input[at + 1]! * 4) {
    packets.push(madeRight(input.slice(at + 2, at + 2 + input[at + 1]! * 4), input[at]!, ids))
  }
  return packets
}

const madeRight = (bytes: Uint8Array, what: number, ids: Packet.Packet): Uint8Array => {
  const view = new DataView(bytes.buffer)
  if ((what & toKnownStream) !== 0 && bytes.length >= 4) view.setUint32(0, ids.receiveStreamId)
  if ((what & fromKnownStream) !== 0 && bytes.length >= 8) view.setUint32(4, ids.sendStreamId)
  const packet = (what & signed) === 0 ? undefined : Option.getOrUndefined(Either.getRight(Packet.decode(bytes)))
  if (packet === undefined) return bytes
  const { destination, signingKey } = mallory
  const nacks = Packet.isFirstSyn(packet) ? Packet.replayHash(bob.destination.hash) : packet.nacks
  const whole = { ...packet, nacks, from: destination, offlineSignature: undefined, signature: new Uint8Array(64) }
  const out = Packet.encode(whole)
  out.set(Either.getOrThrow(NodeSignatures.native.sign(signingKey, out)), Packet.signatureOffset(whole))
  return out
}

const checkPeer = (input: Uint8Array): Effect.Effect<void> =>
  simulated(
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const server = yield* MemoryTransport.streams(bob)
      const listener = yield* server.listen({ port: 7 })
      yield* Effect.forkScoped(listener.run((connection) => Stream.run(connection.readable, connection.writable)))

      // Somebody's stream, whose ids are known to whoever sends the packets.
      const known = yield* Deferred.make<Packet.Packet>()
      yield* network.observe(({ bytes, from, kind }) => {
        const packet = Packet.decode(bytes)
        if (kind === "Sent" && from?.b32 === bob.destination.b32 && Either.isRight(packet)) {
          Deferred.unsafeDone(known, Effect.succeed(packet.right))
        }
      })
      const other = yield* MemoryTransport.streams(mallory)
      yield* other.connect({ destination: bob.destination, port: 7 })
      const ids = yield* Deferred.await(known)

      for (const bytes of packetsOf(input, ids)) {
        yield* network.inject({ to: bob.destination, destinationPort: 7, bytes })
        yield* Effect.sleep(10)
      }
      yield* Effect.sleep("10 seconds")

      const friend = yield* MemoryTransport.streams(MemoryTransport.keysOf("friend"))
      const connection = yield* friend.connect({ destination: bob.destination, port: 7 })
      yield* connection.write(utf8("hello"))
      const answer = yield* connection.read
      must(Option.isSome(answer) && Bytes.equals(answer.value, utf8("hello")), "a friend gets no echo")
      const { length } = yield* server.active
      if (length > 100) return yield* Effect.die(new Finding(`${length} streams`))
    }).pipe(Effect.provide(MemoryTransport.layer())),
    NodeSignatures.native
  )

/**
 * @since 0.1.0
 * @category targets
 */
export const peer: Target = {
  _tag: "Program",
  name: "peer",
  about: "our streams with their signatures, from a peer",
  maxBytes: 1_024,
  seeds: () => {
    const kinds = [
      Packet.make({ flags: Packet.SYNCHRONIZE | Packet.NO_ACK, receiveStreamId: 9, maxPacketSize: 1_812 }),
      Packet.make({ sequenceNumber: 1, ackThrough: 0, payload: new Uint8Array(20) }),
      Packet.make({ sequenceNumber: 2, flags: Packet.CLOSE }),
      Packet.make({ flags: Packet.RESET }),
      Packet.make({ flags: Packet.ECHO, payload: new Uint8Array(8) }),
      Packet.make({ ackThrough: 3, nacks: [1, 2], requestedDelay: 60_001 })
    ].map((packet) => {
      const bytes = Packet.encode(packet)
      const length = Math.ceil(bytes.length / 4)
      return Uint8Array.from({ length: 1 + length * 4 }, (_, n) => (n === 0 ? length : (bytes[n - 1] ?? 0)))
    })
    return [
      ...kinds.flatMap((kind) => [0, 3, 4, 7].map((what) => Uint8Array.of(what, ...kind))),
      Uint8Array.from([4, 7, 3, 7, 7, 3].flatMap((what, n) => [what, ...kinds[n]!]))
    ]
  },
  check: checkPeer
}
