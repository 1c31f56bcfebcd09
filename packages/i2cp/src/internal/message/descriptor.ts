/**
 * What one I2CP message is: everything that the rest of the repository knows about it, in one value.
 *
 * `Message.ts` gathers the descriptors; the union of messages, encoding, decoding, caps of frames, the routing of frames to
 * sessions, and the generators of tests and fuzzing are all read from them.
 */
import type { ByteReader } from "@effect-i2p/wire/ByteReader"
import type { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as Schema from "effect/Schema"

/** Bytes in front of every body: u32 length and u8 type. Source: I2CP specification "I2CP message header". */
export const HEADER_BYTES = 5

/**
 * Largest body a router accepts from a client.
 *
 * **Source** i2pd and emissary, 65,535 (Java: 131,072); the strictest is what any client must already respect.
 */
export const TO_ROUTER_CAP = 65_535

/** Which way bytes travel: `ToClient` was written by a router, `ToRouter` by a client. */
export type Direction = "ToClient" | "ToRouter"

/** What a message is on the wire. */
export interface Codec<M extends { readonly _tag: string }> {
  readonly tag: M["_tag"]
  /** The type byte of its frames. */
  readonly type: number
  /** Whether it is for one session: then its body begins with the session id. */
  readonly isAddressed: "sessionId" extends keyof M ? true : false
  /** Accept bytes behind the last known field. Only where the protocol has optional tails. */
  readonly hasLooseTail?: boolean
  readonly write: (writer: ByteWriter, message: M) => void
  /**
   * Always returns a value; whether it means anything is the reader's sticky error, which the caller checks once. Returns
   * `undefined` when a part could not be built: then the reader has the reason.
   */
  readonly read: (reader: ByteReader) => M | undefined
}

/** A schema of messages. */
export type Tagged = Schema.Schema.AnyNoContext & { readonly Type: { readonly _tag: string } }

/** A message with the sides that send it. */
export type Descriptor<S extends Tagged, D extends Direction | "Both"> = Codec<S["Type"]> & {
  readonly schema: S
  readonly direction: D
} & Cap<D>

/**
 * The largest body that a client accepts; a router has one cap for all types.
 *
 * **Source** ours, each from its layout in the I2CP specification.
 */
type Cap<D> = D extends "ToRouter" ? { readonly cap?: undefined } : { readonly cap: number }

/** The largest body of a message that is taken, by whoever it is for. */
export const capOf = ({
  cap,
  direction
}: {
  readonly cap?: number | undefined
  readonly direction: Direction | "Both"
}): number => (direction === "ToRouter" ? TO_ROUTER_CAP : cap!)

/** Messages from clients whose bodies a router takes: what is larger encodes to a frame that nobody reads. */
export const fitsRouter = <S extends Schema.Schema.AnyNoContext>(
  schema: S,
  bodyLength: (message: S["Type"]) => number
): Schema.filter<S> =>
  schema.pipe(
    Schema.filter((message: S["Type"]) => {
      const length = bodyLength(message)
      return length <= TO_ROUTER_CAP || `a body of ${length} bytes, at most ${TO_ROUTER_CAP}`
    })
  ) as Schema.filter<S>

/** The key of `table` with this value, if any: wire codes to names. */
export const nameOf = <K extends string>(table: Readonly<Record<K, number>>, code: number): K | undefined => {
  for (const name in table) if (table[name] === code) return name
  return undefined
}
