/**
 * Limits of how many connections, or pings, may come in: of one peer and of all, per minute, hour and day.
 *
 * It counts what the shell tells it and says what to do; who a peer is has been proved before, or anybody could use up
 * anybody's quota. Deterministic like the rest of the core: time and chance come from outside. The tables are changed in
 * place behind these functions, as `Endpoint`'s are.
 *
 * | counted                        | as admitted: peer, all | as refused: peer |
 * |--------------------------------|------------------------|------------------|
 * | within all limits              | yes                    | no               |
 * | beyond a limit, or no room     | no                     | yes              |
 *
 * So a peer that is refused uses up nobody's quota, not even its own of longer periods; a repeated SYN that is dropped
 * every time does not count against its sender tomorrow.
 *
 * @since 0.1.0
 */

/**
 * How many in a minute, an hour and a day. Absent or 0 is no limit, as in Java I2P.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rates {
  readonly minute?: number | undefined
  readonly hour?: number | undefined
  readonly day?: number | undefined
}

/**
 * **Shape** `perPeer` for each peer by itself, `total` for all together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly perPeer?: Rates | undefined
  readonly total?: Rates | undefined
}

/**
 * The periods that limits are for.
 *
 * @since 0.1.0
 * @category models
 */
export type Period = keyof Rates

/**
 * Why there is no room for another stream: too many are open, of all or of this peer.
 *
 * @since 0.1.0
 * @category models
 */
export type Lack = "Concurrent" | "PeerShare"

/**
 * Why somebody is not let in: the peer's own limit, that of all peers, no room for another stream, or a policy of the
 * program's own.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = "PeerLimit" | "TotalLimit" | Lack | "Policy"

/**
 * **Shape** `Refuse` may be answered; `Drop` must not: the peer has had its answers.
 * **Units** `retryAfter` in milliseconds: when the limit that was hit starts anew.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  | { readonly _tag: "Admit" }
  | { readonly _tag: "Refuse"; readonly reason: Reason; readonly retryAfter: number }
  | { readonly _tag: "Drop"; readonly reason: Reason }

/**
 * Refusals in a period that a peer is told; more are dropped. Source: Java I2P 2.8.0, "limit + 3".
 *
 * @since 0.1.0
 * @category constants
 */
export const toldRefusals = 3

/** Longest first, as Java asks; the longest wait is the one worth telling. */
const periods: ReadonlyArray<Period> = ["day", "hour", "minute"]

const lengths: Readonly<Record<Period, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Share of the first period that chance may take away, so that resets do not tell when we started. Java: half. */
const shortenedShare = 0.5

interface Count {
  admitted: number
  refused: number
}

interface Table {
  readonly length: number
  until: number
  admitted: number
  /** By the peer's hash, the least recently seen first. */
  readonly peers: Map<string, Count>
}

/**
 * The counters of one kind of visitor.
 *
 * @since 0.1.0
 * @category models
 */
export interface Admission {
  readonly maxPeers: number
  readonly tables: Readonly<Record<Period, Table>>
}

/**
 * `chances`, each uniform in [0, 1), shorten the first minute, hour and day. Each table holds at most `maxPeers`; then the
 * one that was not seen for longest is forgotten. Whoever has so many destinations to push his own record out does not
 * need to: he can use those. `total` holds him.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly now: number
  readonly chances: Readonly<Record<Period, number>>
  readonly maxPeers: number
}): Admission => {
  const table = (period: Period): Table => ({
    length: lengths[period],
    until: options.now + lengths[period] * (1 - shortenedShare * options.chances[period]),
    admitted: 0,
    peers: new Map()
  })
  return {
    maxPeers: options.maxPeers,
    tables: { minute: table("minute"), hour: table("hour"), day: table("day") }
  }
}

/**
 * Decides about one authenticated visitor, and counts it.
 *
 * **Shape** `limits` may be others at each call. `lack` says why no other stream may be opened at all.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decide = (
  self: Admission,
  limits: Limits,
  visitor: { readonly peer: string; readonly lack?: Lack | undefined },
  now: number
): Verdict => {
  for (const period of periods) renew(self.tables[period], now)
  if (visitor.lack !== undefined) return refuse(self, "minute", visitor.lack, visitor.peer, now)
  for (const period of periods) {
    const limit = limits.perPeer?.[period] ?? 0
    const { peers } = self.tables[period]
    if (limit > 0 && (peers.get(visitor.peer)?.admitted ?? 0) >= limit) {
      return refuse(self, period, "PeerLimit", visitor.peer, now)
    }
  }
  for (const period of periods) {
    const limit = limits.total?.[period] ?? 0
    if (limit > 0 && self.tables[period].admitted >= limit) {
      return refuse(self, period, "TotalLimit", visitor.peer, now)
    }
  }
  for (const period of periods) {
    const table = self.tables[period]
    table.admitted += 1
    // Who visits us is remembered only as far as a limit asks for it.
    if ((limits.perPeer?.[period] ?? 0) > 0) countOf(self, table, visitor.peer).admitted += 1
  }
  return admit
}

const admit: Verdict = { _tag: "Admit" }

/**
 * Somebody who wants to connect, and whose signature has been checked.
 *
 * **Shape** `peer` is whatever names it; `limits` asks what the limits say, and counts the connection in them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Visitor<Peer> {
  readonly peer: Peer
  readonly localPort: number
  readonly remotePort: number
  readonly limits: () => Verdict
}

/**
 * Decides who may connect. Plain and quick: it runs between two packets.
 *
 * @since 0.1.0
 * @category models
 */
export type Policy<Peer> = (visitor: Visitor<Peer>) => Verdict

const refuse = (self: Admission, period: Period, reason: Reason, peer: string, now: number): Verdict => {
  const table = self.tables[period]
  const count = countOf(self, table, peer)
  count.refused += 1
  if (count.refused > toldRefusals) return { _tag: "Drop", reason }
  return { _tag: "Refuse", reason, retryAfter: table.until - now }
}

const renew = (table: Table, now: number): void => {
  if (now < table.until) return
  table.until += table.length * (Math.floor((now - table.until) / table.length) + 1)
  table.admitted = 0
  table.peers.clear()
}

const countOf = (self: Admission, table: Table, peer: string): Count => {
  const known = table.peers.get(peer)
  const count = known ?? { admitted: 0, refused: 0 }
  if (known !== undefined) table.peers.delete(peer)
  else if (table.peers.size >= self.maxPeers) forgetOldest(table.peers)
  table.peers.set(peer, count)
  return count
}

const forgetOldest = (peers: Map<string, Count>): void => {
  for (const peer of peers.keys()) {
    peers.delete(peer)
    return
  }
}
