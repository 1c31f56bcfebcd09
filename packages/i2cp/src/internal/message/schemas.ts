/**
 * Small refinements shared by the messages.
 */
import * as ByteArrays from "@effect-i2p/wire/Bytes"
import * as Schema from "effect/Schema"

const utf8 = new TextEncoder()

/**
 * An I2P String: at most 255 bytes of UTF-8, without lone surrogates (they have no UTF-8 form).
 *
 * **Source** common structures "String".
 */
export const ShortString = Schema.String.pipe(
  Schema.filter((text) => !/\p{Surrogate}/u.test(text) && utf8.encode(text).length <= 255, {
    identifier: "ShortString",
    arbitrary: () => (fc) => fc.string({ unit: "binary", maxLength: 63 })
  })
)

/** Bytes that compare by content in `Schema.equivalence`. */
export const Bytes = Schema.Uint8ArrayFromSelf.pipe(
  Schema.annotations({
    equivalence: () => ByteArrays.equals
  })
)
