/**
 * What the clauses of the contract work with.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import type * as SocketServer from "@effect/platform/SocketServer"
import type * as Effect from "effect/Effect"

/**
 * A server, and sockets to it.
 *
 * **Shape** `client` makes a socket that connects to `server` when run, `nobody` one to where nothing listens. `reset`, run
 * in a handler of the server, ends its connection as a crash would.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rig {
  readonly server: SocketServer.SocketServer["Type"]
  readonly client: Effect.Effect<Socket.Socket>
  readonly nobody: Effect.Effect<Socket.Socket>
  readonly reset: Effect.Effect<void>
}

/**
 * Where implementations differ for a reason.
 *
 * **Shape** `maxHandlers`: how many handlers of a socket run at a time, undefined for any number. `lingers`: handlers that
 * run when the peer ends may finish. `endsUnrun`: a connection whose handler never ran its socket ends with the handler.
 * `resetsOnFailure`: the peer of a side that fails sees an error, not an end.
 * `failsLostWrites`: a write that was under way when the connection was closed here fails; on TCP node 20 calls it back
 * without an error, node 22 and 24 with one. `halfCloses`: the end of a client's writer is heard by the server while the client still runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Traits {
  readonly maxHandlers: number | undefined
  readonly lingers: boolean
  readonly endsUnrun: boolean
  readonly resetsOnFailure: boolean
  readonly failsLostWrites: boolean
  readonly halfCloses: boolean
}
