/**
 * A worse line between the routers: delay and loss where the kernel has netem, else a rate limit with a short queue, which
 * drops what does not fit into it.
 *
 * It lies on the loopback of the network namespace and so under everything in it, clients included. What it drops, the
 * routers' TCP repeats: streams see pauses of hundreds of milliseconds, tunnels of uneven speed, and full queues.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/**
 * The kernel has neither.
 *
 * @category errors
 * @since 0.1.0
 */
export class RoughLineUnavailable extends Schema.TaggedError<RoughLineUnavailable>()("RoughLineUnavailable", {
  tried: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return ["No line could be made worse:", ...this.tried.map((command) => `  ${command} failed`)].join("\n")
  }
}

const netem = "netem delay 15ms 5ms loss 0.5%"
/** 5 MB/s, some 50 ms of queue; packets on a loopback have up to 64 KiB. */
const limited = "tbf rate 40mbit burst 128kb limit 256kb"

const tc = (words: string) => {
  const args = words.split(" ")
  return Command.exitCode(Command.make("tc", ...args)).pipe(
    Effect.catchAll(() => Effect.succeed(-1)),
    Effect.filterOrFail(
      (code) => code === 0,
      () => `tc ${words}`
    )
  )
}

/**
 * Makes the line worse until the scope ends, and answers how.
 *
 * **Errors** `RoughLineUnavailable` where the kernel, or `tc`, knows neither way.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<string, RoughLineUnavailable, CommandExecutor.CommandExecutor | Scope.Scope> =
  Effect.validateFirst([netem, limited], (discipline) =>
    Effect.as(tc(`qdisc add dev lo root ${discipline}`), discipline)
  ).pipe(
    Effect.mapError((tried) => new RoughLineUnavailable({ tried })),
    Effect.acquireRelease(() => Effect.ignore(tc("qdisc del dev lo root")))
  )
