/**
 * The tree of commands: names, options and help. What a command does is loaded when it runs, so that help and small
 * commands start fast.
 *
 * @since 0.1.0
 */

import * as Args from "@effect/cli/Args"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Argv from "./Argv.js"
import * as Completions from "./Completions.js"
import type { ExitStatus } from "./ExitStatus.js"
import { type CliError, refuse } from "./Failure.js"
import * as FaultOptions from "./FaultOptions.js"
import * as Help from "./Help.js"
import { Output } from "./Output.js"
import * as Settings from "./Settings.js"
import * as Style from "./Style.js"
import * as TunnelCommand from "./TunnelCommand.js"
import { version } from "./Version.js"
import * as Watch from "./Watch.js"

const root = Command.make("i2p", Settings.options).pipe(
  Command.withDescription(
    "Streams, pings and keys of I2P destinations, over a router's I2CP port or the embedded router."
  )
)

/** Resolves the settings, loads the command and runs it. */
const handle =
  <O, E>(
    load: () => Promise<{
      readonly run: (settings: Settings.Settings, options: O) => Effect.Effect<void, E, Output | ExitStatus>
    }>
  ) =>
  (options: O & Settings.Typed) =>
    Effect.gen(function* () {
      const settings = yield* Settings.resolve(options, yield* root)
      const command = yield* Effect.promise(load)
      return yield* command.run(settings, options)
    })

const seconds = (name: string, letter: string, what: string) =>
  Options.float(name).pipe(Options.withAlias(letter), Options.withPseudoName("seconds"), Options.withDescription(what))

const destination = Args.text({ name: "destination" }).pipe(
  Args.map(Argv.unguard),
  Args.withDescription("A name.i2p, a b32 or b33 address, or a full Base64 destination.")
)

const ping = Command.make(
  "ping",
  {
    ...Settings.options,
    count: Options.integer("count").pipe(
      Options.withAlias("c"),
      Options.withDescription("Stop after so many pings. Default: go on until Ctrl-C"),
      Options.optional
    ),
    interval: seconds("interval", "i", "Time from one ping to the next. Default 1").pipe(Options.withDefault(1)),
    timeout: seconds("timeout", "W", "How long to wait for each reply. Default 10").pipe(Options.withDefault(10)),
    deadline: seconds("deadline", "w", "Stop after this time, whatever has come").pipe(Options.optional),
    quiet: Options.boolean("quiet").pipe(Options.withAlias("q"), Options.withDescription("Only the summary")),
    size: Options.integer("size").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("bytes"),
      Options.withDescription("Bytes in a ping; 32 at most come back. Default 32"),
      Options.withDefault(32)
    ),
    graph: Options.boolean("graph").pipe(Options.withDescription("A bar for each reply, and their course at the end")),
    ...Watch.options,
    untilUp: Options.boolean("until-up").pipe(
      Options.withDescription("Go on until the first reply, also while the destination is not found")
    ),
    destination: destination.pipe(Args.optional)
  },
  handle(() => import("./commands/ping.js"))
).pipe(
  Command.withDescription(
    "Round trips to a destination. Exit code 0: it answered; 1: it did not; 2: it could not be tried. With --router embedded the destination may be left out: echo.i2p."
  )
)

const nc = Command.make(
  "nc",
  {
    ...Settings.options,
    listen: Options.integer("listen").pipe(
      Options.withAlias("l"),
      Options.withPseudoName("port"),
      Options.withDescription("Wait for a stream on this port of ours; 0 takes any port"),
      Options.optional
    ),
    idle: seconds(
      "idle",
      "q",
      "After the end of the input, or of the peer's, close when nothing has moved for so long. 0: once all is acknowledged; -1: only when both have ended. Default 10"
    ).pipe(Options.withDefault(10)),
    halfClose: Options.boolean("half-close").pipe(
      Options.withAlias("N"),
      Options.withDescription(
        "Tell the peer about the end of the input at once. i2pd then drops what it still had to send"
      )
    ),
    timeout: seconds("timeout", "w", "How long connecting may take. Default 60").pipe(Options.withDefault(60)),
    ...Watch.options,
    destination: destination.pipe(Args.optional),
    port: Args.integer({ name: "port" }).pipe(Args.withDescription("Port of the peer. Default 0: any."), Args.optional)
  },
  handle(() => import("./commands/nc.js"))
).pipe(
  Command.withDescription(
    "Standard input to a stream, the stream to standard output: i2p nc DESTINATION [PORT], or i2p nc --listen PORT."
  )
)

