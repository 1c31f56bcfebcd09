/**
 * What befalls the embedded router in a run of chaos.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import type * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { PCGRandom } from "effect/Utils"
import type * as Plan from "./Plan.js"

/**
 * A router, and how many of the chunks of bytes that it sends have a bit changed on their way.
 *
 * @since 0.1.0
 * @category models
 */
export class Victim {
  corruptShare = 0
  readonly #random: PCGRandom

  constructor(
    readonly router: LocalRouter.LocalRouter["Type"],
    seed: number
  ) {
    this.#random = new PCGRandom(seed)
  }

  /** A socket to the router through which bytes come as {@link corruptShare} has them. */
  readonly connect: Effect.Effect<Socket.Socket> = Effect.suspend(() =>
    Effect.map(this.router.connect, (socket) => {
      const run: Socket.Socket["run"] = (handler, options) => socket.run((bytes) => handler(this.#pass(bytes)), options)
      return Socket.Socket.of({ ...socket, run })
    })
  )

  #pass(bytes: Uint8Array): Uint8Array {
    if (this.corruptShare === 0 || this.#random.number() >= this.corruptShare) return bytes
    const changed = bytes.slice()
    const at = this.#random.integer(changed.length)
    changed[at]! ^= 1 << this.#random.integer(8)
    return changed
  }
}

/** Sets something, and after a while sets it back; does not wait for that. */
const during = (
  millis: number,
  set: Effect.Effect<void>,
  unset: Effect.Effect<void>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.zipRight(set, Effect.asVoid(Effect.forkScoped(Effect.zipRight(Effect.sleep(millis), unset))))

const strike = (victim: Victim, blow: Plan.Blow): Effect.Effect<void, never, Scope.Scope> => {
  const { router } = victim
  const { faults } = router
  switch (blow._tag) {
    case "Link":
      return router.setLink(blow.link)
    case "Restart":
      return faults.restart(blow.millis)
    case "Destroy":
      return faults.destroySessions
    case "Renew":
      return router.renewLeases
    case "Refuse":
      return during(
        blow.millis,
        faults.refuseSessions(
          blow.how === "Disconnect"
            ? { _tag: "Disconnect", reason: "chaos" }
            : blow.how === "Silence"
              ? { _tag: "Silence" }
              : { _tag: "Status", status: "Invalid" }
        ),
        faults.refuseSessions(undefined)
      )
    case "NoTunnels":
      return during(blow.millis, faults.withholdTunnels(true), faults.withholdTunnels(false))
    case "Hold":
      return during(blow.millis, faults.holdSessions(blow.millis), faults.holdSessions(undefined))
    case "Silent":
      return during(blow.millis, faults.silence(true), faults.silence(false))
    case "SlowReads":
      return during(blow.millis, faults.slowReads(blow.bytesPerSecond), faults.slowReads(undefined))
    case "Answer":
      return during(blow.millis, faults.answerSends(blow.status), faults.answerSends(undefined))
    case "Corrupt": {
      const set = (share: number) =>
        Effect.sync(() => {
          victim.corruptShare = share
        })
      return during(blow.millis, set(blow.share), set(0))
    }
  }
}

/** A link on which everything comes. */
const calm = {
  latencyMillis: 20,
  jitterMillis: 0,
  loss: 0,
  reorder: 0,
  duplicate: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY
}

/**
 * All blows, one after another; then everything is well again, for good.
 *
 * @since 0.1.0
 * @category running
 */
export const suffer = (victim: Victim, blows: Plan.Plan["blows"]): Effect.Effect<void> =>
  Effect.forEach(blows, ({ blow, wait }) => Effect.zipRight(Effect.sleep(wait), strike(victim, blow)), {
    discard: true
  }).pipe(
    Effect.scoped,
    Effect.zipRight(
      Effect.suspend(() => {
        victim.corruptShare = 0
        return Effect.all([victim.router.faults.clear, victim.router.faults.start, victim.router.setLink(calm)], {
          discard: true
        })
      })
    )
  )
