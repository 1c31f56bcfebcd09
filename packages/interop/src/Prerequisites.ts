/**
 * What a machine must have before routers can be tested on it.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * Programs that are not there, each with what to do about it.
 *
 * @category errors
 * @since 0.1.0
 */
export class PrerequisitesMissing extends Schema.TaggedError<PrerequisitesMissing>()("PrerequisitesMissing", {
  missing: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return ["Routers were not tested: this machine lacks", ...this.missing.map((line) => `  ${line}`)].join("\n")
  }
}

const programs = [
  {
    args: ["i2pd", "--version"],
    remedy: "i2pd, the router under test: apt-get install i2pd (its service need not run)"
  },
  { args: ["ip", "-Version"], remedy: "ip, to make the isolated network: apt-get install iproute2" },
  { args: ["curl", "--version"], remedy: "curl, to visit a site through a router's proxy: apt-get install curl" },
  { args: ["javac", "-version"], remedy: "a JDK, for Java I2P: apt-get install default-jdk-headless" },
  { args: ["mvn", "--version"], remedy: "mvn, which brings Java I2P: apt-get install maven" },
  { args: ["setpriv", "--version"], remedy: "setpriv, to leave no router behind: apt-get install util-linux" }
] as const

/**
 * A program that something needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Program = (typeof programs)[number]["args"][0]

/**
 * Tries some programs.
 *
 * **Errors** `PrerequisitesMissing` with all that is missing, not only the first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkFor = (
  needed: ReadonlyArray<Program>
): Effect.Effect<void, PrerequisitesMissing, CommandExecutor.CommandExecutor> =>
  Effect.gen(function* () {
    const wanted = programs.filter(({ args: [program] }) => needed.includes(program))
    const missing = yield* Effect.filter(wanted, ({ args: [program, ...args] }) =>
      Command.string(Command.make(program, ...args)).pipe(Effect.isFailure)
    )
    if (missing.length > 0) return yield* new PrerequisitesMissing({ missing: missing.map(({ remedy }) => remedy) })
  })

/**
 * The programs that the suites with i2pd need.
 *
 * @category constants
 * @since 0.1.0
 */
export const forI2pd: ReadonlyArray<Program> = ["i2pd", "ip", "curl", "setpriv"]

/**
 * The programs that the suites with Java I2P need.
 *
 * @category constants
 * @since 0.1.0
 */
export const forJava: ReadonlyArray<Program> = ["javac", "mvn", "ip", "setpriv"]
