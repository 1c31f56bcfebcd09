/**
 * The demultiplexer of one destination: to which connection a packet belongs, which SYNs are news, and what is kept for
 * connections that are not there yet or no longer.
 *
 * Deterministic like the rest of the core: ids and time come from outside. Unlike it, the tables are changed in place,
 * behind this module's functions: copying a table of ten thousand streams to add one would cost more than the stream.
 *
 * A connection is identified by our id alone. Ports are no part of the key: i2pd answers with port 0.
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"

/**
 * **Units** milliseconds, counts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly maxStreams: number
  /** Streams that peers may have opened, and one of them; the others are for streams that we open. */
  readonly maxFromPeers: number
  readonly maxFromPeer: number
  /** How long the ids of a finished connection stay reserved and its last acknowledgment is repeated. */
  readonly timeWait: number
  readonly maxTimeWait: number
  /** How long packets that overtook their SYN are kept. */
  readonly earlyLifetime: number
  readonly maxEarlyPerStream: number
  readonly maxEarly: number
  readonly maxPings: number
}

/**
 * Where a packet goes. `S` is whatever the shell has of a live stream, `P` what it keeps of a finished one's peer to send
 * to it.
 *
 * @since 0.1.0
 * @category models
 */
export type Route<S, P> =
  | { readonly _tag: "Connection"; readonly stream: S }
  /** A first SYN; ask `admit` once its sender is known. */
  | { readonly _tag: "FirstSyn" }
  | { readonly _tag: "Ping" }
  | { readonly _tag: "Pong"; readonly id: number }
  /** The connection is finished; the peer has not heard our last acknowledgment, which is repeated. */
  | {
      readonly _tag: "TimeWait"
      readonly peer: P
      readonly reply: Packet.Packet
      readonly signing: "none" | "signature"
    }
  /** The peer takes a connection for open that we gave up before it was, or reset: it is told. */
  | { readonly _tag: "GivenUp"; readonly peer: P; readonly reply: Packet.Packet }
  /** It overtook its SYN and waits for it. */
  | { readonly _tag: "Early" }
  | { readonly _tag: "Unknown" }

/**
 * What to do with a first SYN from a known sender.
 *
 * @since 0.1.0
 * @category models
 */
export type Arrival<S> =
  | { readonly _tag: "New" }
  /** The same SYN again, for a live connection. */
  | { readonly _tag: "Repeated"; readonly stream: S }
  /** The same SYN after its connection has ended: a replay, or a very late copy. */
  | { readonly _tag: "Stale" }
  /** There are as many as there may be, of all or of this peer. */
  | { readonly _tag: "Full"; readonly lack: "Concurrent" | "PeerShare" }

interface Live<S> {
  readonly stream: S
  readonly peerName: string
  /** The peer opened it. */
  readonly isTheirs: boolean
  remoteStreamId: number
}

interface Finished<P> {
  readonly peer: P
  readonly key: string
  readonly remoteStreamId: number
  readonly ackThrough: number | undefined
  readonly until: number
  /** The stream ended without the acknowledgment of our CLOSE. */
  readonly closeUnheard: boolean
  /** Signed answers so far: that we gave up, or our CLOSE once more, or RESET once more. */
  signed: number
  /** Number and time of the last RESET of ours; undefined if the stream did not end by one. */
  reset: { readonly number: number; readonly at: number } | undefined
}

/**
 * A packet that waits for its SYN, with its bytes as they came: a signature in it is checked later.
 *
 * @since 0.1.0
 * @category models
 */
export interface Held {
  readonly packet: Packet.Packet
  readonly bytes: Uint8Array
}

interface Early {
  readonly packets: Array<Held>
  readonly until: number
}

/**
 * All streams and pings of a destination, by their ids, and what bounds them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Endpoint<S, P> {
  readonly limits: Limits
  readonly live: Map<number, Live<S>>
  readonly finished: Map<number, Finished<P>>
  /** Our id for (peer, peer's id), live or finished. */
  readonly byPeer: Map<string, number>
  /** Our ids for a peer's id, of streams that the peer opened and may still send to without knowing our id. */
  readonly byRemoteId: Map<number, Array<number>>
  readonly early: Map<number, Early>
  readonly pings: Set<number>
  /** How many live streams each peer has opened, and all of them. */
  readonly opened: Map<string, number>
  openedByAll: number
}

