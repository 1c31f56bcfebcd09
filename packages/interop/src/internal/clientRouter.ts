import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ScopedRef from "effect/ScopedRef"
import type * as I2pd from "../I2pd.js"
import * as Sam from "../Sam.js"
import * as Tcp from "../Tcp.js"
import * as Topology from "../Topology.js"

/** A router with clients, and the SAM sessions on it that stay open for the suites. */
export interface ClientRouter {
  readonly router: I2pd.I2pd
  /** Starts the process; returns when its I2CP port answers. */
  readonly start: Effect.Effect<void, I2pd.RouterFailed>
  /**
   * Opens the standing sessions; their destinations in the order of `Topology.samSessionIds`.
   *
   * They also prove the network: a session means tunnels and a published lease set. Done again after a restart, the
   * same destinations come back under the same ids.
   */
  readonly openSessions: Effect.Effect<ReadonlyArray<string>, I2pd.RouterFailed>
}

/** i2pd opens I2CP 0.6 s after its start; a busy machine takes longer. */
const whileStarting = Schedule.spaced("50 millis").pipe(Schedule.upTo("30 seconds"))

/** One check of i2pd's is 20 s; some checks, for a busy machine. */
const sessionTimeout = "90 seconds"

export const make = (router: I2pd.I2pd): Effect.Effect<ClientRouter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sessions = yield* ScopedRef.make<ReadonlyArray<Sam.SamSession>>(() => [])

    const open = Effect.flatMap(ScopedRef.get(sessions), (before) =>
      Effect.forEach(
        Topology.samSessionIds,
        (id, index) => Sam.session({ port: router.spec.samPort }, { id, privateKeys: before[index]?.privateKeys }),
        { concurrency: "unbounded" }
      )
    )

    return {
      router,
      start: router.start.pipe(
        Effect.zipRight(
          Effect.scoped(Tcp.connect({ port: router.spec.i2cpPort })).pipe(
            Effect.retry(whileStarting),
            Effect.catchTag("TcpError", (error) => router.fail(`has no I2CP port: ${error.message}`))
          )
        )
      ),
      openSessions: ScopedRef.set(sessions, open).pipe(
        Effect.timeout(sessionTimeout),
        Effect.catchAll((error) => router.fail(`opened no SAM session: ${error.message}`)),
        Effect.zipRight(ScopedRef.get(sessions)),
        Effect.map((opened) => opened.map(({ destination }) => destination))
      )
    }
  })
