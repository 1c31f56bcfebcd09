import { it } from "@effect/vitest"
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { assert, describe } from "vitest"
import * as Packet from "../src/Packet.js"
import { alice, bob, bytes, failureOf, mallory, readText, record, sealed, simulate } from "./simulation.js"

/** Keys of a destination of one type, held by a transient key of another until `expires` s of simulated time. */
const offlineOf = (
  name: string,
  options: { readonly expires?: number; readonly type?: number; readonly transientType?: number } = {}
): DestinationKeys.DestinationKeys => {
  const random = SecureRandom.makeSeeded(name)
  const master = DestinationKeys.generate(random, Signatures.noble, options.type)
  const { expires = 86_400, transientType } = options
  return Either.getOrThrow(DestinationKeys.makeOffline(master, { expires, random, transientType }))
}

/** Every type that can sign. */
const callerKeyTypes = [...VerificationBudget.cheapTypes, ...VerificationBudget.dearTypes]

const { Ed25519, EcdsaP256, EcdsaP521, MlDsa44, RedDsaEd25519 } = KeyType

describe("offline keys", () => {
  it.effect.each([
    [EcdsaP256, Ed25519],
    [Ed25519, EcdsaP256],
    [RedDsaEd25519, RedDsaEd25519],
    [EcdsaP521, MlDsa44],
    [MlDsa44, Ed25519]
  ] as const)("of a destination of type %i and a transient key of type %i open, carry and close streams", (types) =>
    Effect.gen(function* () {
      const [type, transientType] = types
      const [near, far] = [offlineOf("near", { type, transientType }), offlineOf("far", { type, transientType })]
      const a = yield* MemoryTransport.streams(near, { callerKeyTypes })
      const b = yield* MemoryTransport.streams(far, { callerKeyTypes })
      const sent = yield* record
      const listener = yield* b.listen({ port: 80 })
      const one = yield* a.connect({ destination: b.destination, port: 80 })
      const two = yield* listener.accept
      yield* one.write(bytes("there"))
      assert.strictEqual(yield* readText(two), "there")
      yield* two.write(bytes("and back"))
      assert.strictEqual(yield* readText(one), "and back")
      // Both have learnt the other's transient key: one from a SYN, the other from its answer.
      yield* Effect.fork(two.close)
      assert.strictEqual(yield* readText(one), "(end)")
      yield* one.close
      assert.strictEqual(yield* readText(two), "(end)")
      assert.strictEqual(Duration.toMillis((yield* a.ping({ destination: b.destination })).rtt), 100)
      const signed = sent.filter(({ packet }) => packet.signature !== undefined)
      for (const { from, packet } of signed) {
        const keys = from === near.destination.b32 ? near : far
        assert.strictEqual(packet.signature!.length, KeyType.signatureLength(transientType))
        assert.deepStrictEqual(packet.offlineSignature, packet.from === undefined ? undefined : keys.offline)
      }
      const flags = signed.map(({ packet }) => packet.flags)
      assert.strictEqual(flags.filter((flag) => (flag & Packet.SYNCHRONIZE) !== 0).length, 2)
      assert.isTrue(signed.some(({ packet }) => (packet.flags & Packet.CLOSE) !== 0 && packet.from === undefined))
      assert.strictEqual((yield* a.drops).unverified + (yield* b.drops).unverified, 0)
    }).pipe(simulate({ link: { latencyMillis: 50 } }))
  )

  it.effect("let only the transient key end a stream, not the destination's own", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const near = Either.getOrThrow(
        DestinationKeys.makeOffline(alice, { expires: 86_400, random: SecureRandom.makeSeeded("transient") })
      )
      const a = yield* MemoryTransport.streams(near)
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      const one = yield* a.connect({ destination: b.destination, port: 80 })
      const two = yield* listener.accept
      const ids = { sendStreamId: two.localStreamId, receiveStreamId: one.localStreamId }
      const inject = (flags: number, keys: DestinationKeys.DestinationKeys) =>
        network.inject({
          to: bob.destination,
          sourcePort: one.localPort,
          destinationPort: 80,
          bytes: sealed({ ...ids, sequenceNumber: 1, flags }, "signature", keys)
        })
      for (const flags of [Packet.RESET, Packet.CLOSE]) {
        yield* inject(flags, alice)
        yield* inject(flags, mallory)
        yield* Effect.sleep("1 second")
      }
      yield* one.write(bytes("alive"))
      assert.strictEqual(yield* readText(two), "alive")
      yield* inject(Packet.RESET, near)
      assert.strictEqual(yield* failureOf(two.read), "StreamReset ResetByPeer")
    }).pipe(simulate())
  )

  it.effect("name themselves in a refusal, so that somebody who never saw them believes it", () =>
    Effect.gen(function* () {
      const far = offlineOf("far", { transientType: EcdsaP256 })
      const a = yield* MemoryTransport.streams(alice)
      const b = yield* MemoryTransport.streams(far)
      const sent = yield* record
      assert.strictEqual(yield* failureOf(a.connect({ destination: b.destination, port: 80 })), "ConnectRefused")
      const reset = sent.find(({ packet }) => (packet.flags & Packet.RESET) !== 0)!.packet
      assert.strictEqual(reset.from!.b32, b.destination.b32)
      assert.deepStrictEqual(reset.offlineSignature, far.offline)
    }).pipe(simulate())
  )

  it.effect("are refused when expired, damaged, or vouched for by another destination", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const b = yield* MemoryTransport.streams(bob)
      yield* b.listen({ port: 80 })
      const sent = yield* record
      const good = offlineOf("visitor", { expires: 60 })
      const knock = (packet: Uint8Array) => network.inject({ to: bob.destination, destinationPort: 80, bytes: packet })
      const synOf = (keys: DestinationKeys.DestinationKeys) =>
        sealed(
          {
            receiveStreamId: 99,
            nacks: Packet.replayHash(bob.destination.hash),
            flags: Packet.SYNCHRONIZE | Packet.NO_ACK
          },
          "identity",
          keys
        )
      const whole = synOf(good)
      const end = whole.length - 64
      const start = end - OfflineSignature.byteLength(good.offline!)
      // Expiry, key and inner signature of the block; its type is left out, another would change the parse.
      for (const offset of [start, start + 3, start + 6, start + 37, start + 38, end - 1, end]) {
        const damaged = whole.slice()
        damaged[offset]! ^= 1
        yield* knock(damaged)
      }
      const forged = Either.getOrThrow(
        OfflineSignature.make({
          expires: 60,
          transientKey: good.offline!.transientKey,
          destinationKey: mallory.signingKey,
          signatures: Signatures.noble
        })
      )
      yield* knock(synOf({ ...good, offline: forged }))
      yield* knock(synOf({ ...good, destination: alice.destination }))
      yield* Effect.sleep("59 seconds")
      assert.strictEqual((yield* b.drops).unverified, 9)
      yield* Effect.sleep("1 second")
      yield* knock(whole)
      yield* Effect.sleep("1 second")
      assert.strictEqual((yield* b.drops).unverified, 10)
      assert.deepStrictEqual(sent, [])
      assert.lengthOf(yield* b.active, 0)
    }).pipe(simulate())
  )

  it.effect("are taken one millisecond before they expire", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      const visitor = offlineOf("visitor", { expires: 60 })
      yield* Effect.sleep(59_999)
      const fields = { receiveStreamId: 99, nacks: Packet.replayHash(bob.destination.hash), flags: Packet.SYNCHRONIZE }
      yield* network.inject({ to: bob.destination, destinationPort: 80, bytes: sealed(fields, "identity", visitor) })
      assert.strictEqual((yield* listener.accept).remote.b32, visitor.destination.b32)
    }).pipe(simulate())
  )

  it.effect("that have expired open nothing: every way to begin says so, and nothing is sent", () =>
    Effect.gen(function* () {
      const expired = offlineOf("late", { expires: 0 })
      const a = yield* MemoryTransport.streams(expired)
      const b = yield* MemoryTransport.streams(bob)
      const sent = yield* record
      const to = { destination: b.destination, port: 80 }
      assert.strictEqual(yield* failureOf(a.connect(to)), "OfflineKeysExpired")
      assert.strictEqual(yield* failureOf(a.ping(to)), "OfflineKeysExpired")
      assert.strictEqual(yield* failureOf(a.listen({ port: 80 })), "OfflineKeysExpired")
      const error = yield* Effect.flip(a.connect(to))
      assert.match(error.message, /^the offline keys of \w{8} expired at 1970-01-01T00:00:00.000Z; make new ones/)
      assert.deepStrictEqual(sent, [])
    }).pipe(simulate())
  )

  it.effect("that expire while streams are open leave them alone, and take no new ones", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.gen(function* () {
      const near = offlineOf("near", { expires: 60 })
      const a = yield* MemoryTransport.streams(near)
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      yield* a.listen({ port: 80 })
      const one = yield* a.connect({ destination: b.destination, port: 80 })
      const two = yield* listener.accept
      assert.deepStrictEqual(lines, [])
      yield* Effect.sleep("61 seconds")
      assert.strictEqual(lines.filter((line) => line.includes("open streams go on")).length, 1)
      yield* one.write(bytes("still here"))
      assert.strictEqual(yield* readText(two), "still here")

      const sent = yield* record
      assert.strictEqual(yield* failureOf(a.connect({ destination: b.destination, port: 80 })), "OfflineKeysExpired")
      assert.strictEqual(yield* failureOf(a.listen({ port: 81 })), "OfflineKeysExpired")
      const refused = yield* failureOf(b.connect({ destination: a.destination, port: 80, timeout: "10 seconds" }))
      assert.strictEqual(refused, "ConnectTimedOut")
      assert.isAbove((yield* a.drops).unanswerable, 0)
      assert.isTrue(sent.every(({ from }) => from !== a.destination.b32))
      // A pong is not signed, so a ping is answered as before.
      yield* b.ping({ destination: a.destination })

      yield* one.close
      assert.strictEqual(yield* readText(two), "(end)")
    }).pipe(simulate(), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.effect("that expire while a stream opens end that with their own error, not with a time-out", () =>
    Effect.gen(function* () {
      const near = offlineOf("near", { expires: 20 })
      const a = yield* MemoryTransport.streams(near)
      const sent = yield* record
      assert.strictEqual(
        yield* failureOf(a.connect({ destination: bob.destination, port: 80, timeout: "50 seconds" })),
        "OfflineKeysExpired"
      )
      const syns = sent.filter(({ packet }) => (packet.flags & Packet.SYNCHRONIZE) !== 0)
      assert.isAbove(syns.length, 1)
      assert.isTrue(syns.every(({ at }) => at < 20_000))
    }).pipe(simulate())
  )

  it.effect.each([
    [Ed25519, 1730, 2256],
    [MlDsa44, 0, 4096],
    [KeyType.MlDsa65, 0, 5326]
  ] as const)("leave room in a SYN of type %i for what every router takes", ([type, atLeast, most]) =>
    Effect.gen(function* () {
      const near = DestinationKeys.generate(SecureRandom.makeSeeded(type), Signatures.noble, type)
      const a = yield* MemoryTransport.streams(near)
      const b = yield* MemoryTransport.streams(bob, { callerKeyTypes })
      const sent = yield* record
      const listener = yield* b.listen({ port: 80 })
      const request = new Uint8Array(5000).fill(7)
      yield* a.connect({ destination: b.destination, port: 80, initialData: request })
      const two = yield* listener.accept
      assert.isAtMost(sent[0]!.bytes.length, most)
      assert.isAtLeast(sent[0]!.packet.payload.length, atLeast)
      let read = 0
      while (read < request.length) read += Option.getOrThrow(yield* two.read).length
      assert.strictEqual(read, request.length)
    }).pipe(simulate())
  )

  it.effect.each([
    [Ed25519, 2293],
    [MlDsa44, 4096],
    [KeyType.MlDsa65, 5326]
  ] as const)("leave room in a SYN-ACK of type %i likewise, the answer in it or behind it", ([type, most]) =>
    Effect.gen(function* () {
      const keys = DestinationKeys.generate(SecureRandom.makeSeeded(type), Signatures.noble, type)
      const site = yield* MemoryTransport.streams(keys)
      const visitor = yield* MemoryTransport.streams(bob)
      const sent = yield* record
      const answer = new Uint8Array(5000).fill(9)
      const listener = yield* site.listen({ port: 80 })
      yield* Effect.forkScoped(listener.run((stream) => stream.write(answer)))
      const initialData = Uint8Array.of(1)
      const stream = yield* visitor.connect({ destination: site.destination, port: 80, initialData })
      let read = 0
      while (read < answer.length) read += Option.getOrThrow(yield* stream.read).length
      assert.strictEqual(read, answer.length)
      const synAcks = sent.filter(({ packet }) => Packet.has(packet, Packet.SYNCHRONIZE) && packet.sendStreamId !== 0)
      assert.isAtMost(Math.max(...synAcks.map(({ bytes }) => bytes.length)), most)
    }).pipe(simulate())
  )

  it.effect("may be renewed by a peer that comes back with another transient key", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      for (const [index, transientType] of [Ed25519, EcdsaP256].entries()) {
        const random = SecureRandom.makeSeeded(index)
        const keys = Either.getOrThrow(DestinationKeys.makeOffline(alice, { expires: 60, random, transientType }))
        const a = yield* MemoryTransport.streams(keys)
        const one = yield* a.connect({ destination: b.destination, port: 80 })
        const two = yield* listener.accept
        assert.strictEqual(two.remote.b32, alice.destination.b32)
        yield* one.reset
        assert.strictEqual(yield* failureOf(two.read), "StreamReset ResetByPeer")
      }
      assert.strictEqual((yield* network.stats).dropped, 0)
    }).pipe(simulate())
  )
})
