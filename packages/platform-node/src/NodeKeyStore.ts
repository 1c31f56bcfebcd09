/**
 * Destination key files on disk: the `.dat` that i2pd and Java I2P use, or its Base64, which is SAM's private key. Either is
 * read; the first is written unless the other is asked for.
 *
 * A key file is the identity of a site, so it is never left half-written and never overwritten: the bytes go to a temporary
 * file beside it, readable by the owner only, are flushed to the disk, and take their name in one step that fails if somebody
 * else was faster. Two processes that start at once on a new path end up with the same keys.
 *
 * A file of ours that others may read or write is refused, as ssh refuses such a private key. Owned by somebody else, as
 * i2pd's files are where it runs under its own account, it is loaded with a warning: its mode is not ours to set.
 *
 * @since 0.1.0
 */

import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { errorCode } from "./internal/errorCode.js"

/**
 * A key file that could not be read or written.
 *
 * **Shape** `NotFound` the file, or the directory to create it in; `NotPermitted` by the operating system; `Exposed` others
 * may read or write the file; `Malformed` the file is there but is no key file; `AlreadyExists` when saving; `Io` anything
 * else, see `detail`.
 *
 * @category errors
 * @since 0.1.0
 */
export class KeyStoreError extends Schema.TaggedError<KeyStoreError>("@effect-i2p/platform-node/KeyStoreError")(
  "KeyStoreError",
  {
    path: Schema.String,
    operation: Schema.Literal("read", "write"),
    reason: Schema.Literal("NotFound", "NotPermitted", "Exposed", "Malformed", "AlreadyExists", "Io"),
    detail: Schema.String,
    cause: Schema.optional(Schema.Defect)
  }
) {
  override get message(): string {
    return `cannot ${this.operation} key file ${this.path}: ${this.detail}`
  }
}

/**
 * Larger than any key file: an offline ML-DSA-87 one has about 20,000 bytes. Ours.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxFileBytes = 65_536

/** Read and write for the owner, nothing for others. */
const ownerOnly = 0o600

/**
 * **Shape** `exposed` says what becomes of a file of ours that others may read or write; `refuse` unless given.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadOptions {
  readonly exposed?: "refuse" | "warn" | undefined
}

/**
 * Loads the keys in `path`, or makes new ones and stores them there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (
  path: string,
  options: LoadOptions = {}
): Effect.Effect<DestinationKeys.DestinationKeys, KeyStoreError> =>
  load(path, options).pipe(
    Effect.catchIf(
      (error) => error.reason === "NotFound",
      () =>
        Effect.tap(transient, (keys) => save(path, keys)).pipe(
          Effect.catchIf(
            (error) => error.reason === "AlreadyExists",
            () => load(path, options)
          )
        )
    ),
    Effect.withSpan("KeyStore.file", { attributes: { path } })
  )

/**
 * Loads the keys in `path`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (
  path: string,
  options: LoadOptions = {}
): Effect.Effect<DestinationKeys.DestinationKeys, KeyStoreError> => Effect.map(read(path, options), ({ keys }) => keys)

/**
 * Loads the keys in `path`, and says which form the file has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  path: string,
  options: LoadOptions = {}
): Effect.Effect<
  { readonly keys: DestinationKeys.DestinationKeys; readonly form: DestinationKeys.Form },
  KeyStoreError
> =>
  Effect.acquireUseRelease(
    attempt(path, "read", () => Fs.open(path, "r")),
    (handle) =>
      Effect.gen(function* () {
        const stat = yield* attempt(path, "read", () => handle.stat())
        if (!stat.isFile()) return yield* refused(path, "Malformed", "not a regular file")
        if (stat.size > maxFileBytes) {
          return yield* refused(path, "Malformed", `${stat.size} bytes, a key file has at most ${maxFileBytes}`)
        }
        yield* checkMode(path, stat, options)
        const bytes = yield* attempt(path, "read", () => readAtMost(handle, maxFileBytes))
        return yield* Either.match(DestinationKeys.fromFile(bytes), {
          onLeft: (error) => refused(path, "Malformed", error.message),
          onRight: Effect.succeed
        })
      }),
    (handle) => Effect.promise(() => handle.close().catch(() => undefined))
  )

/** Source: OpenSSH, `sshkey_perm_ok`: any bit for group or others, and only if the file is the user's own. */
const checkMode = (
  path: string,
  stat: { readonly mode: number; readonly uid: number },
  options: LoadOptions
): Effect.Effect<void, KeyStoreError> => {
  if (process.getuid === undefined || (stat.mode & 0o077) === 0) return Effect.void
  const mode = (stat.mode & 0o777).toString(8)
  if (stat.uid === process.getuid() && options.exposed !== "warn") {
    return refused(path, "Exposed", `others may use it too (mode ${mode}): chmod 600 it`)
  }
  return Effect.logWarning(`others may use key file ${path} (mode ${mode})`)
}

