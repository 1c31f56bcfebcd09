/**
 * The values of pairs as schemas from their text, and how the fields of a message are called on its line.
 *
 * A field `fromPort` is the key `FROM_PORT`; every schema here has a message that can stand behind the key's name.
 */
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Schema from "effect/Schema"

/** Replaces what a schema says of itself, which is several lines and shows the value. */
const said =
  (message: string) =>
  <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, I> =>
    schema.annotations({ message: () => ({ message, override: true }) })

/** Anything that does not end its line. */
export const Text = Schema.String.pipe(Schema.pattern(/^[^\r\n]*$/), said("holds the end of a line"))

/** Something without blanks: an id, a name, a key in Base64, a host. */
export const Word = Schema.String.pipe(Schema.pattern(/^[^\s]+$/), said("is empty, or holds a blank"))

/** `max` is exact: more would be cut when it is encoded. */
export const integer = (min: number, max: number): Schema.Schema<number, string> =>
  Schema.transform(Schema.String.pipe(Schema.pattern(/^\d{1,10}$/)), Schema.Int.pipe(Schema.between(min, max)), {
    strict: true,
    decode: Number,
    encode: String
  }).pipe(said(`is not an integer from ${min} to ${max}`))

export const Port = integer(0, 65_535)

/** **Source** I2CP: one byte. */
export const Protocol = integer(0, 255)

export const Flag: Schema.Schema<boolean, string> = Schema.transform(
  Schema.String.pipe(Schema.pattern(/^(?:true|false)$/i)),
  Schema.Boolean,
  { strict: true, decode: (text) => text.toLowerCase() === "true", encode: String }
).pipe(said("is neither true nor false"))

/** A signature type by number, or by name in either case, as in Java I2P. */
export const SignatureType: Schema.Schema<number, string> = Schema.transform(
  Schema.String,
  Schema.Int.pipe(Schema.between(0, 65_535)),
  {
    strict: true,
    decode: (text) => {
      const name = text.toLowerCase()
      const known = KeyType.signingTypes.find((type) => type.name.toLowerCase() === name)
      return known?.code ?? (/^\d{1,5}$/.test(text) ? Number(text) : -1)
    },
    encode: String
  }
).pipe(said("is not a signature type: use a number or a name, 7 or EdDSA_SHA512_Ed25519"))

/** A name that no object can have for a field of its own by assignment; no option is called so. */
const noName = "__proto__"

/** The names of pairs that are no field, see `Descriptor.make`. */
export const names = (pattern: RegExp) => ({
  schema: Schema.String.pipe(
    Schema.pattern(pattern),
    Schema.filter((name) => name !== noName)
  ),
  is: (name: string): boolean => name !== noName && pattern.test(name)
})

/** `fromPort` is `FROM_PORT`. */
export const keyOf = (field: string): string => field.replaceAll(/[A-Z]/g, "_$&").toUpperCase()
