/**
 * What a supervised session is doing, for people and programs that watch it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Trouble } from "./core/Session.js"
import type { I2cpError } from "./I2cpError.js"

/**
 * What every state of a connection knows.
 *
 * **Shape** `attempt` counts connections from 1; `router` is the name of the one that is dialled. `since` is when the
 * state began.
 * **Units** local ms since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly attempt: number
  readonly router: string
  readonly since: number
}

/**
 * **Shape** `Ready` and `Degraded` can send; the latter says why that may be in vain. `Lost` is between a failed attempt
 * and the next, `retryAt` when that comes. `Idle`: closed for want of use, until the next send. `Failed` is final, as is
 * `Closed`, which we asked for. `until` is when a wait is given up. `routerVersion` is what the router says, which for
 * older i2pd is an echo.
 * **Units** local ms since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionState = Data.TaggedEnum<{
  Connecting: Attempt & { readonly until: number }
  CreatingSession: Attempt & { readonly until: number; readonly routerVersion: string }
  BuildingTunnels: Attempt & { readonly until: number; readonly routerVersion: string }
  Ready: Attempt & { readonly routerVersion: string }
  Degraded: Attempt & { readonly routerVersion: string; readonly trouble: Trouble }
  Closing: Record<never, never>
  Lost: Attempt & { readonly reason: I2cpError; readonly retryAt: number }
  Idle: { readonly since: number }
  Failed: { readonly reason: I2cpError }
  Closed: Record<never, never>
}>

const constructors = Data.taggedEnum<SessionState>()

/**
 * @category constructors
 * @since 0.1.0
 */
export const {
  BuildingTunnels,
  Closed,
  Closing,
  Connecting,
  CreatingSession,
  Degraded,
  Failed,
  Idle,
  Lost,
  Ready,
  $is: is
} = constructors

/**
 * Whether payloads can be handed to a router.
 *
 * @category getters
 * @since 0.1.0
 */
export const isUsable = (state: SessionState): boolean => state._tag === "Ready" || state._tag === "Degraded"

const troubles: Record<Trouble, string> = {
  Unanswered: "the router does not answer",
  LeasesEnded: "the router has let our leases end: nobody reaches us"
}

/**
 * One line for a progress display.
 *
 * @category getters
 * @since 0.1.0
 */
export const progress: (state: SessionState) => string = constructors.$match({
  Connecting: ({ attempt, router }) =>
    attempt === 1 ? `connecting to ${router}` : `connecting to ${router}, attempt ${attempt}`,
  CreatingSession: ({ routerVersion }) => `creating a session on router ${routerVersion || "of unknown version"}`,
  BuildingTunnels: () => "building tunnels",
  Ready: () => "ready",
  Degraded: ({ trouble }) => troubles[trouble],
  Closing: () => "closing",
  Lost: ({ reason, retryAt, since }) =>
    retryAt > since ? `${reason.message}; next attempt in ${Math.ceil((retryAt - since) / 1000)} s` : reason.message,
  Idle: () => "closed while idle",
  Failed: ({ reason }) => reason.message,
  Closed: () => "closed"
})
