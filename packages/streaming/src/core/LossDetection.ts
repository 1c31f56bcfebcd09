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
 * **Shape** `latest` is the most recently *sent* packet that has been acknowledged; `reorderingShare` how late a packet
 * may be before it counts as lost, as a share of the round trip; `recoveries` are those since the last wrong guess.
 *
 * @since 0.1.0
 * @category models
 */
export interface LossDetection {
  readonly latest: Latest | undefined
  readonly reorderingShare: number
  readonly recoveries: number
}

interface Latest {
  readonly sentAt: number
  readonly sequenceNumber: number
  /** Round trip of that packet, in milliseconds. */
  readonly rtt: number
}

interface Sent {
  readonly sequenceNumber: number
  readonly firstSentAt: number
  readonly sentAt: number
  readonly transmissions: number
  readonly lost: boolean
}

/**
 * Where the reordering window starts. RFC 8985 section 6.2 starts at a quarter of the round trip; here every gap is
 * reported by name and a wrong guess costs one packet, while the right one, held back, stalls a window that may span no
 * more than 200 packets. Measured over the simulation grid at 1 to 5 % loss: a quarter costs a tenth of the goodput.
 */
const initialShare = 1 / 32

/**
 * What a wrong guess does to it, and how far that goes. RFC 8985 section 6.2 goes to a whole round trip; with a span of 200
 * packets even a half stalls the sender longer than the packet is worth.
 */
const growth = 2
const maxShare = 1 / 2

/**
 * Recoveries without a wrong guess after which half of it will do. RFC 8985 section 6.2 step 4: 16, and back to the start.
 * A guess is wrong as well when only the acknowledgment was lost, which says nothing about the order of packets; at 5 % loss
 * a window that never shrinks ends at its largest.
 */
const patience = 16

/**
 * Share of the least round trip below which an answer may be to a transmission before the latest; round trips jitter. It may
 * also be to the latest, over a path that has become shorter.
 */
const earlyShare = 7 / 8

/**
 * Packets sent before a retransmission, and not arrived when its packet had, that show that it had not arrived either. As
 * many as RFC 5681 takes to tell loss from disorder.
 */
const overtaken = 3

/**
 * Least reordering window: timers and queues of a machine shuffle packets by this much without any network, in ms.
 */
const minReorderingWindow = 2

const sentAfter = (a: { sentAt: number; sequenceNumber: number }, b: { sentAt: number; sequenceNumber: number }) =>
  a.sentAt > b.sentAt || (a.sentAt === b.sentAt && a.sequenceNumber > b.sequenceNumber)

/**
 * Nothing has been acknowledged.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial: LossDetection = { latest: undefined, reorderingShare: initialShare, recoveries: 0 }

/** The answer may be to a transmission before the latest one. RFC 8985 section 6.2 step 2. */
const isAmbiguous = (packet: Sent, now: number, minRtt: number | undefined): boolean =>
  packet.lost || (packet.transmissions > 1 && minRtt !== undefined && now - packet.sentAt < earlyShare * minRtt)

/**
 * What an acknowledgment says besides what it covers: the `highest` number that the peer had when it sent it. Undefined where
 * that is not told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen {
  readonly now: number
  readonly minRtt: number | undefined
  readonly highest: number | undefined
}

/**
 * Whether an acknowledgment of a packet that send times had shown lost proves that it was not.
 *
 * | the packet                  | proof                                                                                 |
 * | --------------------------- | ------------------------------------------------------------------------------------- |
 * | was not sent again yet      | the acknowledgment itself: every transmission there is had been taken for lost        |
 * | was sent again              | the peer had the packet, but not yet what had left before the packet was sent again    |
 *
 * An early answer alone is no proof: a path whose queue has drained answers faster than it ever did. Nor is an
 * acknowledgment that says nothing new, although a peer sends one for each duplicate: it does not name the duplicate, as
 * TCP's DSACK does, and there are other reasons for it.
 *
 * **Source** Eifel (RFC 3522, RFC 4015), with the order of packets in place of timestamps.
 *
 * @since 0.1.0
 * @category getters
 */
export const isRefuted = (
  packet: Sent & { readonly sndNxtAtSend: number; readonly lossEvent: number | undefined },
  seen: Seen
): boolean => {
  if (packet.lossEvent === undefined) return false
  if (packet.lost) return true
  if (packet.transmissions === 1 || seen.highest === undefined || seen.minRtt === undefined) return false
  return packet.sndNxtAtSend - 1 - seen.highest >= overtaken && isAmbiguous(packet, seen.now, seen.minRtt)
}

/**
 * Takes the packets that an acknowledgment covered for the first time.
 *
 * Whichever transmission of a packet it answers, the first was not sent later: what was sent before that one has been
 * overtaken. RFC 8985 section 6.2 step 2 learns nothing from an answer that comes too early; over a path that has become
 * shorter all of them do.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onAcked = (
  self: LossDetection,
  acked: ReadonlyArray<Sent>,
  now: number,
  minRtt: number | undefined
): LossDetection => {
  // One record for all of them: an acknowledgment covers dozens, each sent later than the one before.
  let { latest } = self
  let sentAt = latest?.sentAt ?? Number.NEGATIVE_INFINITY
  let sequenceNumber = latest?.sequenceNumber ?? -1
  for (const packet of acked) {
    const at = isAmbiguous(packet, now, minRtt) ? packet.firstSentAt : packet.sentAt
    if (at < sentAt || (at === sentAt && packet.sequenceNumber <= sequenceNumber)) continue
    sentAt = at
    sequenceNumber = packet.sequenceNumber
  }
  if (sentAt === latest?.sentAt && sequenceNumber === latest.sequenceNumber) return self
  if (sequenceNumber === -1) return self
  latest = { sentAt, sequenceNumber, rtt: now - sentAt }
  return { latest, reorderingShare: self.reorderingShare, recoveries: self.recoveries }
}

/**
 * A packet was late and not lost: the path reorders more than we thought.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onSpurious = (self: LossDetection): LossDetection => ({
  ...self,
  reorderingShare: Math.min(maxShare, growth * self.reorderingShare),
  recoveries: 0
})

/**
 * Packets of one window were lost, as far as we know.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onRecovery = (self: LossDetection): LossDetection =>
  self.recoveries + 1 < patience
    ? { ...self, recoveries: self.recoveries + 1 }
    : { ...self, reorderingShare: Math.max(initialShare, self.reorderingShare / growth), recoveries: 0 }

/**
 * Which packets in flight are lost now, and when to look again if some are only suspected.
 *
 * @since 0.1.0
 * @category getters
 */
export const detect = (
  self: LossDetection,
  inFlight: ReadonlyArray<Sent>,
  now: number,
  srtt: number | undefined
): { readonly lost: ReadonlySet<number>; readonly lookAgainAt: number | undefined } => {
  const { latest } = self
  if (latest === undefined || inFlight.length === 0) return nothing
  let lost: Set<number> | undefined
  let lookAgainAt: number | undefined
  const window = Math.max(minReorderingWindow, (srtt ?? latest.rtt) * self.reorderingShare)
  for (const packet of inFlight) {
    if (packet.lost || !sentAfter(latest, packet)) continue
    const deadline = packet.sentAt + latest.rtt + window
    if (deadline <= now) {
      lost ??= new Set()
      lost.add(packet.sequenceNumber)
    } else if (lookAgainAt === undefined || deadline < lookAgainAt) lookAgainAt = deadline
  }
  return { lost: lost ?? none, lookAgainAt }
}

const none: ReadonlySet<number> = new Set()
const nothing = { lost: none, lookAgainAt: undefined }
