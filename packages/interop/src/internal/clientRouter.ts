import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ScopedRef from "effect/ScopedRef"
import type * as RouterProcess from "../RouterProcess.js"
import * as Sam from "../Sam.js"
import * as Tcp from "../Tcp.js"
import * as Topology from "../Topology.js"

/** A router of either kind. */
type Router = RouterProcess.RouterProcess & { readonly spec: Topology.RouterSpec }

/** A router with clients, and the SAM sessions on it that stay open for the suites. */
export interface ClientRouter {
  readonly router: Router
  /** Starts the process; returns when its I2CP and SAM ports answer. */
  readonly start: Effect.Effect<void, RouterProcess.RouterFailed>
  /**
   * Opens the standing sessions; their destinations in the order of `Topology.samSessionIds`.
   *
   * They also prove the network: a session means tunnels and a published lease set. Done again after a restart, the
   * same destinations come back under the same ids.
   */
  readonly openSessions: Effect.Effect<ReadonlyArray<string>, RouterProcess.RouterFailed>
  /** Starts a router that was killed; its sessions follow in the background. */
  readonly restart: Effect.Effect<void, RouterProcess.RouterFailed>
}

/** i2pd opens I2CP 0.6 s after its start, Java 2 s; a busy machine takes longer. */
const whileStarting = Schedule.spaced("50 millis").pipe(Schedule.upTo("30 seconds"))

/** One check of i2pd's is 20 s; some checks, for a busy machine. */
const sessionTimeout = "90 seconds"

export const make = (router: Router): Effect.Effect<ClientRouter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sessions = yield* ScopedRef.make<ReadonlyArray<Sam.SamSession>>(() => [])

    const open = Effect.flatMap(ScopedRef.get(sessions), (before) =>
      Effect.forEach(
        Topology.samSessionIds,
        (id, index) => Sam.session({ port: router.spec.samPort }, { id, privateKeys: before[index]?.privateKeys }),
        { concurrency: "unbounded" }
      )
    )

    const start = router.start.pipe(
      Effect.zipRight(
        Effect.forEach([router.spec.i2cpPort, router.spec.samPort], (port) =>
          Effect.scoped(Tcp.connect({ port })).pipe(Effect.retry(whileStarting))
        ).pipe(Effect.catchTag("TcpError", (error) => router.fail(`takes no clients: ${error.message}`)))
      )
    )
    const openSessions = ScopedRef.set(sessions, open).pipe(
      Effect.timeout(sessionTimeout),
      Effect.catchAll((error) => router.fail(`opened no SAM session: ${error.message}`)),
      Effect.zipRight(ScopedRef.get(sessions)),
      Effect.map((opened) => opened.map(({ destination }) => destination))
    )
    const scope = yield* Effect.scope
    const restart = Effect.zipRight(start, Effect.forkIn(Effect.ignoreLogged(openSessions), scope))
    return { router, start, openSessions, restart }
  })
