/**
 * `i2p router`: the embedded router on a TCP port.
 *
 * @since 0.1.0
 */

import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import * as LinkOptions from "@effect-i2p/router/LinkOptions"
import { LocalRouter } from "@effect-i2p/router/LocalRouter"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ExitStatus from "../output/ExitStatus.js"
import { ExitCode, refuse } from "../output/Failure.js"
import * as Output from "../output/Output.js"
import type { Settings } from "../shell/Settings.js"
import * as Streams from "../stream/Streams.js"
import { echoName } from "../stream/Target.js"
import * as FaultOptions from "./FaultOptions.js"

/**
 * **Shape** `fault` in the words of `FaultOptions`; one field for each word of `LinkOptions`, as typed.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = { readonly listen: string; readonly fault: ReadonlyArray<string> } & {
  readonly [Word in
    | "latency"
    | "jitter"
    | "loss"
    | "loss-burst"
    | "reorder"
    | "reorder-time"
    | "duplicate"
    | "rate"
    | "queue"
    | "seed"]: Option.Option<string>
}

/**
 * Serves until a signal, which is its proper end.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const { host, port } = yield* parseListen(options.listen)
  const entries = LinkOptions.words.flatMap((word) =>
    Option.match(options[word as keyof Options] as Option.Option<string>, {
      onNone: () => [],
      onSome: (text) => [[word, text] as const]
    })
  )
  const link = yield* Effect.mapError(LinkOptions.fromEntries(entries), (why) => refuse(`--${why}`))
  const faults = yield* Effect.mapError(Either.all(options.fault.map(FaultOptions.parse)), (why) =>
    refuse(`--fault ${why}`)
  )
  const echoKeys = yield* NodeKeyStore.transient
  const layer = Streams.layerEcho(echoKeys).pipe(
    Layer.provideMerge(NodeLocalRouter.layerServe({ host, port })),
    Layer.provideMerge(
      NodeI2p.layerLocalRouter({
        link: link.config,
        seed: link.seed,
        names: { [echoName]: echoKeys.destination }
      })
    ),
    Layer.catchAll((error) => Layer.fail(refuse(explain(error, host, port))))
  )
  yield* Effect.gen(function* () {
    const bound = yield* NodeLocalRouter.port
    const echo = echoKeys.destination.b32
    yield* Output.data(
      settings.json
        ? JSON.stringify({ type: "listening", host, port: bound, seed: link.seed, echo, link: link.config })
        : `listening on ${host}:${bound}\n${echoName} is ${echo}`
    )
    yield* ExitStatus.set(ExitCode.Ok)
    const router = yield* LocalRouter
    yield* Effect.forEach(faults, (fault) => fault(router.faults), { concurrency: "unbounded", discard: true })
    yield* Effect.never
  }).pipe(Effect.provide(layer))
})

const parseListen = (text: string) => {
  const parts = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/.exec(text)
  const port = Number(parts?.[3])
  return parts === null || port > 65535
    ? refuse(`--listen "${text}" is no place to listen: use host:port or a port, as in 127.0.0.1:7654`)
    : Effect.succeed({ host: parts[1] || parts[2] || "127.0.0.1", port })
}

const explain = (error: { readonly message: string; readonly cause?: unknown }, host: string, port: number): string => {
  const code = (error.cause as { readonly code?: string } | undefined)?.code
  const why =
    code === "EADDRINUSE"
      ? "the port is taken, perhaps by a real router; choose another with --listen"
      : code === "EACCES"
        ? "that port is not allowed to you; choose one above 1023 with --listen"
        : `${code ?? error.message}; choose another address with --listen`
  return `cannot listen on ${host}:${port}: ${why}`
}
