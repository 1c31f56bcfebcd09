/**
 * Attacks of a peer on streams: the rows of the abuse table in streaming's README.
 *
 * @since 0.1.0
 */
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import { zlib } from "@effect-i2p/platform-node/NodeCompression"
import * as Packet from "@effect-i2p/streaming/Packet"
import { Destination } from "@effect-i2p/wire/Destination"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Effect from "effect/Effect"
import type { Attack } from "./Trial.js"
import { ports, type World } from "./World.js"

/** The first window of a stream that Mallory opened, and what he does not acknowledge of it once or twice again. */
const firstWindow = { answers: 0.1, answerBytes: 8, streams: 2 }

/** So that it is full after some hundred packets. */
const smallBuffer = { receiveBufferBytes: 131_072 }

/** The same message each time, with other numbers. */
const each =
  (shoot: (world: World, n: number) => Effect.Effect<void>): Attack["arm"] =>
  (world) =>
    Effect.succeed((n) => shoot(world, n))

/** Ids that nobody has, the same in each run. */
const wild = (n: number): number => (Math.imul(n + 1, 2_654_435_761) | 1) >>> 0

/** Changes numbers in a packet that is signed already: it costs the sender nothing. */
const renumbered = (packet: Uint8Array, offset: number, value: number): Uint8Array => {
  const bytes = packet.slice()
  new DataView(bytes.buffer).setUint32(offset, value)
  return bytes
}

const receiveStreamIdAt = 4
const sendStreamIdAt = 0

/** An envelope around anything, of any size. */
const deflated = (payload: Uint8Array): Uint8Array =>
  Payload.encode({ protocol: 6, sourcePort: 1, destinationPort: ports.echo, payload, compress: true }, zlib)

const forgedSyns: Attack = {
  name: "SYN flood, signatures that do not verify",
  openings: true,
  arm: (world) => {
    const syn = world.mallory.syn()
    return Effect.succeed((n) => world.mallory.send(renumbered(syn, receiveStreamIdAt, wild(n))))
  }
}

/** Mallory fills Alice's quota if names are counted before they are proven: then she is not let in. */
const synsInName: Attack = {
  name: "SYNs in another's name, who has a quota",
  victim: { connectionLimits: { perPeer: { hour: 20 } } },
  arm: ({ alice, mallory }) =>
    Effect.succeed((n) =>
      mallory.send(mallory.syn({ receiveStreamId: 1000 + n }, { ...mallory.keys, destination: alice.destination }))
    )
}

const soundSyns: Attack = {
  name: "SYN flood, sound signatures",
  openings: true,
  dose: { messages: 100, burst: 1 },
  bound: { answers: 1, answerBytes: 1, heldBytes: 8_388_608, streams: 101 },
  arm: each(({ mallory }, n) => mallory.send(mallory.syn({ receiveStreamId: 1000 + n }), ports.deaf))
}

const refusedSyns: Attack = {
  name: "SYN flood to a port without a listener",
  openings: true,
  bound: { answers: 1, answerBytes: 1 },
  arm: each(({ mallory }, n) => mallory.send(mallory.syn({ receiveStreamId: 1000 + n }), ports.shut))
}

const limitedSyns: Attack = {
  name: "connections beyond a limit",
  victim: { connectionLimits: { perPeer: { minute: 3 } } },
  bound: { answers: 0.03, answerBytes: 0.03, streams: 4 },
  arm: each(({ mallory }, n) => mallory.send(mallory.syn({ receiveStreamId: 1000 + n }), ports.deaf))
}

const replayToThird: Attack = {
  name: "SYN replayed to a third party",
  arm: (world) => {
    const { mallory } = world
    const syn = mallory.syn({ nacks: Packet.replayHash(world.alice.destination.hash) })
    return Effect.succeed(() => mallory.send(syn))
  }
}

const replayToSame: Attack = {
  name: "SYN replayed to the same destination",
  openings: true,
  bound: { answers: 1, answerBytes: 1, streams: 2 },
  arm: ({ mallory }) => {
    const syn = mallory.syn({ receiveStreamId: 77 })
    return Effect.as(mallory.send(syn), () => mallory.send(syn))
  }
}

