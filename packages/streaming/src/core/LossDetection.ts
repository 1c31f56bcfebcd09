/**
 * Decides from send times which packets in flight are lost, as RACK does: a packet is lost when one sent after it was
 * acknowledged and a reordering window has gone by since.
 *
 * Counting NACKs, as the specification and Java do, ties recovery to how often a peer acknowledges; send times do not,
 * and allow any number of rounds for the same packet.
 *
 * @since 0.1.0
 */

/**
 * The most recently *sent* packet that has been acknowledged.
 *
 * @since 0.1.0
 * @category models
 */
export interface LossDetection {
  readonly sentAt: number
  readonly sequenceNumber: number
  /** Round trip of that packet, in milliseconds. */
  readonly rtt: number
}

interface Sent {
  readonly sequenceNumber: number
  readonly sentAt: number
  readonly transmissions: number
  readonly lost: boolean
}

/**
 * Share of the round trip that a packet may be late before it counts as lost. RFC 8985 section 6.2 step 4.
 */
const reorderingShare = 1 / 4

/**
 * Least reordering window: timers and queues of a machine shuffle packets by this much without any network, in ms.
 */
const minReorderingWindow = 2

const sentAfter = (a: { sentAt: number; sequenceNumber: number }, b: { sentAt: number; sequenceNumber: number }) =>
  a.sentAt > b.sentAt || (a.sentAt === b.sentAt && a.sequenceNumber > b.sequenceNumber)

/**
 * Takes the packets that an acknowledgment covered for the first time.
 *
 * A packet sent more than once may have been acknowledged for its first copy; if the answer came faster than any round
 * trip so far it was, and says nothing (RFC 8985 section 6.2 step 2).
 *
 * @since 0.1.0
 * @category combinators
 */
export const onAcked = (
  self: LossDetection | undefined,
  acked: ReadonlyArray<Sent>,
  now: number,
  minRtt: number | undefined
): LossDetection | undefined => {
  let latest = self
  for (const packet of acked) {
    const rtt = now - packet.sentAt
    if (packet.transmissions > 1 && minRtt !== undefined && rtt < minRtt) continue
    if (latest === undefined || sentAfter(packet, latest)) {
      latest = { sentAt: packet.sentAt, sequenceNumber: packet.sequenceNumber, rtt }
    }
  }
  return latest
}

/**
 * Which packets in flight are lost now, and when to look again if some are only suspected.
 *
 * @since 0.1.0
 * @category getters
 */
export const detect = (
  self: LossDetection | undefined,
  inFlight: ReadonlyArray<Sent>,
  now: number,
  srtt: number | undefined
): { readonly lost: ReadonlySet<number>; readonly lookAgainAt: number | undefined } => {
  const lost = new Set<number>()
  let lookAgainAt: number | undefined
  if (self === undefined) return { lost, lookAgainAt }
  const window = Math.max(minReorderingWindow, (srtt ?? self.rtt) * reorderingShare)
  for (const packet of inFlight) {
    if (packet.lost || !sentAfter(self, packet)) continue
    const deadline = packet.sentAt + self.rtt + window
    if (deadline <= now) lost.add(packet.sequenceNumber)
    else if (lookAgainAt === undefined || deadline < lookAgainAt) lookAgainAt = deadline
  }
  return { lost, lookAgainAt }
}
