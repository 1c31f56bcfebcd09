/**
 * A network namespace with loopback only: what runs inside reaches nothing outside, and nothing outside reaches it.
 *
 * Root makes a named one with `ip netns add`. Anybody else gets a user namespace with a network namespace in it,
 * held open by one idle process, where the kernel allows that.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * A namespace that lives as long as its scope.
 *
 * @category models
 * @since 0.1.0
 */
export interface Netns {
  readonly name: string
  /** What to write in front of a command line, to run it inside. */
  readonly prefix: readonly [program: string, ...args: ReadonlyArray<string>]
  /** The command that runs `program` inside. */
  readonly enter: (program: string, ...args: ReadonlyArray<string>) => Command.Command
}

/**
 * Neither way to make a namespace works here; `attempts` says what each of them answered.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetnsUnavailable extends Schema.TaggedError<NetnsUnavailable>()("NetnsUnavailable", {
  attempts: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return [
      "No network namespace could be made, and routers under test run nowhere else.",
      "It takes root with CAP_SYS_ADMIN, or a kernel that lets users make namespaces (unshare -rn).",
      ...this.attempts.map((attempt) => `  ${attempt}`)
    ].join("\n")
  }
}

/** One attempt failed; the next may work. */
class Attempt extends Schema.TaggedError<Attempt>()("Attempt", { command: Schema.String, answer: Schema.String }) {
  get line(): string {
    return `${this.command}: ${this.answer}`
  }
}

/** Runs a command to its end; a non-zero exit code is a failure that carries what it said. */
const run = (command: string, build: (program: string, ...args: ReadonlyArray<string>) => Command.Command) => {
  const [program = "", ...args] = command.split(" ")
  return Effect.gen(function* () {
    const process = yield* Command.start(build(program, ...args))
    const [code, answer] = yield* Effect.all([process.exitCode, Stream.mkString(Stream.decodeText(process.stderr))], {
      concurrency: 2
    })
    if (code !== 0) return yield* new Attempt({ command, answer: answer.trim() || `exit code ${code}` })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("SystemError", "BadArgument", (error) =>
      Effect.fail(new Attempt({ command, answer: error.message }))
    )
  )
}

const fromPrefix = (name: string, prefix: Netns["prefix"]): Netns => ({
  name,
  prefix,
  enter: (program, ...args) => Command.make(...prefix, program, ...args)
})

const makeNamed = (name: string) =>
  Effect.acquireRelease(run(`ip netns add ${name}`, Command.make), () =>
    Effect.ignoreLogged(run(`ip netns del ${name}`, Command.make))
  ).pipe(Effect.as(fromPrefix(name, ["ip", "netns", "exec", name])))

/** The holder says so once it is inside; only then may others join it. */
const makeHeld = (name: string) =>
  Effect.gen(function* () {
    const command = "unshare --map-root-user --net"
    const holder = yield* Command.start(
      Command.make("unshare", "--map-root-user", "--net", "sh", "-c", "echo inside && exec sleep infinity")
    )
    const said = yield* holder.stdout.pipe(Stream.decodeText(), Stream.take(1), Stream.mkString)
    if (said.trim() !== "inside") {
      const answer = yield* Stream.mkString(Stream.decodeText(holder.stderr))
      return yield* new Attempt({ command, answer: answer.trim() })
    }
    return fromPrefix(name, ["nsenter", "--preserve-credentials", "-U", "-n", "-t", String(holder.pid), "--"])
  }).pipe(
    Effect.catchTag("SystemError", "BadArgument", (error) =>
      Effect.fail(new Attempt({ command: "unshare", answer: error.message }))
    )
  )

/**
 * Makes a uniquely named namespace, brings its loopback up and gives it these addresses.
 *
 * **Errors** `NetnsUnavailable` when this machine does not let us.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly addresses: ReadonlyArray<string>
}): Effect.Effect<Netns, NetnsUnavailable, CommandExecutor.CommandExecutor | Scope.Scope> =>
  Effect.gen(function* () {
    const name = `effect-i2p-${randomBytes(4).toString("hex")}`
    const netns = yield* makeNamed(name).pipe(
      Effect.catchTag("Attempt", (first) =>
        Effect.catchTag(makeHeld(name), "Attempt", (second) =>
          Effect.fail(new NetnsUnavailable({ attempts: [first.line, second.line] }))
        )
      )
    )
    yield* run("ip link set lo up", netns.enter)
    yield* Effect.forEach(options.addresses, (address) => run(`ip addr add ${address}/32 dev lo`, netns.enter))
    return netns
  }).pipe(Effect.catchTag("Attempt", (attempt) => Effect.fail(new NetnsUnavailable({ attempts: [attempt.line] }))))
