/** What waiting datagrams take, measured against what they are counted for. */
import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import * as Datagrams from "@effect-i2p/i2cp/Datagrams"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Payload from "@effect-i2p/i2cp/Payload"
import { inUse } from "@effect-i2p/testkit/Heap"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import { SESSION_ID } from "./ScriptedRouter.js"
import { settle, up } from "./session.js"
import { keys } from "./vectors.js"

const peer = DestinationKeys.generate(SecureRandom.makeSeeded("peer"))

const start = (options: Partial<Datagrams.Options> = {}) =>
  Effect.gen(function* () {
    const { connection, session } = yield* up({}, undefined, keys)
    const datagrams = yield* Effect.provideService(Datagrams.make(options), I2cpSession.I2cpSession, session)
    const arrive = (format: Datagram.Format, payload: Uint8Array, destinationPort = 1) =>
      Effect.zipRight(
        connection.send({
          _tag: "MessagePayload",
          sessionId: SESSION_ID,
          messageId: 1,
          payload: Payload.encode(
            { protocol: Datagram.protocols[format], sourcePort: 9, destinationPort, payload, compress: true },
            Compression.portable
          )
        }),
        settle
      )
    return { datagrams, arrive, session }
  })

/** As many options as fit: two characters and nothing each. */
const options = Object.fromEntries(
  Array.from({ length: 8000 }, (_, i) => [
    `${String.fromCharCode(0x100 + (i >> 6))}${String.fromCharCode(33 + (i & 63))}`,
    ""
  ])
)

/** What an otherwise idle program differs by from one collection to the next. */
const noise = 262_144

const hash = peer.destination.hash
const empty = new Uint8Array(0)
const attacks: Readonly<Record<string, readonly [Datagram.Format, Uint8Array]>> = {
  "of thousands of options": ["Datagram3", Either.getOrThrow(Datagram.encode3(hash, { payload: empty, options }))],
  "of nothing but a sender": [
    "Datagram1",
    Either.getOrThrow(Datagram.encode1(peer, new Uint8Array(1), Signatures.noble))
  ],
  "of a byte": ["Raw", new Uint8Array(1)],
  "of a kilobyte": ["Raw", new Uint8Array(1024)]
}

describe("datagrams that nobody reads", () => {
  for (const [name, [format, payload]] of Object.entries(attacks)) {
    it.scoped(`${name} take no more memory than they may`, () =>
      Effect.gen(function* () {
        const receiveQueueBytes = 2_097_152
        const { arrive, datagrams } = yield* start({ receiveQueueBytes, receiveQueueMessages: 100_000 })
        const queue = yield* datagrams.receive({ format, port: 1 })
        yield* arrive(format, payload)
        yield* Queue.takeAll(queue)
        const before = inUse()
        for (let n = 0; n < 5000; n++) {
          yield* arrive(format, payload)
          if ((yield* datagrams.stats).droppedQueueFull > 0) break
        }
        assert.isAbove((yield* datagrams.stats).droppedQueueFull, 0)
        assert.isAtMost(inUse() - before, receiveQueueBytes + noise)
        assert.isAbove(yield* Queue.size(queue), 1)
      })
    )
  }

  it.scoped("keep nothing of what came between them, of their own protocol or of others'", () =>
    Effect.gen(function* () {
      const { arrive, datagrams, session } = yield* start()
      const queue = yield* datagrams.receive({ format: "Raw", port: 1 })
      const raw = yield* session.subscribe(Datagram.protocols.Datagram1)
      const others = yield* session.subscribe(Datagram.protocols.Datagram2)
      yield* arrive(
        "Raw",
        new Uint8Array(1024).map((_, i) => i * 7 + (i >> 3))
      )
      const before = inUse()
      for (let n = 0; n < 60; n++) {
        for (const format of ["Raw", "Datagram1", ...new Array<"Datagram2">(10).fill("Datagram2")] as const) {
          yield* arrive(format, SecureRandom.makeSeeded(`${n}`).bytes(1400))
        }
        yield* Queue.takeAll(others)
        for (let i = 0; i < 10; i++) yield* arrive("Raw", SecureRandom.makeSeeded(`${n}`).bytes(1400), 2)
      }
      assert.deepStrictEqual([yield* Queue.size(queue), yield* Queue.size(raw)], [61, 60])
      // Each has its bytes and what it takes to keep them; in slabs with the others it would be 16 KiB.
      assert.isBelow((inUse() - before) / 120, 4000)
    })
  )
})
