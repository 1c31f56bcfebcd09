/**
 * From the payload of a session to a datagram: decoded, verified where the format has a signature, and new where replays
 * are looked for.
 */
import * as Hash from "@effect-i2p/wire/Hash"
import type { ReplayFilter } from "@effect-i2p/wire/ReplayFilter"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type * as Clock from "effect/Clock"
import * as Either from "effect/Either"
import * as Datagram from "../../Datagram.js"
import type * as Payload from "../../Payload.js"
import type { Counters } from "./counters.js"

export interface Options {
  /** The hash of the receiver. */
  readonly self: Hash.Hash
  readonly clock: Clock.Clock
  readonly signatures: Signatures.Service
  readonly replays: ReplayFilter
  readonly counters: Counters
}

export class Decoder {
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  /** `undefined` for what is dropped, and counted. */
  decode(format: Datagram.Format, envelope: Payload.Payload): Datagram.Incoming | undefined {
    const { destinationPort: port, payload: bytes, sourcePort } = envelope
    const { signatures } = this.#options
    const ports = { port, sourcePort }
    switch (format) {
      case "Raw":
        return { _tag: format, ...ports, payload: detached(bytes) }
      case "Datagram1": {
        const made = this.#taken(Datagram.decode1(bytes, signatures))
        return made && { _tag: format, ...ports, ...made, payload: detached(made.payload) }
      }
      case "Datagram2":
        return this.#decode2(bytes, ports)
      case "Datagram3": {
        const made = this.#taken(Datagram.decode3(bytes))
        return made && { _tag: format, ...ports, ...made, payload: detached(made.payload) }
      }
    }
  }

  #decode2(
    bytes: Uint8Array,
    ports: { readonly port: number; readonly sourcePort: number }
  ): Datagram.Incoming | undefined {
    const { clock, counters, replays, self, signatures } = this.#options
    const now = clock.unsafeCurrentTimeMillis()
    const made = this.#taken(Datagram.decode2(bytes, self, now, signatures))
    if (made === undefined) return undefined
    if (replays.isEnabled && replays.isReplay(saying(made, bytes), now)) {
      counters.droppedReplayed++
      return undefined
    }
    const { from, options, payload } = made
    return { _tag: "Datagram2", ...ports, from, options, payload: detached(payload) }
  }

  #taken<A>(result: Either.Either<A, { readonly _tag: string }>): A | undefined {
    if (Either.isRight(result)) return result.right
    if (result.left._tag === "DecodeError") this.#options.counters.droppedMalformed++
    else this.#options.counters.droppedUntrusted++
    return undefined
  }
}

/**
 * What a datagram says and whose word it is, as a key. Not the signature: of an ECDSA one there are two that fit. Not the
 * whole Destination: its padding is not signed, and whoever repeats the rest may change it.
 */
const saying = ({ from, signature }: Datagram.Datagram2, bytes: Uint8Array): string => {
  const body = Hash.of(bytes.subarray(from.bytes.length, bytes.length - signature.length))
  return `${Hash.toBase32(Hash.of(from.signingKey.bytes))}${Hash.toBase32(body)}`
}

/** Keeps no more than a payload's own bytes: it is a view of its message, or of a slab that others have left. */
const detached = (payload: Uint8Array): Uint8Array =>
  payload.buffer.byteLength > 2 * payload.length ? Uint8Array.prototype.slice.call(payload) : payload
