/**
 * The site of the README on i2pd, as somebody who follows it would have it there: another router in one line, and no hops,
 * because this network is too small for any.
 */
import { execFile, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestNetwork from "../../src/TestNetwork.js"

const root = fileURLToPath(new URL("../../../../", import.meta.url))

const site = (router: string) => {
  const text = readFileSync(join(root, "README.md"), "utf8")
  const code = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    .map((match) => match[1]!)
    .find((it) => /site\.dat/.test(it))
  const line = 'router: "127.0.0.1:7654",'
  assert.include(code, line)
  return code!.replace(line, `router: "${router}", session: { inboundLength: 0, outboundLength: 0 },`)
}

/** Runs the program in a folder of its own; answers the address that it says. */
const serve = (code: string) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      // Inside of node_modules, so that imports are found.
      Effect.sync(() => {
        const cache = join(root, "node_modules", ".cache")
        mkdirSync(cache, { recursive: true })
        return mkdtempSync(join(cache, "site-"))
      }),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
    writeFileSync(join(folder, "site.ts"), code)
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--conditions=@effect-i2p/source", "--import", "tsx", "site.ts"], { cwd: folder })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    return yield* Effect.async<string>((resume) => {
      let said = ""
      const listen = (data: Buffer) => {
        said += data
        const address = /[a-z2-7]{52}\.b32\.i2p/.exec(said)?.[0]
        if (address !== undefined) resume(Effect.succeed(address))
      }
      child.stdout.on("data", listen)
      child.stderr.on("data", listen)
      child.once("close", (code) => resume(Effect.dieMessage(`ended with ${code}: ${said}`)))
    })
  })

layer(TestNetwork.layer, { excludeTestServices: true })("the README's site on i2pd", (it) => {
  it.scoped("greets curl, which comes through another i2pd's HTTP proxy, by its address", () =>
    Effect.gen(function* () {
      const { a, far } = yield* TestNetwork.TestNetwork
      const address = yield* serve(site(`127.0.0.1:${a.i2cpPort}`))
      const args = ["-sS", "--fail", "--retry", "10", "--retry-all-errors", "--proxy"]
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)("curl", [...args, `http://127.0.0.1:${far.httpProxyPort}`, `http://${address}/`])
      )
      assert.match(stdout, /^hello, [a-z2-7]{52}\.b32\.i2p\n$/)
    })
  )
})
