/**
 * `Compression` on `node:zlib`.
 *
 * @since 0.1.0
 */
import * as Zlib from "node:zlib"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

/** Absent before Node 20.15 and 22.2. */
const nativeCrc32 = (Zlib as { readonly crc32?: (bytes: Uint8Array) => number }).crc32

/** zlib's buffers are larger than their content and may be shared: hand out an exact copy. */
const exact = (buffer: Uint8Array): Uint8Array => new Uint8Array(buffer)

/**
 * The implementation, for code without an Effect context.
 *
 * @category implementations
 * @since 0.1.0
 */
export const zlib: Compression.Service = {
  deflateRaw: (bytes) => exact(Zlib.deflateRawSync(bytes, { level: Compression.DEFLATE_LEVEL })),
  inflateRaw: (bytes, maxBytes) => {
    try {
      return Either.right(exact(Zlib.inflateRawSync(bytes, { maxOutputLength: Math.max(1, maxBytes) })))
    } catch (cause) {
      return Either.left(
        Compression.inflateError(
          cause instanceof RangeError
            ? `more than ${maxBytes} bytes after inflating`
            : cause instanceof Error
              ? cause.message
              : "malformed deflate stream"
        )
      )
    }
  },
  crc32: nativeCrc32 ?? Compression.portable.crc32
}

/**
 * Replaces the portable default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.succeed(Compression.Compression, zlib)
