/**
 * i2pd as a child process: its folder, its first start, and a handle to start, signal and stop it.
 *
 * Runs in whatever network namespace the calling process is in; `inside.ts` sees to that.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as I2pdConfig from "./I2pdConfig.js"
import * as child from "./internal/child.js"
import * as RouterIdentity from "./RouterIdentity.js"
import type * as Topology from "./Topology.js"

/**
 * A signal for a running router; STOP and CONT freeze and thaw it.
 *
 * @category models
 * @since 0.1.0
 */
export const Signal: Schema.Literal<["KILL", "TERM", "STOP", "CONT"]> = Schema.Literal("KILL", "TERM", "STOP", "CONT")

/**
 * @category models
 * @since 0.1.0
 */
export type Signal = typeof Signal.Type

/**
 * The router ended, or was not running, where it had to run; `log` is the end of its log.
 *
 * @category errors
 * @since 0.1.0
 */
export class RouterFailed extends Schema.TaggedError<RouterFailed>()("RouterFailed", {
  router: Schema.String,
  reason: Schema.String,
  log: Schema.String
}) {
  override get message(): string {
    return `Router ${this.router} ${this.reason}${this.log === "" ? "" : `\n${this.log}`}`
  }
}

/**
 * One router; the process stops with the scope of `make`, whatever state it is in.
 *
 * @category models
 * @since 0.1.0
 */
export interface I2pd {
  readonly spec: Topology.RouterSpec
  readonly folder: string
  /** Starts the process; nothing happens if it runs. */
  readonly start: Effect.Effect<void, RouterFailed>
  /** SIGTERM and wait; SIGKILL when that takes too long. */
  readonly stop: Effect.Effect<void>
  /** Sends a signal to the process; waits for its end after `KILL` and `TERM`. */
  readonly signal: (signal: Signal) => Effect.Effect<void, RouterFailed>
  /** Replaces its tunnels; i2pd reads them when it starts. */
  readonly setTunnels: (tunnels: ReadonlyArray<I2pdConfig.Tunnel>) => Effect.Effect<void, PlatformError>
  /** The last lines of its log, for a report. */
  readonly logTail: Effect.Effect<string>
  /** Fails with this reason and the end of the log. */
  readonly fail: (reason: string) => Effect.Effect<never, RouterFailed>
}

/** Where Debian's package puts the certificates; the embedded reseed hosts they vouch for are never asked. */
const certificates = "/usr/share/i2pd/certificates"

/** Fully written: a router info with a published address is longer than this. Source: i2pd 2.45.1 observed. */
const routerInfoBytes = 400

interface Running {
  readonly process: CommandExecutor.Process
  readonly scope: Scope.CloseableScope
}

