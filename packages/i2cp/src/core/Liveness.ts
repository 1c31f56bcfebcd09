/**
 * Is anybody there? A router may stay silent for minutes and a half-open socket looks alive for as long, so silence is
 * answered with a question every router answers.
 *
 * Only whole frames count as a sign of life: a frame that trickles in and never ends does not.
 *
 * **Source** ours: I2CP has no ping and routers no idle timeout; a half-open socket looks alive for minutes.
 *
 * @since 0.1.0
 */

/**
 * **Units** local ms. `since` is when we last asked or had reason to believe, `due` when to look again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Liveness {
  readonly since: number
  readonly due: number
  readonly missed: number
}

/**
 * Unanswered pings that end a connection.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MISSED = 2

/**
 * Something was heard now; the next ping is due after `interval` ms of silence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: number, interval: number): Liveness => ({ since: now, due: now + interval, missed: 0 })

/**
 * Looks whether anything was heard; answers what to do about it.
 *
 * @category transitions
 * @since 0.1.0
 */
export const check = (
  self: Liveness,
  lastHeard: number,
  now: number,
  options: { readonly pingInterval: number; readonly pingTimeout: number }
): readonly [Liveness, "Nothing" | "Ping" | "Dead"] => {
  if (now < self.due) return [self, "Nothing"]
  const heard = lastHeard >= self.since
  const due = lastHeard + options.pingInterval
  if (heard && now < due) return [{ since: lastHeard, due, missed: 0 }, "Nothing"]
  const missed = heard ? 0 : self.missed
  if (missed >= MAX_MISSED) return [self, "Dead"]
  return [{ since: now, due: now + options.pingTimeout, missed: missed + 1 }, "Ping"]
}
