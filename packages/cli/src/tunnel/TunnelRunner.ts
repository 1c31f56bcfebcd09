/**
 * Opens tunnels and watches over them until the command ends.
 *
 * @since 0.1.0
 */
import type { I2cpError } from "@effect-i2p/i2cp/I2cpError"
import * as SessionState from "@effect-i2p/i2cp/SessionState"
import type { TunnelError } from "@effect-i2p/platform/TunnelError"
import type { Endpoint, Tunnel } from "@effect-i2p/platform/TunnelsConf"
import * as NodeHttpProxy from "@effect-i2p/platform-node/NodeHttpProxy"
import * as NodeHttpTunnel from "@effect-i2p/platform-node/NodeHttpTunnel"
import * as NodeSocksProxy from "@effect-i2p/platform-node/NodeSocksProxy"
import * as NodeTunnel from "@effect-i2p/platform-node/NodeTunnel"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ExitStatus from "../output/ExitStatus.js"
import { type CliError, ExitCode, refuse } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import * as Output from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import type { Settings } from "../shell/Settings.js"
import type * as Watch from "../shell/Watch.js"
import * as TunnelReport from "./TunnelReport.js"
import * as TunnelSessions from "./TunnelSessions.js"

/**
 * **Shape** paths of key files are relative to `directory`. `firstTakesAllPorts`: the first server of a destination gets
 * what comes on ports that no other server has, as in i2pd. `watch` is for a single destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly directory: string
  readonly firstTakesAllPorts: boolean
  readonly watch: Watch.Options
}

interface Running {
  readonly opened: TunnelReport.Opened
  readonly stats: Effect.Effect<NodeTunnel.Stats>
}

/** How often counters are looked at, and how often they are told in JSON. */
const lookInterval = Duration.seconds(1)
const looksPerStatus = 10

const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host)

/**
 * Serves until the command is interrupted, which is its proper end, or a session is lost for good.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (settings: Settings, tunnels: ReadonlyArray<Tunnel>, options: Options) =>
  Effect.gen(function* () {
    yield* warnOfOthers(tunnels)
    const groups = yield* TunnelSessions.group(tunnels, options.directory)
    yield* Effect.forEach(groups, tellOfShared, { discard: true })
    const open = yield* TunnelSessions.make(settings, options.watch)
    const sessions = yield* Effect.forEach(
      groups,
      (group) => Effect.map(open(group), (session) => ({ ...session, group })),
      { concurrency: "unbounded" }
    )
    const running = yield* Effect.forEach(sessions, ({ group, streams }) =>
      Effect.forEach(group.tunnels, (tunnel, index) => {
        const port = portOf(group.tunnels, index, options)
        return start(tunnel, port).pipe(
          Effect.provideService(StreamManager, streams),
          Effect.map(
            ({ address, stats }): Running => ({
              opened: { tunnel, b32: streams.destination.b32, address, port },
              stats
            })
          )
        )
      })
    )

    const { err } = yield* Output.Output
    const states = Effect.forEach(sessions, ({ session }) => session.state.get)
    yield* Progress.during(
      Effect.forEach(sessions, ({ streams }) => streams.ready, { concurrency: "unbounded", discard: true }),
      err,
      Effect.map(states, (states) => {
        const waiting = states.find((state) => state._tag !== "Ready") ?? states[0]!
        return Format.truncate(`i2p: ${SessionState.progress(waiting)} …`, err.columns() - 1)
      })
    )
    const all = running.flat()
    yield* Effect.forEach(
      all,
      ({ opened }) => Output.data(settings.json ? TunnelReport.openedJson(opened) : TunnelReport.opened(opened)),
      { discard: true }
    )
    yield* ExitStatus.set(ExitCode.Ok)
    const lost = yield* Deferred.make<never, I2cpError>()
    yield* Effect.forEach(sessions, ({ session }) =>
      session.state.changes.pipe(
        Stream.filter(SessionState.is("Failed")),
        Stream.runForEach(({ reason }) => Deferred.fail(lost, reason)),
        Effect.forkScoped
      )
    )
    yield* watch(settings, all, Deferred.await(lost)).pipe(Effect.onExit(() => summarize(settings, all)))
  }).pipe(Effect.scoped)

/** The port of a server's destination; 0 takes all that no other server has. */
const portOf = (tunnels: ReadonlyArray<Tunnel>, index: number, options: Options): number => {
  const tunnel = tunnels[index]!
  if (!("target" in tunnel)) return 0
  const isFirst = tunnels.findIndex((other) => "target" in other) === index
  return isFirst && options.firstTakesAllPorts ? 0 : tunnel.port
}

const seconds = (value: number | undefined): Duration.Duration | undefined =>
  value === undefined ? undefined : value === 0 ? Duration.infinity : Duration.seconds(value)