const lookup = Command.make(
  "lookup",
  {
    ...Settings.options,
    timeout: seconds("timeout", "w", "How long to wait for the answer. Default: 10 for a name, 40 for a b32").pipe(
      Options.optional
    ),
    address: Args.text({ name: "address" }).pipe(
      Args.map(Argv.unguard),
      Args.withDescription(
        "A name.i2p, a b32 or b33 address, the Base64 of a hash or of a whole destination. What opens an encrypted lease set: I2P_LEASESET_SECRET, I2P_LEASESET_KEY."
      ),
      Args.optional
    )
  },
  handle(() => import("./commands/lookup.js"))
).pipe(
  Command.withDescription(
    "The destination behind an address. Exit code 0: found; 1: there is none, or it is off line; 2: it could not be looked up."
  )
)

const keyTypes = ["ed25519", "p256", "p384", "p521", "reddsa", "mldsa44", "mldsa65", "mldsa87"] as const

const keyForm = Options.choice("form", ["dat", "base64"]).pipe(
  Options.withPseudoName("dat|base64"),
  Options.withDescription("dat: of i2pd and Java I2P; base64: SAM's private key. Default dat"),
  Options.withDefault("dat" as const)
)

const keyFile = (name: string, what: string) => Args.text({ name }).pipe(Args.withDescription(what))

const perf = Command.make(
  "perf",
  {
    ...Settings.options,
    listen: Options.boolean("listen").pipe(
      Options.withAlias("l"),
      Options.withDescription("Serve: take data and give it, for whoever measures")
    ),
    oneOff: Options.boolean("one-off").pipe(
      Options.withAlias("1"),
      Options.withDescription("With --listen: end after one test")
    ),
    port: Options.integer("port").pipe(
      Options.withAlias("p"),
      Options.withDescription("Port to serve on or connect to. Default 5201"),
      Options.withDefault(5201)
    ),
    time: seconds("time", "t", "How long to send. Default 10").pipe(Options.optional),
    bytes: Options.text("bytes").pipe(
      Options.withAlias("n"),
      Options.withPseudoName("size"),
      Options.withDescription("How much to send, all streams together, as in 10MB; instead of -t"),
      Options.optional
    ),
    parallel: Options.integer("parallel").pipe(
      Options.withAlias("P"),
      Options.withPseudoName("streams"),
      Options.withDescription("Streams at a time. Default 1"),
      Options.withDefault(1)
    ),
    reverse: Options.boolean("reverse").pipe(
      Options.withAlias("R"),
      Options.withDescription("The other side sends, we receive")
    ),
    bidir: Options.boolean("bidir").pipe(Options.withDescription("Both sides send")),
    interval: seconds("interval", "i", "Time between reports. Default 1").pipe(Options.withDefault(1)),
    timeout: seconds("timeout", "w", "Give up when opening takes so long, or nothing moves. Default 60").pipe(
      Options.withDefault(60)
    ),
    ...Watch.options,
    destination: destination.pipe(Args.optional)
  },
  handle(() => import("./commands/perf.js"))
).pipe(
  Command.withDescription(
    "Measures what gets through streams, as iperf3 does: i2p perf --listen on one side, i2p perf DESTINATION on the other. With --router embedded the destination may be left out: echo.i2p."
  )
)

