/**
 * I2P's Date: unsigned 64-bit milliseconds since 1970 UTC, 0 meaning "not set". Values are plain epoch milliseconds, as
 * Effect's Clock has them; some structures carry whole seconds in 32 bits instead.
 *
 * @since 0.1.0
 */
import * as EffectSchema from "effect/Schema"
import type { ByteReader } from "./ByteReader.js"
import type { ByteWriter } from "./ByteWriter.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Epoch milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type I2pDate = number

/**
 * A date, in milliseconds since 1970.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<I2pDate> = WireSchema.Uint64.pipe(
  EffectSchema.annotations({ identifier: "I2pDate", description: "epoch milliseconds; 0 is undefined" })
)

/**
 * A date that is carried as unsigned 32-bit seconds.
 *
 * **Units** epoch milliseconds, whole seconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Seconds: EffectSchema.Schema<I2pDate> = EffectSchema.Int.pipe(
  EffectSchema.between(0, 0xffff_ffff * 1000),
  EffectSchema.multipleOf(1000, {
    identifier: "I2pDateSeconds",
    arbitrary: () => (fc) => fc.integer({ min: 0, max: 0xffff_ffff }).map((seconds) => seconds * 1000)
  })
)

/**
 * Reads a date of eight bytes.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader, field: string): I2pDate => reader.u64(field)

/**
 * Writes a date of eight bytes.
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (writer: ByteWriter, millis: I2pDate): void => writer.u64(millis)

/**
 * Whole seconds, rounded down as Java does for Lease2 and LeaseSet2.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toSeconds = (millis: I2pDate): number => Math.floor(millis / 1000)

/**
 * The date of a number of seconds since 1970, as lease sets and offline signatures have them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSeconds = (seconds: number): I2pDate => seconds * 1000

/**
 * The date without its milliseconds, as it comes back from a field of whole seconds.
 *
 * @category conversions
 * @since 0.1.0
 */
export const wholeSeconds = (millis: I2pDate): I2pDate => fromSeconds(toSeconds(millis))
