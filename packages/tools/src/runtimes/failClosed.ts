/**
 * Asks for hosts on I2P and elsewhere with each kind of HTTP client, on a router that has neither; prints what became of
 * each. Whatever gets past us asks DNS, and says so with `ENOTFOUND` or an answer. `runtimes.ts` runs it on every runtime.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import { connectError, refusal } from "@effect-i2p/platform/I2pHttpError"
import * as I2pAgent from "@effect-i2p/platform-node/I2pAgent"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

const describe = (error: unknown): string => {
  if (Option.isSome(refusal(error))) return "refused"
  const ours = connectError(error)
  if (Option.isSome(ours)) return ours.value._tag
  const { cause } = error as Error
  const { code, message } = (cause ?? error) as Error & { readonly code?: string }
  return code ?? message
}

const byAgent = (host: string) =>
  Effect.flatMap(I2pAgent.make({ connect: { timeout: "1 second" } }), ({ http }) =>
    Effect.async<string>((resume) => {
      Http.get({ host, agent: http }, (answer) => resume(Effect.succeed(`answered ${answer.statusCode}`))).on(
        "error",
        (error) => resume(Effect.succeed(describe(error)))
      )
    })
  )

const byFetch = (host: string) =>
  Effect.flatMap(I2pHttpClient.makeFetch({ connect: { timeout: "1 second" } }), (fetch) =>
    Effect.promise(() => fetch(`http://${host}/`).then(({ status }) => `answered ${status}`, describe))
  )

const program = Effect.gen(function* () {
  for (const host of ["nobody.i2p", "example.invalid"]) {
    for (const [name, ask] of [
      ["agent", byAgent],
      ["fetch", byFetch]
    ] as const) {
      const exit = yield* Effect.exit(Effect.timeout(Effect.scoped(ask(host)), "10 seconds"))
      const said = Exit.isSuccess(exit) ? exit.value : (Cause.squash(exit.cause) as Error).message
      yield* Console.log(`${name} ${host}: ${said}`)
    }
  }
}).pipe(Effect.scoped, Effect.provide(NodeI2p.layerOnLocalRouter()), Effect.provide(NodeI2p.layerLocalRouter()))

await Effect.runPromise(program)
