/** What peers can make a session keep, measured: bytes alive after a collection, not bytes of payloads. */
import { assert, describe, it } from "@effect/vitest"
import { inUse } from "@effect-i2p/testkit/Heap"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Destination from "@effect-i2p/wire/Destination"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Peer, remembered } from "../src/internal/connection/peer.js"
import * as Packet from "../src/Packet.js"
import type { StreamConnection } from "../src/StreamConnection.js"
import type { Changes, StreamingOptions } from "../src/StreamingConfig.js"
import { alice, bob, mallory, sealed, simulate, syn } from "./simulation.js"

const mebibyte = 1_048_576

/** Bob, who takes streams and reads nothing, and what is sent to him. */
const victim = Effect.fnUntraced(function* (options: Changes<StreamingOptions> = {}) {
  const network = yield* MemoryTransport.MemoryNetwork
  const b = yield* MemoryTransport.streams(bob, { backlog: 1000, ...options })
  const listener = yield* b.listen({ port: 80 })
  const inject = (bytes: Uint8Array) => network.inject({ to: b.destination, destinationPort: 80, bytes })
  /** A stream of Mallory's, and what sends the n-th full packet on it, unsigned as data is. */
  const open = Effect.fnUntraced(function* (receiveStreamId: number, fields: Partial<Packet.Packet> = {}) {
    yield* inject(syn(b.destination, { receiveStreamId, maxPacketSize: 1812, ...fields }))
    yield* Effect.sleep("20 millis")
    const connection = yield* listener.accept
    const ids = { sendStreamId: connection.localStreamId, receiveStreamId }
    const send = (sequenceNumber: number, payload = new Uint8Array(1812)) =>
      inject(Packet.encode(Packet.make({ ...ids, sequenceNumber, payload })))
    return { connection, ids, send }
  })
  return { b, inject, listener, network, open }
})

/** A packet of Mallory's with so many bytes of options that nobody knows, signed. */
const padded = (fields: Partial<Packet.Packet>, surplus: number): Uint8Array => {
  const length = KeyType.signatureLength(mallory.destination.signingType)!
  const packet = Packet.make({ ...fields, from: mallory.destination, signature: new Uint8Array(length) })
  const encoded = Packet.encode(packet)
  const signatureAt = Packet.signatureOffset(packet)
  const bytes = new Uint8Array(encoded.length + surplus)
  bytes.set(encoded.subarray(0, signatureAt))
  bytes.set(encoded.subarray(signatureAt + length), signatureAt + length + surplus)
  const headEnd = 20 + 4 * packet.nacks.length
  new DataView(bytes.buffer).setUint16(headEnd, signatureAt + length + surplus - headEnd - 2)
  bytes.set(Either.getOrThrow(Signatures.noble.sign(mallory.signingKey, bytes)), signatureAt)
  return bytes
}

const firstSyn = (receiveStreamId: number, fields: Partial<Packet.Packet> = {}) => ({
  receiveStreamId,
  nacks: Packet.replayHash(bob.destination.hash),
  flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
  ...fields
})

const bytesRead = (connection: StreamConnection) =>
  Effect.gen(function* () {
    let bytes = 0
    while ((yield* connection.stats).bytesUnread > 0) {
      bytes += Option.getOrThrow(yield* connection.read).length
    }
    return bytes
  })

