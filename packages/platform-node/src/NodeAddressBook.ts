/**
 * A `hosts.txt` on disk as our own address book, read again when it changes.
 *
 * A file that cannot be read at the start is an error; one that cannot be read later is logged, and what was read before
 * stays. It is looked at every {@link defaultInterval}, and not watched by the system, whose notices are lost on network
 * shares and when editors replace a file.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs/promises"
import * as AddressBook from "@effect-i2p/i2cp/AddressBook"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { errorCode } from "./internal/errorCode.js"

/**
 * An address book that could not be read. Decision: correct the path, or do without.
 *
 * **Shape** `NotFound`; `NotPermitted` by the operating system; `TooLarge`: more than {@link maxFileBytes}; `Io` anything
 * else, see `detail`.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressBookError extends Schema.TaggedError<AddressBookError>(
  "@effect-i2p/platform-node/AddressBookError"
)("AddressBookError", {
  path: Schema.String,
  reason: Schema.Literal("NotFound", "NotPermitted", "TooLarge", "Io"),
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot read address book ${this.path}: ${this.detail}`
  }
}

/**
 * Larger than `AddressBook.maxEntries` names with what Java I2P adds to them.
 *
 * **Source** ours: 25,000 lines of 1,300 characters.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxFileBytes = 32 * 1024 * 1024

/**
 * Time between two looks at the file.
 *
 * **Source** ours: as soon as somebody who edited it has turned to another window.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultInterval: Duration.DurationInput = "10 seconds"

/**
 * **Shape** `interval` between looks at the file, {@link defaultInterval} unless given; `"never"` leaves it to `reload`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends AddressBook.ParseOptions {
  readonly interval?: Duration.DurationInput | "never" | undefined
}

/**
 * The book of a file.
 *
 * **Shape** `size` is the number of names; `reload` reads the file now, changed or not, and keeps the names it had if that
 * fails.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileAddressBook extends AddressBook.Service {
  readonly size: Effect.Effect<number>
  readonly reload: Effect.Effect<void, AddressBookError>
}

/**
 * Reads the book and keeps an eye on the file for as long as the scope lasts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  path: string,
  options: Options = {}
): Effect.Effect<FileAddressBook, AddressBookError, Scope.Scope> =>
  Effect.gen(function* () {
    let names: AddressBook.Parsed["entries"] = new Map()
    let version = ""

    const reload = Effect.gen(function* () {
      const file = yield* attempt(path, () => readVersion(path))
      version = file.version
      if (file.bytes > maxFileBytes) {
        const detail = `${file.bytes} bytes, an address book has at most ${maxFileBytes}`
        return yield* new AddressBookError({ path, reason: "TooLarge", detail })
      }
      const parsed = AddressBook.parse(yield* attempt(path, () => Fs.readFile(path, "utf8")), options)
      names = parsed.entries
      const first = parsed.problems[0]
      if (first !== undefined) {
        yield* Effect.logWarning(
          `address book ${path}: ${parsed.skipped} lines left out, the first is line ${first.line}: ${first.reason}`
        )
      }
    })

    const look = Effect.gen(function* () {
      const file = yield* attempt(path, () => readVersion(path))
      if (file.version !== version) yield* reload
    })

    yield* reload
    if (options.interval !== "never") {
      // A file that is gone for a while is told once, not at each look.
      let wasWell = true
      const told = Effect.matchEffect(look, {
        onFailure: (error) => {
          const first = wasWell
          wasWell = false
          return first ? Effect.logWarning(`${error.message}; the names read before stay`) : Effect.void
        },
        onSuccess: () => Effect.sync(() => (wasWell = true))
      })
      const schedule = Schedule.spaced(options.interval ?? defaultInterval)
      yield* Effect.forkScoped(Effect.schedule(told, schedule))
    }
    return {
      lookup: (name) => Effect.sync(() => Option.fromNullable(names.get(name))),
      size: Effect.sync(() => names.size),
      reload
    }
  })

/**
 * The book of a file, for the sessions made below this layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (path: string, options: Options = {}): Layer.Layer<never, AddressBookError> =>
  Layer.scoped(AddressBook.AddressBook, make(path, options))

/** Another file, or another content, as far as the directory tells. */
const readVersion = async (path: string): Promise<{ readonly version: string; readonly bytes: number }> => {
  const stat = await Fs.stat(path, { bigint: true })
  return { version: `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.size}`, bytes: Number(stat.size) }
}

const reasons: Readonly<Record<string, readonly [AddressBookError["reason"], string]>> = {
  ENOENT: ["NotFound", "no such file"],
  ENOTDIR: ["NotFound", "no such file"],
  EACCES: ["NotPermitted", "permission denied"],
  EPERM: ["NotPermitted", "permission denied"]
}

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, AddressBookError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      const code = errorCode(cause)
      const [reason, detail] = reasons[code] ?? ["Io", `input/output error${code === "" ? "" : ` (${code})`}`]
      return new AddressBookError({ path, reason, detail })
    }
  })
