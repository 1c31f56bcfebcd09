/**
 * From the session to the receivers of one format: what nobody receives is dropped undecoded, what takes long to verify
 * waits in a queue of its own.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Datagram from "../../Datagram.js"
import type * as I2cpSession from "../../I2cpSession.js"
import type * as Payload from "../../Payload.js"
import * as VerificationBudget from "../../VerificationBudget.js"
import type { Counters } from "./counters.js"
import type { Decoder } from "./decoder.js"
import type { Receivers } from "./receivers.js"

export interface Options {
  readonly session: Pick<I2cpSession.Service, "subscribe">
  readonly budget: VerificationBudget.Service
  readonly decoder: Decoder
  readonly receivers: Receivers
  readonly counters: Counters
  readonly senderKeyTypes: ReadonlyArray<number>
  readonly maxDearWaiting: number
}

interface Waiting {
  readonly envelope: Payload.Payload
  readonly type: number
}

/** Subscribes to the session and passes on what comes, until the scope is left. */
export const run = (format: Datagram.Format, options: Options): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { budget, counters, decoder, maxDearWaiting, receivers, senderKeyTypes, session } = options
    const inbox = yield* session.subscribe(Datagram.protocols[format])
    /** Those that take long to check wait here, and nobody else behind them. */
    const dear = yield* Queue.dropping<Waiting>(maxDearWaiting)

    const deliver = (envelope: Payload.Payload): void => {
      const incoming = decoder.decode(format, envelope)
      if (incoming !== undefined) receivers.deliver(incoming)
    }

    /** Nobody is charged: the sender that a datagram names may be made up. */
    const checked = ({ envelope, type }: Waiting): Effect.Effect<void> =>
      Effect.catchTag(
        budget.check(
          undefined,
          type,
          Effect.sync(() => deliver(envelope))
        ),
        "TooManyChecks",
        () =>
          Effect.sync(() => {
            counters.droppedUnchecked++
          })
      )

    const pass = (envelope: Payload.Payload): Effect.Effect<void> | undefined => {
      if (!receivers.has(format, envelope.destinationPort)) {
        counters.droppedUnclaimed++
        return undefined
      }
      const types = Datagram.keyTypes(format, envelope.payload)
      const type = types.find(VerificationBudget.isDear) ?? types[0]
      if (type === undefined) {
        deliver(envelope)
        return undefined
      }
      if (!types.every((each) => senderKeyTypes.includes(each))) {
        counters.droppedUnacceptedKey++
        return undefined
      }
      if (!VerificationBudget.isDear(type)) return checked({ envelope, type })
      if (!dear.unsafeOffer({ envelope, type })) counters.droppedUnchecked++
      return undefined
    }

    // After each the other fibers have their turn; the budget sees to timers and sockets.
    yield* Queue.take(inbox).pipe(
      Effect.flatMap((envelope) => pass(envelope) ?? Effect.void),
      Effect.zipLeft(Effect.yieldNow()),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Queue.take(dear).pipe(Effect.flatMap(checked), Effect.forever, Effect.forkScoped)
  })
