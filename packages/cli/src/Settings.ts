/**
 * The options every command has: on the command line, before or after the command's name, or from `I2P_*` in the
 * environment. The nearest to the command's arguments wins.
 *
 * @since 0.1.0
 */
import * as Options from "@effect/cli/Options"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { type CliError, refuse } from "./Failure.js"
import * as RouterAddress from "./RouterAddress.js"
import * as Tunnels from "./Tunnels.js"

/**
 * **Shape** `keys` is the path of a key file; without it the destination is a new one. `hosts` is the path of our own address
 * book. Without `tunnels` the library's defaults hold. `credentials` are for a router that asks for them; they only come
 * from the environment, because every user of a machine can read the arguments of its processes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly router: RouterAddress.RouterAddress
  readonly keys: string | undefined
  readonly hosts: string | undefined
  readonly tunnels: Tunnels.Tunnels | undefined
  readonly credentials: I2cpConfig.Service["credentials"]
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
 * The options, for the root and each command.
 *
 * @category options
 * @since 0.1.0
 */
export const options = {
  router: Options.text("router").pipe(
    Options.withPseudoName("address"),
    Options.withDescription(
      "I2CP port of the router: host:port, tls://host:port?pin=FINGERPRINT, unix:/path, or embedded:latency=50ms,loss=1%. Default 127.0.0.1:7654; I2P_ROUTER. User name and password: I2P_USERNAME, I2P_PASSWORD"
    ),
    Options.optional
  ),
  keys: Options.text("keys").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("Key file of our destination, made if missing. Default: a new destination; I2P_KEYS"),
    Options.optional
  ),
  hosts: Options.text("hosts").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("A hosts.txt with names of our own, asked before the router. Default: none; I2P_HOSTS"),
    Options.optional
  ),
  tunnels: Options.text("tunnels").pipe(
    Options.withPseudoName("HOPSxTUNNELS"),
    Options.withDescription("Tunnels each way, or IN/OUT: 3x2, 1x3/2x4. Default 3x2; I2P_TUNNELS"),
    Options.optional
  ),
  json: Options.boolean("json").pipe(Options.withDescription("One JSON object a line; I2P_JSON"))
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
      parse: (text: string) => Either.Either<A, string>
    ): Effect.Effect<A | undefined, CliError> =>
      Effect.gen(function* () {
        const variable = `I2P_${name.toUpperCase()}`
        const typed = Option.orElse(command[name], () => root[name])
        const text = Option.isSome(typed) ? typed : yield* fromEnvironment(variable)
        if (Option.isNone(text)) return undefined
        const label = Option.isSome(typed) ? `--${name}` : variable
        return yield* Either.mapLeft(parse(text.value), (why) => refuse(`${label} ${why}`))
      })
    const json = command.json || root.json ? "true" : Option.getOrElse(yield* fromEnvironment("I2P_JSON"), () => "")
    return {
      router: (yield* from("router", RouterAddress.parse)) ?? RouterAddress.defaults,
      keys: yield* from("keys", Either.right),
      hosts: yield* from("hosts", Either.right),
      tunnels: yield* from("tunnels", Tunnels.parse),
      credentials: yield* credentials,
      json: /^(1|true|yes|on)$/i.test(json)
    }
  })

const credentials: Effect.Effect<Settings["credentials"], CliError> = Effect.gen(function* () {
  const username = Option.getOrUndefined(yield* fromEnvironment("I2P_USERNAME"))
  const password = Option.getOrUndefined(
    yield* Effect.orElseSucceed(Config.option(Config.redacted("I2P_PASSWORD")), Option.none)
  )
  if (username !== undefined && password !== undefined) {
    const tooLong = [username, Redacted.value(password)].some((text) => new TextEncoder().encode(text).length > 255)
    if (tooLong) return yield* refuse("I2P_USERNAME and I2P_PASSWORD may have 255 bytes each; one has more")
    return { username, password }
  }
  if (username === undefined && password === undefined) return undefined
  return yield* refuse("I2P_USERNAME and I2P_PASSWORD belong together: one of them is missing")
})

/** An empty variable is none. */
const fromEnvironment = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.option(Config.nonEmptyString(name)).pipe(Effect.orElseSucceed(Option.none))
