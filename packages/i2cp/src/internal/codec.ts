/**
 * What a message contributes to the codec tables in `Message.ts`.
 */
import type { ByteReader } from "@effect-i2p/wire/ByteReader"
import type { ByteWriter } from "@effect-i2p/wire/ByteWriter"

/**
 * `read` always answers a value; whether it means anything is the reader's sticky error, checked once by the caller.
 * It may answer `undefined` when a part could not be built, in which case the reader has the reason.
 */
export interface Codec<M> {
  readonly type: number
  readonly write: (writer: ByteWriter, message: M) => void
  readonly read: (reader: ByteReader) => M | undefined
  /** Bytes behind the last known field are tolerated. Only where the protocol has optional tails. */
  readonly looseTail?: boolean
}

/** The key of `table` with this value, if any: wire codes to names. */
export const nameOf = <K extends string>(table: Readonly<Record<K, number>>, code: number): K | undefined => {
  for (const name in table) if (table[name] === code) return name
  return undefined
}
