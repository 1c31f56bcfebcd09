/**
 * The `i2p` command as a process, from source.
 *
 * @since 0.1.0
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"

const bin = fileURLToPath(new URL("../../cli/src/bin.ts", import.meta.url))

/**
 * @category models
 * @since 0.1.0
 */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/**
 * Runs `i2p` to its end; `interruptAt` is what it must have printed before it gets Ctrl-C.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (words: ReadonlyArray<string>, interruptAt?: RegExp): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    const args = ["--conditions=@effect-i2p/source", "--import", "tsx", bin, ...words]
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] })
    let out = ""
    let err = ""
    let interrupted = false
    child.stdout.on("data", (data) => {
      out += data
      if (!interrupted && interruptAt?.test(out) === true) {
        interrupted = true
        child.kill("SIGINT")
      }
    })
    child.stderr.on("data", (data) => {
      err += data
    })
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
