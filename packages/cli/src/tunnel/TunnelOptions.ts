/**
 * The options of `i2p tunnel` and its subcommands.
 *
 * @since 0.1.0
 */
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import * as Argv from "../shell/Argv.js"
import * as Settings from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"

const common = {
  ...Settings.options,
  ...Watch.options,
  connections: Options.integer("connections").pipe(
    Options.withDescription("TCP connections at a time. Default 256"),
    Options.optional
  ),
  idle: Options.integer("idle").pipe(
    Options.withPseudoName("seconds"),
    Options.withDescription("Close connections idle for this long; 0: never. Default 3600"),
    Options.optional
  ),
  option: Options.text("option").pipe(
    Options.withAlias("o"),
    Options.withPseudoName("name=value"),
    Options.withDescription(
      "An option of the session or its streams by its I2P name, as in inbound.length=1; may be repeated"
    ),
    Options.repeated
  )
}

const listen = (example: string) =>
  Options.text("listen").pipe(
    Options.withAlias("l"),
    Options.withPseudoName("host:port"),
    Options.withDescription(`Where to listen on TCP, as in ${example}; 127.0.0.1 without a host`)
  )

/** @internal */
export const parent = {
  ...Settings.options,
  config: Options.text("config").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("Run every tunnel of an i2pd tunnels.conf"),
    Options.optional
  )
}

/** @internal */
export const client = {
  ...common,
  listen: listen("127.0.0.1:6668"),
  to: Options.text("to").pipe(
    Options.map(Argv.unguard),
    Options.withPseudoName("destination:port"),
    Options.withDescription("Target: a name.i2p, a b32 address or a destination, and its port. Default port 0: any")
  ),
  halfClose: Options.boolean("half-close").pipe(
    Options.withAlias("N"),
    Options.withDescription("Signal the end of a client at once. i2pd then drops what it still had to send")
  )
}

/** @internal */
export const server = {
  ...common,
  to: Options.text("to").pipe(
    Options.withPseudoName("host:port"),
    Options.withDescription("The TCP service, as in 127.0.0.1:8080")
  ),
  port: Options.integer("port").pipe(
    Options.withAlias("p"),
    Options.withDescription("Port of the destination. Default 0: all"),
    Options.withDefault(0)
  ),
  http: Options.boolean("http").pipe(
    Options.withDescription("The service is a web server: add X-I2P-DestHash, -DestB32 and -DestB64 to requests")
  ),
  host: Options.text("host").pipe(
    Options.withDescription("With --http: the Host header that the service gets. Default: the visitor's"),
    Options.optional
  ),
  allow: Options.text("allow").pipe(
    Options.map(Argv.unguard),
    Options.withPseudoName("addresses"),
    Options.withDescription("Accept only these b32 addresses, comma-separated"),
    Options.optional
  ),
  deny: Options.text("deny").pipe(
    Options.map(Argv.unguard),
    Options.withPseudoName("addresses"),
    Options.withDescription("Addresses to refuse, comma-separated"),
    Options.optional
  ),
  uniqueLocal: Options.boolean("unique-local").pipe(
    Options.withDescription("Dial from an address of 127.0.0.0/8 made of the caller's hash, as i2pd does on Linux")
  )
}

/** @internal */
export const http = { ...common, listen: listen("127.0.0.1:4444") }

/** @internal */
export const socks = { ...common, listen: listen("127.0.0.1:4447") }

/**
 * Options that stand before a subcommand's name, for those that are not after it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const within = (inner: Settings.Typed, outer: Settings.Typed): Settings.Typed => ({
  router: Option.orElse(inner.router, () => outer.router),
  keys: Option.orElse(inner.keys, () => outer.keys),
  hosts: Option.orElse(inner.hosts, () => outer.hosts),
  tunnels: Option.orElse(inner.tunnels, () => outer.tunnels),
  json: inner.json || outer.json
})
