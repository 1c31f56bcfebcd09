/**
 * What programs read from the environment, or whatever `ConfigProvider` is in use: where the router is, which destination
 * we are. `NodeI2p.layerFromEnv` and the `i2p` command read the same names, with the same meaning.
 *
 * | variable | holds |
 * |---|---|
 * | `I2P_ROUTER` | an address as `RouterAddress` has it, several with commas between, or `embedded` with a link; default 127.0.0.1:7654 |
 * | `I2P_USERNAME`, `I2P_PASSWORD` | for a router that asks for them; both or none |
 * | `I2P_KEYS` | key file of our destination, made if missing; default a new destination, forgotten at the end |
 * | `I2P_HOSTS` | a hosts.txt with names of our own |
 * | `I2P_TUNNELS` | hops and number of tunnels: `3x2`, or inbound and outbound `1x3/2x4` |
 *
 * An empty variable counts as none. Two more are for the `i2p` command alone, which has an address that they are meant for:
 * `I2P_LEASESET_SECRET` and `I2P_LEASESET_KEY`, {@link leaseSetAccess}.
 *
 * @since 0.1.0
 */
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as Tunnels from "@effect-i2p/i2cp/Tunnels"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import * as LinkOptions from "@effect-i2p/router/LinkOptions"
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import type * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * A router that is reached through a socket.
 *
 * @category models
 * @since 0.1.0
 */
export type Remote = Exclude<RouterAddress.RouterAddress, { readonly _tag: "Embedded" }>

/**
 * A router, with the link of an embedded one understood, or several, of which the session takes one that is there.
 *
 * @category models
 * @since 0.1.0
 */
export type Router =
  | { readonly _tag: "Embedded"; readonly link: LinkOptions.Link }
  | { readonly _tag: "Several"; readonly routers: Arr.NonEmptyReadonlyArray<Remote> }
  | Remote

/**
 * **Shape** `keys` and `hosts` are paths.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly router: Router
  readonly keys: string | undefined
  readonly hosts: string | undefined
  readonly tunnels: Tunnels.Tunnels | undefined
  readonly credentials: I2cpConfig.Service["credentials"]
}

/**
 * **Source** I2CP specification: TCP 7654 on the loopback address.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultRouter: Router = {
  _tag: "Tcp",
  host: RouterAddress.DEFAULT_HOST,
  port: RouterAddress.DEFAULT_PORT,
  allowClearText: false
}

/**
 * Reads an address, `embedded:latency=50ms,loss=1%` included, or several with commas between.
 *
 * **Errors** a line that says what is wrong with the text and what to write instead.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseRouter = (text: string): Either.Either<Router, string> => {
  if (text.includes(",") && !text.trimStart().startsWith("embedded")) return parseSeveral(text)
  return Either.flatMap(RouterAddress.parse(text), (address) =>
    address._tag === "Embedded"
      ? Either.map(LinkOptions.parse(address.link), (link): Router => ({ _tag: "Embedded", link }))
      : Either.right(address)
  )
}

const parseSeveral = (text: string): Either.Either<Router, string> =>
  Either.map(
    Either.all(
      text.split(",").map((part) =>
        Either.filterOrLeft(
          RouterAddress.parse(part.trim()),
          (address): address is Remote => address._tag !== "Embedded",
          () => "the embedded router is alone: it cannot stand in a list"
        )
      )
    ),
    // A text that was split has a first part.
    (routers): Router => ({ _tag: "Several", routers: routers as [Remote, ...Array<Remote>] })
  )

/**
 * As the user would type it.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatRouter = (router: Router): string => {
  switch (router._tag) {
    case "Embedded":
      return "embedded"
    case "Several":
      return router.routers.map(RouterAddress.format).join(",")
    default:
      return RouterAddress.format(router)
  }
}

/** **Source** I2P common structures: a String, also in a Mapping, has a length byte. */
const maxStringBytes = 255

const text = (name: string): Config.Config<Option.Option<string>> => Config.option(Config.nonEmptyString(name))

const parsed = <A>(name: string, parse: (text: string) => Either.Either<A, string>): Config.Config<Option.Option<A>> =>
  text(name).pipe(
    Config.mapOrFail((found) =>
      Option.isNone(found)
        ? Either.right(Option.none<A>())
        : Either.mapBoth(parse(found.value), {
            onLeft: (why) => ConfigError.InvalidData([name], why),
            onRight: Option.some
          })
    )
  )

const redacted = <A>(name: string, parse: (text: string) => Either.Either<A, string>): Config.Config<A | undefined> =>
  Config.option(Config.redacted(Config.nonEmptyString(name))).pipe(
    Config.mapOrFail((found) =>
      Option.isNone(found)
        ? Either.right(undefined)
        : Either.mapLeft(parse(Redacted.value(found.value)), (why) => ConfigError.InvalidData([name], why))
    )
  )

