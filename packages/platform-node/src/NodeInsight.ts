/**
 * Lets others on this machine watch the streams of a session: a Unix socket on which whoever connects gets a snapshot a
 * second, one JSON object a line. `i2p top` shows that as a table.
 *
 * Only the owner of the process may connect (mode 0600). A snapshot names destinations by eight characters, and holds no
 * payload and no key. Nothing is collected while nobody watches.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { I2cpSession } from "@effect-i2p/i2cp/I2cpSession"
import * as SessionState from "@effect-i2p/i2cp/SessionState"
import type { StreamStats } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Counters from "@effect-i2p/streaming/unstable/core/Counters"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as String from "effect/String"
import { errorCode } from "./internal/errorCode.js"
import * as Guard from "./internal/guard.js"

type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : S

const snakeKeys = <A>(self: { readonly [name in Counters.Name]: A }) =>
  Record.mapKeys(self, String.camelToSnake) as { readonly [name in Counters.Name as SnakeCase<name>]: A }

/**
 * A stream in a snapshot.
 *
 * **Shape** `peer` is eight characters of the peer's Base32 name, `port` the peer's, `local_port` ours. `status` is a state of
 * RFC 9293. Every counter of a stream is a field. `choked`: the peer's window is closed; `choking`: ours is.
 * **Units** bytes, packets, ms.
 *
 * @category models
 * @since 0.1.0
 */
export const StreamSnapshot = Schema.Struct({
  id: Schema.Number,
  peer: Schema.String,
  port: Schema.Number,
  local_port: Schema.Number,
  status: Schema.String,
  rtt_ms: Schema.NullOr(Schema.Number),
  rto_ms: Schema.Number,
  cwnd: Schema.Number,
  in_flight: Schema.Number,
  bytes_acknowledged: Schema.Number,
  bytes_unacknowledged: Schema.Number,
  bytes_unread: Schema.Number,
  ...snakeKeys(Counters.from(() => Schema.Number)),
  choked: Schema.Boolean,
  choking: Schema.Boolean
}).annotations({ identifier: "StreamSnapshot" })

/**
 * What a session is doing at a moment.
 *
 * **Shape** `version` is 1; fields may be added. `program` is what the application calls itself, `self` eight characters of
 * its Base32 name. `streams` are the first `maxStreams`, those that have moved most bytes first; `stream_count` counts all.
 * `drops` are those of `StreamManager`.
 * **Units** `time` and `since` ms since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export const Snapshot = Schema.Struct({
  type: Schema.Literal("snapshot"),
  version: Schema.Literal(1),
  time: Schema.Number,
  since: Schema.Number,
  program: Schema.String,
  pid: Schema.Number,
  self: Schema.String,
  session: Schema.Struct({ state: Schema.String, text: Schema.String }),
  stream_count: Schema.Number,
  streams: Schema.Array(StreamSnapshot),
  drops: Schema.Record({ key: Schema.String, value: Schema.Number })
}).annotations({ identifier: "Snapshot" })

/**
 * @category models
 * @since 0.1.0
 */
export interface Snapshot extends Schema.Schema.Type<typeof Snapshot> {}

/**
 * A socket that could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class InsightError extends Schema.TaggedError<InsightError>(
  "@effect-i2p/platform-node/NodeInsight/InsightError"
)("InsightError", { path: Schema.String, detail: Schema.String, cause: Schema.optional(Schema.Defect) }) {
  override get message(): string {
    return `cannot open insight socket ${this.path}: ${this.detail}`
  }
}

/**
 * **Shape** `path` of the socket; one that a process left behind is replaced, one that somebody serves is not, nor any other
 * file. `program` is the name to show, default the script's. `interval` between snapshots, default 1 s. `maxStreams` in a
 * snapshot, default 200. `maxWatchers` at a time, default 8.
 *
 * **Source** ours.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly path: string
  readonly program?: string | undefined
  readonly interval?: Duration.DurationInput | undefined
  readonly maxStreams?: number | undefined
  readonly maxWatchers?: number | undefined
}

/** What may wait for a watcher that does not read; snapshots beyond are left out for it. Ours: two of the largest. */
const maxWaitingBytes = 262_144

/**
 * What is watched, if it is not one session: a program with several, such as a SAM bridge.
 *
 * **Shape** `self` is the name to show, `session` what it is doing; `active` are the streams of all, `drops` counters by
 * name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly self: string
  readonly session: Effect.Effect<Snapshot["session"]>
  readonly active: Effect.Effect<ReadonlyArray<StreamStats>>
  readonly drops: Effect.Effect<Readonly<Record<string, number>>>
}

const ofSession: Effect.Effect<Source, never, StreamManager | I2cpSession> = Effect.gen(function* () {
  const manager = yield* StreamManager
  const session = yield* I2cpSession
  return {
    self: manager.destination.short,
    session: Effect.map(session.state.get, (state) => ({ state: state._tag, text: SessionState.progress(state) })),
    active: manager.active,
    drops: Effect.map(manager.drops, (drops) => ({ ...drops }))
  }
})

interface SnapshotOptions {
  readonly program: string
  readonly since: number
  readonly maxStreams: number
}

/**
 * A snapshot of a session now.
 *
 * @category getters
 * @since 0.1.0
 */
export const snapshot = (options: SnapshotOptions): Effect.Effect<Snapshot, never, StreamManager | I2cpSession> =>
  Effect.flatMap(ofSession, (source) => snapshotOf(source, options))

