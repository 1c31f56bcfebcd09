/**
 * The commands of `i2p`, for programs that have some of them among their own.
 *
 * Each has the options of all commands (`--router`, `--keys`, `--hosts`, `--tunnels`, `--json`) and reads `I2P_*` from the
 * environment. It needs `Output` and `ExitStatus`, which `Main.run` gives it.
 *
 * @example
 * ```ts
 * import { Commands, Main } from "@effect-i2p/cli"
 * import * as Command from "@effect/cli/Command"
 * import * as NodeContext from "@effect/platform-node/NodeContext"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const serve = Command.make("serve", {}, () => Console.log("…"))
 * const site = Command.make("site").pipe(Command.withSubcommands([serve, Commands.ping]))
 *
 * const run = Command.run(site, { name: "site", version: "1.0.0" })
 *
 * Main.run(run(process.argv).pipe(Effect.provide(Commands.configLayer), Effect.provide(NodeContext.layer)), "site")
 * ```
 *
 * @since 0.1.0
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Layer from "effect/Layer"
import { key as keyGroup } from "./commands/key.js"
import { tunnel as tunnelGroup } from "./commands/tunnel.js"
import { config } from "./shell/root.js"

export { doctor } from "./commands/doctor.js"
export { keygen } from "./commands/keygen.js"
export { lookup } from "./commands/lookup.js"
export { nc } from "./commands/nc.js"
export { perf } from "./commands/perf.js"
export { ping } from "./commands/ping.js"
export { router } from "./commands/router.js"
export { sam } from "./commands/sam.js"
export { top } from "./commands/top.js"
export { trace } from "./commands/trace.js"

/**
 * `i2p key` with its subcommands.
 *
 * @category commands
 * @since 0.1.0
 */
export const key = keyGroup.command

/**
 * `i2p tunnel` with its subcommands.
 *
 * @category commands
 * @since 0.1.0
 */
export const tunnel = tunnelGroup.command

/**
 * How the parser must be set: `-w` and `-W` of `ping` are two options.
 *
 * @category layers
 * @since 0.1.0
 */
export const configLayer: Layer.Layer<CliConfig.CliConfig> = Layer.succeed(CliConfig.CliConfig, config)
