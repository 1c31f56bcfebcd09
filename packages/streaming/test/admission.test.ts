import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as AccessList from "../src/AccessList.js"
import { reaction } from "../src/internal/accept/admissionControl.js"
import { verify } from "../src/internal/connection/signing.js"
import * as Packet from "../src/Packet.js"
import type { Changes, StreamingOptions } from "../src/StreamingConfig.js"
import type { StreamManager } from "../src/StreamManager.js"
import {
  alice,
  bob,
  bytes,
  failureOf,
  mallory,
  readText,
  record,
  sealed,
  sessions,
  simulate,
  syn,
  text
} from "./simulation.js"
import { aliceOffline } from "./vectors.js"

type Session = StreamManager["Type"]

const link = { latencyMillis: 50 }
const idle = Effect.sleep("1 second")

const rulesOf = (options: Parameters<typeof AccessList.rules>[0]) => Either.getOrThrow(AccessList.rules(options))

/** Alice and Mallory, who visit, and Bob, who has these options and listens on port 80. */
const visitors = Effect.fnUntraced(function* (options: Changes<StreamingOptions> = {}) {
  const network = yield* MemoryTransport.MemoryNetwork
  const a = yield* MemoryTransport.streams(alice)
  const m = yield* MemoryTransport.streams(mallory)
  const b = yield* MemoryTransport.streams(bob, options)
  const listener = yield* b.listen({ port: 80 })
  const visit = (session: Session, port = 80) =>
    failureOf(session.connect({ destination: bob.destination, port, timeout: "2 seconds" }))
  return { network, a, m, b, listener, visit }
})

describe("an admission policy", () => {
  it.effect("decides about callers that have proved who they are, and may ask the limits", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { a, m, visit } = yield* visitors({
        connectionLimits: { perPeer: { minute: 1 } },
        admission: ({ limits, localPort, peer }) => {
          asked.push(`${peer.short} ${localPort}`)
          return peer.b32 === mallory.destination.b32
            ? { _tag: "Refuse", reason: "Policy", retryAfter: 1000 }
            : limits()
        }
      })
      assert.strictEqual(yield* visit(m), "ConnectRefused")
      assert.strictEqual(yield* visit(a), "success")
      assert.strictEqual(yield* visit(a), "ConnectRefused")
      const { short } = alice.destination
      assert.deepStrictEqual(asked, [`${mallory.destination.short} 80`, `${short} 80`, `${short} 80`])
    }).pipe(simulate({ link }))
  )

  it.effect("may let in what the limits would not, but not where there is no room; a listener may have its own", () =>
    Effect.gen(function* () {
      const { a, b, visit } = yield* visitors({
        connectionLimits: { perPeer: { minute: 1 } },
        maxConcurrentStreams: 2,
        peerShare: 1,
        reservedShare: 0,
        admission: () => ({ _tag: "Admit" })
      })
      yield* b.listen({ port: 81, admission: () => ({ _tag: "Drop", reason: "Policy" }) })
      assert.strictEqual(yield* visit(a, 81), "ConnectTimedOut")
      assert.strictEqual(yield* visit(a), "success")
      assert.strictEqual(yield* visit(a), "success")
      assert.strictEqual(yield* visit(a), "ConnectRefused")
      assert.strictEqual((yield* b.drops).limited, 2)
    }).pipe(simulate({ link }))
  )

  it.effect("lets nobody in when it throws, and the open streams go on", () =>
    Effect.gen(function* () {
      let isBroken = false
      const { a, b, listener, visit } = yield* visitors({
        admission: ({ limits }) => {
          if (isBroken) throw new Error("a bug")
          return limits()
        }
      })
      yield* Effect.forkScoped(listener.run((stream) => stream.write(bytes("hello"))))
      const open = yield* a.connect({ destination: b.destination, port: 80 })
      isBroken = true
      assert.strictEqual(yield* visit(a), "ConnectTimedOut")
      assert.strictEqual(yield* readText(open), "hello")
      isBroken = false
      assert.strictEqual(yield* visit(a), "success")
    }).pipe(simulate({ link }))
  )
})