/** `I2P_ROUTER`: where the router is. @category configs @since 0.1.0 */
export const router: Config.Config<Option.Option<Router>> = parsed("I2P_ROUTER", parseRouter)
/** `I2P_KEYS`: the key file of our destination. @category configs @since 0.1.0 */
export const keys: Config.Config<Option.Option<string>> = text("I2P_KEYS")
/** `I2P_HOSTS`: a `hosts.txt` with names of our own. @category configs @since 0.1.0 */
export const hosts: Config.Config<Option.Option<string>> = text("I2P_HOSTS")
/** `I2P_TUNNELS`: hops and numbers of tunnels. @category configs @since 0.1.0 */
export const tunnels: Config.Config<Option.Option<Tunnels.Tunnels>> = parsed("I2P_TUNNELS", Tunnels.parse)

/**
 * **Errors** one without the other, or one that is longer than I2CP has room for.
 *
 * @category configs
 * @since 0.1.0
 */
export const credentials: Config.Config<Settings["credentials"]> = Config.all([
  text("I2P_USERNAME"),
  Config.option(Config.redacted(Config.nonEmptyString("I2P_PASSWORD")))
]).pipe(
  Config.mapOrFail(([username, password]) => {
    const wrong = (why: string) => Either.left(ConfigError.InvalidData([], `I2P_USERNAME and I2P_PASSWORD ${why}`))
    if (Option.isNone(username) && Option.isNone(password)) return Either.right(undefined)
    if (Option.isNone(username) || Option.isNone(password)) return wrong("belong together: one of them is missing")
    const isTooLong = [username.value, Redacted.value(password.value)].some(
      (text) => new TextEncoder().encode(text).length > maxStringBytes
    )
    return isTooLong
      ? wrong("may have 255 bytes each; one has more")
      : Either.right({ username: username.value, password: password.value })
  })
)

/**
 * What opens an encrypted lease set that is not ours; the address that it belongs to is not in the environment.
 *
 * @category models
 * @since 0.1.0
 */
export type LeaseSetAccess = Omit<I2cpConfig.BlindedAccess, "address">

/**
 * `I2P_LEASESET_SECRET`, the secret in plain text, and `I2P_LEASESET_KEY`, the key of an authorised client as `dh:BASE64` or
 * `psk:BASE64`, 32 bytes in I2P's Base64. In the environment and never among the arguments, which every user of a machine
 * can read. Not part of {@link config}: a program names its addresses in `I2cpConfig.blindedAccess`.
 *
 * **Errors** a secret that I2CP has no room for, a key that is none. The value is in neither.
 *
 * @category configs
 * @since 0.1.0
 */
export const leaseSetAccess: Config.Config<LeaseSetAccess> = Config.all({
  secret: redacted("I2P_LEASESET_SECRET", (secret) =>
    new TextEncoder().encode(secret).length > maxStringBytes
      ? Either.left(`may have ${maxStringBytes} bytes; it has more`)
      : Either.right(Redacted.make(secret))
  ),
  clientKey: redacted("I2P_LEASESET_KEY", (text) => {
    const [, scheme, base64 = ""] = /^(dh|psk):(.*)$/s.exec(text) ?? []
    const key = Either.getOrUndefined(decodeBase64(base64))
    return scheme === undefined || key?.length !== keyBytes
      ? Either.left(`must be dh: or psk: and ${keyBytes} bytes in I2P's Base64, which has - and ~ for + and /`)
      : Either.right({ scheme: scheme === "dh" ? ("Dh" as const) : ("Psk" as const), key: Redacted.make(key) })
  })
})

/** **Source** I2P encrypted lease set specification: X25519 keys and pre-shared ones alike. */
const keyBytes = 32

/**
 * All of it.
 *
 * @category configs
 * @since 0.1.0
 */
export const config: Config.Config<Settings> = Config.map(
  Config.all({ router, keys, hosts, tunnels, credentials }),
  (found) => ({
    router: Option.getOrElse(found.router, () => defaultRouter),
    keys: Option.getOrUndefined(found.keys),
    hosts: Option.getOrUndefined(found.hosts),
    tunnels: Option.getOrUndefined(found.tunnels),
    credentials: found.credentials
  })
)

/**
 * What is wrong, in one line that begins with the variable's name.
 *
 * @category formatting
 * @since 0.1.0
 */
export const explain = (error: ConfigError.ConfigError): string => {
  switch (error._op) {
    case "And":
    case "Or":
      return explain(error.left)
    default:
      return [...error.path, error.message].join(" ")
  }
}
