/**
 * `npm run pack`: builds the packages that are published and puts a tarball of each into the current folder.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Project from "./pack/Project.js"

const program = Project.build.pipe(
  Effect.zipRight(Project.pack(process.cwd())),
  Effect.tap((tarballs) => Console.log(tarballs.join("\n")))
)

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
