/**
 * Packets that a session has dropped, by reason.
 *
 * @since 0.1.0
 */

/** Why a packet is dropped that belongs to no stream, or is not the peer's. */
export type Reason =
  | "malformed"
  | "unknownStream"
  | "unverified"
  | "unacceptedKey"
  | "replayed"
  | "unanswerable"
  | "overflowed"

export class Drops {
  readonly counts: Record<Reason, number> = {
    malformed: 0,
    unknownStream: 0,
    unverified: 0,
    unacceptedKey: 0,
    replayed: 0,
    unanswerable: 0,
    overflowed: 0
  }

  /** Counts one; gives undefined, so that a handler can end with it. */
  readonly count = (reason: Reason): undefined => {
    this.counts[reason] += 1
  }
}
