/**
 * What a supervised session is doing, for people and programs that watch it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { I2cpError } from "./I2cpError.js"

/**
 * **Shape** `Lost` is between a failed attempt and the next; `Failed` is final, as is `Closed`, which we asked for.
 * `attempt` counts connections from 1. `routerVersion` is what the router says, which for older i2pd is an echo.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionState = Data.TaggedEnum<{
  Connecting: { readonly attempt: number }
  CreatingSession: { readonly attempt: number; readonly routerVersion: string }
  BuildingTunnels: { readonly attempt: number; readonly routerVersion: string }
  Ready: { readonly attempt: number; readonly routerVersion: string }
  Closing: Record<never, never>
  Lost: { readonly attempt: number; readonly reason: I2cpError }
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
  Failed,
  Lost,
  Ready,
  $is: is,
  $match: match
} = constructors

/**
 * One line for a progress display.
 *
 * @category getters
 * @since 0.1.0
 */
export const progress: (state: SessionState) => string = match({
  Connecting: ({ attempt }) =>
    attempt === 1 ? "connecting to the router" : `connecting to the router, attempt ${attempt}`,
  CreatingSession: ({ routerVersion }) => `creating a session on router ${routerVersion || "of unknown version"}`,
  BuildingTunnels: () => "building tunnels",
  Ready: () => "ready",
  Closing: () => "closing",
  Lost: ({ reason }) => reason.message,
  Failed: ({ reason }) => reason.message,
  Closed: () => "closed"
})
