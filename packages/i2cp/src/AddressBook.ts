/**
 * Names of one's own: asked before the router's address book, and the only one that does not leave the process.
 *
 *     # a comment
 *     name.i2p=<Base64 of the destination>
 *     name.i2p=<Base64 of the destination>#!key=value#key=value      what Java I2P adds is left out
 *
 * That is `hosts.txt`, which Java I2P, i2pd's subscriptions and this share. Reading files is the platform's: `NodeAddressBook`
 * in `@effect-i2p/platform-node`. It is a `Context.Reference`: without a layer the book is empty.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-i2p/wire/Address"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/**
 * Names of our own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The destination of a name, given as `Address.parse` has it: lower case, with its `.i2p`. Does not fail. */
  readonly lookup: (name: string) => Effect.Effect<Option.Option<Destination.Destination>>
}

/**
 * A book with these names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromMap = (entries: ReadonlyMap<string, Destination.Destination>): Service => ({
  lookup: (name) => Effect.sync(() => Option.fromNullable(entries.get(name)))
})

/**
 * No names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Service = fromMap(new Map())

/**
 * The book of the sessions made below it.
 *
 * @category tags
 * @since 0.1.0
 */
export class AddressBook extends Context.Reference<AddressBook>()("@effect-i2p/i2cp/AddressBook", {
  defaultValue: (): Service => empty
}) {}

/**
 * A book with the names of a `hosts.txt`. Lines that make no sense are left out; {@link parse} tells them.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerText = (text: string, options?: ParseOptions): Layer.Layer<never> =>
  Layer.sync(AddressBook, () => fromMap(parse(text, options).entries))

/**
 * Names kept at most.
 *
 * **Source** ours: 25,000 is more than any published `hosts.txt` has, and some 20 MB of destinations.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxEntries = 25_000

/**
 * What bounds the reading of a `hosts.txt`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ParseOptions {
  /** Names kept; lines after that are left out. Default {@link maxEntries}. */
  readonly maxEntries?: number | undefined
}

/**
 * **Shape** `entries` by name, lower case; of a name that occurs twice the first one. `skipped` counts lines left out;
 * `problems` says what is wrong with the first ten of them, numbered from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parsed {
  readonly entries: ReadonlyMap<string, Destination.Destination>
  readonly skipped: number
  readonly problems: ReadonlyArray<{ readonly line: number; readonly reason: string }>
}

/** Enough to see what is wrong with a file. */
const problemsKept = 10

/**
 * What a `hosts.txt` says. Never fails: a bad line costs that line only.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string, options: ParseOptions = {}): Parsed => {
  const limit = options.maxEntries ?? maxEntries
  const entries = new Map<string, Destination.Destination>()
  const problems: Array<{ readonly line: number; readonly reason: string }> = []
  let skipped = 0
  let line = 0
  for (const raw of text.split("\n")) {
    line++
    const content = raw.trim()
    if (content === "" || content.startsWith("#")) continue
    const entry =
      entries.size < limit ? entryOf(content) : Either.left(`the book is full: it takes ${limit} names at most`)
    if (Either.isRight(entry)) {
      const { destination, name } = entry.right
      if (!entries.has(name)) entries.set(name, destination)
    } else {
      skipped++
      if (problems.length < problemsKept) problems.push({ line, reason: entry.left })
    }
  }
  return { entries, skipped, problems }
}

const entryOf = (
  content: string
): Either.Either<{ readonly name: string; readonly destination: Destination.Destination }, string> =>
  Either.gen(function* () {
    const at = content.indexOf("=")
    if (at < 0) return yield* Either.left("no name=destination")
    const address = yield* Either.mapLeft(Address.parse(content.slice(0, at).trim()), (error) => error.message)
    // A b32 address says what it leads to; a book must not say otherwise.
    if (address._tag !== "Name") return yield* Either.left("an address in place of a name")
    const end = content.indexOf("#", at)
    const base64 = content.slice(at + 1, end < 0 ? undefined : end).trim()
    const destination = yield* Either.mapLeft(Destination.fromBase64(base64), (error) => error.message)
    return { name: address.name, destination }
  })
