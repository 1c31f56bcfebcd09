/**
 * The command `tunnel` and its subcommands.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ExitStatus } from "../output/ExitStatus.js"
import { refuse } from "../output/Failure.js"
import type { Output } from "../output/Output.js"
import { handle } from "../shell/root.js"
import type * as Settings from "../shell/Settings.js"
import * as Tree from "../shell/Tree.js"
import * as TunnelOptions from "../tunnel/TunnelOptions.js"

const tunnelParent = Command.make(
  "tunnel",
  TunnelOptions.parent,
  handle(() => import("../tunnel/run.js"))
).pipe(
  Command.withDescription(
    "Connect TCP programs to I2P: a port to a destination, a service on a destination, an HTTP or SOCKS proxy, or every tunnel of an i2pd tunnels.conf."
  )
)

/** A tunnel's options may stand before its kind, too. */
const handleTunnel =
  <O, E>(
    load: () => Promise<(settings: Settings.Settings, options: O) => Effect.Effect<void, E, Output | ExitStatus>>
  ) =>
  (options: O & Settings.Typed) =>
    Effect.gen(function* () {
      const outer = yield* tunnelParent
      if (Option.isSome(outer.config)) return yield* refuse("either --config or a single tunnel, not both")
      return yield* handle(async () => ({ run: await load() }))({ ...options, ...TunnelOptions.within(options, outer) })
    })

const tunnelClient = Command.make(
  "client",
  TunnelOptions.client,
  handleTunnel(async () => (await import("../tunnel/run.js")).client)
).pipe(
  Command.withDescription(
    "Forward a TCP port to a destination: i2p tunnel client --listen 6668 --to irc.ilita.i2p:6667"
  )
)

const tunnelServer = Command.make(
  "server",
  TunnelOptions.server,
  handleTunnel(async () => (await import("../tunnel/run.js")).server)
).pipe(
  Command.withDescription(
    "Serve a TCP service on a destination: i2p tunnel server --to 127.0.0.1:8080 --http --keys site.dat"
  )
)

const tunnelHttp = Command.make(
  "http",
  TunnelOptions.http,
  handleTunnel(async () => (await import("../tunnel/run.js")).http)
).pipe(
  Command.withDescription("Run an HTTP proxy for I2P only, with CONNECT: other hosts are refused and never looked up.")
)

const tunnelSocks = Command.make(
  "socks",
  TunnelOptions.socks,
  handleTunnel(async () => (await import("../tunnel/run.js")).socks)
).pipe(
  Command.withDescription("Run a SOCKS 5 proxy for I2P only: names only (socks5h), CONNECT only, no authentication.")
)

/**
 * The command `i2p tunnel`.
 *
 * @category commands
 * @since 0.1.0
 */
export const tunnel = Tree.group(tunnelParent, [tunnelClient, tunnelServer, tunnelHttp, tunnelSocks])