const replayAfterEnd: Attack = {
  name: "SYN replayed after its stream has ended",
  arm: ({ mallory }) =>
    Effect.gen(function* () {
      const syn = mallory.syn({ receiveStreamId: 77 })
      yield* mallory.send(syn)
      yield* Effect.sleep("200 millis")
      const theirs = mallory.latest()?.receiveStreamId ?? 0
      const ids = { sendStreamId: theirs, receiveStreamId: 77 }
      yield* mallory.send(mallory.packet({ ...ids, sequenceNumber: 1, flags: Packet.RESET }, "signature"))
      yield* Effect.sleep("200 millis")
      return () => mallory.send(syn)
    })
}

const withoutHash: Attack = {
  name: "SYN without the replay hash, where it is required",
  victim: { requireReplayHash: true },
  arm: each(({ mallory }, n) => mallory.send(mallory.syn({ receiveStreamId: 1000 + (n % 4), nacks: [] })))
}

/** On a stream of Mallory's own. */
const onStream =
  (port: number, shoot: (world: World, ids: Partial<Packet.Packet>, n: number) => Effect.Effect<void>): Attack["arm"] =>
  (world) =>
    Effect.map(
      world.mallory.open(port),
      ({ own, theirs }) =>
        (n) =>
          shoot(world, { sendStreamId: theirs, receiveStreamId: own }, n)
    )

const holes: Attack = {
  name: "hole list inflated: every second number, then huge ones",
  bound: { answers: 1, answerBytes: 46, streams: 2 },
  arm: onStream(ports.sink, ({ mallory }, ids, n) =>
    mallory.send(
      mallory.packet({ ...ids, sequenceNumber: n % 2 === 0 ? n + 2 : wild(n), payload: new Uint8Array(1) }),
      ports.sink
    )
  )
}

const tinyUnread: Attack = {
  name: "packets of one byte, unread",
  victim: smallBuffer,
  dose: { messages: 16_000, burst: 80 },
  bound: { answers: 1, answerBytes: 1.1, streams: 2 },
  arm: onStream(ports.deaf, ({ mallory }, ids, n) =>
    mallory.send(mallory.packet({ ...ids, sequenceNumber: n + 1, payload: new Uint8Array(1) }), ports.deaf)
  )
}

/** A byte of payload behind as many options as fit: 64 KiB in memory, some hundred on the wire. */
const padded = (packet: Uint8Array): Uint8Array => {
  const options = 60_000
  const bytes = new Uint8Array(22 + options + 1)
  bytes.set(packet.subarray(0, 20))
  new DataView(bytes.buffer).setUint16(20, options)
  return bytes
}

const paddedUnread: Attack = {
  name: "one byte behind 60,000 of deflated options, unread",
  victim: smallBuffer,
  dose: { messages: 1000, burst: 5 },
  bound: { answers: 1, answerBytes: 0.1, streams: 2 },
  arm: onStream(ports.deaf, ({ mallory }, ids, n) =>
    mallory.sendEnvelope(deflated(padded(mallory.packet({ ...ids, sequenceNumber: n + 1 }))))
  )
}

/** The session cuts payloads from slabs of 16 KiB, and who keeps one payload keeps its slab. */
const spacedUnread: Attack = {
  name: "packets of 1,024 bytes between dropped ones, unread",
  victim: smallBuffer,
  dose: { messages: 3000, burst: 15 },
  bound: { answers: 1, answerBytes: 0.1, heldBytes: 4_194_304, streams: 2 },
  arm: onStream(ports.deaf, ({ mallory }, ids, n) =>
    n % 10 === 0
      ? mallory.send(mallory.packet({ ...ids, sequenceNumber: 1 + n / 10, payload: new Uint8Array(1024) }), ports.deaf)
      : mallory.send(mallory.packet({ sendStreamId: 5, receiveStreamId: 6, payload: new Uint8Array(1812) }), ports.deaf)
  )
}

/** Streams that Mallory opens at once, whose packets nobody reads. */
const hoards = 40

const manyUnread: Attack = {
  name: "full packets on forty streams, unread",
  victim: { receiveMemoryBytes: 1_048_576 },
  dose: { messages: 4000, burst: 20 },
  bound: { answers: 1.1, answerBytes: 0.1, heldBytes: 4_194_304, streams: 1 + hoards },
  arm: ({ mallory }) =>
    Effect.map(Effect.replicateEffect(mallory.open(ports.deaf), hoards), (streams) => (n: number) => {
      const { own, theirs } = streams[n % hoards]!
      const ids = { sendStreamId: theirs, receiveStreamId: own, sequenceNumber: 1 + Math.floor(n / hoards) }
      return mallory.send(mallory.packet({ ...ids, payload: new Uint8Array(1812) }), ports.deaf)
    })
}

