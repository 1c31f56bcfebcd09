import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PacketTransport from "../src/PacketTransport.js"
import { StreamManager } from "../src/StreamManager.js"
import { alice, bob, bytes, readText, record, simulate } from "./simulation.js"

/** Every byte changed, and back again. */
const masked = <A extends { readonly bytes: Uint8Array } | { readonly payload: Uint8Array }>(packet: A): A =>
  "bytes" in packet
    ? { ...packet, bytes: packet.bytes.map((byte) => byte ^ 0x5a) }
    : { ...packet, payload: packet.payload.map((byte) => byte ^ 0x5a) }

const streams = (keys: typeof alice, map: Parameters<typeof PacketTransport.mapPackets>[1]) =>
  Effect.map(
    Layer.build(
      Layer.provide(StreamManager.layer(), PacketTransport.mapPackets(MemoryTransport.layerTransport(keys), map))
    ),
    Context.get(StreamManager)
  )

/** A stream between two whose packets are mapped. */
const exchange = Effect.fnUntraced(function* (map: Parameters<typeof PacketTransport.mapPackets>[1]) {
  const a = yield* streams(alice, map)
  const b = yield* streams(bob, map)
  const sent = yield* record
  const listener = yield* b.listen({ port: 7 })
  const near = yield* a.connect({ destination: b.destination, port: 7 })
  const far = yield* listener.accept
  yield* near.write(bytes("hello"))
  yield* near.flush
  const heard = yield* readText(far)
  yield* Effect.zip(near.close, far.close, { concurrent: true })
  return { heard, sent }
})

describe("mapPackets", () => {
  it.effect("changes every packet on its way out, and back on its way in", () =>
    Effect.gen(function* () {
      let out = 0
      let back = 0
      const map = {
        out: (packet: PacketTransport.Outgoing) => {
          out += 1
          return packet
        },
        in: (packet: PacketTransport.Incoming) => {
          back += 1
          return packet
        }
      }
      const { heard, sent } = yield* exchange(map)
      assert.strictEqual(heard, "hello")
      assert.strictEqual(out, sent.length)
      assert.strictEqual(back, sent.length)
    }).pipe(simulate())
  )

  it.effect("lets a stream through a transport that encrypts", () =>
    Effect.gen(function* () {
      const a = yield* streams(alice, { out: masked, in: masked })
      const b = yield* streams(bob, { out: masked, in: masked })
      const listener = yield* b.listen({ port: 7 })
      const near = yield* a.connect({ destination: b.destination, port: 7 })
      const far = yield* listener.accept
      yield* near.write(bytes("hello"))
      assert.strictEqual(yield* readText(far), "hello")
      const plain = yield* MemoryTransport.streams(MemoryTransport.keysOf("plain"))
      const outcome = yield* Effect.either(plain.connect({ destination: b.destination, port: 7, timeout: "1 second" }))
      assert.strictEqual(outcome._tag, "Left")
    }).pipe(simulate())
  )

  it.effect("loses a packet for which undefined is returned, or whose mapping throws, and no other", () =>
    Effect.gen(function* () {
      let seen = 0
      const { heard } = yield* exchange({
        out: (packet) => {
          seen += 1
          if (seen === 2) throw new Error("a bug")
          return seen === 3 ? undefined : packet
        },
        in: (packet) => {
          seen += 1
          if (seen === 9) throw new Error("a bug")
          return packet
        }
      })
      assert.strictEqual(heard, "hello")
    }).pipe(simulate())
  )

  it.effect("is not gone round: a transport made by hand with another send sends every packet through it", () =>
    Effect.gen(function* () {
      let seen = 0
      const network = yield* MemoryTransport.MemoryNetwork
      const inner = yield* network.transport(alice)
      const logged = PacketTransport.PacketTransport.of({
        ...inner,
        send: (packets) =>
          Effect.zipRight(
            Effect.sync(() => {
              seen += packets.length
            }),
            inner.send(packets)
          )
      })
      const a = yield* Effect.map(
        Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport.PacketTransport, logged))),
        Context.get(StreamManager)
      )
      const b = yield* MemoryTransport.streams(bob)
      const sent = yield* record
      const listener = yield* b.listen({ port: 7 })
      yield* Effect.forkScoped(listener.run((stream) => Effect.ignore(stream.read)))
      const near = yield* a.connect({ destination: b.destination, port: 7 })
      yield* near.write(new Uint8Array(50_000))
      yield* Effect.ignore(near.close)
      assert.strictEqual(seen, sent.filter(({ from }) => from === alice.destination.b32).length)
      assert.isAtLeast(seen, 10)
    }).pipe(simulate())
  )
})