/**
 * No streams, no pings.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <S, P>(limits: Limits): Endpoint<S, P> => ({
  limits,
  live: new Map(),
  finished: new Map(),
  byPeer: new Map(),
  byRemoteId: new Map(),
  early: new Map(),
  pings: new Set(),
  opened: new Map(),
  openedByAll: 0
})

const keyOf = (peerName: string, remoteStreamId: number): string => `${peerName}/${remoteStreamId}`

/**
 * Finds where a packet goes, by its ids and flags alone.
 *
 * @since 0.1.0
 * @category combinators
 */
export const route = <S, P>(
  self: Endpoint<S, P>,
  packet: Packet.Packet,
  bytes: Uint8Array,
  now: number
): Route<S, P> => {
  const id = packet.sendStreamId
  if (Packet.has(packet, Packet.ECHO)) {
    if (id !== 0) return { _tag: "Ping" }
    return self.pings.has(packet.receiveStreamId) ? { _tag: "Pong", id: packet.receiveStreamId } : { _tag: "Unknown" }
  }
  if (id !== 0) {
    const live = self.live.get(id)
    if (live !== undefined) return { _tag: "Connection", stream: live.stream }
    return routeFinished(self, packet, now)
  }
  // A RESET means nothing without a stream.
  if (Packet.has(packet, Packet.RESET)) return { _tag: "Unknown" }
  // Initial numbers are 0, never random. Streaming specification, sequenceNum.
  if (Packet.has(packet, Packet.SYNCHRONIZE)) return { _tag: packet.sequenceNumber === 0 ? "FirstSyn" : "Unknown" }
  const candidates = self.byRemoteId.get(packet.receiveStreamId)
  // Unsigned data for an id that two peers happen to use cannot be told apart: leave it to retransmission.
  const only = candidates?.length === 1 ? self.live.get(candidates[0]!) : undefined
  if (only !== undefined) return { _tag: "Connection", stream: only.stream }
  return holdEarly(self, { packet, bytes }, now) ? { _tag: "Early" } : { _tag: "Unknown" }
}

/** A SYN-ACK may be repeated because our RESET was lost. Whoever guesses the id of a call gets no more packets out of us. */
const maxLateResets = 3

/**
 * Our CLOSE may be lost in each of its transmissions, and a peer that waits for it asks by its own. Every answer is a
 * signature: as many as it asks at most, see `retransmit`.
 */
const maxLateCloses = 9

const routeFinished = <S, P>(self: Endpoint<S, P>, packet: Packet.Packet, now: number): Route<S, P> => {
  const entry = self.finished.get(packet.sendStreamId)
  if (entry === undefined || entry.until <= now) return { _tag: "Unknown" }
  if (entry.remoteStreamId === 0 && Packet.has(packet, Packet.SYNCHRONIZE) && packet.receiveStreamId !== 0) {
    if (entry.signed >= maxLateResets) return { _tag: "Unknown" }
    entry.signed += 1
    // Our SYN was number 0: the next one is what i2pd expects of a RESET.
    const reply = Packet.make({
      sendStreamId: packet.receiveStreamId,
      receiveStreamId: packet.sendStreamId,
      sequenceNumber: 1,
      flags: Packet.RESET
    })
    return { _tag: "GivenUp", peer: entry.peer, reply }
  }
  if (entry.reset !== undefined) return answerReset(entry, packet, entry.reset, now)
  if (
    entry.ackThrough === undefined ||
    entry.remoteStreamId !== packet.receiveStreamId ||
    !Packet.isSequenced(packet)
  ) {
    return { _tag: "Unknown" }
  }
  const acknowledgment = {
    sendStreamId: entry.remoteStreamId,
    receiveStreamId: packet.sendStreamId,
    ackThrough: entry.ackThrough
  }
  if (!entry.closeUnheard || entry.signed >= maxLateCloses) {
    return { _tag: "TimeWait", peer: entry.peer, reply: Packet.make(acknowledgment), signing: "none" }
  }
  entry.signed += 1
  // Without a number, as Java repeats it: a peer in TIME-WAIT, too, does not answer that.
  const reply = Packet.make({ ...acknowledgment, flags: Packet.CLOSE })
  return { _tag: "TimeWait", peer: entry.peer, reply, signing: "signature" }
}

