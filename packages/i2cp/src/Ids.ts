/**
 * The numbers I2CP messages are made of, with their ranges, and the identifiers among them.
 *
 * They are plain refined numbers, not brands: they are read and written per packet, and a message names each field.
 *
 * @since 0.1.0
 */
import * as WireSchema from "@effect-i2p/wire/WireSchema"

/**
 * An unsigned byte.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Uint8 = WireSchema.Uint8

/**
 * An unsigned 16-bit integer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Uint16 = WireSchema.Uint16

/**
 * An unsigned 32-bit integer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Uint32 = WireSchema.Uint32

/**
 * Whether the number is a port of I2P, where 0 means any.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 0xffff

/**
 * Returns the port. An invalid one is a bug of the caller and throws: encoding would truncate it to another port.
 *
 * @category predicates
 * @since 0.1.0
 */
export const checkPort = (port: number): number => {
  if (!isPort(port)) throw new RangeError(`${port} is not a valid port`)
  return port
}

/**
 * Milliseconds since 1970 UTC in six bytes, as message 36 carries its expiry; ends in the year 10889.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Millis48 = WireSchema.Uint48.annotations({ identifier: "Millis48" })

/**
 * Milliseconds since 1970 UTC as an I2P Date; 0 is "undefined".
 *
 * **Units** u64 on the wire, here a safe integer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Millis = WireSchema.Uint64.annotations({ identifier: "Millis" })

/**
 * Identifies a session on a connection; chosen by the router, 0 is valid.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SessionId = Uint16

/**
 * "No session": used in lookups before one exists. As the id of a new session it means refusal.
 *
 * **Source** I2CP specification "Session ID"; i2pd draws ids at random and may hit it.
 *
 * @category constants
 * @since 0.1.0
 */
export const NO_SESSION = 0xffff

/**
 * A router's name for a message; meaningful only with fastReceive off.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageId = Uint32

/**
 * Correlates a MessageStatus with the send; 0 asks for no status.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Nonce = Uint32

/**
 * Correlates a HostReply with its HostLookup.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RequestId = Uint32