describe("what is unread", () => {
  it.effect("of a hundred streams stays within the session's memory, and all that was acknowledged can be read", () =>
    Effect.gen(function* () {
      const receiveMemoryBytes = 2 * mebibyte
      const { b, open } = yield* victim({ receiveMemoryBytes, minReceiveBufferBytes: 8192 })
      const streams = yield* Effect.forEach(Array.from({ length: 100 }), (_, i) => open(1000 + i))
      const before = inUse()
      for (let n = 1; n <= 100; n++) {
        yield* Effect.forEach(streams, ({ send }) => send(n), { discard: true })
        yield* Effect.sleep("1 millis")
      }
      yield* Effect.sleep("1 second")
      const { limit, used } = yield* b.memory
      assert.isAtMost(used, limit + 100 * 8192)
      assert.isAtMost(inUse() - before, limit + 100 * 8192 + mebibyte / 2)
      const stats = yield* Effect.forEach(streams, ({ connection }) => connection.stats)
      // Each got its share: none less than the floor, and the first no more than the last.
      const unread = stats.map(({ bytesUnread }) => bytesUnread)
      assert.isAtLeast(Math.min(...unread), 4 * 1812)
      assert.isAtMost(Math.max(...unread) - Math.min(...unread), 4 * 1812)
      assert.isTrue(stats.every(({ choking }) => choking))
      for (const [i, { connection }] of streams.entries()) assert.strictEqual(yield* bytesRead(connection), unread[i])
      assert.strictEqual((yield* b.memory).used, 0)
      yield* Effect.sleep("1 second")
      for (const { connection } of streams) assert.isFalse((yield* connection.stats).choking)
    }).pipe(simulate())
  )

  it.effect("of others does not stop a stream that is read, nor does it keep a small one from coming whole", () =>
    Effect.gen(function* () {
      const { b, listener, open } = yield* victim({ receiveMemoryBytes: mebibyte })
      const hoarders = yield* Effect.forEach(Array.from({ length: 20 }), (_, i) => open(1000 + i))
      for (let n = 1; n <= 100; n++) yield* Effect.forEach(hoarders, ({ send }) => send(n), { discard: true })
      yield* Effect.sleep("1 second")
      assert.isBelow((yield* b.memory).perStream, 100_000)
      const a = yield* MemoryTransport.streams(alice)
      const near = yield* a.connect({ destination: b.destination, port: 80 })
      const far = yield* listener.accept
      yield* Effect.fork(Effect.zipRight(near.write(new Uint8Array(500_000)), near.end))
      const [took, bytes] = yield* Effect.timed(Stream.runFold(far.readable, 0, (sum, { length }) => sum + length))
      assert.strictEqual(bytes, 500_000)
      assert.isBelow(Duration.toSeconds(took), 60)
    }).pipe(simulate({ link: { latencyMillis: 50 } }))
  )

  it.effect("gives its memory back when its stream is closed or reset, whichever side ends it", () =>
    Effect.gen(function* () {
      const { b, inject, open } = yield* victim()
      const [first, second, third] = [yield* open(1), yield* open(2), yield* open(3)]
      for (const { send } of [first, second, third]) {
        for (const n of [1, 2, 3, 5, 6]) yield* send(n)
      }
      yield* Effect.sleep("100 millis")
      const full = (yield* b.memory).used
      yield* Effect.fork(first.connection.close)
      yield* second.connection.reset
      yield* Effect.sleep("100 millis")
      assert.isBelow((yield* b.memory).used, (2 * full) / 3)
      yield* inject(sealed({ ...third.ids, sequenceNumber: 4, flags: Packet.RESET }, "signature"))
      yield* Effect.sleep("100 millis")
      // What came in order can still be read, and what waited for more is gone.
      assert.strictEqual((yield* third.connection.stats).status, "Closed")
      for (let n = 1; n <= 3; n++) assert.strictEqual(Option.getOrThrow(yield* third.connection.read).length, 1812)
      yield* Effect.sleep("5 minutes")
      assert.strictEqual((yield* b.memory).used, 0)
    }).pipe(simulate())
  )
})

describe("what comes while a stream is being closed", () => {
  it.effect("is kept by nobody, wherever it is at that moment", () =>
    Effect.gen(function* () {
      const { b, open } = yield* victim()
      for (let yields = 0; yields < 12; yields++) {
        const { connection, send } = yield* open(1 + yields)
        for (const n of [1, 2, 3]) yield* send(n)
        for (let i = 0; i < yields; i++) yield* Effect.yieldNow()
        yield* Effect.fork(connection.close)
      }
      yield* Effect.sleep("5 minutes")
      assert.strictEqual((yield* b.memory).used, 0)
    }).pipe(simulate())
  )
})

describe("the first packet of a stream", () => {
  it.effect("keeps its payload, and not the frame around it", () =>
    Effect.gen(function* () {
      const { b, inject, listener } = yield* victim()
      const sizes: Array<number> = []
      for (const surplus of [0, 12_000]) {
        const before = inUse()
        for (let n = 0; n < 100; n++) {
          yield* inject(padded(firstSyn(surplus + n + 1, { payload: new Uint8Array(1) }), surplus))
        }
        yield* Effect.sleep("1 second")
        sizes.push((inUse() - before) / 100)
      }
      assert.lengthOf(yield* b.active, 200)
      assert.isBelow(sizes[1]! - sizes[0]!, 4000)
      const { read } = yield* listener.accept
      assert.strictEqual(Option.getOrThrow(yield* read).length, 1)
    }).pipe(simulate())
  )

  it.effect("is dropped unproven when it is larger than any that is sound", () =>
    Effect.gen(function* () {
      const { b, inject } = yield* victim()
      yield* inject(padded(firstSyn(1), 60_000))
      yield* inject(padded(firstSyn(2, { payload: new Uint8Array(5000) }), 0))
      yield* inject(padded({ sendStreamId: 3, flags: Packet.ECHO }, 60_000))
      yield* Effect.sleep("1 second")
      assert.lengthOf(yield* b.active, 0)
      assert.deepInclude(yield* b.drops, { malformed: 3, unverified: 0 })
    }).pipe(simulate())
  )
})

describe("what is remembered of a peer after its stream", () => {
  it("is its destination, without what that has worked out", () => {
    const sizeOf = (keep: (peer: Peer) => Peer) => {
      const kept: Array<Peer> = []
      const before = inUse()
      for (let n = 0; n < 4000; n++) {
        const bytes = mallory.destination.bytes.slice()
        new DataView(bytes.buffer).setUint32(0, n)
        const destination = Either.getOrThrow(Destination.decode(bytes))
        // A stream asks for all of these: to find the peer, to show it, to check what it signs.
        assert.isTrue([destination.b32, destination.certificate, destination.signingKey].every(Boolean))
        kept.push(keep({ destination, localPort: 80, remotePort: n }))
      }
      return (inUse() - before) / kept.length
    }
    const whole = sizeOf((peer) => peer)
    const rest = sizeOf(remembered)
    assert.isBelow(rest, 1000)
    assert.isBelow(rest, 0.7 * whole)
  })
})
