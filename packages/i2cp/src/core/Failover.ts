/**
 * Which of several routers to try next.
 *
 * They are tried in the order of the list, once each in a round; between rounds the session waits. A router that failed
 * lately comes last, so that a session that lost its first router goes on with the second at once, and finds the first
 * again at its next loss a while later. A session that works is never moved: its new leases would reach its peers only
 * after minutes, and the old router's hold it until then.
 *
 * A router that refused the session for good is not tried again.
 *
 * @since 0.1.0
 */

/**
 * **Shape** by index of the router: `failedAt` local ms of the last failure, `barred` refused for good, `tried` in this
 * round.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failover {
  readonly failedAt: ReadonlyArray<number>
  readonly barred: ReadonlyArray<boolean>
  readonly tried: ReadonlyArray<boolean>
}

/**
 * As many routers, none of which has failed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (routers: number): Failover => ({
  failedAt: Array.from({ length: routers }, () => Number.NEGATIVE_INFINITY),
  barred: Array.from({ length: routers }, () => false),
  tried: Array.from({ length: routers }, () => false)
})

/**
 * The router to try next in this round; `undefined` when the round is over.
 *
 * **Units** `penalty` ms for which a failure counts.
 *
 * @category getters
 * @since 0.1.0
 */
export const next = (self: Failover, now: number, penalty: number): number | undefined => {
  let best: number | undefined
  for (const [router, failedAt] of self.failedAt.entries()) {
    if (self.tried[router] || self.barred[router]) continue
    const isFresh = now - failedAt >= penalty
    // Of those that failed lately the one that did so first, which had the longest time to recover.
    if (isFresh) return router
    if (best === undefined || failedAt < self.failedAt[best]!) best = router
  }
  return best
}

/**
 * The router was tried, and failed.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onFailed = (self: Failover, router: number, now: number): Failover => ({
  ...self,
  failedAt: self.failedAt.with(router, now),
  tried: self.tried.with(router, true)
})

/**
 * The router will never want this session.
 *
 * @category transitions
 * @since 0.1.0
 */
export const bar = (self: Failover, router: number): Failover => ({ ...self, barred: self.barred.with(router, true) })

/**
 * Whether nobody is left to ask.
 *
 * @category getters
 * @since 0.1.0
 */
export const isHopeless = (self: Failover): boolean => self.barred.every((barred) => barred)

/**
 * A new round: each router that is not barred may be tried again.
 *
 * @category transitions
 * @since 0.1.0
 */
export const startRound = (self: Failover): Failover => ({ ...self, tried: self.tried.map(() => false) })
