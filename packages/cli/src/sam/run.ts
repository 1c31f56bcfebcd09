/**
 * `i2p sam`: a SAM bridge on this machine, with sessions on the router of the settings.
 *
 * @since 0.1.0
 */
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeInsight from "@effect-i2p/platform-node/NodeInsight"
import * as NodeSam from "@effect-i2p/platform-node/NodeSam"
import * as Sam from "@effect-i2p/sam/Sam"
import * as SamSessions from "@effect-i2p/sam/SamSessions"
import * as SamUsers from "@effect-i2p/sam/SamUsers"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as ExitStatus from "../output/ExitStatus.js"
import { type CliError, ExitCode, refuse } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import * as Output from "../output/Output.js"
import type { Settings } from "../shell/Settings.js"
import * as Streams from "../stream/Streams.js"
import * as SamReport from "./SamReport.js"

/**
 * What the command was given. **Shape** addresses as typed; `udp` may be `none`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly listen: string
  readonly udp: string
  readonly user: Option.Option<string>
  readonly password: Option.Option<string>
  readonly users: Option.Option<string>
  readonly sessions: Option.Option<number>
  readonly insight: Option.Option<string>
}

/** How often counters are looked at, and how often they are told in JSON. */
const lookInterval = Duration.seconds(1)
const looksPerStatus = 10

/**
 * Serves until a signal, which is its proper end.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  if (settings.keys !== undefined) {
    return yield* refuse("--keys is for one destination: clients of SAM bring the keys of theirs")
  }
  const listen = yield* endpoint("--listen", options.listen)
  const udp = options.udp === "none" ? false : yield* endpoint("--udp", options.udp)
  const maxSessions = Option.getOrElse(options.sessions, () => Sam.defaults.maxSessions)
  if (maxSessions < 1) return yield* refuse("--sessions must be 1 or more")
  const users = yield* usersOf(options)

  const sessions = Layer.scoped(
    SamSessions.SamSessions,
    Effect.map(Streams.place(settings), (place) => SamSessions.fromLayers((request) => place(request)))
  )
  const layer = NodeSam.layer({ listen, udp, users, maxSessions }).pipe(
    Layer.provide(sessions),
    Layer.mapError(({ message }) => refuse(`${message}; choose another address with --listen or --udp`))
  )
  yield* Effect.gen(function* () {
    const places = yield* NodeSam.Listening
    const sam = yield* Sam.Sam
    yield* Option.match(options.insight, { onNone: () => Effect.void, onSome: (path) => watched(sam, path) })
    yield* Output.data(settings.json ? SamReport.openedJson(places) : SamReport.opened(places))
    yield* ExitStatus.set(ExitCode.Ok)
    yield* watch(settings, sam).pipe(Effect.onExit(() => summarize(settings, sam)))
  }).pipe(Effect.provide(layer), Effect.scoped)
})

const endpoint = (
  label: string,
  text: string
): Effect.Effect<{ readonly host: string; readonly port: number }, CliError> => {
  const parts = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/.exec(text)
  const port = Number(parts?.[3])
  return parts === null || port > 65_535
    ? refuse(`${label} "${text}" is no place to listen: use host:port or a port, as in 127.0.0.1:7656`)
    : Effect.succeed({ host: parts[1] || parts[2] || "127.0.0.1", port })
}

const passwordVariable = Config.option(Config.redacted("I2P_SAM_PASSWORD"))

const usersOf = (options: Options): Effect.Effect<SamUsers.SamUsers, CliError> =>
  Effect.gen(function* () {
    const typed = Option.map(options.password, (text) => Redacted.make(text))
    const given = Option.isSome(typed)
      ? typed
      : yield* Effect.mapError(passwordVariable, (error) => refuse(String(error)))
    if (Option.isNone(options.user)) {
      if (Option.isSome(options.password)) return yield* refuse("--password needs --user")
    } else if (Option.isNone(given)) return yield* refuse("--user needs --password, or I2P_SAM_PASSWORD")
    const users =
      Option.isSome(options.user) && Option.isSome(given) ? [{ user: options.user.value, password: given.value }] : []
    const path = Option.getOrUndefined(options.users)
    if (path === undefined) return yield* SamUsers.make({ users })
    return yield* Effect.mapError(NodeSam.usersFile(path, users), ({ message }) => refuse(message))
  }).pipe(Effect.provide(NodeI2p.layerBackends))

/** Lets `i2p top` see the streams of all sessions. */
const watched = (sam: Sam.Sam["Type"], path: string) =>
  Layer.build(
    NodeInsight.layerSource(
      {
        self: "SAM",
        session: Effect.map(sam.stats, (stats) => ({ state: "Ready", text: SamReport.stats(stats) })),
        active: sam.active,
        drops: Effect.map(sam.stats, ({ datagramsDropped, socketsRefused, streamsFailed }) => ({
          datagramsDropped,
          socketsRefused,
          streamsFailed
        }))
      },
      { path, program: "i2p sam" }
    )
  ).pipe(Effect.mapError(({ message }) => refuse(message)))

/** Shows the counters to whoever is watching, and tells programs of them. */
const watch = (settings: Settings, sam: Sam.Sam["Type"]) =>
  Effect.gen(function* () {
    const { err } = yield* Output.Output
    const isShown = err.isTerminal && !settings.json
    const shown = yield* Ref.make("")
    let told = ""
    let look = 0
    const erase = Effect.flatMap(Ref.getAndSet(shown, ""), (text) =>
      text === "" ? Effect.void : err.write("\r\u001b[0K")
    )
    const one = Effect.gen(function* () {
      const stats = yield* sam.stats
      if (isShown) {
        const text = Format.truncate(SamReport.stats(stats), Math.max(40, err.columns() - 1))
        if (text !== (yield* Ref.get(shown))) {
          yield* erase
          yield* err.write(text)
          yield* Ref.set(shown, text)
        }
      }
      if (settings.json && look++ % looksPerStatus === looksPerStatus - 1) {
        const line = SamReport.statsJson("status", stats)
        if (line !== told) yield* Output.data(line)
        told = line
      }
    })
    return yield* Effect.forever(Effect.zipRight(Effect.sleep(lookInterval), one)).pipe(Effect.onExit(() => erase))
  })

/** The last word. In a pipe and without JSON there is none: it would be talk that nobody asked for. */
const summarize = (settings: Settings, sam: Sam.Sam["Type"]) =>
  Effect.gen(function* () {
    const { err } = yield* Output.Output
    const stats = yield* sam.stats
    if (settings.json) yield* Output.data(SamReport.statsJson("summary", stats))
    else if (err.isTerminal) yield* Output.talk(SamReport.stats(stats))
  })
