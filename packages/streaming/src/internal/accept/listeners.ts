/**
 * The ports of ours that take streams.
 *
 * @since 0.1.0
 */
import type { Hash } from "@effect-i2p/wire/Hash"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as AccessList from "../../AccessList.js"
import type { Owned } from "../../StreamConnection.js"
import { PortInUse } from "../../StreamError.js"
import type { StreamingOptions } from "../../StreamingConfig.js"

/**
 * A port of ours that takes streams.
 */
export interface Listening {
  readonly backlog: Queue.Queue<Owned>
  readonly options: StreamingOptions
  readonly accessList: AccessList.AccessList
}

export class Listeners {
  readonly #byPort = new Map<number, Listening>()

  has(port: number): boolean {
    return this.#byPort.has(port)
  }

  /** The listener of a port, or the one that takes every port. */
  at(port: number): Listening | undefined {
    return this.#byPort.get(port) ?? this.#byPort.get(0)
  }

  /** Ends streams that wait to be accepted by `listening`, or by all, and whose peers are out; gives their ids. */
  refuse(isOut: (hash: Hash) => boolean, listening?: Listening): Effect.Effect<ReadonlySet<number>> {
    const refused = new Set<number>()
    const refuseOf = ({ backlog }: Listening) =>
      Effect.flatMap(Queue.takeAll(backlog), (waiting) =>
        Effect.forEach(
          waiting,
          (owned) => {
            const { localStreamId, remote } = owned.connection
            if (!isOut(remote.hash)) return backlog.unsafeOffer(owned) ? Effect.void : owned.refuse
            refused.add(localStreamId)
            return owned.refuse
          },
          { discard: true }
        )
      )
    return Effect.uninterruptible(
      Effect.as(
        Effect.suspend(() =>
          Effect.forEach(listening === undefined ? this.#byPort.values() : [listening], refuseOf, { discard: true })
        ),
        refused
      )
    )
  }

  /** Takes streams on a port as long as the scope lives; then those that wait to be accepted are reset. */
  open(
    port: number,
    options: StreamingOptions,
    rules: AccessList.AccessList | AccessList.Rules
  ): Effect.Effect<Listening, PortInUse, Scope.Scope> {
    return Effect.suspend(() => (this.has(port) ? Effect.fail(new PortInUse({ port })) : AccessList.from(rules))).pipe(
      Effect.flatMap((accessList) =>
        Effect.acquireRelease(
          Effect.map(Queue.dropping<Owned>(options.backlog), (backlog) => {
            const listening: Listening = { backlog, options, accessList }
            this.#byPort.set(port, listening)
            return listening
          }),
          ({ backlog }) =>
            Effect.sync(() => this.#byPort.delete(port)).pipe(
              Effect.zipRight(Queue.takeAll(backlog)),
              Effect.flatMap(Effect.forEach((owned) => owned.refuse, { discard: true })),
              Effect.zipRight(Queue.shutdown(backlog))
            )
        )
      )
    )
  }
}