/** The size was checked, but the file may have grown since. */
const readAtMost = async (handle: Fs.FileHandle, limit: number): Promise<Uint8Array> => {
  const buffer = new Uint8Array(limit)
  let length = 0
  while (length < limit) {
    const { bytesRead } = await handle.read(buffer, length, limit - length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

/**
 * Stores keys in a new file; fails with `AlreadyExists` rather than replace another.
 *
 * @category combinators
 * @since 0.1.0
 */
export const save = (
  path: string,
  keys: DestinationKeys.DestinationKeys,
  form: DestinationKeys.Form = "dat"
): Effect.Effect<void, KeyStoreError> =>
  Effect.gen(function* () {
    const random = yield* SecureRandom
    const directory = Path.dirname(path)
    const temporary = Path.join(directory, `.${Path.basename(path)}.${random.u32().toString(16)}.tmp`)
    yield* attempt(path, "write", () => writeDurably(temporary, DestinationKeys.toFile(keys, form))).pipe(
      Effect.zipRight(attempt(path, "write", () => publish(temporary, path))),
      Effect.ensuring(Effect.promise(() => Fs.rm(temporary, { force: true }).catch(() => undefined)))
    )
    yield* Effect.promise(() => syncDirectory(directory))
  }).pipe(
    // Interrupted half-way it would leave the temporary file behind, with the keys in it.
    Effect.uninterruptible
  )

/**
 * New keys, kept in memory only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transient: Effect.Effect<DestinationKeys.DestinationKeys> = Effect.gen(function* () {
  return DestinationKeys.generate(yield* SecureRandom, yield* Signatures)
})

const writeDurably = async (path: string, bytes: Uint8Array): Promise<void> => {
  const handle = await Fs.open(path, "wx", ownerOnly)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Gives the file its name. A link fails if the name is taken; a rename would replace what is there. */
const publish = async (temporary: string, path: string): Promise<void> => {
  try {
    await Fs.link(temporary, path)
  } catch (cause) {
    if (!linksUnsupported.has(errorCode(cause))) throw cause
    // No hard links here (FAT, some network shares): reserve the name, then replace the empty file just made.
    await (await Fs.open(path, "wx", ownerOnly)).close()
    await Fs.rename(temporary, path)
  }
}

const linksUnsupported = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])

/** The name is only safe once the directory is; where directories cannot be synced (Windows) there is nothing to do. */
const syncDirectory = async (path: string): Promise<void> => {
  try {
    const handle = await Fs.open(path, "r")
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    return
  }
}

const reasons: Readonly<Record<string, KeyStoreError["reason"]>> = {
  ENOENT: "NotFound",
  ENOTDIR: "NotFound",
  EACCES: "NotPermitted",
  EPERM: "NotPermitted",
  EROFS: "NotPermitted",
  EEXIST: "AlreadyExists"
}

const details: Readonly<Record<KeyStoreError["reason"], string>> = {
  NotFound: "no such file or directory",
  NotPermitted: "permission denied",
  AlreadyExists: "the file exists already",
  Exposed: "others may use it too",
  Malformed: "not a key file",
  Io: "input/output error"
}

const attempt = <A>(
  path: string,
  operation: KeyStoreError["operation"],
  run: () => Promise<A>
): Effect.Effect<A, KeyStoreError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      const code = errorCode(cause)
      const reason = reasons[code] ?? "Io"
      const detail = reason === "Io" && code !== "" ? `${details.Io} (${code})` : details[reason]
      return new KeyStoreError({ path, operation, reason, detail, cause })
    }
  })

const refused = (path: string, reason: KeyStoreError["reason"], detail: string): Effect.Effect<never, KeyStoreError> =>
  Effect.fail(new KeyStoreError({ path, operation: "read", reason, detail }))
