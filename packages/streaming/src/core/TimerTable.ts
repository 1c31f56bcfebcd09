/**
 * Named deadlines of one connection; the earliest wins. Arming and disarming cost nothing: the shell keeps one real timer
 * for the earliest.
 *
 * @since 0.1.0
 */

/**
 * What a connection may wait for.
 *
 * @since 0.1.0
 * @category models
 */
export type TimerName =
  /** Retransmit the oldest packet in flight (RFC 6298). */
  | "retransmit"
  /** Nothing came back for two round trips: probe with the last packet in flight (RFC 8985 section 7). */
  | "probe"
  /** The reordering window of a suspected packet ends (RACK). */
  | "reorder"
  /** More may be sent by then: the window allows it, the pace does not yet. */
  | "pace"
  /** Send the delayed acknowledgment. */
  | "ack"
  /** Probe a peer that closed its receive window. */
  | "persist"
  /** Say again that our receive window is open. */
  | "window"
  /** Nothing happened for long: keep alive or disconnect. */
  | "idle"
  /** Tell the peer that we are back. */
  | "announce"
  /** Opening, or closing, has taken its full time. */
  | "limit"

/**
 * Deadlines in milliseconds on the connection's clock.
 *
 * @since 0.1.0
 * @category models
 */
export type TimerTable = { readonly [name in TimerName]: number | undefined }

/**
 * No timer runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: TimerTable = {
  retransmit: undefined,
  probe: undefined,
  reorder: undefined,
  pace: undefined,
  ack: undefined,
  persist: undefined,
  window: undefined,
  idle: undefined,
  announce: undefined,
  limit: undefined
}

/**
 * A copy that nobody else has, to be changed in place.
 *
 * @since 0.1.0
 * @category models
 */
export type Mutable = { -readonly [name in TimerName]: TimerTable[name] }

/**
 * A copy to be changed in place: field by field, as in `Draft.from`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const copy = (self: TimerTable): Mutable => ({
  retransmit: self.retransmit,
  probe: self.probe,
  reorder: self.reorder,
  pace: self.pace,
  ack: self.ack,
  persist: self.persist,
  window: self.window,
  idle: self.idle,
  announce: self.announce,
  limit: self.limit
})

/**
 * Whether the named deadline has come. A timer that woke up early or late is harmless: only this comparison counts.
 *
 * @since 0.1.0
 * @category getters
 */
export const isDue = (self: TimerTable, name: TimerName, now: number): boolean => {
  const deadline = self[name]
  return deadline !== undefined && deadline <= now
}

/**
 * The deadline that comes first, if there is one.
 *
 * @since 0.1.0
 * @category getters
 */
export const earliest = (self: TimerTable): number | undefined => {
  let min: number | undefined
  for (const name in self) {
    const deadline = self[name as TimerName]
    if (deadline !== undefined && (min === undefined || deadline < min)) min = deadline
  }
  return min
}