const trace = Command.make(
  "trace",
  {
    ...Settings.options,
    list: Options.boolean("list").pipe(Options.withAlias("l"), Options.withDescription("A line for each packet")),
    stream: Options.integer("stream").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("id"),
      Options.withDescription("Only this stream"),
      Options.optional
    ),
    file: Args.text({ name: "file" }).pipe(
      Args.withDescription("What --trace has written; - for standard input."),
      Args.optional
    )
  },
  handle(() => import("./commands/trace.js"))
).pipe(
  Command.withDescription(
    "Shows a packet trace: for each stream what was sent, what was sent again, how fast, and a sketch of sequence numbers over time."
  )
)

const top = Command.make(
  "top",
  {
    ...Settings.options,
    count: Options.integer("count").pipe(
      Options.withAlias("n"),
      Options.withDescription("Stop after so many snapshots. Default: Ctrl-C on a terminal, 1 elsewhere"),
      Options.optional
    ),
    path: Args.text({ name: "path" }).pipe(Args.withDescription("What --insight has made."), Args.optional)
  },
  handle(() => import("./commands/top.js"))
).pipe(
  Command.withDescription(
    "Shows the streams of another program live: one that was started with --insight PATH, or serves NodeInsight."
  )
)

const keygen = Command.make(
  "keygen",
  {
    ...Settings.options,
    type: Options.choice("type", keyTypes).pipe(
      Options.withDescription(
        "Signature type. Default ed25519, which every router takes; mldsa44 to 87 hardly any yet"
      ),
      Options.withDefault("ed25519" as const)
    ),
    form: keyForm,
    file: keyFile("file", "Where to store the keys.").pipe(Args.optional)
  },
  handle(() => import("./commands/keygen.js"))
).pipe(
  Command.withDescription(
    "Makes a destination, stores its keys in a new file that only its owner may read, and prints its b32 address."
  )
)

const keyShow = Command.make(
  "show",
  { ...Settings.options, file: keyFile("file", "A key file of either form. Default: --keys").pipe(Args.optional) },
  handle(() => import("./commands/keyShow.js"))
).pipe(Command.withDescription("What is public about a key file: addresses, types, until when it may sign."))

const keyConvert = Command.make(
  "convert",
  {
    ...Settings.options,
    form: Options.choice("form", ["dat", "base64"]).pipe(
      Options.withPseudoName("dat|base64"),
      Options.withDescription("Form of the new file. Default: the one that the old file does not have"),
      Options.optional
    ),
    from: keyFile("from", "A key file of either form."),
    to: keyFile("to", "The new file.")
  },
  handle(() => import("./commands/keyConvert.js"))
).pipe(Command.withDescription("The same keys in another form: the .dat of i2pd and Java I2P, or the Base64 of SAM."))

const keyOffline = Command.make(
  "offline",
  {
    ...Settings.options,
    expires: Options.text("expires").pipe(
      Options.withPseudoName("date"),
      Options.withDescription("Until when, as in 30d, 12h, 2027-01-15 or 2027-01-15T08:00Z (UTC)")
    ),
    type: Options.choice("type", keyTypes).pipe(
      Options.withDescription("Signature type of the transient key. Default ed25519"),
      Options.withDefault("ed25519" as const)
    ),
    form: keyForm,
    master: keyFile("master", "The file with the destination's own key."),
    to: keyFile("to", "The new file.")
  },
  handle(() => import("./commands/keyOffline.js"))
).pipe(
  Command.withDescription(
    "Keys that act for a destination until a date, so that its own key can be kept elsewhere. Java I2P takes them from any client, i2pd for tunnels of its own only."
  )
)

const keyVanity = Command.make(
  "vanity",
  {
    ...Settings.options,
    type: Options.choice("type", ["ed25519", "p256", "p384", "p521", "reddsa"]).pipe(
      Options.withDescription("Signature type. Default ed25519"),
      Options.withDefault("ed25519" as const)
    ),
    threads: Options.integer("threads").pipe(
      Options.withDescription("Threads to search with. Default: one for each processor"),
      Options.optional
    ),
    form: keyForm,
    prefix: Args.text({ name: "prefix" }).pipe(
      Args.withDescription("What the b32 address shall start with: a to z, 2 to 7, at most ten of them.")
    ),
    file: keyFile("file", "Where to store the keys. Default: --keys").pipe(Args.optional)
  },
  handle(() => import("./commands/keyVanity.js"))
).pipe(
  Command.withDescription(
    "Searches for a destination whose b32 address starts with a prefix; each letter takes 32 times as long. Five take a minute or so."
  )
)

