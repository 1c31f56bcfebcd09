/**
 * What to answer to lease requests, and when: every request gets an answer at once, except that a flood is answered at
 * a bounded rate with the newest request, because signing is the expensive part.
 *
 * @since 0.1.0
 */
import type { Lease } from "@effect-i2p/wire/Lease"

/**
 * **Units** `lastPublished` seconds since 1970; `recent` local ms of the last answers, oldest first.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeaseAnswers {
  readonly lastPublished: number
  readonly recent: ReadonlyArray<number>
  /** The newest request not answered yet. */
  readonly held: Request | undefined
  /** The request answered last, and the local ms at which it is answered again because the day is over. */
  readonly renewal: { readonly at: number; readonly request: Request } | undefined
  readonly renewDaily: boolean
}

/**
 * A router's request for a lease set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly sessionId: number
  readonly leases: ReadonlyArray<Lease>
}

/**
 * The variable part of a lease set to sign.
 *
 * **Units** `published` seconds since 1970 by the router's clock, `expires` seconds after that.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly leases: ReadonlyArray<Lease>
  readonly published: number
  readonly expires: number
}

/**
 * Answers in any `RATE_WINDOW_MILLIS`.
 *
 * **Source** ours: a signature each; i2pd 2.45.1 asks every 15 s or so and waits 10 s for the answer.
 */
const MAX_ANSWERS = 5

/** The time in which answers are counted, in ms. */
const RATE_WINDOW_MILLIS = 1_000

/**
 * Leases in a lease set.
 *
 * **Source** common structures "LeaseSet2": 0–16.
 */
const MAX_LEASES = 16

/**
 * A lease that ends later is not believed; real ones live about 10 minutes.
 *
 * **Source** Java I2P refuses a lease set that ends more than 15 min ahead.
 */
const MAX_LEASE_AHEAD_MILLIS = 15 * 60 * 1_000

/** **Source** LeaseSet2 `expires` is a u16. */
const MAX_EXPIRES_SECONDS = 0xffff

/** A UTC day; the keys of encrypted lease sets last as long. **Source** I2P encrypted lease set specification. */
const DAY_MILLIS = 86_400_000

/**
 * Before the first request. `lastPublished` is carried over from the connection before: routers and floodfills drop a
 * lease set that is not newer. With `renewDaily` the last request is answered again at midnight, UTC.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (lastPublished: number, renewDaily = false): LeaseAnswers => ({
  lastPublished,
  recent: [],
  held: undefined,
  renewal: undefined,
  renewDaily
})

/**
 * Takes note of a request; an older one that was not answered yet is forgotten.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onRequest = (self: LeaseAnswers, sessionId: number, leases: ReadonlyArray<Lease>): LeaseAnswers => ({
  ...self,
  held: { sessionId, leases }
})

/**
 * When the held request may be answered, or the last one is to be answered again; `undefined` when there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextTimeout = (self: LeaseAnswers): number | undefined => {
  if (self.held === undefined) return self.renewal?.at
  return self.recent.length < MAX_ANSWERS ? 0 : self.recent[0]! + RATE_WINDOW_MILLIS
}

/**
 * Answers the held request if it is for this session and its time has come.
 *
 * **Shape** `"Unusable"` is a request without a single lease worth publishing: it gets no answer.
 *
 * @category transitions
 * @since 0.1.0
 */
export const answer = (
  before: LeaseAnswers,
  sessionId: number,
  now: number,
  routerNow: number
): readonly [LeaseAnswers, Answer | "Unusable" | undefined] => {
  const self = renewed(before, now, routerNow)
  const due = nextTimeout(self)
  if (self.held === undefined || due === undefined || now < due) return [self, undefined]
  const idle: LeaseAnswers = { ...self, held: undefined }
  if (self.held.sessionId !== sessionId) return [idle, undefined]
  const leases = usable(self.held.leases, routerNow)
  if (leases.length === 0) return [idle, "Unusable"]
  const published = Math.max(Math.floor(routerNow / 1_000), self.lastPublished + 1)
  const end = Math.floor(leases.reduce((latest, lease) => Math.max(latest, lease.endDate), 0) / 1_000)
  const expires = Math.min(Math.max(end - published, 1), MAX_EXPIRES_SECONDS)
  const recent = [...self.recent, now].slice(-MAX_ANSWERS)
  const renewal = self.renewDaily ? { at: now + DAY_MILLIS - (routerNow % DAY_MILLIS), request: self.held } : undefined
  return [
    { ...idle, lastPublished: published, recent, renewal },
    { leases, published, expires }
  ]
}

/** At midnight the last request is there again, unless its leases have ended: then the router will ask anyway. */
const renewed = (self: LeaseAnswers, now: number, routerNow: number): LeaseAnswers => {
  const { held, renewal } = self
  if (renewal === undefined || now < renewal.at) return self
  const again = held ?? (usable(renewal.request.leases, routerNow).length > 0 ? renewal.request : undefined)
  return { ...self, held: again, renewal: undefined }
}

/** The first sixteen leases that have not ended, do not end absurdly late and have a tunnel; order kept. */
const usable = (leases: ReadonlyArray<Lease>, routerNow: number): ReadonlyArray<Lease> =>
  leases
    .filter(
      (lease) =>
        lease.tunnelId !== 0 && lease.endDate > routerNow && lease.endDate <= routerNow + MAX_LEASE_AHEAD_MILLIS
    )
    .slice(0, MAX_LEASES)