describe("access lists", () => {
  it.effect("keep connections and pings out without a word, and let the others in", () =>
    Effect.gen(function* () {
      const { a, b, m, visit } = yield* visitors({ accessList: rulesOf({ deny: [mallory.destination] }) })
      const sent = yield* record
      assert.strictEqual(yield* visit(m), "ConnectTimedOut")
      assert.strictEqual(
        yield* failureOf(m.ping({ destination: bob.destination, timeout: "2 seconds" })),
        "PingTimedOut"
      )
      assert.lengthOf(
        sent.filter(({ from }) => from === bob.destination.b32),
        0
      )
      assert.strictEqual((yield* b.drops).denied, 2)
      assert.strictEqual(yield* visit(a), "success")
      assert.strictEqual(yield* failureOf(a.ping({ destination: bob.destination, timeout: "2 seconds" })), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("can be changed while the session runs; what is open stays open", () =>
    Effect.gen(function* () {
      const { a, b, listener, visit } = yield* visitors()
      const near = yield* a.connect({ destination: bob.destination, port: 80 })
      const far = yield* listener.accept
      yield* b.accessList.deny(alice.destination.b32)
      assert.strictEqual(yield* visit(a), "ConnectTimedOut")
      yield* near.write(bytes("still here"))
      assert.strictEqual(yield* readText(far), "still here")
      yield* b.accessList.remove(alice.destination)
      assert.strictEqual(yield* visit(a), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("of a listener hold for its port, beside the session's", () =>
    Effect.gen(function* () {
      const { a, b, m, visit } = yield* visitors({ accessList: rulesOf({ deny: [mallory.destination] }) })
      const members = yield* b.listen({ port: 81, accessList: rulesOf({ allow: [mallory.destination] }) })
      assert.deepStrictEqual([yield* visit(a, 80), yield* visit(a, 81)], ["success", "ConnectTimedOut"])
      assert.strictEqual(yield* visit(m, 81), "ConnectTimedOut")
      yield* members.accessList.allow(alice.destination)
      assert.strictEqual(yield* visit(a, 81), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("are asked before the signature is, so that a denied flood costs nothing", () =>
    Effect.gen(function* () {
      const { b, network } = yield* visitors({ accessList: rulesOf({ deny: [mallory.destination] }) })
      const forged = syn(b.destination).slice()
      forged[forged.length - 1]! ^= 1
      yield* network.inject({ to: b.destination, destinationPort: 80, bytes: forged })
      yield* idle
      assert.deepInclude(yield* b.drops, { denied: 1, unverified: 0 })
    }).pipe(simulate())
  )
})

describe("limits", () => {
  it.effect("refuse a peer that comes too often, answer three times, then not at all, until the period is over", () =>
    Effect.gen(function* () {
      const { a, b, m, visit } = yield* visitors({ connectionLimits: { perPeer: { minute: 2 } } })
      const outcomes = yield* Effect.replicateEffect(visit(a), 6)
      assert.deepStrictEqual(outcomes, [
        "success",
        "success",
        "ConnectRefused",
        "ConnectRefused",
        "ConnectRefused",
        "ConnectTimedOut"
      ])
      assert.strictEqual(yield* visit(m), "success")
      assert.strictEqual((yield* b.drops).limited, 4)
      yield* Effect.sleep("1 minute")
      assert.strictEqual(yield* visit(a), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("hold for all peers together", () =>
    Effect.gen(function* () {
      const { a, m, visit } = yield* visitors({ connectionLimits: { total: { minute: 2 } } })
      assert.deepStrictEqual(
        [yield* visit(a), yield* visit(a), yield* visit(m), yield* visit(a)],
        ["success", "success", "ConnectRefused", "ConnectRefused"]
      )
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(yield* visit(m), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("can be changed while the session runs", () =>
    Effect.gen(function* () {
      const { a, b, visit } = yield* visitors()
      assert.strictEqual(yield* visit(a), "success")
      yield* Ref.set(b.connectionLimits, { perPeer: { minute: 1 } })
      assert.deepStrictEqual([yield* visit(a), yield* visit(a)], ["success", "ConnectRefused"])
      yield* Ref.set(b.connectionLimits, {})
      assert.strictEqual(yield* visit(a), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("cannot be used up in somebody's name without his signature, by repetition or by those denied", () =>
    Effect.gen(function* () {
      const { a, b, network, visit } = yield* visitors({
        connectionLimits: { perPeer: { day: 1 }, total: { day: 1 } },
        accessList: rulesOf({ deny: [mallory.destination] })
      })
      const inject = (bytes: Uint8Array) => network.inject({ to: b.destination, destinationPort: 80, bytes })
      for (let id = 1; id <= 20; id++) {
        const forged = syn(b.destination, { receiveStreamId: id, from: alice.destination })
        const named = sealed(
          {
            receiveStreamId: id,
            nacks: Packet.replayHash(b.destination.hash),
            flags: Packet.SYNCHRONIZE | Packet.NO_ACK
          },
          "identity",
          alice
        ).slice()
        named[named.length - 1]! ^= 1
        yield* inject(forged)
        yield* inject(named)
      }
      yield* idle
      const drops = yield* b.drops
      assert.deepStrictEqual([drops.unverified, drops.denied, drops.limited], [20, 20, 0])
      const sent = yield* record
      assert.strictEqual(yield* visit(a), "success")
      const first = sent.find(({ packet }) => Packet.isFirstSyn(packet))!
      for (let i = 0; i < 5; i++) yield* inject(first.bytes)
      yield* idle
      assert.strictEqual((yield* b.drops).limited, 0)
      assert.strictEqual(yield* visit(a), "ConnectRefused")
    }).pipe(simulate({ link }))
  )

  it.effect("of pings are their own", () =>
    Effect.gen(function* () {
      const { a, b, m, visit } = yield* visitors({
        pingLimits: { perPeer: { minute: 2 }, total: { minute: 3 } },
        connectionLimits: { perPeer: { minute: 1 } }
      })
      const ping = (session: Session) => failureOf(session.ping({ destination: bob.destination, timeout: "1 second" }))
      assert.deepStrictEqual(
        [yield* ping(a), yield* ping(a), yield* ping(a), yield* ping(m), yield* ping(m)],
        ["success", "success", "PingTimedOut", "success", "PingTimedOut"]
      )
      assert.deepInclude(yield* b.drops, { pingsLimited: 2, limited: 0 })
      assert.strictEqual(yield* visit(a), "success")
      yield* Effect.sleep("1 minute")
      assert.strictEqual(yield* ping(a), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("of pings cannot be used up in somebody's name without his signature", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* visitors({ pingLimits: { perPeer: { day: 1 }, total: { day: 1 } } })
      for (let sendStreamId = 1; sendStreamId <= 20; sendStreamId++) {
        const forged = sealed({ sendStreamId, flags: Packet.ECHO | Packet.NO_ACK }, "identity", alice).slice()
        forged[forged.length - 1]! ^= 1
        yield* network.inject({ to: b.destination, bytes: forged })
      }
      yield* idle
      assert.deepInclude(yield* b.drops, { unverified: 20, pingsLimited: 0 })
      assert.strictEqual(yield* failureOf(a.ping({ destination: bob.destination, timeout: "2 seconds" })), "success")
    }).pipe(simulate({ link }))
  )

  it.effect("of pings are not used up by somebody who repeats a peer's, nor does the peer get pongs for them", () =>
    Effect.gen(function* () {
      const { b, network } = yield* visitors({ pingLimits: { perPeer: { minute: 2 } }, pingReplayWindow: "10 minutes" })
      const sent = yield* record
      const pongs = () => sent.filter(({ packet }) => Packet.has(packet, Packet.ECHO)).length
      const ping = (id: number, payload = "") =>
        sealed({ sendStreamId: id, flags: Packet.ECHO | Packet.NO_ACK, payload: bytes(payload) }, "identity", alice)
      const arrive = (packet: Uint8Array) =>
        Effect.zipRight(network.inject({ to: b.destination, bytes: packet }), Effect.sleep("1 second"))
      const captured = ping(7)
      for (let i = 0; i < 20; i++) yield* arrive(captured)
      assert.strictEqual(pongs(), 1)
      assert.deepInclude(yield* b.drops, { replayed: 19, pingsLimited: 0 })
      // The same id is the same ping only with the same content.
      yield* arrive(ping(7, "again"))
      assert.strictEqual(pongs(), 2)
      yield* Effect.sleep("9 minutes")
      yield* arrive(captured)
      assert.strictEqual(pongs(), 2)
      yield* Effect.sleep("1 minute")
      yield* arrive(captured)
      assert.strictEqual(pongs(), 3)
    }).pipe(simulate())
  )

  it.effect("of pings are remembered by so many at the most, those of unproven senders not at all", () =>
    Effect.gen(function* () {
      const { b, network } = yield* visitors({ maxRememberedPings: 3 })
      const ping = (id: number) =>
        sealed({ sendStreamId: id, flags: Packet.ECHO | Packet.NO_ACK }, "identity", alice).slice()
      const arrive = (packet: Uint8Array) =>
        Effect.zipRight(network.inject({ to: b.destination, bytes: packet }), Effect.sleep("1 second"))
      const first = ping(1)
      yield* arrive(first)
      for (let id = 2; id < 10; id++) {
        const forged = ping(id)
        forged[forged.length - 1]! ^= 1
        yield* arrive(forged)
      }
      yield* arrive(first)
      assert.deepInclude(yield* b.drops, { replayed: 1, unverified: 8 })
      for (let id = 2; id < 5; id++) yield* arrive(ping(id))
      yield* arrive(first)
      assert.deepInclude(yield* b.drops, { replayed: 1 })
    }).pipe(simulate())
  )

  it.effect("of pings let a ping a second through for ever, unless told otherwise", () =>
    Effect.gen(function* () {
      const { a } = yield* visitors()
      const ping = Effect.delay(failureOf(a.ping({ destination: bob.destination, timeout: "1 second" })), "900 millis")
      assert.deepStrictEqual(new Set(yield* Effect.replicateEffect(ping, 300)), new Set(["success"]))
    }).pipe(simulate({ link }))
  )
})

describe("what a connection beyond a limit gets", () => {
  /** Fills Bob's limit of one and gives what the next connection sees. */
  const beyond = (options: Changes<StreamingOptions>, request: string, port = 80) =>
    Effect.gen(function* () {
      const { a, b, visit } = yield* visitors({ connectionLimits: { perPeer: { minute: 1 } }, ...options })
      if (port !== 80) yield* b.listen({ port })
      assert.strictEqual(yield* visit(a, port), "success")
      const near = yield* a.connect({
        destination: bob.destination,
        port,
        timeout: "5 seconds",
        ...(request === "" ? {} : { initialData: bytes(request) })
      })
      let text = ""
      for (let next = yield* readText(near); next !== "(end)"; next = yield* readText(near)) text += next
      yield* near.close
      return { text, open: (yield* b.active).length }
    })

  it.effect("is a reset unless told otherwise, and nothing where the action is to drop", () =>
    Effect.gen(function* () {
      const reset = yield* failureOf(beyond({}, "GET / HTTP/1.1\r\n\r\n"))
      assert.strictEqual(reset, "ConnectRefused")
    }).pipe(simulate({ link }))
  )

  it.effect("is nothing where the action is to drop", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* failureOf(beyond({ limitAction: "drop" }, "")), "ConnectTimedOut")
    }).pipe(simulate({ link }))
  )

  for (const request of ["GET / HTTP/1.1\r\n\r\n", ""]) {
    it.effect(`is a whole answer of HTTP with the time to come again, ${request === "" ? "unasked" : "asked"}`, () =>
      Effect.gen(function* () {
        const { open, text } = yield* beyond({ limitAction: "http" }, request)
        const [head, body] = text.split("\r\n\r\n")
        const lines = head!.split("\r\n")
        assert.strictEqual(lines[0], "HTTP/1.1 429 Too Many Requests")
        const headers = Object.fromEntries(lines.slice(1).map((line) => line.split(": ")))
        assert.strictEqual(Number(headers["Content-Length"]), body!.length)
        assert.strictEqual(headers["Connection"], "close")
        const retryAfter = Number(headers["Retry-After"])
        assert.isTrue(Number.isInteger(retryAfter) && retryAfter >= 25 && retryAfter <= 60, String(retryAfter))
        // Only the first visitor's connection, which nobody has accepted, is left.
        assert.strictEqual(open, 1)
      }).pipe(simulate({ link }))
    )
  }

  it("says whole seconds, and never so few that it would be too early", () => {
    const retryAfter = (millis: number) => {
      const answer = reaction("http", 80, millis)
      return answer instanceof Uint8Array ? /Retry-After: (\d+)\r\n/.exec(text(answer))?.[1] : answer
    }
    assert.deepStrictEqual([0.4, 1000, 1000.5, 59_999].map(retryAfter), ["1", "1", "2", "60"])
  })

  it.effect("is any text, and the connection ends cleanly with it", () =>
    Effect.gen(function* () {
      const text = "come again\r\n".repeat(1000)
      const answer = yield* beyond({ limitAction: { text }, sendBufferBytes: 4096 }, "hello")
      assert.isTrue(answer.text === text)
    }).pipe(simulate({ link }))
  )

  it.effect("is a reset on the port of TLS, whatever the text", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* failureOf(beyond({ limitAction: "http" }, "", 443)), "ConnectRefused")
    }).pipe(simulate({ link }))
  )

  it.effect("may be another thing for each listener", () =>
    Effect.gen(function* () {
      const { a, b, visit } = yield* visitors({ connectionLimits: { perPeer: { minute: 1 } } })
      yield* b.listen({ port: 81, limitAction: { text: "full" } })
      assert.strictEqual(yield* visit(a, 81), "success")
      const near = yield* a.connect({ destination: bob.destination, port: 81 })
      assert.strictEqual(yield* readText(near), "full")
      assert.strictEqual(yield* visit(a, 80), "ConnectRefused")
    }).pipe(simulate({ link }))
  )

  it.effect(
    "is a text for sixteen at a time; the others are reset, and the session's own streams are not touched",
    () =>
      Effect.gen(function* () {
        const { b, network } = yield* visitors({ maxConcurrentStreams: 1, limitAction: { text: "full" } })
        const near = yield* b.connect({ destination: alice.destination, timeout: "1 hour" }).pipe(Effect.forkScoped)
        yield* network.setLink({ loss: 1 })
        yield* idle
        const sent = yield* record
        for (let i = 0; i < 20; i++) {
          const keys = MemoryTransport.keysOf(`visitor ${i}`)
          const fields = {
            receiveStreamId: 1000 + i,
            nacks: Packet.replayHash(b.destination.hash),
            flags: Packet.SYNCHRONIZE | Packet.NO_ACK
          }
          yield* network.inject({ to: b.destination, destinationPort: 80, bytes: sealed(fields, "identity", keys) })
        }
        yield* Effect.sleep("100 millis")
        assert.lengthOf(
          sent.filter(({ packet }) => Packet.has(packet, Packet.RESET)),
          4
        )
        assert.isAtMost((yield* b.active).length, 17)
        // Nobody acknowledges; the answers give up by themselves.
        yield* Effect.sleep("5 minutes")
        assert.isAtMost((yield* b.active).length, 1)
        yield* Fiber.interrupt(near)
      }).pipe(simulate())
  )
})

describe("refusals", () => {
  for (const [keys, name] of [
    [bob, "signed, with who we are"],
    [aliceOffline, "with the block of an offline key"]
  ] as const) {
    it.effect(`come when nobody listens, ${name}, so that a stranger can check them`, () =>
      Effect.gen(function* () {
        const m = yield* MemoryTransport.streams(mallory)
        yield* MemoryTransport.streams(keys)
        const sent = yield* record
        assert.strictEqual(yield* failureOf(m.connect({ destination: keys.destination, port: 7 })), "ConnectRefused")
        const reset = sent.find(({ from }) => from === keys.destination.b32)!
        assert.isTrue(Packet.has(reset.packet, Packet.RESET))
        assert.strictEqual(reset.packet.sendStreamId, sent[0]!.packet.receiveStreamId)
        assert.strictEqual(reset.packet.receiveStreamId, 0)
        assert.deepStrictEqual(reset.packet.from?.bytes, keys.destination.bytes)
        assert.deepStrictEqual(reset.packet.offlineSignature, keys.offline)
        const strangers = { key: undefined, destinationBytes: undefined }
        assert.isTrue(Either.isRight(verify(reset.packet, reset.bytes, strangers, Signatures.noble, 0)))
      }).pipe(simulate({ link }))
    )
  }

  it.effect("come to one who connects again and again as well, while the session has no room", () =>
    Effect.gen(function* () {
      const { a, b, visit } = yield* visitors({ maxConcurrentStreams: 1 })
      assert.strictEqual(yield* visit(a), "success")
      assert.deepStrictEqual(yield* Effect.replicateEffect(visit(a), 4), [
        "ConnectRefused",
        "ConnectRefused",
        "ConnectRefused",
        "ConnectTimedOut"
      ])
      assert.strictEqual((yield* b.drops).limited, 4)
    }).pipe(simulate({ link }))
  )

  it.effect(
    "come three times to one SYN, however often somebody repeats it, and count against its sender as often",
    () =>
      Effect.gen(function* () {
        const { a, b, network, visit } = yield* visitors({ connectionLimits: { perPeer: { minute: 4 } } })
        const sent = yield* record
        const captured = sealed(
          { receiveStreamId: 5, nacks: Packet.replayHash(bob.destination.hash), flags: Packet.SYNCHRONIZE },
          "identity",
          alice
        )
        for (let i = 0; i < 20; i++) {
          yield* network.inject({ to: b.destination, destinationPort: 7, bytes: captured })
          yield* Effect.sleep("10 millis")
        }
        assert.lengthOf(
          sent.filter(({ packet }) => Packet.has(packet, Packet.RESET)),
          3
        )
        assert.deepInclude(yield* b.drops, { replayed: 17, limited: 0 })
        yield* b.listen({ port: 7 })
        yield* idle
        assert.strictEqual(yield* visit(a), "success")
      }).pipe(simulate())
  )

  it.effect("come when the backlog is full, and no longer when somebody accepts", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80, backlog: 2 })
      const connect = failureOf(a.connect({ destination: b.destination, port: 80 }))
      assert.deepStrictEqual(yield* Effect.replicateEffect(connect, 3), ["success", "success", "ConnectRefused"])
      yield* listener.accept
      assert.strictEqual(yield* connect, "success")
    }).pipe(simulate({ link }))
  )
})

describe("the log", () => {
  const logged = (options: Changes<StreamingOptions>) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ annotations, message }) => {
        assert.strictEqual(HashMap.unsafeGet(annotations, "package"), "streaming")
        lines.push(String(message))
      })
      yield* Effect.gen(function* () {
        const { b, network } = yield* visitors({ connectionLimits: { perPeer: { day: 1 } }, ...options })
        const flood = Effect.forEach(
          Array.from({ length: 100 }, (_, i) => i),
          (i) =>
            network.inject({
              to: b.destination,
              destinationPort: 80,
              bytes: syn(b.destination, { receiveStreamId: 1 + i })
            })
        )
        yield* flood
        yield* Effect.sleep("59 seconds")
        yield* flood
        yield* idle
        yield* idle
        yield* flood
        yield* idle
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      return lines
    })

  it.effect("has one line a minute about a flood, with its extent and a short name", () =>
    Effect.gen(function* () {
      const lines = yield* logged({})
      assert.lengthOf(lines, 2)
      assert.include(lines[0]!, mallory.destination.short)
      assert.notInclude(lines[0]!, mallory.destination.b32)
      assert.match(lines[1]!, /and \d+ more/)
    }).pipe(simulate())
  )

  it.effect("has none where it is not wanted", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* logged({ logRejections: false }), [])
    }).pipe(simulate())
  )
})

describe("ports", () => {
  it.effect("of our own are random dynamic ones, another for each stream, unless one is asked for", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const ports = new Set<number>()
      for (let i = 0; i < 40; i++) {
        const near = yield* a.connect({ destination: b.destination, port: 80 })
        const far = yield* listener.accept
        assert.isTrue(near.localPort >= 49_152 && near.localPort <= 65_535)
        assert.strictEqual(far.remotePort, near.localPort)
        ports.add(near.localPort)
      }
      assert.strictEqual(ports.size, 40)
      const unspecified = yield* a.connect({ destination: b.destination, port: 80, localPort: 0 })
      assert.strictEqual(unspecified.localPort, 0)
    }).pipe(simulate({ link }))
  )

  it.effect("do not matter to an answer: it finds its stream by the id", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const near = yield* a.connect({ destination: b.destination, port: 80 })
      const far = yield* listener.accept
      const answer = sealed({
        sendStreamId: near.localStreamId,
        receiveStreamId: far.localStreamId,
        sequenceNumber: 1,
        flags: Packet.NO_ACK,
        payload: bytes("by i2pd")
      })
      yield* network.inject({ to: a.destination, sourcePort: 80, destinationPort: 0, bytes: answer })
      assert.strictEqual(yield* readText(near), "by i2pd")
    }).pipe(simulate({ link }))
  )

  it.effect("that are none are a defect", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      for (const port of [-1, 65_536, 1.5]) {
        for (const effect of [
          a.connect({ destination: b.destination, port }),
          a.connect({ destination: b.destination, localPort: port }),
          a.listen({ port }),
          a.ping({ destination: b.destination, port })
        ]) {
          const scope = yield* Scope.make()
          const exit = yield* Effect.exit(Scope.extend(effect as Effect.Effect<unknown, unknown, Scope.Scope>, scope))
          yield* Scope.close(scope, Exit.void)
          assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die", String(port))
        }
      }
    }).pipe(simulate())
  )
})

describe("packets before their SYN", () => {
  it.effect("are bounded for each stream and in all, and what is too much is counted and forgotten", () =>
    Effect.gen(function* () {
      const { b, network } = yield* visitors({ maxEarlyPerStream: 2, maxEarly: 5, earlyLifetime: "3 seconds" })
      const early = (receiveStreamId: number, sequenceNumber: number) =>
        network.inject({
          to: b.destination,
          destinationPort: 80,
          bytes: sealed({ receiveStreamId, sequenceNumber, flags: Packet.NO_ACK, payload: bytes("early") })
        })
      for (let id = 1; id <= 3; id++) for (let number = 1; number <= 3; number++) yield* early(id, number)
      yield* idle
      // Of 1 and 2 two each, of 3 one.
      assert.strictEqual((yield* b.drops).unknownStream, 4)
      yield* Effect.sleep("3 seconds")
      yield* early(4, 1)
      assert.strictEqual((yield* b.drops).unknownStream, 4)
    }).pipe(simulate())
  )
})

describe("a deadline", () => {
  it.effect("is Effect's timeout, and a read that it ends loses nothing, not even at the same instant", () =>
    Effect.gen(function* () {
      const { a, listener } = yield* visitors()
      const near = yield* a.connect({ destination: bob.destination, port: 80 })
      const far = yield* listener.accept
      yield* Effect.sleep("10 seconds")
      for (let i = 0; i < 40; i++) {
        yield* Effect.fork(near.write(bytes("x")))
        // 50 ms is the way of the byte.
        let got = ""
        for (let tries = 0; got === "" && tries < 5; tries++) {
          const read = yield* Effect.timeoutOption(readText(far), `${48 + (i % 5)} millis`)
          if (read._tag === "Some") got = read.value
        }
        assert.strictEqual(got, "x")
      }
    }).pipe(simulate({ link }))
  )
})
