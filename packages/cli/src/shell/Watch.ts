/**
 * The options that let others watch a command's streams: a packet trace in a file, and a socket for `i2p top`.
 *
 * @since 0.1.0
 */
import * as CliOptions from "@effect/cli/Options"
import type * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeInsight from "@effect-i2p/platform-node/NodeInsight"
import * as NodePacketTrace from "@effect-i2p/platform-node/NodePacketTrace"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type CliError, refuse } from "../output/Failure.js"

/**
 * Paths; `program` is what `top` calls the command.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly trace: Option.Option<string>
  readonly insight: Option.Option<string>
  readonly program?: string
}

/**
 * No options given.
 *
 * @category constants
 * @since 0.1.0
 */
export const nobody: Options = { trace: Option.none(), insight: Option.none() }

/**
 * For commands with streams.
 *
 * @category options
 * @since 0.1.0
 */
export const options = {
  trace: CliOptions.text("trace").pipe(
    CliOptions.withPseudoName("file"),
    CliOptions.withDescription("Write a packet trace; i2p trace shows it. No payload, no keys"),
    CliOptions.optional
  ),
  insight: CliOptions.text("insight").pipe(
    CliOptions.withPseudoName("path"),
    CliOptions.withDescription("Let i2p top watch on a Unix socket made there"),
    CliOptions.optional
  )
}

/**
 * The services of a destination with what the options ask for around them.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(
  services: Layer.Layer<NodeI2p.Services, E, R>,
  { insight, program = "i2p", trace }: Options
): Layer.Layer<NodeI2p.Services, E | CliError, R> => {
  const traced = Option.match(trace, {
    onNone: () => services,
    onSome: (path) => Layer.provide(services, Layer.mapError(NodePacketTrace.layerFile(path), said))
  })
  return Option.match(insight, {
    onNone: () => traced,
    onSome: (path) => Layer.provideMerge(Layer.mapError(NodeInsight.layer({ path, program }), said), traced)
  })
}

const said = ({ message }: { readonly message: string }) => refuse(message)
