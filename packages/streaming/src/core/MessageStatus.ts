/**
 * What a router's word on a message means for the stream that it was to open. Codes of I2CP, which say what became of a
 * message on our side of the network; none promises that the peer saw it.
 *
 * @since 0.1.0
 */

/**
 * Failures that end an opening at once: to send the SYN again would not help.
 *
 * **Source** as Java I2P 2.8.0 has them, I2CP codes 8 to 13, 15, 17 to 20, 22, 23.
 *
 * @since 0.1.0
 * @category constants
 */
export const hardReasons = [
  "RouterFailure",
  "NetworkFailure",
  "BadSession",
  "BadMessage",
  "BadOptions",
  "Overflow",
  "BadLocalLeaseSet",
  "UnsupportedEncryption",
  "BadDestination",
  "BadLeaseSet",
  "ExpiredLeaseSet",
  "MetaLeaseSet",
  "Loopback"
] as const

/**
 * A failure that the next SYN will meet again.
 *
 * @since 0.1.0
 * @category models
 */
export type HardReason = (typeof hardReasons)[number]

/**
 * Failures that the next SYN may not meet: the peer's lease set may be found, or a tunnel be built.
 *
 * **Source** as Java I2P 2.8.0 has them, I2CP codes 3, 5, 7, 14, 16, 21; codes that no specification has are of this kind.
 *
 * @since 0.1.0
 * @category constants
 */
export const softReasons = [
  "TimedOut",
  "GuaranteedFailure",
  "LocalFailure",
  "Expired",
  "NoLocalTunnels",
  "NoLeaseSet",
  "Unknown"
] as const

/**
 * A failure that the next SYN may not meet.
 *
 * @since 0.1.0
 * @category models
 */
export type SoftReason = (typeof softReasons)[number]

/**
 * What a status means for a message: on its way, or lost for now, or for good.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  | { readonly _tag: "Sent" }
  | { readonly _tag: "Soft"; readonly reason: SoftReason }
  | { readonly _tag: "Hard"; readonly reason: HardReason }

const hard: Readonly<Record<number, HardReason>> = {
  8: "RouterFailure",
  9: "NetworkFailure",
  10: "BadSession",
  11: "BadMessage",
  12: "BadOptions",
  13: "Overflow",
  15: "BadLocalLeaseSet",
  17: "UnsupportedEncryption",
  18: "BadDestination",
  19: "BadLeaseSet",
  20: "ExpiredLeaseSet",
  22: "MetaLeaseSet",
  23: "Loopback"
}

const soft: Readonly<Record<number, SoftReason>> = {
  3: "TimedOut",
  5: "GuaranteedFailure",
  7: "LocalFailure",
  14: "Expired",
  16: "NoLocalTunnels",
  21: "NoLeaseSet"
}

/** Accepted, best-effort success, guaranteed success, local success. I2CP specification, MessageStatusMessage. */
const sent: ReadonlySet<number> = new Set([1, 2, 4, 6])

/**
 * What an I2CP status code means.
 *
 * @since 0.1.0
 * @category getters
 */
export const verdict = (status: number): Verdict => {
  const hardReason = hard[status]
  if (hardReason !== undefined) return { _tag: "Hard", reason: hardReason }
  return sent.has(status) ? { _tag: "Sent" } : { _tag: "Soft", reason: soft[status] ?? "Unknown" }
}
