/**
 * How the routers of a network get to know each other: there is no reseed server.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as RouterIdentity from "./RouterIdentity.js"
import type * as RouterProcess from "./RouterProcess.js"

/** Fully written: a router info with a published address is longer than this. Source: i2pd 2.45.1 observed. */
const routerInfoBytes = 400

/** Polls every 50 ms, for as long as a start may take on a busy machine. */
const soon = Schedule.spaced("50 millis").pipe(Schedule.upTo("20 seconds"))

/**
 * Starts the routers once, waits until each has written its router info and its `files`, stops them, and hands every router
 * the others' router infos. i2pd and Java I2P keep them alike.
 *
 * **Shape** `files`: names in the router's folder.
 *
 * @category bootstrap
 * @since 0.1.0
 */
export const introduce = (
  routers: ReadonlyArray<{
    readonly router: RouterProcess.RouterProcess
    readonly files: ReadonlyArray<string>
  }>
): Effect.Effect<
  void,
  RouterProcess.RouterFailed | PlatformError | RouterIdentity.MalformedIdentity,
  FileSystem.FileSystem
> =>
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
      ({ files, router }) =>
        router.start.pipe(
          Effect.zipRight(written(`${router.folder}/router.info`, routerInfoBytes)),
          Effect.zipRight(Effect.forEach(files, (name) => written(`${router.folder}/${name}`, 0))),
          Effect.catchAll(() => router.fail("wrote no router info when first started")),
          Effect.zipRight(router.stop)
        ),
      { concurrency: "unbounded" }
    )
    yield* Effect.forEach(routers, ({ router }) =>
      Effect.gen(function* () {
        const info = yield* fs.readFile(`${router.folder}/router.info`)
        const path = RouterIdentity.netDbPath(yield* RouterIdentity.hash(info))
        yield* Effect.forEach(
          routers.filter((other) => other.router !== router),
          (other) =>
            fs
              .makeDirectory(`${other.router.folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true })
              .pipe(Effect.zipRight(fs.writeFile(`${other.router.folder}/${path}`, info)))
        )
      })
    )
  })