/** How often a stream that we reset is reset again. Ours: its packets are unsigned, and each answer is a signature. */
const maxResetAgain = 4

/** How long the same RESET is not repeated, in ms. Ours: what was under way when it left needs no answer. */
const resetInterval = 1000

/**
 * A stream that we reset hears from its peer again: the RESET was lost, or had not the number that i2pd expects, which the
 * peer has now told.
 */
const answerReset = <S, P>(
  entry: Finished<P>,
  packet: Packet.Packet,
  last: { readonly number: number; readonly at: number },
  now: number
): Route<S, P> => {
  const isPeers = entry.remoteStreamId !== 0 && entry.remoteStreamId === packet.receiveStreamId
  const isIdle = Packet.has(packet, Packet.RESET) || Packet.has(packet, Packet.NO_ACK)
  if (!isPeers || isIdle || entry.signed >= maxResetAgain) return { _tag: "Unknown" }
  const number = packet.nacks.length > 0 ? Math.min(...packet.nacks) : packet.ackThrough + 1
  if (number === last.number && now - last.at < resetInterval) return { _tag: "Unknown" }
  entry.signed += 1
  entry.reset = { number, at: now }
  const reply = Packet.make({
    sendStreamId: entry.remoteStreamId,
    receiveStreamId: packet.sendStreamId,
    sequenceNumber: number >>> 0,
    flags: Packet.RESET
  })
  return { _tag: "GivenUp", peer: entry.peer, reply }
}

const holdEarly = <S, P>(self: Endpoint<S, P>, held: Held, now: number): boolean => {
  let total = 0
  for (const [id, entry] of self.early) {
    if (entry.until <= now) self.early.delete(id)
    else total += entry.packets.length
  }
  if (total >= self.limits.maxEarly) return false
  const id = held.packet.receiveStreamId
  const entry = self.early.get(id)
  if (entry === undefined) self.early.set(id, { packets: [held], until: now + self.limits.earlyLifetime })
  else if (entry.packets.length < self.limits.maxEarlyPerStream) entry.packets.push(held)
  else return false
  return true
}

/**
 * The packets that overtook the SYN of a peer's stream; they are the connection's from now on. Those that came too long
 * before it are gone.
 *
 * @since 0.1.0
 * @category combinators
 */
export const takeEarly = <S, P>(self: Endpoint<S, P>, remoteStreamId: number, now: number): ReadonlyArray<Held> => {
  const held = self.early.get(remoteStreamId)
  self.early.delete(remoteStreamId)
  return held === undefined || held.until <= now ? [] : held.packets
}

/**
 * Whether a first SYN from this peer opens a stream.
 *
 * @since 0.1.0
 * @category getters
 */
export const admit = <S, P>(
  self: Endpoint<S, P>,
  peerName: string,
  remoteStreamId: number,
  now: number
): Arrival<S> => {
  expireFinished(self, now)
  const known = self.byPeer.get(keyOf(peerName, remoteStreamId))
  if (known !== undefined) {
    const live = self.live.get(known)
    return live === undefined ? { _tag: "Stale" } : { _tag: "Repeated", stream: live.stream }
  }
  const { maxFromPeer, maxFromPeers, maxStreams } = self.limits
  if (self.live.size >= maxStreams || self.openedByAll >= maxFromPeers) return { _tag: "Full", lack: "Concurrent" }
  return (self.opened.get(peerName) ?? 0) >= maxFromPeer ? { _tag: "Full", lack: "PeerShare" } : { _tag: "New" }
}

const countOpened = <S, P>(self: Endpoint<S, P>, peerName: string, change: 1 | -1): void => {
  const count = (self.opened.get(peerName) ?? 0) + change
  self.openedByAll += change
  if (count === 0) self.opened.delete(peerName)
  else self.opened.set(peerName, count)
}

/**
 * Whether we may open another stream.
 *
 * @since 0.1.0
 * @category getters
 */
