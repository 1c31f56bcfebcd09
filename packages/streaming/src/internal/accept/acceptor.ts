/**
 * What comes without a stream: first SYNs and pings of peers who have to prove first who they are.
 *
 * Each passes, in this order, what costs nothing (form, replay hash, repetition), the access lists, a queue, the signature
 * and the counters; only then something is kept or answered.
 *
 * @since 0.1.0
 */
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import type { Destination } from "@effect-i2p/wire/Destination"
import { ReplayFilter } from "@effect-i2p/wire/ReplayFilter"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Queue from "effect/Queue"
import type { AccessList } from "../../AccessList.js"
import * as Endpoint from "../../core/Endpoint.js"
import * as Packet from "../../Packet.js"
import type { Incoming } from "../../PacketTransport.js"
import type { Owned } from "../../StreamConnection.js"
import type { StreamingOptions } from "../../StreamingConfig.js"
import type { Connection } from "../connection/connection.js"
import type { Peer } from "../connection/peer.js"
import * as Signing from "../connection/signing.js"
import type { Drops } from "../observe/drops.js"
import * as AdmissionControl from "./admissionControl.js"
import type { Listeners } from "./listeners.js"
import * as PendingSyns from "./pendingSyns.js"
import * as Pings from "./pings.js"

/**
 * What the session lends to deal with them.
 */
export interface Services {
  readonly self: Destination
  readonly options: StreamingOptions
  readonly endpoint: Endpoint.Endpoint<Connection, Peer>
  readonly listeners: Listeners
  readonly admissionControl: AdmissionControl.AdmissionControl
  readonly signatures: Signatures.Service
  readonly budget: VerificationBudget.Service
  readonly clock: Clock.Clock
  readonly now: () => number
  readonly isClosing: () => boolean
  /** Whether our offline keys have expired: neither an answer nor a refusal of ours would count. */
  readonly isMute: () => boolean
  readonly drop: Drops["count"]
  /** Does what takes an effect soon, in a fiber of the session. */
  readonly later: (chore: Effect.Effect<void>) => void
  readonly reply: (to: Peer, packet: Packet.Packet, signing: "none" | "identity") => Effect.Effect<void, unknown>
  /** Makes the stream that a SYN asks for. */
  readonly take: (syn: Packet.Packet, peer: Peer, peerKey: PublicKey, options: StreamingOptions) => Effect.Effect<Owned>
}

export interface Acceptor {
  /** Takes a ping or first SYN in, or turns it away at the door. */
  readonly receive: (packet: Packet.Packet, incoming: Incoming) => void
  /** Takes in what belongs to a SYN that waits; false if there is none. */
  readonly follow: (packet: Packet.Packet, incoming: Incoming) => boolean
  /** Deal with those who wait, for ever. `pass` gets what followed a SYN. */
  readonly servers: (
    pass: (packet: Packet.Packet, incoming: Incoming) => Effect.Effect<void>
  ) => ReadonlyArray<Effect.Effect<never>>
}

/**
 * How often one SYN is refused, as the refusal may get lost. Whoever replays it draws no more packets to its sender, and uses
 * up no more of the sender's limits. As often as a stream that was given up is reset, see `Endpoint`.
 */
const maxRefusals = 3

type NewSyn = Extract<Endpoint.Arrival<Connection>, { readonly _tag: "New" | "Full" }>

/**
 * Largest packet whose sender has to prove first who it is. A SYN of an ML-DSA-87 key with a transient one and a full payload
 * has 16,321 bytes; 64 KiB, which came deflated in a hundred bytes, would wait with 500 others.
 */
const maxUnprovenBytes = 16_384

/** Largest payload of a first SYN, unless our own packets are larger. i2pd's buffer for a whole packet. */
const maxSynPayload = 4096

/**
 * Connections beyond a limit that get a text, at a time; more are reset. Each is a stream beyond `maxConcurrentStreams`.
 * Ours: enough for a page with its pictures.
 */
const maxAnswers = 16

/** How long such a connection may go without progress: two retransmissions of the text, at 9 and 27 s. */
const answerTimeout = Duration.seconds(30)