const key = Command.make("key").pipe(
  Command.withDescription("Key files: show, convert, make offline packages, search for addresses."),
  Command.withSubcommands([keyShow, keyConvert, keyOffline, keyVanity])
)

const tunnelParent = Command.make(
  "tunnel",
  TunnelCommand.parent,
  handle(() => import("./commands/tunnel.js"))
).pipe(
  Command.withDescription(
    "TCP programs on I2P: a port that leads to a destination, a service on a destination, an HTTP proxy, a SOCKS proxy, or all that a tunnels.conf of i2pd names."
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
      return yield* handle(async () => ({ run: await load() }))({ ...options, ...TunnelCommand.within(options, outer) })
    })

const tunnelClient = Command.make(
  "client",
  TunnelCommand.client,
  handleTunnel(async () => (await import("./commands/tunnel.js")).client)
).pipe(
  Command.withDescription(
    "A TCP port that leads to a destination: i2p tunnel client --listen 6668 --to irc.ilita.i2p:6667"
  )
)

const tunnelServer = Command.make(
  "server",
  TunnelCommand.server,
  handleTunnel(async () => (await import("./commands/tunnel.js")).server)
).pipe(
  Command.withDescription(
    "A TCP service on a destination: i2p tunnel server --to 127.0.0.1:8080 --http --keys site.dat"
  )
)

const tunnelHttp = Command.make(
  "http",
  TunnelCommand.http,
  handleTunnel(async () => (await import("./commands/tunnel.js")).http)
).pipe(
  Command.withDescription(
    "An HTTP proxy to I2P, with CONNECT, and to nothing else: other hosts are refused and never looked up."
  )
)

const tunnelSocks = Command.make(
  "socks",
  TunnelCommand.socks,
  handleTunnel(async () => (await import("./commands/tunnel.js")).socks)
).pipe(
  Command.withDescription(
    "A SOCKS 5 proxy to I2P, and to nothing else: names only (socks5h), CONNECT only, no authentication."
  )
)

const tunnel = tunnelParent.pipe(Command.withSubcommands([tunnelClient, tunnelServer, tunnelHttp, tunnelSocks]))

const linkOption = (name: string, pseudo: string, what: string) =>
  Options.text(name).pipe(Options.withPseudoName(pseudo), Options.withDescription(what), Options.optional)

const router = Command.make(
  "router",
  {
    ...Settings.options,
    listen: Options.text("listen").pipe(
      Options.withAlias("l"),
      Options.withPseudoName("host:port"),
      Options.withDescription("Where to listen; port 0 takes a free one. Default 127.0.0.1:7654"),
      Options.withDefault("127.0.0.1:7654")
    ),
    latency: linkOption("latency", "time", "One way, as in 50ms"),
    jitter: linkOption("jitter", "time", "Added to the latency, from 0 to this"),
    loss: linkOption("loss", "share", "Messages lost, as in 1%"),
    "loss-burst": linkOption("loss-burst", "messages", "Mean length of a row of losses"),
    reorder: linkOption("reorder", "share", "Messages held back so that others overtake them"),
    "reorder-time": linkOption("reorder-time", "time", "How long those are held back at most"),
    duplicate: linkOption("duplicate", "share", "Messages delivered twice"),
    rate: linkOption("rate", "rate", "As in 500kB/s or 8Mbit/s"),
    queue: linkOption("queue", "bytes", "What may wait for the rate"),
    seed: linkOption("seed", "number", "Everything random follows from it"),
    fault: Options.text("fault").pipe(
      Options.withPseudoName("fault"),
      Options.withDescription(`What it does wrong, again for more: ${FaultOptions.forms.join(", ")}`),
      Options.repeated
    )
  },
  handle(() => import("./commands/router.js"))
).pipe(
  Command.withDescription(
    "The embedded router on a TCP port, for I2CP clients on this machine: no network, no tunnels, no anonymity, a link to choose. It hosts echo.i2p."
  )
)