export const hasRoom = <S, P>(self: Endpoint<S, P>): boolean => self.live.size < self.limits.maxStreams

/**
 * Whether an id can be given to a new stream or ping.
 *
 * @since 0.1.0
 * @category getters
 */
export const isFree = <S, P>(self: Endpoint<S, P>, id: number): boolean =>
  id !== 0 && !self.live.has(id) && !self.finished.has(id) && !self.pings.has(id)

/**
 * Enters a stream; its remote id is 0 while we wait for the SYN-ACK.
 *
 * @since 0.1.0
 * @category combinators
 */
export const register = <S, P>(
  self: Endpoint<S, P>,
  localStreamId: number,
  stream: { readonly stream: S; readonly peerName: string; readonly remoteStreamId: number }
): void => {
  const isTheirs = stream.remoteStreamId !== 0
  // Not a spread, which makes a hidden class for each: 300 bytes on Node 20.
  self.live.set(localStreamId, {
    stream: stream.stream,
    peerName: stream.peerName,
    remoteStreamId: stream.remoteStreamId,
    isTheirs
  })
  if (!isTheirs) return
  countOpened(self, stream.peerName, 1)
  self.byPeer.set(keyOf(stream.peerName, stream.remoteStreamId), localStreamId)
  const same = self.byRemoteId.get(stream.remoteStreamId)
  if (same === undefined) self.byRemoteId.set(stream.remoteStreamId, [localStreamId])
  else same.push(localStreamId)
}

/**
 * Takes a stream out. Its ids stay reserved for the time of TIME-WAIT, and a copy of its SYN is known as such.
 *
 * @since 0.1.0
 * @category combinators
 */
export const release = <S, P>(
  self: Endpoint<S, P>,
  localStreamId: number,
  ended: {
    readonly remoteStreamId: number
    readonly ackThrough: number | undefined
    readonly closeUnheard: boolean
    /** The number of the RESET by which it ended here; undefined if it did not. */
    readonly resetNumber?: number | undefined
    /** What is kept of the peer. */
    readonly peer: P
    readonly now: number
  }
): void => {
  const stream = self.live.get(localStreamId)
  if (stream === undefined) return
  self.live.delete(localStreamId)
  if (stream.isTheirs) countOpened(self, stream.peerName, -1)
  const same = self.byRemoteId.get(stream.remoteStreamId)?.filter((id) => id !== localStreamId) ?? []
  if (same.length === 0) self.byRemoteId.delete(stream.remoteStreamId)
  else self.byRemoteId.set(stream.remoteStreamId, same)
  expireFinished(self, ended.now)
  if (self.finished.size >= self.limits.maxTimeWait) dropOldestFinished(self)
  self.finished.set(localStreamId, {
    peer: ended.peer,
    key: keyOf(stream.peerName, stream.remoteStreamId),
    remoteStreamId: ended.remoteStreamId,
    ackThrough: ended.ackThrough,
    until: ended.now + self.limits.timeWait,
    closeUnheard: ended.closeUnheard,
    signed: 0,
    reset: ended.resetNumber === undefined ? undefined : { number: ended.resetNumber, at: ended.now }
  })
}

/** Entries stand in the order in which they end, since all of them wait equally long. */
const expireFinished = <S, P>(self: Endpoint<S, P>, now: number): void => {
  for (const entry of self.finished.values()) {
    if (entry.until > now) return
    dropOldestFinished(self)
  }
}

const dropOldestFinished = <S, P>(self: Endpoint<S, P>): void => {
  for (const [id, entry] of self.finished) {
    self.finished.delete(id)
    if (self.byPeer.get(entry.key) === id) self.byPeer.delete(entry.key)
    return
  }
}

/**
 * Reserves an id for a ping that is under way; false when there are too many.
 *
 * @since 0.1.0
 * @category combinators
 */
export const registerPing = <S, P>(self: Endpoint<S, P>, id: number): boolean => {
  if (self.pings.size >= self.limits.maxPings) return false
  self.pings.add(id)
  return true
}

/**
 * A ping of ours is over, answered or not.
 *
 * @since 0.1.0
 * @category combinators
 */
export const releasePing = <S, P>(self: Endpoint<S, P>, id: number): void => {
  self.pings.delete(id)
}
