/**
 * `npm run test:browser`: bundles `browser/page.ts` for browsers and runs it in headless Chromium, which has to be installed
 * (Debian's `chromium`).
 *
 * Options: `--report FILE` writes the counts and what failed as JSON, with the fields that a vitest report has for them.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Esbuild from "esbuild"
import type { Result } from "./browser/page.js"
import * as Report from "./Report.js"

const report = new Report.Report(fileURLToPath(import.meta.url))

/** Fails with an import that browsers do not have, such as a `node:` module. */
const bundle = Effect.tryPromise({
  try: () =>
    Esbuild.build({
      entryPoints: [fileURLToPath(new URL("./browser/page.ts", import.meta.url))],
      bundle: true,
      format: "esm",
      platform: "browser",
      conditions: ["@effect-i2p/source"],
      minify: true,
      write: false,
      logLevel: "silent"
    }),
  catch: (error) => error as Esbuild.BuildFailure
}).pipe(Effect.map(({ outputFiles }) => outputFiles[0]!.contents))

const html = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>'

/** Serves the page on loopback; answers its address, and waits for what it posts. */
const serve = (script: Uint8Array) =>
  Effect.gen(function* () {
    const posted = yield* Deferred.make<string>()
    const server = Http.createServer((request, response) => {
      const isScript = request.url === "/page.js"
      response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html")
      if (request.method !== "POST") return void response.end(isScript ? script : html)
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        response.end()
        Deferred.unsafeDone(posted, Effect.succeed(Buffer.concat(chunks).toString()))
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => server.close().closeAllConnections())
    )
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, posted: Deferred.await(posted) }
  })

/** Opens a page in headless Chromium for as long as the scope lives; fails if it ends by itself. */
const open = (url: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const profile = yield* fs.makeTempDirectoryScoped()
    const browser = yield* Command.start(
      // Root may run Chromium without its sandbox only; the page is ours.
      Command.make("chromium", "--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, url)
    )
    return Effect.flatMap(browser.exitCode, (code) => Effect.fail(new Error(`chromium ended with exit code ${code}`)))
  })

const run = (script: Uint8Array) =>
  Effect.gen(function* () {
    const { posted, url } = yield* serve(script)
    const ended = yield* open(url)
    const text = yield* Effect.raceFirst(posted, ended).pipe(Effect.timeout("3 minutes"))
    const results = JSON.parse(text) as ReadonlyArray<Result>
    const failed = results.filter(({ message }) => message !== undefined)
    report.add(
      results.length - failed.length,
      failed.map(({ message, name }) => ({ fullName: name, status: "failed", failureMessages: [message!] }))
    )
    for (const { message, name } of failed) yield* Console.error(`FAILED  ${name}\n${message}`)
    yield* Console.log(`${results.length} cases ran in the browser`)
  }).pipe(Effect.scoped)

const checks = Effect.gen(function* () {
  const script = yield* report.need("two whole stacks bundle for browsers", bundle)
  yield* Console.log(`the bundle has ${Math.ceil(script.length / 1024)} KiB`)
  yield* report.check("Chromium runs the page", run(script))
})

NodeRuntime.runMain(Effect.provide(report.run(checks, Report.fileIn(process.argv)), NodeContext.layer))