const crowd: Attack = {
  name: "streams of one peer beyond its share",
  victim: { maxConcurrentStreams: 40 },
  dose: { messages: 100, burst: 1 },
  bound: { answers: 1, answerBytes: 1, streams: 21 },
  arm: each(({ mallory }, n) => mallory.send(mallory.syn({ receiveStreamId: 1000 + n }), ports.deaf))
}

/** A sound packet, and in its FROM a certificate that fills it, of an encryption type that nobody knows. */
const hugeFrom: Attack = {
  name: "first SYNs whose FROM has 60,000 bytes",
  dose: { messages: 200, burst: 1 },
  arm: ({ mallory }) => {
    const certificate = 60_000
    const { bytes, signingType } = mallory.keys.destination
    const from = new Uint8Array(384 + 3 + certificate)
    from.set(bytes.subarray(0, 384))
    from.set([5, certificate >> 8, certificate & 0xff, 0, signingType, 0x0f, 0xff], 384)
    const keys = { ...mallory.keys, destination: Destination.unsafeMake(from, signingType) }
    return Effect.succeed((n) =>
      mallory.sendEnvelope(deflated(mallory.syn({ receiveStreamId: 1000 + n, nacks: [] }, keys)))
    )
  }
}

const duplicates: Attack = {
  name: "the same packet again and again",
  bound: { answers: 1, answerBytes: 1, streams: 2 },
  arm: onStream(ports.sink, ({ mallory }, ids) =>
    mallory.send(mallory.packet({ ...ids, sequenceNumber: 1, payload: new Uint8Array(1) }), ports.sink)
  )
}

const earlyData: Attack = {
  name: "data for streams that are not there",
  bound: { heldBytes: 6_291_456 },
  arm: each(({ mallory }, n) =>
    mallory.sendEnvelope(
      deflated(mallory.packet({ receiveStreamId: wild(n), sequenceNumber: 1, payload: new Uint8Array(60_000) }))
    )
  )
}

const optimisticAcks: Attack = {
  name: "acknowledgments of what was never sent",
  bound: firstWindow,
  arm: onStream(ports.source, ({ mallory }, ids, n) =>
    mallory.send(mallory.packet({ ...ids, ackThrough: 100_000 + n }), ports.source)
  )
}

const earlyAcks: Attack = {
  name: "acknowledgments of what is sent but not yet there",
  // 192 packets (`maxProvenWindow`) in 50 ms, for 50 of 22 bytes.
  bound: { answers: 4, answerBytes: 320, streams: 2 },
  // How much is under way he can only guess: what is too much is dropped, what is not opens the window.
  arm: onStream(ports.source, ({ mallory }, ids, n) =>
    mallory.send(
      mallory.packet({ ...ids, ackThrough: (mallory.latest()?.sequenceNumber ?? 0) + (n % 32) }),
      ports.source
    )
  )
}

const nackStorm: Attack = {
  name: "NACKs of everything in flight, again and again",
  bound: firstWindow,
  arm: onStream(ports.source, ({ mallory }, ids) =>
    mallory.send(
      mallory.packet({ ...ids, ackThrough: 6, nacks: Array.from({ length: 6 }, (_, i) => i + 1) }),
      ports.source
    )
  )
}

const choked: Attack = {
  name: "window closed for good",
  bound: firstWindow,
  arm: onStream(ports.source, ({ mallory }, ids) =>
    mallory.send(mallory.packet({ ...ids, requestedDelay: Packet.chokeDelay }), ports.source)
  )
}

const chokedTooLong: Attack = {
  name: "window closed for longer than `chokeTimeout`",
  victim: { chokeTimeout: "100 millis" },
  bound: { ...firstWindow, streams: 1 },
  arm: onStream(ports.source, ({ mallory }, ids) =>
    mallory.send(mallory.packet({ ...ids, requestedDelay: Packet.chokeDelay }), ports.source)
  )
}

const blinking: Attack = {
  name: "window closed and opened in turns, nothing acknowledged",
  bound: { ...firstWindow, answers: 0.15, answerBytes: 12 },
  arm: onStream(ports.source, ({ mallory }, ids, n) =>
    mallory.send(mallory.packet({ ...ids, requestedDelay: n % 2 === 0 ? Packet.chokeDelay : 0 }), ports.source)
  )
}

