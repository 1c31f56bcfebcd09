/**
 * Standard input, chunk by chunk and only as fast as somebody reads.
 *
 * Not the stream's own iterator: that one cannot be left while it waits for input, so Ctrl-C would hang.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * The next bytes; none at the end. An input that fails, as a closed terminal does, has ended.
 *
 * @category reading
 * @since 0.1.0
 */
export const read: Effect.Effect<Option.Option<Uint8Array>> = Effect.async((resume) => {
  const { stdin } = process
  const done = () => {
    stdin.off("readable", attempt)
    stdin.off("end", attempt)
    stdin.off("error", attempt)
    stdin.off("close", attempt)
  }
  const attempt = () => {
    const chunk: Uint8Array | null = stdin.read()
    if (chunk === null && !stdin.readableEnded && !stdin.destroyed) return
    done()
    resume(Effect.succeed(chunk === null ? Option.none() : Option.some(new Uint8Array(chunk))))
  }
  stdin.on("readable", attempt)
  stdin.on("end", attempt)
  stdin.on("error", attempt)
  stdin.on("close", attempt)
  attempt()
  return Effect.sync(done)
})

/**
 * Whether a person types the input.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isTerminal: Effect.Effect<boolean> = Effect.sync(() => process.stdin.isTTY === true)
