/**
 * Raw deflate, capped raw inflate and CRC-32: what the gzip envelope of a payload needs from a platform.
 *
 * The default is portable JavaScript (fflate and a table-driven CRC); `platform-node` replaces it with `node:zlib`.
 * It is a `Context.Reference`, so nobody has to provide it.
 *
 * @since 0.1.0
 */
import * as ByteSlab from "@effect-i2p/wire/ByteSlab"
import { DecodeError } from "@effect-i2p/wire/WireError"
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import { deflateSync, Inflate } from "fflate"
import * as Crc32 from "./internal/payloads/crc32.js"

/**
 * Deflate level for payloads.
 *
 * **Source** Java I2P `ReusableGZIPOutputStream` deflates at level 3.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFLATE_LEVEL = 3

/**
 * The operations, all synchronous: they run per packet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** A complete raw deflate stream of `bytes`. Never fails. */
  readonly deflateRaw: (bytes: Uint8Array) => Uint8Array
  /**
   * Inflates a raw deflate stream. Stops as soon as the output exceeds `maxBytes`, so a bomb costs about the cap in
   * memory and time; malformed and truncated input fails too. The result owns its bytes.
   */
  readonly inflateRaw: (bytes: Uint8Array, maxBytes: number) => Either.Either<Uint8Array, DecodeError>
  /** CRC-32 (IEEE 802.3, as gzip uses it), an unsigned 32-bit number. */
  readonly crc32: (bytes: Uint8Array) => number
}

/**
 * The service reference; override it with `Layer.succeed(Compression, …)`.
 *
 * @category tags
 * @since 0.1.0
 */
export class Compression extends Context.Reference<Compression>()("@effect-i2p/i2cp/Compression", {
  defaultValue: (): Service => portable
}) {}

/**
 * The error every implementation of {@link Service.inflateRaw} answers with.
 *
 * @category errors
 * @since 0.1.0
 */
export const inflateError = (reason: string): DecodeError =>
  new DecodeError({ structure: "Payload", field: "deflate", offset: 10, reason })

/**
 * Input handed to the inflater at a time. Deflate expands at most 1,032 times, so the inflater overshoots the cap by
 * at most half a megabyte before it is stopped.
 */
const INFLATE_STEP = 512

/**
 * Inflate on fflate's streaming decoder, fed in small steps so that the cap cuts in the middle of the work.
 *
 * fflate also has a one-call form with a fixed output buffer, but that one keeps decoding a bomb to its end and
 * throws the surplus away.
 */
const inflatePortable = (bytes: Uint8Array, maxBytes: number): Either.Either<Uint8Array, DecodeError> => {
  const parts: Array<Uint8Array> = []
  let total = 0
  const inflate = new Inflate((part) => {
    total += part.length
    if (part.length > 0) parts.push(part)
  })
  if (bytes.length === 0) return Either.left(inflateError("empty deflate stream"))
  try {
    for (let at = 0; at < bytes.length && total <= maxBytes; at += INFLATE_STEP) {
      const end = Math.min(at + INFLATE_STEP, bytes.length)
      inflate.push(bytes.subarray(at, end), end === bytes.length)
    }
  } catch (cause) {
    return Either.left(inflateError(cause instanceof Error ? cause.message : "malformed deflate stream"))
  }
  if (total > maxBytes) return Either.left(inflateError(`more than ${maxBytes} bytes after inflating`))
  return Either.right(ByteSlab.join(parts))
}

/**
 * The portable implementation.
 *
 * @category implementations
 * @since 0.1.0
 */
export const portable: Service = {
  deflateRaw: (bytes) => deflateSync(bytes, { level: DEFLATE_LEVEL }),
  inflateRaw: inflatePortable,
  crc32: Crc32.crc32
}