const bomb: Attack = {
  name: "gzip bomb, 10 MB from 10 KB",
  arm: ({ mallory }) => {
    const small = deflated(new Uint8Array(1000))
    const content = zlib.deflateRaw(new Uint8Array(10_000_000))
    const envelope = new Uint8Array(10 + content.length + 8)
    envelope.set(small.subarray(0, 10))
    envelope.set(content, 10)
    return Effect.succeed(() => mallory.sendEnvelope(envelope))
  }
}

const malformedEnvelopes: Attack = {
  name: "gzip with extra fields, names, comments, wrong CRC, surplus",
  arm: ({ mallory }) => {
    const sound = deflated(new Uint8Array(1000))
    const flip = (at: number, bits: number) =>
      sound.map((byte, i) => (i === (at + sound.length) % sound.length ? byte ^ bits : byte))
    const all = [
      flip(3, 4),
      flip(3, 8),
      flip(3, 16),
      flip(-8, 1),
      flip(-4, 1),
      new Uint8Array([...sound, ...sound]),
      flip(0, 1)
    ]
    return Effect.succeed((n) => mallory.sendEnvelope(all[n % all.length]!))
  }
}

const forgedPings: Attack = {
  name: "pings in another's name",
  openings: true,
  arm: ({ mallory }) => {
    const ping = mallory.packet({ sendStreamId: 5, flags: Packet.ECHO | Packet.NO_ACK }, "identity")
    return Effect.succeed((n) => mallory.send(renumbered(ping, sendStreamIdAt, wild(n))))
  }
}

const repeatedPings: Attack = {
  name: "a ping of somebody else's, repeated",
  dose: { messages: 1000, burst: 5 },
  bound: { answers: 0.001, answerBytes: 0.001 },
  // Mallory is the one whose ping it is as well: pongs go to whom it names.
  arm: ({ mallory }) => {
    const captured = mallory.packet({ sendStreamId: 5, flags: Packet.ECHO | Packet.NO_ACK }, "identity")
    return Effect.succeed(() => mallory.send(captured))
  }
}

const repeatedRefusals: Attack = {
  name: "a SYN that was refused, repeated",
  bound: { answers: 0.015, answerBytes: 0.015 },
  arm: ({ mallory }) => {
    const captured = mallory.syn({ receiveStreamId: 77 })
    return Effect.succeed(() => mallory.send(captured, ports.shut))
  }
}

const pingFlood: Attack = {
  name: "pings of 1,024 bytes in one's own name",
  openings: true,
  dose: { messages: 1000, burst: 5 },
  bound: { answers: 0.12, answerBytes: 0.01 },
  arm: each(({ mallory }, n) =>
    mallory.send(
      mallory.packet(
        { sendStreamId: wild(n), flags: Packet.ECHO | Packet.NO_ACK, payload: new Uint8Array(1024) },
        "identity"
      )
    )
  )
}

const pingOnStream: Attack = {
  name: "pings to the id of another's stream",
  dose: { messages: 1000, burst: 5 },
  bound: { answers: 0.12, answerBytes: 0.05 },
  arm: ({ mallory, streamIds }) => {
    const ping = { sendStreamId: streamIds.theirs, flags: Packet.ECHO | Packet.NO_ACK }
    return Effect.succeed((n) => mallory.send(mallory.packet(ping, n % 2 === 0 ? "none" : "identity")))
  }
}

const forgedEnds: Attack = {
  name: "CLOSE and RESET on another's stream, both ids known",
  openings: true,
  arm: ({ mallory, streamIds }) => {
    const ids = { sendStreamId: streamIds.theirs, receiveStreamId: streamIds.own, sequenceNumber: 1 }
    const forged = [Packet.CLOSE, Packet.RESET].flatMap((flags) =>
      (["none", "signature", "identity"] as const).map((signing) => mallory.packet({ ...ids, flags }, signing))
    )
    return Effect.succeed((n) => mallory.send(forged[n % forged.length]!))
  }
}

const guesses: Attack = {
  name: "data for guessed ids, one of the two known",
  arm: ({ mallory, streamIds }) =>
    Effect.succeed((n) => {
      const ids =
        n % 3 === 0
          ? { sendStreamId: streamIds.theirs, receiveStreamId: wild(n) }
          : n % 3 === 1
            ? { sendStreamId: 0, receiveStreamId: streamIds.own }
            : { sendStreamId: wild(n), receiveStreamId: streamIds.own }
      const payload = new TextEncoder().encode("injected")
      return mallory.send(mallory.packet({ ...ids, sequenceNumber: 1 + (n % 50), payload }))
    })
}

