/**
 * What i2pd's own streams do where implementations differ, seen packet by packet. The table in README.md says what each
 * of these means for us; a newer i2pd that fails one of them has changed a habit, and the table is to be gone through.
 *
 * Not one of these is a demand on i2pd: they are what our stack has to live with.
 */
import { assert, layer } from "@effect/vitest"
import * as Packet from "@effect-i2p/streaming/Packet"
import type * as Destination from "@effect-i2p/wire/Destination"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Payload from "../../src/Payload.js"
import * as RawPeer from "../../src/RawPeer.js"
import type { SamStream } from "../../src/Sam.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

class Raw extends Context.Tag("@effect-i2p/interop/test/Raw")<Raw, RawPeer.RawPeer>() {}

const raw = Layer.scoped(
  Raw,
  Effect.flatMap(TestNetwork.TestNetwork, ({ a }) => RawPeer.open(a))
)
const network = Layer.provideMerge(raw, TestNetwork.layer)

const mtu = 1812
const text = (value: Uint8Array) => new TextDecoder().decode(value)
const freshId = () => crypto.getRandomValues(new Uint32Array(1))[0]!

const isSynAck = (id: number) => (packet: Packet.Packet) =>
  packet.sendStreamId === id && Packet.has(packet, Packet.SYNCHRONIZE)
const isAck = (packet: Packet.Packet) => !Packet.isSequenced(packet) && packet.flags === 0
const isData = (packet: Packet.Packet) => Packet.isSequenced(packet) && packet.payload.length > 0
const isClose = (packet: Packet.Packet) => Packet.has(packet, Packet.CLOSE)

const syn = (to: Destination.Destination, id: number, fields: Partial<Packet.Packet> = {}): Partial<Packet.Packet> => ({
  receiveStreamId: id,
  nacks: Packet.replayHash(to.hash),
  flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
  maxPacketSize: mtu,
  ...fields
})

/** One stream under a test's hand, from either side's opening on. */
interface Line {
  readonly id: number
  readonly opening: RawPeer.Received
  readonly sam: SamStream
  readonly send: (packet: Partial<Packet.Packet>, signing?: RawPeer.Signing) => Effect.Effect<number>
  readonly take: (
    wanted: string,
    fits: (packet: Packet.Packet) => boolean
  ) => Effect.Effect<RawPeer.Received, RawPeer.NoSuchPacket>
  /** Everything this stream sends in that time. */
  readonly during: (millis: number) => Effect.Effect<ReadonlyArray<Packet.Packet>>
}

const line = (
  peer: RawPeer.RawPeer,
  to: Destination.Destination,
  id: number,
  opening: RawPeer.Received,
  sam: SamStream
): Line => ({
  id,
  opening,
  sam,
  send: (packet, signing = "none") =>
    peer.send(to, { sendStreamId: opening.packet.receiveStreamId, receiveStreamId: id, ...packet }, { signing }),
  take: (wanted, fits) => peer.take(wanted, (packet) => packet.sendStreamId === id && fits(packet)),
  during: (millis) =>
    Effect.map(peer.takeAfter(millis), (all) =>
      all.flatMap(({ packet }) => (packet.sendStreamId === id ? [packet] : []))
    )
})

/** We open to a SAM session that accepts; their SYN-ACK is acknowledged by whatever the test sends next. */
const dialled = Effect.gen(function* () {
  const peer = yield* Raw
  const { samFar } = yield* TestNetwork.TestNetwork
  const to = Streams.destinationOf(samFar.destination)
  const id = freshId()
  const synAck = Effect.zipRight(
    peer.send(to, syn(to, id), { signing: "identity" }),
    peer.take("SYN-ACK", isSynAck(id), "20 seconds")
  )
  const accept = Effect.timeout(samFar.accept, "20 seconds")
  const [opening, sam] = yield* Effect.all([synAck, accept], { concurrency: 2 })
  return line(peer, to, id, opening, sam)
})

/** Streams that were opened to us: their SYNs come again for as long as nobody answers, in later tests too. */
const seen = new Set<number>()

