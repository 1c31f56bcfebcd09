import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { onTestFinished, type TestContext } from "vitest"
import { getCurrentTest } from "vitest/suite"
import * as Cli from "../src/Cli.js"
import { ExitStatus } from "../src/output/ExitStatus.js"
import { describe } from "../src/output/Failure.js"
import { Output, type Sink } from "../src/output/Output.js"

export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: number
}

/** Runs a command in this process; its environment is `env` and nothing else. */
export const i2p = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Effect.Effect<Ran> =>
  run(Cli.main(args), env, pipe)

/** Runs a command of somebody else's program. */
export const ran = (command: Effect.Effect<void, unknown, Output | ExitStatus>): Effect.Effect<Ran> =>
  run(command, {}, pipe)

const pipe: Omit<Sink, "write"> = { isTerminal: false, colors: false, columns: () => Number.POSITIVE_INFINITY }

/** The same with somebody watching, on a terminal with colours and 80 columns. */
export const i2pOnTerminal = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Ran> => run(Cli.main(args), env, { isTerminal: true, colors: true, columns: () => 80 })

const run = (
  command: Effect.Effect<void, unknown, Output | ExitStatus>,
  env: Readonly<Record<string, string>>,
  screen: Omit<Sink, "write">
): Effect.Effect<Ran> =>
  Effect.gen(function* () {
    const texts = { out: "", err: "" }
    const sink = (name: "out" | "err"): Sink => ({
      ...screen,
      write: (data) =>
        Effect.sync(() => {
          texts[name] += typeof data === "string" ? data : new TextDecoder().decode(data)
        })
    })
    const status = yield* Ref.make<number | undefined>(undefined)
    const exit = yield* command.pipe(
      Effect.provideService(Output, { out: sink("out"), err: sink("err") }),
      Effect.provideService(ExitStatus, status),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
      Effect.exit
    )
    if (Exit.isSuccess(exit)) return { ...texts, code: (yield* Ref.get(status)) ?? 0 }
    const { exitCode, message } = describe(exit.cause)
    return { out: texts.out, err: `${texts.err}${message}\n`, code: exitCode }
  })

/** The same in virtual time, which runs on for as long as the command does. */
export const i2pSimulated = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>): Effect.Effect<Ran> =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 0, 1))
    const fiber = yield* Effect.fork(i2p(args, env))
    while ((yield* Fiber.poll(fiber))._tag === "None") {
      yield* TestClock.adjust(50)
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    return yield* Fiber.join(fiber)
  })

const root = Path.resolve(import.meta.dirname, "../../..")

/** What is built starts in half the time of the source; it is built before, in a tenth of a second where it is already. */
const bin = "packages/cli/dist/bin.js"
ChildProcess.execFileSync("node_modules/.bin/tsc", ["-b", "packages/cli/tsconfig.src.json"], { cwd: root })

export interface Process {
  readonly child: ChildProcess.ChildProcessWithoutNullStreams
  readonly ended: Promise<{ readonly out: Buffer; readonly err: string; readonly code: number | null }>
  /** Waits until standard output and error together match, and answers with the match. */
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>
}

/**
 * Starts the real command as a process. A test that runs beside others says which it is: vitest knows only of one current
 * test, and the end of another would kill its processes.
 */
export const spawn = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  test?: Pick<TestContext, "onTestFinished">
): Process => {
  if (test === undefined && getCurrentTest()?.concurrent === true) throw new Error("spawn: which test is it?")
  const child = ChildProcess.spawn(process.execPath, [bin, ...args], {
    cwd: root,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env }
  })
  // A test that fails, or runs out of time, leaves nobody behind; what a hook starts, a hook ends.
  const kill = () => void child.kill("SIGKILL")
  if (test !== undefined) test.onTestFinished(kill)
  else if (getCurrentTest() !== undefined) onTestFinished(kill)
  const out: Array<Buffer> = []
  let err = ""
  const listeners = new Set<() => void>()
  const notify = () => {
    for (const listener of listeners) listener()
  }
  child.stdout.on("data", (chunk: Buffer) => {
    out.push(chunk)
    notify()
  })
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString()
    notify()
  })
  child.stdin.on("error", () => {})
  return {
    child,
    ended: new Promise((resolve) => {
      child.on("close", (code) => {
        resolve({ out: Buffer.concat(out), err, code })
        notify()
      })
    }),
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(Buffer.concat(out).toString() + err)
          if (match === null && child.exitCode === null) return
          listeners.delete(look)
          if (match !== null) resolve(match)
          else reject(new Error(`ended without ${pattern}: ${Buffer.concat(out)}${err}`))
        }
        listeners.add(look)
        look()
      })
  }
}
