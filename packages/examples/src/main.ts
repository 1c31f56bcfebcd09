/**
 * Runs every example on the embedded router; exits with 1 if one fails.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Chat from "./chat.js"
import * as Cluster from "./cluster.js"
import * as Echo from "./echo.js"
import * as ExistingApp from "./existingApp.js"
import * as FileTransfer from "./fileTransfer.js"
import * as Prometheus from "./prometheus.js"
import * as Proxy from "./proxy.js"
import * as Rpc from "./rpc.js"
import * as Site from "./site.js"

/** An example, and what must be true of its result. */
interface Example {
  readonly name: string
  readonly run: Effect.Effect<string, unknown>
  readonly expected: string
}

/** The example of tests, `test/service.test.ts`; `npm test` runs it, too. */
const serviceTests = Effect.tryPromise(() =>
  promisify(execFile)("npx", ["vitest", "run", "--project", "unit", "packages/examples/test"], {
    cwd: fileURLToPath(new URL("../../../", import.meta.url))
  })
).pipe(Effect.as("passed"))

const examples: ReadonlyArray<Example> = [
  { name: "echo", run: Echo.program, expected: "hello, hidden world" },
  { name: "site", run: Site.program, expected: "I: I was here" },
  { name: "chat", run: Chat.program, expected: "hello and hi; hello and hi" },
  { name: "existing app", run: ExistingApp.program, expected: "POST news, not deceived" },
  { name: "prometheus", run: Prometheus.program, expected: "100000" },
  { name: "proxy", run: Proxy.program, expected: "GET /news of .b32.i2p" },
  { name: "RPC", run: Rpc.program, expected: "-4; no weather in Atlantis; 1, 2, 3" },
  { name: "file transfer", run: FileTransfer.program, expected: "1048576 bytes arrived, writes ran ahead" },
  { name: "cluster", run: Cluster.program, expected: "guests on one and two; the site moved" },
  { name: "tests of a service", run: serviceTests, expected: "passed" }
]

/** An example that has not ended by then hangs. */
const limit = "30 seconds"

const runOne = (example: Example): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const began = performance.now()
    const exit = yield* Effect.exit(Effect.timeout(example.run, limit))
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    const problem = Exit.isFailure(exit)
      ? Cause.pretty(exit.cause)
      : exit.value === example.expected
        ? undefined
        : `answered ${JSON.stringify(exit.value)}, expected ${JSON.stringify(example.expected)}`
    process.stdout.write(`${problem === undefined ? "ok    " : "FAILED"} ${example.name} (${seconds} s)\n`)
    if (problem !== undefined) process.stderr.write(`${problem}\n`)
    return problem === undefined
  })

const all = Effect.gen(function* () {
  const passed = (yield* Effect.forEach(examples, runOne)).filter((ok) => ok).length
  process.stdout.write(`${passed} passed, ${examples.length - passed} failed\n`)
  return passed === examples.length ? 0 : 1
})

// Not only the exit code: clients of @effect/cluster 0.60 outlive the scope of their runner, over TCP too, and would keep us.
process.exit(await Effect.runPromise(all))