const doctor = Command.make(
  "doctor",
  {
    ...Settings.options,
    timeout: seconds(
      "timeout",
      "w",
      "How long each stage may take. Default 10 for port and version, 60 for the session, 300 for tunnels, 180 for the self-lookup, 60 for the stream"
    ).pipe(Options.optional)
  },
  handle(() => import("./commands/doctor.js"))
).pipe(
  Command.withDescription(
    "Examines a router: port, version, session, tunnels, lease set, self-lookup, loopback stream. Names the stage that fails and the switch to flip in Java I2P or i2pd. Exit code 0: all hold; 1: one fails."
  )
)

const demo = Command.make(
  "demo",
  Settings.options,
  handle(() => import("./commands/demo.js"))
).pipe(
  Command.withDescription(
    "Two destinations on an embedded router: ping, fetch and a bulk transfer over a simulated link."
  )
)

const run = Command.run(
  root.pipe(Command.withSubcommands([demo, ping, nc, tunnel, perf, lookup, keygen, key, doctor, router, top, trace])),
  {
    name: "i2p",
    version,
    summary: Span.text("I2P streams from the command line")
  }
)

// -w and -W are two options.
const config = CliConfig.make({ isCaseSensitive: true })

const layer = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  Layer.succeed(CliConfig.CliConfig, config)
)

/**
 * Runs what the arguments (without interpreter and script) ask for.
 *
 * **Errors** whatever the command fails with, and `CliError` for arguments that make no sense.
 *
 * @category running
 * @since 0.1.0
 */
export const main = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { out } = yield* Output
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    return yield* out.write(
      `${Help.render(page(nameOf(args)), out.isTerminal ? out.columns() : 80, Style.make(out.colors))}\n`
    )
  }
  const shell = /(?:^|\s)--completions[ =](\w+)/.exec(args.join(" "))?.[1]
  // The parser prints its errors itself, in colour and over several lines; ours are one line, printed by Main.
  const console = yield* Console.consoleWith(Effect.succeed)
  const quiet: Console.Console = {
    ...console,
    error: () => Effect.void,
    log: (...texts) => {
      const text = texts.map((text) => (out.colors ? `${text}` : Style.strip(`${text}`))).join(" ")
      return out.write(`${shell === undefined ? text : complete(shell, text)}\n`)
    }
  }
  const group = nameOf(args)
  const subcommands = [...pages.keys()].filter(isSubcommandOf(group))
  const runsByItself = group === "tunnel" && args.some((arg) => /^--config\b/.test(arg))
  const isForParser = args.some((arg) => /^--(completions|wizard|version)\b/.test(arg))
  if (group !== undefined && subcommands.length > 0 && !isForParser && !runsByItself) {
    return yield* refuse(`which of ${subcommands.map((name) => `i2p ${name}`).join(", ")}? see i2p ${group} --help`)
  }
  const { level, rest } = yield* Argv.logLevel(args)
  return yield* run(["node", "i2p", ...Argv.expand(rest)]).pipe(
    level === undefined ? identity : Logger.withMinimumLogLevel(level),
    Effect.provide(layer),
    Effect.withConsole(quiet),
    Effect.catchIf(ValidationError.isValidationError, (error) => wrongUsage(args, error))
  )
})

const wrongUsage = (
  args: ReadonlyArray<string>,
  error: ValidationError.ValidationError
): Effect.Effect<never, CliError> => {
  const why = Style.strip(HelpDoc.toAnsiText(error.error)).replace(/\s+/g, " ").trim().replace(/\.$/, "")
  const name = nameOf(args)
  return refuse(`${why || "wrong arguments"}; see i2p ${name === undefined ? "" : `${name} `}--help`)
}

