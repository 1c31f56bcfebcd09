/**
 * The options every command has: on the command line, before or after the command's name, or from `I2P_*` in the
 * environment. The nearest to the command's arguments wins.
 *
 * @since 0.1.0
 */
import * as Options from "@effect/cli/Options"
import * as Tunnels from "@effect-i2p/i2cp/Tunnels"
import * as NodeI2pConfig from "@effect-i2p/platform-node/NodeI2pConfig"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type CliError, refuse } from "../output/Failure.js"

/**
 * **Shape** `keys` is the path of a key file; without it the destination is a new one. `hosts` is the path of our own address
 * book. Without `tunnels` the library's defaults hold. `credentials` are for a router that asks for them; they only come
 * from the environment, because every user of a machine can read the arguments of its processes. So does `leaseSetAccess`,
 * which opens the encrypted lease set of the b33 address that a command is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends NodeI2pConfig.Settings {
  readonly leaseSetAccess: NodeI2pConfig.LeaseSetAccess
  readonly json: boolean
}

/**
 * As typed, before the environment is asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Typed {
  readonly router: Option.Option<string>
  readonly keys: Option.Option<string>
  readonly hosts: Option.Option<string>
  readonly tunnels: Option.Option<string>
  readonly json: boolean
}

/**
 * Nothing typed.
 *
 * @category models
 * @since 0.1.0
 */
export const untyped: Typed = {
  router: Option.none(),
  keys: Option.none(),
  hosts: Option.none(),
  tunnels: Option.none(),
  json: false
}

/**
 * The options, for the root and each command.
 *
 * @category options
 * @since 0.1.0
 */
export const options = {
  router: Options.text("router").pipe(
    Options.withPseudoName("address"),
    Options.withDescription(
      "I2CP port of the router: host:port, tls://host:port?pin=FINGERPRINT, unix:/path, several comma-separated, or embedded:latency=50ms,loss=1%. Default 127.0.0.1:7654; I2P_ROUTER. User name and password: I2P_USERNAME, I2P_PASSWORD"
    ),
    Options.optional
  ),
  keys: Options.text("keys").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("Key file of our destination, created if missing. Default: a new destination; I2P_KEYS"),
    Options.optional
  ),
  hosts: Options.text("hosts").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("A hosts.txt file, read before asking the router. Default: none; I2P_HOSTS"),
    Options.optional
  ),
  tunnels: Options.text("tunnels").pipe(
    Options.withPseudoName("HOPSxTUNNELS"),
    Options.withDescription("Tunnels each way, or IN/OUT: 3x2, 1x3/2x4. Default 3x2; I2P_TUNNELS"),
    Options.optional
  ),
  json: Options.boolean("json").pipe(Options.withDescription("Print one JSON object per line; I2P_JSON"))
}

/**
 * Options from the command, then the root, then the environment, then the defaults.
 *
 * **Errors** the value that makes no sense, and where it came from.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (command: Typed, root: Typed): Effect.Effect<Settings, CliError> =>
  Effect.gen(function* () {
    const from = <A>(
      name: "router" | "keys" | "hosts" | "tunnels",
      parse: (text: string) => Either.Either<A, string>,
      variable: Config.Config<Option.Option<A>>
    ): Effect.Effect<A | undefined, CliError> => {
      const typed = Option.orElse(command[name], () => root[name])
      return Option.isSome(typed)
        ? Either.mapLeft(parse(typed.value), (why) => refuse(`--${name} ${why}`))
        : Effect.map(read(variable), Option.getOrUndefined)
    }
    const json = command.json || root.json ? "true" : Option.getOrElse(yield* read(jsonVariable), () => "")
    return {
      router: (yield* from("router", NodeI2pConfig.parseRouter, NodeI2pConfig.router)) ?? NodeI2pConfig.defaultRouter,
      keys: yield* from("keys", Either.right, NodeI2pConfig.keys),
      hosts: yield* from("hosts", Either.right, NodeI2pConfig.hosts),
      tunnels: yield* from("tunnels", Tunnels.parse, NodeI2pConfig.tunnels),
      credentials: yield* read(NodeI2pConfig.credentials),
      leaseSetAccess: yield* read(NodeI2pConfig.leaseSetAccess),
      json: /^(1|true|yes|on)$/i.test(json)
    }
  })

const jsonVariable = Config.option(Config.nonEmptyString("I2P_JSON"))

const read = <A>(config: Config.Config<A>): Effect.Effect<A, CliError> =>
  Effect.mapError(config, (error) => refuse(NodeI2pConfig.explain(error)))