/** A SAM session opens to us; nothing is answered yet. */
const called = Effect.gen(function* () {
  const peer = yield* Raw
  const { samFar } = yield* TestNetwork.TestNetwork
  const sam = yield* samFar.connect(peer.destination.b32)
  const isNew = (packet: Packet.Packet) => Packet.isFirstSyn(packet) && !seen.has(packet.receiveStreamId)
  const opening = yield* peer.take("SYN", isNew, "20 seconds")
  seen.add(opening.packet.receiveStreamId)
  return line(peer, Streams.destinationOf(samFar.destination), freshId(), opening, sam)
})

const synAck: Partial<Packet.Packet> = { flags: Packet.SYNCHRONIZE, maxPacketSize: mtu }

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("i2pd's streams", (it) => {
  it.scoped(
    "answer a SYN at once, with nothing in it and nothing behind it, from port 0 to port 0 whatever the caller's",
    () =>
      Effect.gen(function* () {
        const peer = yield* Raw
        const { far } = yield* TestNetwork.TestNetwork
        const to = yield* peer.lookup(far.serverTunnel)
        const ask = Effect.fnUntraced(function* () {
          const id = freshId()
          const sent = yield* peer.send(to, syn(to, id, { payload: Payload.text("hello") }), {
            signing: "identity",
            sourcePort: 4321
          })
          const answer = yield* peer.take("SYN-ACK", isSynAck(id), "20 seconds")
          // Its window is one packet, and the SYN-ACK fills it.
          assert.deepStrictEqual((yield* peer.takeAfter("300 millis")).length, 0)
          yield* peer.send(to, { sendStreamId: answer.packet.receiveStreamId, receiveStreamId: id })
          const data = yield* peer.take("echo", (packet) => packet.sendStreamId === id && isData(packet))
          return { answer, data, millis: answer.at - sent }
        })
        yield* ask() // the first finds the way
        const { answer, data, millis } = yield* ask()
        assert.isBelow(millis, 150)
        assert.deepStrictEqual([answer.sourcePort, answer.destinationPort], [0, 0])
        assert.strictEqual(answer.packet.payload.length, 0)
        assert.strictEqual(answer.packet.flags, Packet.SYNCHRONIZE)
        assert.strictEqual(answer.packet.requestedDelay, undefined)
        assert.strictEqual(answer.packet.maxPacketSize, mtu)
        assert.deepStrictEqual(answer.packet.nacks, [])
        assert.strictEqual(answer.packet.from?.b32, to.b32)
        assert.strictEqual(data.packet.sequenceNumber, 1)
        assert.strictEqual(text(data.packet.payload), "hello")
      })
  )

  it.scoped(
    "open with a SYN that has no replay hash and asks for no prompt answer, and repeat it after 9 s as it was",
    () =>
      Effect.gen(function* () {
        const peer = yield* Raw
        const { opening } = yield* called
        const { packet } = opening
        assert.deepStrictEqual([opening.sourcePort, opening.destinationPort], [0, 0])
        assert.strictEqual(packet.flags, Packet.SYNCHRONIZE | Packet.NO_ACK)
        assert.deepStrictEqual(packet.nacks, [])
        assert.strictEqual(packet.requestedDelay, undefined)
        assert.strictEqual(packet.maxPacketSize, mtu)
        assert.strictEqual(packet.resendDelay, 9)
        assert.strictEqual(packet.payload.length, 0)
        const isAgain = ({ receiveStreamId }: Packet.Packet) => receiveStreamId === packet.receiveStreamId
        const again = yield* peer.take("second SYN", isAgain, "12 seconds")
        assert.approximately(again.at - opening.at, 9000, 500)
        assert.deepStrictEqual(Packet.encode(again.packet), Packet.encode(packet))
      })
  )

  it.scoped("do not answer a SYN that comes again, and repeat an unacknowledged SYN-ACK after 9 s", () =>
    Effect.gen(function* () {
      const peer = yield* Raw
      const { samFar } = yield* TestNetwork.TestNetwork
      const to = Streams.destinationOf(samFar.destination)
      const id = freshId()
      const send = peer.send(to, syn(to, id), { signing: "identity" })
      // Taken to its end: an accept that is given up eats the session's next stream.
      const accept = yield* Effect.fork(samFar.accept)
      yield* send
      const first = yield* peer.take("SYN-ACK", isSynAck(id))
      yield* send
      const second = yield* peer.take("second SYN-ACK", isSynAck(id), "12 seconds")
      assert.approximately(second.at - first.at, 9000, 500)
      yield* Fiber.join(accept)
    })
  )

  it.scoped("take a SYN whose replay hash is somebody else's, or whose signature is wrong", () =>
    Effect.gen(function* () {
      const peer = yield* Raw
      const { samFar } = yield* TestNetwork.TestNetwork
      const to = Streams.destinationOf(samFar.destination)
      const answered = (id: number, send: Effect.Effect<number>) =>
        Effect.all([Effect.zipRight(send, peer.take("SYN-ACK", isSynAck(id))), samFar.accept], { concurrency: 2 })
      const misled = freshId()
      yield* answered(misled, peer.send(to, syn(peer.destination, misled), { signing: "identity" }))
      const forged = freshId()
      yield* answered(forged, peer.send(to, syn(to, forged), { signing: "forged" }))
    })
  )

  it.scoped("answer a SYN that carries CLOSE with neither SYN-ACK nor data", () =>
    Effect.gen(function* () {
      const peer = yield* Raw
      const { far } = yield* TestNetwork.TestNetwork
      const to = yield* peer.lookup(far.serverTunnel)
      const id = freshId()
      const flags = Packet.SYNCHRONIZE | Packet.NO_ACK | Packet.CLOSE
      yield* peer.send(to, syn(to, id, { flags, payload: Payload.text("hello") }), { signing: "identity" })
      const answers = (yield* peer.takeAfter("1 second")).filter(({ packet }) => packet.sendStreamId === id)
      assert.deepStrictEqual(
        answers.filter(({ packet }) => isData(packet) || Packet.has(packet, Packet.SYNCHRONIZE)),
        []
      )
    })
  )

  it.scoped("acknowledge data within a tenth of the round trip, keepalives and duplicates too", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      const acknowledged = Effect.fnUntraced(function* (packet: Partial<Packet.Packet>) {
        const sent = yield* stream.send(packet)
        const ack = yield* stream.take("ACK", isAck)
        return { ...ack.packet, millis: ack.at - sent }
      })
      const data = { sequenceNumber: 1, payload: Payload.text("one") }
      const first = yield* acknowledged(data)
      assert.strictEqual(first.ackThrough, 1)
      assert.isBelow(first.millis, 100)
      assert.strictEqual((yield* acknowledged(data)).ackThrough, 1)
      assert.strictEqual((yield* acknowledged({ sequenceNumber: 2 })).ackThrough, 2)
      assert.strictEqual((yield* acknowledged({ sequenceNumber: 3, requestedDelay: 0 })).ackThrough, 3)
      assert.strictEqual(text(yield* stream.sam.readExactly(3)), "one")
    })
  )

  it.scoped("tell a gap at once, in plain ACKs only: data carries no NACKs and the cumulative number", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
      yield* stream.take("ACK", isAck)
      yield* stream.send({ sequenceNumber: 3, payload: Payload.text("c") })
      const ack3 = yield* stream.take("ACK", isAck)
      assert.deepStrictEqual([ack3.packet.ackThrough, ack3.packet.nacks], [3, [2]])
      yield* stream.send({ sequenceNumber: 5, payload: Payload.text("e") })
      const ack5 = yield* stream.take("ACK", isAck)
      assert.deepStrictEqual([ack5.packet.ackThrough, ack5.packet.nacks], [5, [2, 4]])
      yield* stream.sam.write("answer")
      const data = yield* stream.take("data", isData)
      assert.deepStrictEqual([data.packet.ackThrough, data.packet.nacks], [1, []])
      assert.strictEqual(data.packet.requestedDelay, undefined)
    })
  )

  it.scoped("lower ackThrough when holes are more than fit, and know no limit for them", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
      yield* stream.take("ACK", isAck)
      yield* stream.send({ sequenceNumber: 1000, payload: Payload.text("z") })
      const ack = yield* stream.take("ACK", isAck)
      assert.deepStrictEqual([ack.packet.ackThrough, ack.packet.nacks], [2, []])
      assert.strictEqual(ack.packet.requestedDelay, undefined)
    })
  )

  it.scoped("resend with the acknowledgment of the first time", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
      yield* stream.sam.write("answer")
      const data = yield* stream.take("data", isData)
      yield* stream.send({ sequenceNumber: 2, payload: Payload.text("b"), flags: Packet.NO_ACK })
      const again = yield* stream.take("resent data", isData)
      assert.strictEqual(again.packet.ackThrough, data.packet.ackThrough)
      assert.deepStrictEqual(Packet.encode(again.packet), Packet.encode(data.packet))
    })
  )

  it.scoped("begin with one packet and go on through a choke", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
      yield* stream.sam.write(Payload.random(200_000))
      const first = yield* stream.during(20)
      assert.isAtMost(first.filter(isData).length, 2)
      let highest = Math.max(0, ...first.map((packet) => packet.sequenceNumber))
      const before = highest
      for (const requestedDelay of [60_001, 61_000, 65_535, 60_001]) {
        yield* stream.send({ ackThrough: highest, requestedDelay })
        for (const packet of yield* stream.during(50)) highest = Math.max(highest, packet.sequenceNumber)
      }
      assert.isAbove(highest, before + 3)
    })
  )

  it.scoped(
    "drop what they still have to send when our CLOSE comes, number theirs as if it were all, and send it once",
    () =>
      Effect.gen(function* () {
        const stream = yield* dialled
        yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
        yield* stream.sam.write(Payload.random(200_000))
        const first = yield* stream.take("data", isData)
        yield* stream.send({ sequenceNumber: 2, flags: Packet.CLOSE, ackThrough: 0 }, "signature")
        const close = yield* stream.take("CLOSE", isClose)
        const rest = yield* stream.during(3000)
        const highest = Math.max(first.packet.sequenceNumber, ...rest.filter(isData).map((one) => one.sequenceNumber))
        assert.isBelow(highest * mtu, 200_000)
        assert.strictEqual(close.packet.sequenceNumber, highest + 1)
        assert.strictEqual(close.packet.ackThrough, 2)
        assert.strictEqual(rest.filter(isClose).length, 0)
      })
  )

  it.scoped("ignore CLOSE and RESET on number 0", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ flags: Packet.CLOSE }, "signature")
      yield* stream.send({ flags: Packet.RESET }, "signature")
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("alive") })
      assert.strictEqual((yield* stream.take("ACK", isAck)).packet.ackThrough, 1)
      assert.strictEqual(text(yield* stream.sam.readExactly(5)), "alive")
    })
  )

  it.scoped("hold a RESET of a later number back, and end without a word at one of the next number", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
      yield* stream.take("ACK", isAck)
      yield* stream.send({ sequenceNumber: 3, flags: Packet.RESET }, "signature")
      assert.deepStrictEqual((yield* stream.take("ACK", isAck)).packet.nacks, [2])
      yield* stream.send({ sequenceNumber: 2, flags: Packet.RESET }, "signature")
      yield* stream.send({ sequenceNumber: 3, payload: Payload.text("too late") })
      // A second word about the gap may have been under way.
      const later = (yield* stream.during(1000)).filter(({ nacks }) => nacks[0] !== 2)
      assert.deepStrictEqual(later, [])
    })
  )

  it.scoped(
    "go on waiting when an opening is refused by a RESET of number 0, and end after 200 ms at one of number 1",
    () =>
      Effect.gen(function* () {
        const refuse = Effect.fnUntraced(function* (sequenceNumber: number) {
          const stream = yield* called
          yield* stream.send({ sequenceNumber, receiveStreamId: 0, flags: Packet.RESET }, "identity")
          return yield* stream.sam.read.pipe(Effect.option, Effect.timeoutOption("2 seconds"))
        })
        assert.isTrue(Option.isNone(yield* refuse(0)))
        for (let i = 0; i < 5; i++) assert.isTrue(Option.isSome(yield* refuse(1)))
      })
  )

  it.scoped("end at a CLOSE whose signature is wrong", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ sequenceNumber: 1, payload: Payload.text("a") })
      yield* stream.take("ACK", isAck)
      const signature = new Uint8Array(64)
      yield* stream.send({ sequenceNumber: 2, flags: Packet.CLOSE, signature })
      yield* stream.take("CLOSE", isClose)
      yield* stream.send({ sequenceNumber: 3, payload: Payload.text("too late") })
      assert.deepStrictEqual((yield* stream.during(1000)).filter(isAck), [])
    })
  )

  it.scoped("look at our id only", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      yield* stream.send({ receiveStreamId: freshId(), sequenceNumber: 1, payload: Payload.text("whose") })
      assert.strictEqual((yield* stream.take("ACK", isAck)).packet.ackThrough, 1)
      assert.strictEqual(text(yield* stream.sam.readExactly(5)), "whose")
    })
  )

  it.scoped("take payloads up to 4096 bytes of packet, and cut what is longer in silence", () =>
    Effect.gen(function* () {
      const stream = yield* dialled
      const most = 4096 - Packet.headerBytes
      const fits = Payload.random(most)
      yield* stream.send({ sequenceNumber: 1, payload: fits })
      yield* stream.take("ACK", isAck)
      assert.deepStrictEqual(new Uint8Array(yield* stream.sam.readExactly(most)), fits)
      const tooLong = Payload.random(most + 100)
      yield* stream.send({ sequenceNumber: 2, payload: tooLong })
      yield* stream.send({ sequenceNumber: 3, payload: Payload.text("end") })
      yield* stream.take("ACK", (packet) => isAck(packet) && packet.ackThrough === 3)
      const there = yield* stream.sam.readExactly(most + 3)
      assert.deepStrictEqual(new Uint8Array(there.subarray(0, most)), tooLong.slice(0, most))
      assert.strictEqual(text(there.subarray(most)), "end")
    })
  )

  it.scoped("give data 200 ms in which the SYN-ACK that it overtook must come", () =>
    Effect.gen(function* () {
      const open = Effect.fnUntraced(function* (late: number) {
        const stream = yield* called
        yield* stream.send({ sequenceNumber: 1, payload: Payload.text("hi") })
        yield* Effect.sleep(late)
        yield* stream.send(synAck, "identity")
        return stream
      })
      const inTime = yield* open(60)
      yield* inTime.take("ACK", (packet) => isAck(packet) && packet.ackThrough === 1)
      assert.strictEqual(text(yield* inTime.sam.readExactly(2)), "hi")
      const late = yield* open(400)
      assert.deepStrictEqual(yield* late.during(1000), [])
    })
  )

  it.scoped("answer a ping to a SAM session with a bare pong of any length, and none to a server tunnel", () =>
    Effect.gen(function* () {
      const peer = yield* Raw
      const { far, samFar } = yield* TestNetwork.TestNetwork
      const to = Streams.destinationOf(samFar.destination)
      const ping = (at: Destination.Destination, id: number, payload: Uint8Array, signing: RawPeer.Signing) =>
        peer.send(at, { sendStreamId: id, flags: Packet.ECHO, payload }, { signing, sourcePort: 77 })
      const id = freshId()
      const payload = Payload.random(100)
      yield* ping(to, id, payload, "identity")
      const pong = yield* peer.take("pong", (packet) => Packet.has(packet, Packet.ECHO))
      assert.deepStrictEqual([pong.sourcePort, pong.destinationPort], [0, 0])
      assert.deepStrictEqual(
        Packet.encode(pong.packet),
        Packet.encode(Packet.make({ receiveStreamId: id, flags: Packet.ECHO, payload }))
      )
      // `i2p.streaming.answerPings` of a tunnel is written as a number and compared with "true".
      yield* ping(yield* peer.lookup(far.serverTunnel), freshId(), payload, "identity")
      assert.deepStrictEqual(
        (yield* peer.takeAfter("2 seconds")).filter(({ packet }) => Packet.has(packet, Packet.ECHO)),
        []
      )
    })
  )
})