/**
 * Prepares a router's folder below `parent`, with its configuration and no tunnels, and starts nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  spec: Topology.RouterSpec,
  parent: string
): Effect.Effect<I2pd, PlatformError, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const context = yield* Effect.context<CommandExecutor.CommandExecutor>()
    const folder = `${parent}/${spec.name}`
    const file = (name: string) => `${folder}/${name}`
    yield* fs.makeDirectory(file("tunnels.d"), { recursive: true })
    yield* fs.writeFileString(file("i2pd.conf"), I2pdConfig.router(spec, { logFile: file("i2pd.log") }))
    yield* fs.writeFileString(file("tunnels.conf"), "")

    // The shell is only there for the redirection, and gone once i2pd runs.
    const command = Command.make(
      "sh",
      "-c",
      'exec "$@" >>"$0" 2>&1',
      file("console.log"),
      ...child.diesWithParent(
        "KILL",
        "i2pd",
        `--conf=${file("i2pd.conf")}`,
        `--datadir=${folder}`,
        `--tunconf=${file("tunnels.conf")}`,
        `--tunnelsdir=${file("tunnels.d")}`,
        `--certsdir=${certificates}`,
        `--pidfile=${file("i2pd.pid")}`
      )
    )
    const running = yield* Ref.make(Option.none<Running>())

    const logTail = Effect.forEach(["console.log", "i2pd.log"], (name) =>
      fs.readFileString(file(name)).pipe(Effect.orElseSucceed(() => ""))
    ).pipe(Effect.map((texts) => texts.flatMap((text) => text.trimEnd().split("\n").slice(-20)).join("\n")))

    const fail = (reason: string): Effect.Effect<never, RouterFailed> =>
      Effect.flatMap(logTail, (log) => new RouterFailed({ router: spec.name, reason, log }))

    const stop = Effect.flatMap(
      Ref.getAndSet(running, Option.none()),
      Option.match({ onNone: () => Effect.void, onSome: ({ scope }) => Scope.close(scope, Exit.void) })
    )

    const start = Effect.gen(function* () {
      const current = yield* Ref.get(running)
      if (Option.isSome(current) && (yield* current.value.process.isRunning)) return
      yield* stop
      const scope = yield* Scope.make()
      const process = yield* Scope.extend(child.start(command), scope).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      yield* Ref.set(running, Option.some({ process, scope }))
    }).pipe(
      Effect.uninterruptible,
      Effect.provide(context),
      Effect.catchTag("SystemError", "BadArgument", (error) => fail(`did not start: ${error.message}`))
    )

    const signal = (name: Signal) =>
      Effect.gen(function* () {
        const current = yield* Ref.get(running)
        if (Option.isNone(current) || !(yield* current.value.process.isRunning)) return yield* fail("is not running")
        const { process } = current.value
        if (name === "KILL" || name === "TERM") yield* process.kill(`SIG${name}`)
        else yield* Effect.sync(() => globalThis.process.kill(process.pid, `SIG${name}`))
      }).pipe(
        Effect.catchTag("SystemError", "BadArgument", (error) => fail(`did not take SIG${name}: ${error.message}`))
      )

    yield* Effect.addFinalizer(() => stop)
    return {
      spec,
      folder,
      start,
      stop,
      signal,
      setTunnels: (tunnels) => fs.writeFileString(file("tunnels.conf"), I2pdConfig.tunnels(tunnels)),
      logTail,
      fail
    }
  })

/** Polls every 50 ms, for as long as a start may take on a busy machine. */
const soon = Schedule.spaced("50 millis").pipe(Schedule.upTo("20 seconds"))

/**
 * Starts the routers once, waits until each has written its router info and the key files of its tunnels, stops them,
 * and hands every router the others' router infos: there is no reseed server to introduce them.
 *
 * @category bootstrap
 * @since 0.1.0
 */
export const introduce = (
  routers: ReadonlyArray<I2pd>,
  options: { readonly keyFiles: ReadonlyArray<string> }
): Effect.Effect<void, RouterFailed | PlatformError | RouterIdentity.MalformedIdentity, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const written = (path: string, atLeast: number) =>
      fs.stat(path).pipe(
        Effect.filterOrFail(
          (info) => info.size > atLeast,
          () => "not yet" as const
        ),
        Effect.retry(soon)
      )
    yield* Effect.forEach(
      routers,
      (router) =>
        router.start.pipe(
          Effect.zipRight(written(`${router.folder}/router.info`, routerInfoBytes)),
          Effect.zipRight(
            Effect.forEach(router.spec.floodfill ? [] : options.keyFiles, (name) =>
              written(`${router.folder}/${name}`, 0)
            )
          ),
          Effect.catchAll(() => router.fail("wrote no router info when first started")),
          Effect.zipRight(router.stop)
        ),
      { concurrency: "unbounded" }
    )
    yield* Effect.forEach(routers, (router) =>
      Effect.gen(function* () {
        const info = yield* fs.readFile(`${router.folder}/router.info`)
        const path = RouterIdentity.netDbPath(yield* RouterIdentity.hash(info))
        yield* Effect.forEach(
          routers.filter((other) => other !== router),
          (other) =>
            fs
              .makeDirectory(`${other.folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true })
              .pipe(Effect.zipRight(fs.writeFile(`${other.folder}/${path}`, info)))
        )
      })
    )
  })