export const make = (session: Services): Acceptor => {
  const pendingSyns = PendingSyns.make(session.options.maxPendingSyns, session.now)
  const { budget, clock, drop, endpoint, admissionControl, listeners, now, options, reply, signatures } = session
  const ownReplayHash = Packet.replayHash(session.self.hash)
  const seenPings = new ReplayFilter(Duration.toMillis(options.pingReplayWindow), options.maxRememberedPings)
  const refused = new ReplayFilter(Duration.toMillis(options.timeWait), options.maxTimeWait)
  const answering = new Set<number>()

  const claimOf = (packet: Packet.Packet) => Signing.claimOf(packet, undefined, options.callerKeyTypes)

  /**
   * The key that signed it, if it says who sent it and that is true; else it is dropped. Nobody is charged: the name may be
   * made up.
   */
  const authenticate = (packet: Packet.Packet, bytes: Uint8Array): Effect.Effect<PublicKey | undefined> => {
    const verify = (): PublicKey | undefined =>
      Either.getOrElse(Signing.verify(packet, bytes, anybody, signatures, clock.unsafeCurrentTimeMillis()), () =>
        drop("unverified")
      )
    const { type } = claimOf(packet)
    const done = budget.unsafeCheck(undefined, type, verify)
    if (Option.isSome(done)) return Effect.succeed(done.value)
    return Effect.orElseSucceed(budget.check(undefined, type, Effect.sync(verify)), () => drop("overflowed"))
  }

  /** Whether the lists let a peer in; counts it if not. */
  const isPermitted = (from: Destination, own: AccessList | undefined): boolean => {
    if (AdmissionControl.permits(admissionControl, from, own)) return true
    const log = AdmissionControl.denied(admissionControl, from)
    if (log !== undefined) session.later(log)
    return false
  }

  /** Whether there is room for the stream that a first SYN asks for, and why not; undefined if it is dealt with. */
  const newSynOf = (packet: Packet.Packet, incoming: Incoming, from: Destination): NewSyn | undefined => {
    const arrival = Endpoint.admit(endpoint, from.b32, packet.receiveStreamId, now())
    switch (arrival._tag) {
      case "Stale":
        return drop("replayed")
      case "Repeated":
        arrival.stream.receive(packet, incoming.payload)
        return undefined
      case "New":
      case "Full":
        return session.isMute() ? drop("unanswerable") : arrival
    }
  }

  const judgePing = Effect.fnUntraced(function* (packet: Packet.Packet, incoming: Incoming, from: Destination) {
    const saying = Pings.saying(packet, incoming.payload)
    if (seenPings.has(saying, now())) return drop("replayed")
    if ((yield* authenticate(packet, incoming.payload)) === undefined) return
    seenPings.isReplay(saying, now())
    if (!isPermitted(from, undefined)) return
    if (!(yield* AdmissionControl.admitPing(admissionControl, from))) return
    const to = { destination: from, localPort: incoming.destinationPort, remotePort: incoming.sourcePort }
    yield* Effect.ignore(reply(to, Pings.pongFor(packet), "none"))
  })

  const judgeSyn = Effect.fnUntraced(function* (packet: Packet.Packet, incoming: Incoming, from: Destination) {
    // Another copy may have come first, or the table filled up, while this one waited.
    if (newSynOf(packet, incoming, from) === undefined) return
    const { receiveStreamId } = packet
    const refusalOf = (n: number) => `${from.b32}/${receiveStreamId}/${n}`
    if (refused.has(refusalOf(maxRefusals - 1), now())) return drop("replayed")
    const key = yield* authenticate(packet, incoming.payload)
    if (key === undefined) return
    // The check may have waited.
    const arrival = newSynOf(packet, incoming, from)
    if (arrival === undefined) return
    const port = incoming.destinationPort
    const listening = listeners.at(port)
    const peer: Peer = { destination: from, localPort: port, remotePort: incoming.sourcePort }
    const refuse = Effect.suspend(() => {
      for (let n = 0; refused.isReplay(refusalOf(n), now()); n++);
      return Effect.ignore(reply(peer, refusal(packet), "identity"))
    })
    if (session.isClosing()) return yield* refuse
    // The lists may have changed while it waited and was checked.
    if (!isPermitted(from, listening?.accessList)) return
    const { admission } = listening?.options ?? options
    const lack = arrival._tag === "Full" ? arrival.lack : undefined
    const verdict = yield* AdmissionControl.admit(admissionControl, admission, peer, lack)
    if (verdict._tag === "Drop") return
    if (verdict._tag === "Admit") {
      if (listening === undefined || isFull(listening.backlog)) return yield* refuse
      const owned = yield* session.take(packet, peer, key, listening.options)
      // The listener may have gone meanwhile; to offer to its queue would interrupt us.
      if (!listening.backlog.unsafeOffer(owned)) yield* owned.refuse
      return
    }
    const reaction = AdmissionControl.reaction(
      listening?.options.limitAction ?? options.limitAction,
      port,
      verdict.retryAfter
    )
    if (reaction === "drop") return
    if (reaction === "reset" || listening === undefined || !mayAnswer()) return yield* refuse
    yield* answer(packet, peer, key, listening.options, reaction)
  })

  const mayAnswer = (): boolean => {
    for (const id of answering) if (!endpoint.live.has(id)) answering.delete(id)
    return answering.size < maxAnswers
  }

  /** Takes the connection only to write a text and close it; what the peer has to say is not read. */
  const answer = Effect.fnUntraced(function* (
    packet: Packet.Packet,
    peer: Peer,
    peerKey: PublicKey,
    base: StreamingOptions,
    text: Uint8Array
  ) {
    // Room for all of the text: the reader of all packets must not wait for one peer.
    const sendBufferBytes = Math.max(base.sendBufferBytes, text.length)
    const owned = yield* session.take(packet, peer, peerKey, {
      ...base,
      sendBufferBytes,
      closeTimeout: answerTimeout
    })
    answering.add(owned.connection.localStreamId)
    yield* Effect.ignore(owned.connection.write(text))
    yield* owned.release(Exit.void)
  })

  const dropOverflowed = (count: number): void => {
    for (let n = 0; n < count; n++) drop("overflowed")
  }

  /** Proposal 164: a SYN names its target's hash. Old peers leave it out, and may, unless the policy is strict. */
  const isForUs = (packet: Packet.Packet): boolean =>
    packet.nacks.length === ownReplayHash.length
      ? packet.nacks.every((word, i) => word === ownReplayHash[i])
      : !options.requireReplayHash

  return {
    receive: (packet, incoming) => {
      const { from, signature } = packet
      const isPing = Packet.has(packet, Packet.ECHO)
      if (isPing && !options.answerPings) return undefined
      if (from === undefined || signature === undefined) return drop("unverified")
      if (incoming.payload.length > maxUnprovenBytes) return drop("malformed")
      if (!isPing) {
        if (packet.payload.length > Math.max(maxSynPayload, options.tuning.maxPacketSize)) return drop("malformed")
        if (packet.receiveStreamId === 0) return drop("unverified")
        if (!isForUs(packet)) return drop("replayed")
        if (newSynOf(packet, incoming, from) === undefined) return undefined
      }
      const { isAccepted, type } = claimOf(packet)
      if (!isAccepted) return drop("unacceptedKey")
      const own = isPing ? undefined : listeners.at(incoming.destinationPort)?.accessList
      if (!isPermitted(from, own)) return undefined
      const caller = { name: from.b32, isDear: VerificationBudget.isDear(type), cost: budget.cost(type) }
      dropOverflowed(pendingSyns.offer({ packet, incoming }, caller))
      return undefined
    },
    follow: (packet, incoming) => {
      if (incoming.payload.length > maxUnprovenBytes && pendingSyns.isBehind(packet)) {
        drop("malformed")
        return true
      }
      const overflowed = pendingSyns.follow({ packet, incoming })
      if (overflowed !== undefined) dropOverflowed(overflowed)
      return overflowed !== undefined
    },
    servers: (pass) =>
      pendingSyns.servers(({ incoming, packet }) => {
        const { from } = packet
        if (from !== undefined && Packet.has(packet, Packet.ECHO)) return judgePing(packet, incoming, from)
        if (from !== undefined && Packet.isFirstSyn(packet)) return judgeSyn(packet, incoming, from)
        return pass(packet, incoming)
      })
  }
}

const anybody = { key: undefined, destinationBytes: undefined }

/** The answer to a SYN that is not taken. The peer may know nothing of us, so it says who we are. */
const refusal = (syn: Packet.Packet): Packet.Packet =>
  Packet.make({ sendStreamId: syn.receiveStreamId, ackThrough: syn.sequenceNumber, flags: Packet.RESET })

const isFull = <A>(queue: Queue.Queue<A>): boolean => Option.getOrElse(queue.unsafeSize(), () => 0) >= queue.capacity()
