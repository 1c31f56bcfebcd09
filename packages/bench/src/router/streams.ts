/**
 * Streams between two destinations on one router, ours or i2pd's, with both ends in this process.
 *
 * @since 0.1.0
 */
import type * as Sam from "@effect-i2p/interop/Sam"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Duplex from "./duplex.js"

/**
 * Something that can be dialled: `accept` gives the next stream that somebody opened to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Callee {
  readonly address: string
  readonly accept: Effect.Effect<Duplex.Duplex, unknown, Scope.Scope>
}

/**
 * Something that dials.
 *
 * @since 0.1.0
 * @category models
 */
export type Caller = (address: string) => Effect.Effect<Duplex.Duplex, unknown, Scope.Scope>

/**
 * A destination of ours that listens on port 0, which i2pd dials.
 *
 * @since 0.1.0
 * @category constructors
 */
export const callee = (manager: StreamManager["Type"]): Effect.Effect<Callee, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { accept } = yield* manager.listen()
    return { address: manager.destination.b32, accept }
  })

/**
 * @since 0.1.0
 * @category constructors
 */
export const caller =
  (manager: StreamManager["Type"]): Caller =>
  (destination) =>
    manager.connect({ destination })

/**
 * @since 0.1.0
 * @category constructors
 */
export const samCallee = ({ accept, destination }: Sam.SamStreams): Callee => ({ address: destination, accept })

/**
 * A stream from one to the other, which has carried bytes both ways. i2pd says that it is connected before it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (connect: Caller, { accept, address }: Callee): Effect.Effect<Duplex.Ends, unknown, Scope.Scope> =>
  Effect.all({ near: connect(address), far: accept }, { concurrency: 2 }).pipe(
    Effect.tap((ends) => Duplex.echo(ends, 1))
  )
