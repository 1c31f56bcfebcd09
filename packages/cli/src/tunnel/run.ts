/**
 * `i2p tunnel`: TCP programs on I2P. One tunnel from the command line, or many from a `tunnels.conf`.
 *
 * What is typed becomes a section as the file would have it, so that both mean the same.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Ini from "@effect-i2p/platform/Ini"
import * as TunnelsConf from "@effect-i2p/platform/TunnelsConf"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type CliError, refuse } from "../output/Failure.js"
import { talk } from "../output/Output.js"
import type { Settings } from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"
import * as TunnelRunner from "./TunnelRunner.js"

/** Larger than any file that a person writes. Ours. */
const maxFileBytes = 1_048_576

/**
 * What the command was given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly config: Option.Option<string>
}

/**
 * What every single tunnel takes. **Shape** `option` is `name=value`, as in a `tunnels.conf`. **Units** seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface TunnelOptions extends Watch.Options {
  readonly option: ReadonlyArray<string>
  readonly connections: Option.Option<number>
  readonly idle: Option.Option<number>
}

/** What a tunnel takes that listens on TCP. */
interface ListenOptions extends TunnelOptions {
  readonly listen: string
}

/** What `i2p tunnel client` takes. */
interface ClientOptions extends ListenOptions {
  readonly to: string
  readonly halfClose: boolean
}

/** What `i2p tunnel server` takes. */
interface ServerOptions extends TunnelOptions {
  readonly to: string
  readonly port: number
  readonly http: boolean
  readonly host: Option.Option<string>
  readonly allow: Option.Option<string>
  readonly deny: Option.Option<string>
  readonly uniqueLocal: boolean
}

/**
 * The tunnels of a file.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const path = Option.getOrUndefined(options.config)
  if (path === undefined) {
    return yield* refuse(
      "which tunnels? i2p tunnel client, server, http or socks, or --config FILE; see i2p tunnel --help"
    )
  }
  if (settings.keys !== undefined)
    return yield* refuse("--keys is for single tunnels; with --config the file names the keys")
  const { problems, sections } = Ini.parse(yield* readFile(path))
  const problem = problems[0]
  if (problem !== undefined) return yield* refuse(`${path}, line ${problem.line}: ${problem.reason}`)
  const { issues, tunnels } = TunnelsConf.fromSections(sections)
  const invalid = issues.filter(({ kind }) => kind === "Invalid")
  if (invalid.length > 0) return yield* refuse(`${path}: ${invalid.map(TunnelsConf.format).join("; ")}`)
  yield* Effect.forEach(issues, (issue) => talk(TunnelsConf.format(issue)), { discard: true })
  if (tunnels.length === 0) return yield* refuse(`${path} has no tunnel that is run here`)
  yield* TunnelRunner.run(settings, tunnels, {
    directory: Path.dirname(Path.resolve(path)),
    firstTakesAllPorts: true,
    watch: Watch.nobody
  })
})

/**
 * A TCP port that leads to a destination.
 *
 * @category commands
 * @since 0.1.0
 */
export const client = Effect.fnUntraced(function* (settings: Settings, options: ClientOptions) {
  // Full Base64 destinations have no colon.
  const to = /^(.*?)(?::(\d{1,5}))?$/.exec(options.to)!
  yield* single(settings, "client", options, [
    ["type", "client"],
    ...(yield* listenEntries(options.listen)),
    ["destination", to[1]!],
    ["destinationport", to[2] ?? "0"],
    ["halfclose", String(options.halfClose)]
  ])
})

/**
 * A TCP service on a destination.
 *
 * @category commands
 * @since 0.1.0
 */
export const server = Effect.fnUntraced(function* (settings: Settings, options: ServerOptions) {
  const { host, port } = yield* endpoint("--to", options.to)
  if (!options.http && Option.isSome(options.host)) return yield* refuse("--host is for --http")
  if (settings.keys === undefined) {
    yield* talk("the destination is a new one and forgotten at the end; keep it with --keys FILE")
  }
  yield* single(settings, "server", options, [
    ["type", options.http ? "http" : "server"],
    ["host", host],
    ["port", String(port)],
    ["inport", String(options.port)],
    ["enableuniquelocal", String(options.uniqueLocal)],
    ...optional("hostoverride", options.host),
    ...optional("accesslist", options.allow),
    ...optional("i2p.streaming.blacklist", options.deny)
  ])
})

/**
 * An HTTP proxy.
 *
 * @category commands
 * @since 0.1.0
 */
export const http = Effect.fnUntraced(function* (settings: Settings, options: ListenOptions) {
  yield* single(settings, "http", options, [["type", "httpproxy"], ...(yield* listenEntries(options.listen))])
})

/**
 * A SOCKS proxy.
 *
 * @category commands
 * @since 0.1.0
 */
export const socks = Effect.fnUntraced(function* (settings: Settings, options: ListenOptions) {
  yield* single(settings, "socks", options, [["type", "socks"], ...(yield* listenEntries(options.listen))])
})

type Entries = ReadonlyArray<readonly [name: string, value: string]>

const optional = (name: string, value: Option.Option<string>): Entries =>
  Option.match(value, { onNone: () => [], onSome: (value) => [[name, value] as const] })

const single = Effect.fnUntraced(function* (
  settings: Settings,
  name: string,
  options: TunnelOptions,
  entries: Entries
) {
  const written: Array<readonly [string, string]> = [
    ...entries,
    ["keys", settings.keys ?? "transient"],
    ...optional("maxconnections", Option.map(options.connections, String)),
    ...optional("idletimeout", Option.map(options.idle, String))
  ]
  for (const option of options.option) {
    const at = option.indexOf("=")
    if (at < 1) return yield* refuse(`--option "${option}" is not name=value`)
    written.push([option.slice(0, at).trim(), option.slice(at + 1).trim()])
  }
  const { issues, tunnel } = TunnelsConf.fromSection({ name, options: new Map(written) })
  const reasons = issues.map(({ option, reason }) => `${option === undefined ? "" : `${option}: `}${reason}`)
  // What is typed is meant: an option that does nothing is a mistake here.
  if (tunnel === undefined || issues.length > 0) return yield* refuse(reasons.join("; "))
  yield* TunnelRunner.run(settings, [tunnel], {
    directory: ".",
    firstTakesAllPorts: false,
    watch: { trace: options.trace, insight: options.insight, program: `i2p tunnel ${name}` }
  })
})

/** `[v6 address]:port`, `host:port`, or a port of 127.0.0.1. */
const endpoint = (
  label: string,
  text: string
): Effect.Effect<{ readonly host: string; readonly port: number }, CliError> => {
  const parts = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/.exec(text)
  const port = Number(parts?.[3])
  return parts === null || port > 65_535
    ? refuse(`${label} "${text}" is no TCP address: use host:port or a port, as in 127.0.0.1:8080`)
    : Effect.succeed({ host: parts[1] || parts[2] || "127.0.0.1", port })
}

const listenEntries = (text: string): Effect.Effect<Entries, CliError> =>
  Effect.map(endpoint("--listen", text), ({ host, port }) => [
    ["address", host],
    ["port", String(port)]
  ])

const readFile = (path: string): Effect.Effect<string, CliError> =>
  Effect.tryPromise({
    try: async () => {
      const { size } = await Fs.stat(path)
      if (size > maxFileBytes) throw new Error(`${size} bytes; a file of tunnels has at most ${maxFileBytes}`)
      return await Fs.readFile(path, "utf8")
    },
    catch: (error) => refuse(`cannot read ${path}: ${error instanceof Error ? error.message : error}`)
  })
