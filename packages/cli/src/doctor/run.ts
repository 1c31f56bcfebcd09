/**
 * `i2p doctor`: what is wrong between this machine and a router, and which switch to flip.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as I2cpConnection from "@effect-i2p/i2cp/I2cpConnection"
import * as RouterProbe from "@effect-i2p/i2cp/RouterProbe"
import * as NodeI2cp from "@effect-i2p/platform-node/NodeI2cp"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeI2pConfig from "@effect-i2p/platform-node/NodeI2pConfig"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as ExitStatus from "../output/ExitStatus.js"
import { ExitCode, refuse } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import { Output } from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import * as Doctor from "./Doctor.js"
import * as DoctorReport from "./DoctorReport.js"
import type { Stage } from "./DoctorStage.js"

/**
 * **Units** `timeout` seconds for each stage.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly timeout: Option.Option<number>
}

/**
 * Prints a line a stage and what to do about the one that fails. Exit code 0 if all hold, 1 if one fails.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const patience = Option.getOrUndefined(options.timeout)
  if (patience !== undefined && !(patience > 0)) return yield* refuse("-w must be above 0")
  const keys = settings.keys === undefined ? undefined : yield* NodeKeyStore.file(settings.keys)
  const { err, out } = yield* Output
  const style = Style.make(out.colors)
  if (settings.router._tag === "Several") return yield* refuse("--router: doctor examines one router at a time")
  const address = settings.router
  const router = NodeI2pConfig.formatRouter(address)
  const print = (line: string) => (settings.json ? Effect.void : out.write(`${line}\n`))

  yield* print(`router ${style.bold(router)}`)
  let stage: Stage = "port"
  let began = yield* Clock.currentTimeMillis
  const progress = Effect.map(Clock.currentTimeMillis, (now) =>
    Format.truncate(`i2p: ${stage} … ${Format.seconds(Math.floor((now - began) / 1000) * 1000)}`, err.columns() - 1)
  )
  const examination = Effect.flatMap(socketOf(address), (socket) =>
    Doctor.examine({
      socket,
      whoElse: whoElse(address),
      keys,
      session: { nickname: "i2p doctor", credentials: settings.credentials, ...settings.tunnels },
      patience,
      onStage: (next) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          stage = next
          began = now
        }),
      // The progress line is in the way until its next turn.
      onOutcome: (outcome) =>
        Effect.zipRight(
          err.isTerminal ? err.write(Progress.clear) : Effect.void,
          print(DoctorReport.line(outcome, style))
        )
    })
  )
  // Closing the sessions is part of what is waited for; what they complain about is in the report.
  const outcomes = yield* Progress.during(quietly(Effect.scoped(examination)), err, progress)
  yield* settings.json
    ? out.write(`${DoctorReport.json(router, outcomes)}\n`)
    : print(DoctorReport.verdict(outcomes, style, out.columns()))
  const isWell = outcomes.every((outcome) => outcome._tag === "Passed")
  yield* ExitStatus.set(isWell ? ExitCode.Ok : ExitCode.NoAnswer)
})

/** One router. */
type Single = Exclude<NodeI2pConfig.Router, { readonly _tag: "Several" }>

/** Makes connections to the router: to the embedded one, for as long as the scope lives. */
const socketOf = (router: Single) =>
  router._tag === "Embedded"
    ? Effect.map(
        Layer.build(NodeI2p.layerLocalRouter({ link: router.link.config, seed: router.link.seed })),
        (context) =>
          Layer.provide(
            LocalRouter.layerSocket(),
            Layer.succeed(LocalRouter.LocalRouter, Context.get(context, LocalRouter.LocalRouter))
          )
      )
    : Effect.succeed(Layer.fresh(NodeI2cp.layer(router)))

/** Who it is that has no word for an I2CP client. */
const whoElse = (router: Single): Effect.Effect<"TlsServer" | "WebServer" | undefined> =>
  Effect.gen(function* () {
    if (router._tag !== "Tcp") return undefined
    const { host, port } = router
    if (yield* looksLikeTls({ host, port, connectTimeout: "3 seconds", tls: {} })) return "TlsServer"
    return (yield* looksLikeWeb(NodeI2cp.layer(router))) ? "WebServer" : undefined
  })

/** A certificate, trusted or not, is the proof. */
const looksLikeTls = (options: NodeI2cp.TlsOptions): Effect.Effect<boolean> =>
  RouterProbe.probe().pipe(
    Effect.provide(Layer.provide(I2cpConnection.layer, NodeI2cp.layerTls(options))),
    Effect.match({
      onSuccess: () => true,
      onFailure: (error) => error._tag === "TlsFailed" && error.reason !== "PlainServer"
    })
  )

/** An answer to the shortest request there is. */
const looksLikeWeb = (layer: Layer.Layer<Socket.Socket>): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const socket = yield* Socket.Socket
    const answer = yield* Deferred.make<string>()
    yield* Effect.forkScoped(socket.run((bytes) => Deferred.succeed(answer, new TextDecoder().decode(bytes))))
    const write = yield* socket.writer
    yield* write("GET / HTTP/1.0\r\n\r\n")
    return (yield* Deferred.await(answer)).startsWith("HTTP/")
  }).pipe(
    Effect.timeout("3 seconds"),
    Effect.orElseSucceed(() => false),
    Effect.scoped,
    Effect.provide(Layer.fresh(layer))
  )

const quietly = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentMinimumLogLevel), (level) =>
    LogLevel.greaterThanEqual(level, LogLevel.Warning) ? Logger.withMinimumLogLevel(effect, LogLevel.Error) : effect
  )