const rubbish: Attack = {
  name: "no packets at all",
  arm: each(({ mallory }) => mallory.send(new Uint8Array(10)))
}

/** Everything that can sign is let in. */
const anyKey = { callerKeyTypes: [...VerificationBudget.cheapTypes, ...VerificationBudget.dearTypes] }

/** A signature of P-521 that fits nothing, and takes as long to check as one that does. */
const junk = new Uint8Array(132).fill(1)

const badClose = (ids: Partial<Packet.Packet>): Uint8Array =>
  Packet.encode(Packet.make({ ...ids, sequenceNumber: 100, flags: Packet.CLOSE, signature: junk }))

const dearCloses: Attack = {
  name: "CLOSE with bad signatures of P-521 on one's own stream",
  keys: KeyType.EcdsaP521,
  victim: anyKey,
  openings: true,
  bound: { streams: 2 },
  arm: onStream(ports.echo, ({ mallory }, ids) => mallory.send(badClose(ids)))
}

const dearGoodCloses: Attack = {
  name: "CLOSE with good signatures of P-521, again and again",
  keys: KeyType.EcdsaP521,
  victim: anyKey,
  openings: true,
  bound: { answers: 1, answerBytes: 1, streams: 2 },
  arm: (world) =>
    Effect.map(world.mallory.open(ports.echo), ({ own, theirs }) => {
      const ids = { sendStreamId: theirs, receiveStreamId: own, sequenceNumber: 100, flags: Packet.CLOSE }
      const close = world.mallory.packet(ids, "signature")
      return () => world.mallory.send(close)
    })
}

/** The same SYN in other names: some of the padding of FROM is another, and no signature is right any more. */
const inAnyName = (packet: Uint8Array, n: number): Uint8Array =>
  renumbered(renumbered(packet, firstSynFromAt, wild(n)), receiveStreamIdAt, wild(n))

/** FROM of a first SYN: after the header, the replay hash, and no delay. */
const firstSynFromAt = 22 + 32

const dearSyns: Attack = {
  name: "SYN flood with keys of P-521, in any name",
  keys: KeyType.EcdsaP521,
  openings: true,
  arm: (world) => {
    const syn = world.mallory.syn()
    return Effect.succeed((n) => world.mallory.send(inAnyName(syn, n)))
  }
}

const dearSynsLetIn: Attack = {
  ...dearSyns,
  name: "the same where `callerKeyTypes` has P-521",
  victim: anyKey
}

const dearPings: Attack = {
  name: "pings with keys of P-521, where `callerKeyTypes` has it",
  keys: KeyType.EcdsaP521,
  victim: anyKey,
  openings: true,
  arm: ({ mallory }) => {
    const ping = mallory.packet({ sendStreamId: 5, flags: Packet.ECHO | Packet.NO_ACK }, "identity")
    return Effect.succeed((n) => mallory.send(renumbered(ping, sendStreamIdAt, wild(n))))
  }
}

const dearDatagrams: Attack = {
  name: "datagrams with bad signatures of P-521, where `senderKeyTypes` has it",
  keys: KeyType.EcdsaP521,
  victim: anyKey,
  openings: true,
  arm: ({ mallory }) => {
    const { bytes } = mallory.keys.destination
    const datagram = new Uint8Array(bytes.length + junk.length + 100)
    datagram.set(bytes)
    datagram.set(junk, bytes.length)
    return Effect.succeed((n) => mallory.sendDatagram(renumbered(datagram, datagram.length - 4, n)))
  }
}

/**
 * Every attack of a peer.
 *
 * @since 0.1.0
 * @category attacks
 */
export const attacks: ReadonlyArray<Attack> = [
  rubbish,
  forgedSyns,
  synsInName,
  soundSyns,
  refusedSyns,
  repeatedRefusals,
  crowd,
  hugeFrom,
  limitedSyns,
  replayToThird,
  replayToSame,
  replayAfterEnd,
  withoutHash,
  holes,
  tinyUnread,
  paddedUnread,
  spacedUnread,
  manyUnread,
  duplicates,
  earlyData,
  optimisticAcks,
  earlyAcks,
  nackStorm,
  choked,
  chokedTooLong,
  blinking,
  bomb,
  malformedEnvelopes,
  forgedPings,
  repeatedPings,
  pingFlood,
  pingOnStream,
  forgedEnds,
  guesses,
  dearCloses,
  dearGoodCloses,
  dearSyns,
  dearSynsLetIn,
  dearPings,
  dearDatagrams
]
