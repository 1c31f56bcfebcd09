/**
 * Messages as their lines: one descriptor says the words a message begins with, its fields, and where what is in no field
 * goes.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as SamLine from "../SamLine.js"
import { keyOf } from "./fields.js"

type Pairs = Readonly<Record<string, string>>

/** How one kind of message is written. `rest` is the field that takes pairs without a field of their own. */
export interface Descriptor<A> {
  readonly tag: string
  readonly words: ReadonlyArray<string>
  readonly schema: Schema.Schema<A, Readonly<Record<string, unknown>>>
  readonly decode: (pairs: Pairs) => Either.Either<A, string>
  readonly encode: (message: A) => string
}

/**
 * A message whose line is `words` and its fields. Pairs that are no field go into `rest` if they pass `isRest`, with
 * `prefix` taken away, and are passed over otherwise.
 */
export const make = <Tag extends string, F extends Schema.Struct.Fields>(
  tag: Tag,
  words: ReadonlyArray<string>,
  struct: Schema.TaggedStruct<Tag, F>,
  rest?: { readonly field: keyof F & string; readonly prefix: string; readonly isRest: (key: string) => boolean }
): Descriptor<Schema.Schema.Type<Schema.TaggedStruct<Tag, F>>> => {
  type A = Schema.Schema.Type<Schema.TaggedStruct<Tag, F>>
  const schema = struct as unknown as Schema.Schema<A, Readonly<Record<string, unknown>>>
  const fields = Object.keys(struct.fields).filter((field) => field !== "_tag" && field !== rest?.field)
  const keys = new Map(fields.map((field) => [keyOf(field), field]))
  const decodeFields = Schema.decodeUnknownEither(schema)
  const encodeFields = Schema.encodeSync(schema)
  return {
    tag,
    words,
    schema,
    decode: (pairs) => {
      const input: Record<string, unknown> = { _tag: tag }
      const others: Record<string, string> = {}
      for (const [key, value] of Object.entries(pairs)) {
        const field = keys.get(key)
        // A key without a value says nothing.
        if (field !== undefined) {
          if (value !== "") input[field] = value
        } else if (rest?.isRest(key) === true) others[key.slice(rest.prefix.length)] = value
      }
      if (rest !== undefined) input[rest.field] = others
      return Either.mapLeft(decodeFields(input), explain)
    },
    encode: (message) => {
      const encoded = encodeFields(message) as Readonly<Record<string, string | undefined>>
      const pairs: Record<string, string | undefined> = {}
      for (const field of fields) pairs[keyOf(field)] = encoded[field]
      const others = rest === undefined ? {} : (encoded[rest.field] as unknown as Pairs)
      for (const [key, value] of Object.entries(others)) pairs[(rest?.prefix ?? "") + key] = value
      return SamLine.print(words, pairs)
    }
  }
}

/** The first thing that is wrong, in one line: `FROM_PORT is not an integer from 0 to 65535`. */
const explain = (error: ParseResult.ParseError): string => {
  const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
  const field = issue?.path[0]
  if (issue === undefined || field === undefined) return "the command makes no sense"
  if (issue._tag === "Missing") return `${keyOf(String(field))} is missing`
  return `${keyOf(String(field))} ${issue.message}`
}