const pages = new Map([
  ["demo", () => Command.getHelp(demo, config)],
  ["ping", () => Command.getHelp(ping, config)],
  ["nc", () => Command.getHelp(nc, config)],
  ["tunnel", () => Command.getHelp(tunnelParent, config)],
  ["tunnel client", () => Command.getHelp(tunnelClient, config)],
  ["tunnel server", () => Command.getHelp(tunnelServer, config)],
  ["tunnel http", () => Command.getHelp(tunnelHttp, config)],
  ["tunnel socks", () => Command.getHelp(tunnelSocks, config)],
  ["perf", () => Command.getHelp(perf, config)],
  ["lookup", () => Command.getHelp(lookup, config)],
  ["keygen", () => Command.getHelp(keygen, config)],
  ["key", () => Command.getHelp(key, config)],
  ["key show", () => Command.getHelp(keyShow, config)],
  ["key convert", () => Command.getHelp(keyConvert, config)],
  ["key offline", () => Command.getHelp(keyOffline, config)],
  ["key vanity", () => Command.getHelp(keyVanity, config)],
  ["doctor", () => Command.getHelp(doctor, config)],
  ["router", () => Command.getHelp(router, config)],
  ["top", () => Command.getHelp(top, config)],
  ["trace", () => Command.getHelp(trace, config)]
])

/** The completion script of the parser, mended. */
const complete = (shell: string, script: string): string => {
  const docs = new Map([
    ["", Command.getHelp(root, config)],
    ...[...pages].map(([name, doc]) => [name, doc()] as const)
  ])
  const values = new Map([...docs].map(([name, doc]) => [name, Completions.values(Help.entries(doc, "OPTIONS"))]))
  return Completions.mend(shell, script, values, ["keygen", "key", "trace", "top"])
}

/** The command that the arguments name, with its subcommand if they name one. */
const nameOf = (args: ReadonlyArray<string>): string | undefined => {
  const at = args.findIndex((arg) => pages.has(arg))
  if (at < 0) return undefined
  const sub = args.slice(at + 1).map((arg) => `${args[at]} ${arg}`)
  return sub.find((name) => pages.has(name)) ?? args[at]
}

const isSubcommandOf = (name: string | undefined) => (candidate: string) =>
  name === undefined ? !candidate.includes(" ") : candidate.startsWith(`${name} `)

const isShared = ({ term }: Help.Entry): boolean => /^--(router|keys|hosts|tunnels|json|log-level)\b/.test(term)
const isParsers = ({ term }: Help.Entry): boolean => /--(completions|wizard|version|help)\b/.test(term)

const page = (name: string | undefined): Help.Page => {
  const doc = name === undefined ? Command.getHelp(root, config) : pages.get(name)!()
  const options = Help.entries(doc, "OPTIONS")
  const shared = { title: "Options of every command", entries: options.filter(isShared) }
  const footer = "Exit codes: 0 done, 1 no answer, 2 error."
  const commands = [...pages]
    .filter(([term]) => isSubcommandOf(name)(term))
    .map(([term, doc]) => ({ term, text: Help.description(doc()).split(/[.:](?: |$)/, 1)[0]! }))
  if (name === undefined) {
    return {
      usage: "i2p COMMAND [options] [arguments]",
      description: Help.description(doc),
      sections: [
        { title: "Commands", entries: commands },
        shared,
        { title: "More", entries: options.filter(isParsers) }
      ],
      footer: `${footer} Every command: i2p COMMAND --help`
    }
  }
  if (commands.length > 0) {
    return {
      usage: `i2p ${name} COMMAND [options] [arguments]`,
      description: Help.description(doc),
      sections: [
        { title: "Commands", entries: commands },
        { title: "Instead of a command", entries: options.filter((entry) => !isShared(entry) && !isParsers(entry)) }
      ],
      footer: `${footer} Each of them: i2p ${name} COMMAND --help`
    }
  }
  const args = Help.entries(doc, "ARGUMENTS")
  return {
    usage: ["i2p", name, "[options]", ...args.map(({ term }) => `[${term}]`)].join(" "),
    description: Help.description(doc),
    sections: [
      { title: "Arguments", entries: args },
      { title: "Options", entries: options.filter((entry) => !isShared(entry) && !isParsers(entry)) },
      shared
    ],
    footer
  }
}
