/**
 * A SAM session for datagrams: i2pd's own, as the peer of ours.
 *
 * Everything goes over the session's one TCP connection: what is sent follows a line that announces it, without an answer;
 * what arrives likewise. i2pd has no other way in, short of UDP.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as I2pdConfig from "./I2pdConfig.js"
import * as Sam from "./Sam.js"
import * as SamMessage from "./SamMessage.js"

/**
 * A datagram that i2pd passed on. `from` is the sender in I2P Base64, absent from raw ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  readonly from: string | undefined
  readonly payload: Uint8Array
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SamDatagrams {
  /** Our destination, in I2P Base64. */
  readonly destination: string
  /** Sends to a destination (Base64) or a `.b32.i2p` address; always from and to port 0. */
  readonly send: (destination: string, payload: Uint8Array) => Effect.Effect<void, Sam.SamError>
  /** Waits for the next datagram, whatever its port. */
  readonly receive: Effect.Effect<Received, Sam.SamError>
}

/**
 * Opens a session with a fresh Ed25519 destination. `DATAGRAM` is Datagram1, the only repliable format of 2.45.1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const session = (
  address: Sam.SamAddress,
  style: "DATAGRAM" | "RAW"
): Effect.Effect<SamDatagrams, Sam.SamError, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Sam.hello(address)
    yield* Sam.ask(connection, "SESSION CREATE", {
      STYLE: style,
      ID: `effect-i2p-${randomBytes(6).toString("hex")}`,
      DESTINATION: "TRANSIENT",
      SIGNATURE_TYPE: 7,
      ...I2pdConfig.sessionOptions
    })
    // Before anybody can have written to us: the answer would come between datagrams.
    const me = yield* Sam.ask(connection, "NAMING LOOKUP", { NAME: "ME" })
    return {
      destination: me.pairs["VALUE"] ?? "",
      send: (destination, payload) => {
        const line = SamMessage.render(`${style} SEND`, { DESTINATION: destination, SIZE: payload.length })
        const head = new TextEncoder().encode(line)
        const bytes = new Uint8Array(head.length + payload.length)
        bytes.set(head)
        bytes.set(payload, head.length)
        return connection.write(bytes)
      },
      receive: Effect.gen(function* () {
        const { pairs } = SamMessage.parse(yield* connection.readLine)
        const payload = yield* connection.readExactly(Number(pairs["SIZE"] ?? 0))
        return { from: pairs["DESTINATION"], payload }
      })
    }
  })
