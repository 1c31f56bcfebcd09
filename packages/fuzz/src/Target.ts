/**
 * What is fuzzed: something that takes bytes and says by throwing that it has found a mistake.
 *
 * A finding is whatever a target throws: a defect of the code under test, which must answer bad input with a tagged error,
 * or a {@link Finding} of the target itself, which knows what must hold of an answer.
 *
 * @since 0.1.0
 */
import { isDeepStrictEqual } from "node:util"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { DecodeError } from "@effect-i2p/wire/WireError"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/**
 * **Shape** `check` throws or dies with what it finds, and is a function of the input alone. A `Program` is a stack of
 * fibers and costs a thousand times as much as a `Codec`. `seeds` are what the corpus begins with; `words` are put
 * into inputs as they are.
 *
 * **Units** `maxBytes` bounds inputs that are made; those kept may be longer.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = {
  readonly name: string
  readonly about: string
  readonly maxBytes: number
  readonly seeds: () => ReadonlyArray<Uint8Array>
  readonly words?: ReadonlyArray<Uint8Array> | undefined
} & (
  | { readonly _tag: "Codec"; readonly check: (input: Uint8Array) => void }
  | { readonly _tag: "Program"; readonly check: (input: Uint8Array) => Effect.Effect<void> }
)

/**
 * Something that must hold and does not.
 *
 * @since 0.1.0
 * @category errors
 */
export class Finding extends Error {
  override readonly name = "Finding"
}

/**
 * Throws a {@link Finding} unless it holds.
 *
 * @since 0.1.0
 * @category checks
 */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Finding(rule)
}

/**
 * An error of a decoder is a tagged one that says what is wrong, and where in the input.
 *
 * @since 0.1.0
 * @category checks
 */
export const mustBePrecise = (error: DecodeError, length: number): void => {
  must(error._tag === "DecodeError", `not a DecodeError: ${String(error)}`)
  must(error.field !== "" && error.reason !== "", "an error without field or reason")
  must(error.offset >= 0 && error.offset <= length, `an error at ${error.offset} of ${length} bytes`)
}

/**
 * Decodes; what was decoded can be encoded, and decodes again to the same.
 *
 * @since 0.1.0
 * @category checks
 */
export const roundTrip = <A>(
  input: Uint8Array,
  decode: (bytes: Uint8Array) => Either.Either<A, DecodeError>,
  encode: (value: A) => Uint8Array
): A | undefined => {
  const decoded = decode(input)
  if (Either.isLeft(decoded)) {
    mustBePrecise(decoded.left, input.length)
    return undefined
  }
  const bytes = encode(decoded.right)
  const again = decode(bytes)
  must(Either.isRight(again), "what was encoded does not decode")
  must(isDeepStrictEqual(again.right, decoded.right), "decodes to something else after encoding")
  must(Bytes.equals(encode(again.right), bytes), "encodes to something else the second time")
  return decoded.right
}

/**
 * Text as a target takes it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/**
 * Input as text: what is no UTF-8 becomes U+FFFD.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toText = (input: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(input)
