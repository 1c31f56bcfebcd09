/**
 * Packet traces in files: one JSON object a line, see `PacketTrace` of `@effect-i2p/streaming` for what is in it.
 *
 * A trace never slows a stream down, and never fills a disk: what comes faster than the file takes is left out, and so is
 * everything after its last byte allowed. A line of type `gap` says how much is missing.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs/promises"
import * as PacketTrace from "@effect-i2p/streaming/PacketTrace"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { errorCode } from "./internal/errorCode.js"

/**
 * A trace file that could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class TraceFileError extends Schema.TaggedError<TraceFileError>(
  "@effect-i2p/platform-node/NodePacketTrace/TraceFileError"
)("TraceFileError", { path: Schema.String, detail: Schema.String, cause: Schema.optional(Schema.Defect) }) {
  override get message(): string {
    return `cannot write trace ${this.path}: ${this.detail}`
  }
}

/**
 * **Shape** `maxBytes` of the file. `maxPendingEvents` wait for it; more are left out. `interval` between writes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly maxBytes: number
  readonly maxPendingEvents: number
  readonly interval: Duration.DurationInput
}

/**
 * **Source** ours: 64 MiB are some 300,000 packets, 540 MB of data; 16,384 events are 4 MB, and what a machine does in a
 * tenth of a second and some.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Options = {
  maxBytes: 67_108_864,
  maxPendingEvents: 16_384,
  interval: "100 millis"
}

/** Room for the line that says that the file is full. */
const lastLineBytes = 128

/** Read and write for the owner, nothing for others: who talks to whom, and when, is in it. */
const ownerOnly = 0o600

/**
 * Traces the sessions made below it to a file, which is made anew.
 *
 * **Errors** `TraceFileError` when the file cannot be made. A write that fails later ends the trace with a warning.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (path: string, overrides: Partial<Options> = {}): Layer.Layer<never, TraceFileError> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const options = { ...defaults, ...overrides }
      const handle = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () => open(path),
          catch: (cause) => new TraceFileError({ path, detail: detailOf(cause), cause })
        }),
        (handle) => Effect.promise(() => handle.close().catch(() => undefined))
      )
      let pending: Array<PacketTrace.Event> = []
      let missed = 0
      let room = options.maxBytes - lastLineBytes
      let isOver = false

      const flush = Effect.gen(function* () {
        if (isOver || (pending.length === 0 && missed === 0)) return
        const events = pending
        const now = yield* Clock.currentTimeMillis
        if (missed > 0) events.push({ type: "gap", time: now, events: missed, full: false })
        pending = []
        missed = 0
        let text = ""
        let left = 0
        for (const event of events) {
          const line = `${JSON.stringify(event)}\n`
          if (left > 0 || line.length > room) {
            left += 1
            continue
          }
          room -= line.length
          text += line
        }
        if (left > 0) {
          isOver = true
          const last: PacketTrace.Event = { type: "gap", time: now, events: left, full: true }
          text += `${JSON.stringify(last)}\n`
          yield* Effect.logWarning(`trace ${path} is full after ${options.maxBytes} bytes; the rest is left out`)
        }
        yield* Effect.tryPromise(() => handle.writeFile(text)).pipe(
          Effect.catchAll((error) => {
            isOver = true
            return Effect.logWarning(`trace ${path} ends here: ${detailOf(error.error)}`)
          })
        )
      }).pipe(Effect.uninterruptible, Effect.annotateLogs({ package: "platform-node", module: "NodePacketTrace" }))

      yield* Effect.addFinalizer(() => flush)
      yield* flush.pipe(Effect.delay(options.interval), Effect.forever, Effect.forkScoped)
      return PacketTrace.layer((event) => {
        if (isOver) return
        if (pending.length >= options.maxPendingEvents) missed += 1
        else pending.push(event)
      })
    })
  )

const open = async (path: string): Promise<Fs.FileHandle> => {
  const handle = await Fs.open(path, "w", ownerOnly)
  try {
    // One that exists keeps its mode otherwise. Devices and pipes have none of ours.
    if ((await handle.stat()).isFile()) await handle.chmod(ownerOnly)
    return handle
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

const detailOf = (cause: unknown): string => {
  const code = errorCode(cause)
  return details[code] ?? (code || String(cause))
}

const details: Readonly<Record<string, string>> = {
  ENOENT: "no such directory",
  EISDIR: "it is a directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left"
}