const start = (
  tunnel: Tunnel,
  port: number
): Effect.Effect<NodeTunnel.Tunnel, CliError | ListenError, StreamManager | Scope.Scope> => {
  const common = {
    maxConnections: tunnel.maxConnections,
    idleTimeout: seconds(tunnel.idleTimeout),
    endTimeout: seconds(tunnel.endTimeout),
    halfClose: tunnel.halfClose
  }
  switch (tunnel.type) {
    case "client":
      return NodeTunnel.client({
        ...common,
        listen: tunnel.listen,
        destination: tunnel.destination,
        port: tunnel.destinationPort,
        connectTimeout: seconds(tunnel.connectTimeout)
      }).pipe(Effect.mapError(explain(tunnel)))
    case "httpproxy":
      return NodeHttpProxy.make({
        ...common,
        listen: tunnel.listen,
        sendUserAgent: tunnel.sendUserAgent,
        connectTimeout: seconds(tunnel.connectTimeout)
      }).pipe(Effect.mapError(explain(tunnel)))
    case "socks":
      return NodeSocksProxy.make({
        ...common,
        listen: tunnel.listen,
        connectTimeout: seconds(tunnel.connectTimeout)
      }).pipe(Effect.mapError(explain(tunnel)))
    case "server":
    case "http": {
      const { accessList, localAddress, target, uniqueLocal } = tunnel
      // Only Linux lets a program bind every address of 127.0.0.0/8.
      const isUniqueLocal = uniqueLocal && process.platform === "linux"
      const server = { target, port, accessList, localAddress, uniqueLocal: isUniqueLocal }
      return tunnel.type === "server"
        ? NodeTunnel.server({ ...common, ...server })
        : NodeHttpTunnel.make({
            ...server,
            maxConnections: tunnel.maxConnections,
            host: tunnel.hostOverride,
            callerHeaders: tunnel.callerHeaders
          })
    }
  }
}

const explain =
  (tunnel: Tunnel) =>
  (error: TunnelError): CliError =>
    refuse(`${tunnel.name}: ${error.message}; choose another address or port`)

const warnOfOthers = (tunnels: ReadonlyArray<Tunnel>) =>
  Effect.forEach(
    tunnels.flatMap((tunnel) => ("listen" in tunnel && !isLoopback(tunnel.listen.host) ? [tunnel] : [])),
    ({ listen, name }: { readonly listen: Endpoint; readonly name: string }) =>
      Output.talk(
        `warning: ${name} listens on ${TunnelReport.endpoint(listen)}: whoever reaches this machine there can use your destination`
      ),
    { discard: true }
  )

/** The first tunnel's options make the destination; others that want something else are told. */
const tellOfShared = ({ tunnels }: TunnelSessions.Group) =>
  Effect.forEach(
    tunnels.slice(1),
    (tunnel) => {
      const first = tunnels[0]!
      const differing = Object.keys(tunnel.named).filter((name) => tunnel.named[name] !== first.named[name])
      return differing.length === 0
        ? Effect.void
        : Output.talk(
            `[${tunnel.name}] shares the destination of [${first.name}], whose options hold: ${differing.join(", ")} does nothing`
          )
    },
    { discard: true }
  )

const up = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A\r\u001b[0J`)

/** Shows the counters to whoever is watching, tells programs of them, and everybody of failures. */
const watch = (settings: Settings, running: ReadonlyArray<Running>, lost: Effect.Effect<never, I2cpError>) =>
  Effect.gen(function* () {
    const { err } = yield* Output.Output
    const isShown = err.isTerminal && !settings.json
    const shown = yield* Ref.make("")
    const told = running.map(() => "")
    const failures = running.map(() => 0)
    let look = 0

    const erase = Effect.flatMap(Ref.getAndSet(shown, ""), (text) =>
      text === "" ? Effect.void : err.write(up(text.split("\n").length - 1))
    )

    const one = Effect.gen(function* () {
      const stats = yield* Effect.forEach(running, ({ stats }) => stats)
      const lines = stats.map((stats, at) =>
        Format.truncate(TunnelReport.stats(running[at]!.opened.tunnel.name, stats), Math.max(40, err.columns() - 1))
      )
      const text = `${lines.join("\n")}\n`
      const news = stats.flatMap((stats, at) => {
        const isNew = stats.failed > failures[at]! && stats.lastFailure !== undefined
        failures[at] = stats.failed
        return isNew && !settings.json ? [`${running[at]!.opened.tunnel.name}: ${stats.lastFailure}`] : []
      })
      const isChanged = isShown && (yield* Ref.get(shown)) !== text
      if (isChanged || news.length > 0) yield* erase
      yield* Effect.forEach(news, Output.talk, { discard: true })
      if (isShown && (isChanged || news.length > 0)) {
        yield* err.write(text)
        yield* Ref.set(shown, text)
      }
      if (settings.json && look++ % looksPerStatus === looksPerStatus - 1) {
        for (const [at, now] of stats.entries()) {
          const line = TunnelReport.statsJson("status", running[at]!.opened.tunnel.name, now)
          if (line !== told[at]) yield* Output.data(line)
          told[at] = line
        }
      }
    })
    const wait = Effect.raceFirst(Effect.sleep(lookInterval), lost)
    return yield* Effect.forever(Effect.zipRight(wait, one)).pipe(Effect.onExit(() => erase))
  })

/** The last word of each tunnel. In a pipe and without JSON there is none: it would be talk that nobody asked for. */
const summarize = (settings: Settings, running: ReadonlyArray<Running>) =>
  Effect.gen(function* () {
    const { err } = yield* Output.Output
    yield* Effect.forEach(
      running,
      ({ opened, stats }) =>
        Effect.flatMap(stats, (stats) =>
          settings.json
            ? Output.data(TunnelReport.statsJson("summary", opened.tunnel.name, stats))
            : err.isTerminal
              ? Output.talk(TunnelReport.stats(opened.tunnel.name, stats))
              : Effect.void
        ),
      { discard: true }
    )
  })