const snapshotOf = Effect.fnUntraced(function* (source: Source, options: SnapshotOptions): Effect.fn.Return<Snapshot> {
  const active = [...(yield* source.active)].sort((a, b) => moved(b) - moved(a))
  return {
    type: "snapshot",
    version: 1,
    time: yield* Clock.currentTimeMillis,
    since: options.since,
    program: options.program,
    pid: process.pid,
    self: source.self,
    session: yield* source.session,
    stream_count: active.length,
    streams: active.slice(0, options.maxStreams).map(toSnapshot),
    drops: yield* source.drops
  }
})

/**
 * Opens the socket for as long as the layer lives.
 *
 * **Errors** `InsightError`, when there is something else at that path, or the operating system does not allow it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<never, InsightError, StreamManager | I2cpSession> =>
  Layer.unwrapEffect(Effect.map(ofSession, (source) => layerSource(source, options)))

/**
 * The same for whatever has streams.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSource = (source: Source, options: Options): Layer.Layer<never, InsightError> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const { interval = "1 second", maxStreams = 200, maxWatchers = 8, path } = options
      const program = options.program ?? process.argv[1]?.split(/[\\/]/).at(-1) ?? "node"
      const since = yield* Clock.currentTimeMillis
      const news = yield* Effect.makeLatch(false)
      const watchers = new Set<Net.Socket>()
      const server = Net.createServer(
        Guard.guarded(Guard.ignore, (socket: Net.Socket) => {
          // A watcher that goes away is no news.
          socket.on("error", Guard.ignore)
          if (watchers.size >= maxWatchers) {
            socket.destroy()
            return
          }
          watchers.add(socket)
          socket.on(
            "close",
            Guard.guarded(Guard.ignore, () => watchers.delete(socket))
          )
          socket.resume()
          news.unsafeOpen()
        })
      )
      yield* Effect.acquireRelease(listen(server, path), () =>
        Effect.async<void>((resume) => {
          for (const watcher of watchers) watcher.destroy()
          server.close(() => resume(Effect.void))
        })
      )
      const tell = Effect.gen(function* () {
        yield* news.close
        if (watchers.size === 0) return yield* news.await
        const line = `${JSON.stringify(yield* snapshotOf(source, { program, since, maxStreams }))}\n`
        for (const watcher of watchers) if (watcher.writableLength < maxWaitingBytes) watcher.write(line)
        yield* Effect.raceFirst(Effect.sleep(interval), news.await)
      })
      yield* Effect.forkScoped(Effect.forever(tell))
    })
  )

const listen = (server: Net.Server, path: string): Effect.Effect<void, InsightError> =>
  Effect.gen(function* () {
    const failed = (cause: unknown) => new InsightError({ path, detail: detailOf(cause), cause })
    const there = yield* Effect.try({ try: () => Fs.lstatSync(path, { throwIfNoEntry: false }), catch: failed })
    // The operating system's word for this is "permission denied".
    if (!Fs.existsSync(Path.dirname(path))) return yield* new InsightError({ path, detail: "no such directory" })
    if (there !== undefined) {
      if (!there.isSocket()) return yield* new InsightError({ path, detail: "something else is there" })
      if (yield* isServed(path)) return yield* new InsightError({ path, detail: "another process serves it" })
      yield* Effect.try({ try: () => Fs.unlinkSync(path), catch: failed })
    }
    yield* Effect.async<void, InsightError>((resume) => {
      const onError = (cause: Error) => resume(Effect.fail(failed(cause)))
      server.once("error", onError)
      // The socket is bound before `listen` returns: nobody else gets in between, whatever the umask was.
      const before = setUmask(0o177)
      server.listen(path, () => {
        server.off("error", onError)
        server.on("error", Guard.ignore)
        resume(Effect.void)
      })
      if (before !== undefined) process.umask(before)
    })
  })

/** Worker threads may not set it; the caller's umask holds there. */
const setUmask = (mask: number): number | undefined => {
  try {
    return process.umask(mask)
  } catch {
    return undefined
  }
}

const isServed = (path: string): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = Net.connect(path)
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.on("error", () => resume(Effect.succeed(false)))
  })

const moved = (stats: StreamStats): number => stats.bytesAcknowledged + stats.bytesReceived

const toSnapshot = (stats: StreamStats): typeof StreamSnapshot.Type => ({
  id: stats.localStreamId,
  peer: stats.destination.short,
  port: stats.remotePort,
  local_port: stats.localPort,
  status: stats.status,
  rtt_ms: stats.rtt === undefined ? null : round(stats.rtt),
  rto_ms: round(stats.rto),
  cwnd: Math.round(stats.cwnd),
  in_flight: stats.packetsInFlight,
  bytes_acknowledged: stats.bytesAcknowledged,
  bytes_unacknowledged: stats.bytesWritten - stats.bytesAcknowledged,
  bytes_unread: stats.bytesUnread,
  ...snakeKeys(Counters.from((name) => stats[name])),
  choked: stats.choked,
  choking: stats.choking
})

const round = (millis: number): number => Number(millis.toFixed(3))

const detailOf = (cause: unknown): string => {
  const code = errorCode(cause)
  return details[code] ?? (code || `${cause}`)
}

const details: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EINVAL: "the path is too long for a socket",
  ENAMETOOLONG: "the path is too long for a socket",
  EROFS: "the file system is read-only"
}
