import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Signing } from "../src/core/Action.js"
import { seal } from "../src/internal/connection/signing.js"
import * as Packet from "../src/Packet.js"
import type { StreamConnection } from "../src/StreamConnection.js"
import type { StreamError } from "../src/StreamError.js"
import type { Changes, StreamingOptions } from "../src/StreamingConfig.js"

export const alice = MemoryTransport.keysOf("alice")
export const bob = MemoryTransport.keysOf("bob")
export const mallory = MemoryTransport.keysOf("mallory")

/** Runs a program with a network in memory on simulated time. */
export const simulate =
  (options: Partial<MemoryTransport.Options> = {}) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
    program.pipe(Effect.provide(MemoryTransport.layer(options)), SimulatedTime.run)

/** Alice's and Bob's sessions, with the same options. */
export const sessions = Effect.fnUntraced(function* (options: Changes<StreamingOptions> = {}) {
  return {
    network: yield* MemoryTransport.MemoryNetwork,
    a: yield* MemoryTransport.streams(alice, options),
    b: yield* MemoryTransport.streams(bob, options)
  }
})

/** A stream from Alice to port 80 of Bob. */
export const established = Effect.fnUntraced(function* (options: Changes<StreamingOptions> = {}) {
  const { a, b, network } = yield* sessions(options)
  const listener = yield* b.listen({ port: 80 })
  const near = yield* a.connect({ destination: b.destination, port: 80 })
  const far = yield* listener.accept
  return { a, b, network, listener, near, far }
})

/** A packet as its bytes, sealed with somebody's keys. */
export const sealed = (fields: Partial<Packet.Packet>, signing: Signing = "none", keys = mallory): Uint8Array =>
  Either.getOrThrow(
    seal(Packet.make(fields), signing, { keys, signatures: Signatures.noble, random: SecureRandom.system }, 0)
  )

/** A first SYN as anybody might make it. */
export const syn = (to: Destination, fields: Partial<Packet.Packet> = {}): Uint8Array =>
  sealed(
    {
      receiveStreamId: 99,
      nacks: Packet.replayHash(to.hash),
      flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
      ...fields
    },
    "identity"
  )

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** The next bytes as text; "(end)" at the end. */
export const readText = (connection: StreamConnection): Effect.Effect<string, StreamError> =>
  Effect.map(connection.read, Option.match({ onNone: () => "(end)", onSome: text }))

/** How an effect fails, in words. */
export const failureOf = <A, E extends { readonly _tag: string; readonly reason?: unknown }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<string, never, R> =>
  Effect.match(effect, {
    onFailure: (error) => (error._tag === "StreamReset" ? `${error._tag} ${String(error.reason)}` : error._tag),
    onSuccess: () => "success"
  })

/** Packets sent from now on, parsed. */
export interface Sent {
  readonly at: number
  readonly from: string
  readonly packet: Packet.Packet
  readonly bytes: Uint8Array
}

export const record: Effect.Effect<Array<Sent>, never, MemoryTransport.MemoryNetwork | Scope.Scope> = Effect.gen(
  function* () {
    const network = yield* MemoryTransport.MemoryNetwork
    const sent: Array<Sent> = []
    yield* network.observe(({ at, bytes, from, kind }) => {
      if (kind !== "Sent") return
      sent.push({ at, from: from?.b32 ?? "", packet: Either.getOrThrow(Packet.decode(bytes)), bytes })
    })
    return sent
  }
)
