/**
 * How fast the path delivers: packets acknowledged over the time that it took, measured for each acknowledgment.
 *
 * A packet takes along what was delivered when it left. When it is acknowledged, what was delivered since, over the longer
 * of the time it took to send and to acknowledge that much, is a sample: neither a burst of sending nor a clump of
 * acknowledgments can make it faster than the path.
 *
 * **Source** draft-cheng-iccrg-delivery-rate-estimation-02, whose names are used.
 *
 * @since 0.1.0
 */

/**
 * **Units** packets; milliseconds. `firstSentAt` is when the packet was sent that was acknowledged last, the start of
 * the flight that is measured. Samples up to `appLimitedUntil` delivered packets tell about the application, not the path.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeliveryRate {
  readonly delivered: number
  readonly deliveredAt: number
  readonly firstSentAt: number
  readonly appLimitedUntil: number
}

/**
 * What a packet takes along. Packets of one step share it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stamp {
  readonly delivered: number
  readonly deliveredAt: number
  readonly firstSentAt: number
  readonly appLimited: boolean
}

/**
 * **Units** `packetsPerMilli` packets a millisecond; `priorDelivered` what was delivered when the packet left.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sample {
  readonly packetsPerMilli: number
  readonly priorDelivered: number
  readonly appLimited: boolean
}

/**
 * Nothing has been delivered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial: DeliveryRate = { delivered: 0, deliveredAt: 0, firstSentAt: 0, appLimitedUntil: 0 }

/**
 * A packet leaves now. A flight starts with the first packet of it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onSent = (self: DeliveryRate, now: number, flightSize: number): DeliveryRate =>
  flightSize === 0 ? { ...self, deliveredAt: now, firstSentAt: now } : self

/**
 * What a packet that leaves now takes along, to measure by when it is acknowledged.
 *
 * @since 0.1.0
 * @category getters
 */
export const stamp = (self: DeliveryRate): Stamp => ({
  delivered: self.delivered,
  deliveredAt: self.deliveredAt,
  firstSentAt: self.firstSentAt,
  appLimited: self.appLimitedUntil > 0
})

/**
 * The application has nothing more to send: what is in flight does not fill the path.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onAppLimited = (self: DeliveryRate, flightSize: number): DeliveryRate => ({
  ...self,
  appLimitedUntil: Math.max(1, self.delivered + flightSize)
})

/**
 * Takes what an acknowledgment covered for the first time. No sample where the time it took is shorter than `minRtt`: the
 * answer may be to an earlier copy of the packet. Nor where that is not known: then nothing but such answers has come since
 * the path changed, and one of them right after a retransmission would look like any rate.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onAcked = (
  self: DeliveryRate,
  acked: ReadonlyArray<{ readonly sentAt: number; readonly stamp: Stamp }>,
  now: number,
  minRtt: number | undefined
): { readonly state: DeliveryRate; readonly sample: Sample | undefined } => {
  let latest = acked[0]
  if (latest === undefined) return { state: self, sample: undefined }
  for (const packet of acked) {
    const { delivered } = packet.stamp
    if (delivered > latest.stamp.delivered || (delivered === latest.stamp.delivered && packet.sentAt > latest.sentAt)) {
      latest = packet
    }
  }
  const delivered = self.delivered + acked.length
  const state: DeliveryRate = {
    delivered,
    deliveredAt: now,
    firstSentAt: latest.sentAt,
    appLimitedUntil: delivered > self.appLimitedUntil ? 0 : self.appLimitedUntil
  }
  const interval = Math.max(latest.sentAt - latest.stamp.firstSentAt, now - latest.stamp.deliveredAt)
  if (interval <= 0 || minRtt === undefined || interval < minRtt) return { state, sample: undefined }
  return {
    state,
    sample: {
      packetsPerMilli: (delivered - latest.stamp.delivered) / interval,
      priorDelivered: latest.stamp.delivered,
      appLimited: latest.stamp.appLimited
    }
  }
}
