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
import type * as Topology from "./Topology.js"

/** Java writes one without addresses first, and one that says whether it is a floodfill with the addresses. */
const publishes =
  (address: string) =>
  (routerInfo: Uint8Array): boolean =>
    Buffer.from(routerInfo).includes(address)

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
    readonly router: RouterProcess.RouterProcess & { readonly spec: Topology.RouterSpec }
    readonly files: ReadonlyArray<string>
  }>
): Effect.Effect<
  void,
  RouterProcess.RouterFailed | PlatformError | RouterIdentity.MalformedIdentity,
  FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const written = (path: string, isWhole: (bytes: Uint8Array) => boolean) =>
      fs.readFile(path).pipe(Effect.filterOrFail(isWhole), Effect.retry(soon))
    yield* Effect.forEach(
      routers,
      ({ files, router }) =>
        router.start.pipe(
          Effect.zipRight(written(`${router.folder}/router.info`, publishes(router.spec.address))),
          Effect.zipRight(
            Effect.forEach(files, (name) => written(`${router.folder}/${name}`, (bytes) => bytes.length > 0))
          ),
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
