/**
 * What routers say of a message: the codes of MessageStatus.
 *
 * No code ever promises that the peer's application saw the message; i2pd says "guaranteed success" when it has given it
 * to a tunnel.
 *
 * @since 0.1.0
 */

/**
 * Names by code.
 *
 * **Source** I2CP specification, "MessageStatusMessage".
 *
 * @category constants
 * @since 0.1.0
 */
export const names = [
  "available",
  "accepted",
  "best effort success",
  "best effort failure",
  "guaranteed success",
  "guaranteed failure",
  "local success",
  "local failure",
  "router failure",
  "network failure",
  "bad session",
  "bad message",
  "bad options",
  "overflow",
  "message expired",
  "bad local lease set",
  "no local tunnels",
  "unsupported encryption",
  "bad destination",
  "bad lease set",
  "expired lease set",
  "no lease set",
  "meta lease set",
  "loopback denied"
] as const

/**
 * A name that is one of a bounded set, whatever a router sends.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (status: number): string => names[status] ?? "unknown"

/**
 * Whether more will come: only after 1, "accepted", and 0, which answers no send.
 *
 * @category getters
 * @since 0.1.0
 */
export const isFinal = (status: number): boolean => status > 1
