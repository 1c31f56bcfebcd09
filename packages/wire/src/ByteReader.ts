/**
 * Bounds-checked big-endian cursor: the only place that indexes untrusted bytes.
 *
 * Failure is sticky. The first read that fails is recorded and every later read returns 0 or nothing, so a decoder reads
 * straight down its layout and asks once, at the end, whether it all held. Nothing here throws on input, whatever the
 * input. A read costs one comparison and no allocation; the error object is only built when somebody asks for it.
 *
 * After a failure `remaining` is 0, so `while (reader.remaining > 0)` always ends.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Bytes from "./Bytes.js"
import { DecodeError } from "./WireError.js"

// A byte order mark is data like any other: dropping it would change a signed string.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * A cursor over `bytes[start, end)`.
 *
 * **Units** offsets count from the beginning of `bytes`, also in errors, so that a reader over a part of a message reports
 * positions in the message.
 *
 * @category models
 * @since 0.1.0
 */
export class ByteReader {
  readonly structure: string
  readonly bytes: Uint8Array
  #position: number
  #end: number
  #failedField: string | undefined = undefined
  #failedReason = ""
  #error: DecodeError | undefined = undefined

  constructor(structure: string, bytes: Uint8Array, start = 0, end: number = bytes.length) {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`ByteReader: [${start}, ${end}) is outside ${bytes.length} bytes`)
    }
    this.structure = structure
    this.bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** Position of the next byte to read; after a failure, of the read that failed. */
  get offset(): number {
    return this.#position
  }

  /** Bytes left to read; 0 after a failure. */
  get remaining(): number {
    return this.#end - this.#position
  }

  /** The first failure, if there was one. */
  get error(): DecodeError | undefined {
    if (this.#failedField !== undefined && this.#error === undefined) {
      this.#error = new DecodeError(
        {
          structure: this.structure,
          field: this.#failedField,
          offset: this.#position,
          reason: this.#failedReason
        },
        true
      )
    }
    return this.#error
  }

  /** True once a read has failed: cheaper than `error`, which builds the error. */
  get failed(): boolean {
    return this.#failedField !== undefined
  }

  u8(field: string): number {
    const at = this.#position
    if (at + 1 > this.#end) return this.#short(1, field)
    this.#position = at + 1
    return this.bytes[at]!
  }

  u16(field: string): number {
    const at = this.#position
    if (at + 2 > this.#end) return this.#short(2, field)
    this.#position = at + 2
    const bytes = this.bytes
    return (bytes[at]! << 8) | bytes[at + 1]!
  }

  u32(field: string): number {
    const at = this.#position
    if (at + 4 > this.#end) return this.#short(4, field)
    this.#position = at + 4
    const bytes = this.bytes
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  u48(field: string): number {
    const at = this.#position
    if (at + 6 > this.#end) return this.#short(6, field)
    const high = this.u16(field)
    return high * 0x1_0000_0000 + this.u32(field)
  }

  /** An unsigned 64-bit integer, refused above `Number.MAX_SAFE_INTEGER` (as a date: the year 287,396). */
  u64(field: string): number {
    const at = this.#position
    if (at + 8 > this.#end) return this.#short(8, field)
    const high = this.u32(field)
    if (high > 0x1f_ffff) {
      this.fail(field, "does not fit 53 bits", at)
      return 0
    }
    return high * 0x1_0000_0000 + this.u32(field)
  }

  /** The next `length` bytes as a view: valid as long as the input is, and changes with it. */
  view(length: number, field: string): Uint8Array {
    const at = this.#position
    if (!(length >= 0 && length <= this.#end - at)) {
      this.#short(length, field)
      return Bytes.empty
    }
    this.#position = at + length
    return this.bytes.subarray(at, at + length)
  }

  /** The next `length` bytes as a copy: for what outlives the input. */
  copy(length: number, field: string): Uint8Array {
    const at = this.#position
    if (!(length >= 0 && length <= this.#end - at)) {
      this.#short(length, field)
      return Bytes.empty
    }
    this.#position = at + length
    // Not bytes.slice: on a Node Buffer that is a view.
    return Uint8Array.prototype.slice.call(this.bytes, at, at + length)
  }

  /** A length byte and that many bytes of UTF-8; malformed UTF-8 is refused, not replaced. */
  string(field: string): string {
    const at = this.#position
    const bytes = this.view(this.u8(field), field)
    if (this.#failedField !== undefined) return ""
    try {
      return utf8.decode(bytes)
    } catch {
      this.fail(field, "is not UTF-8", at)
      return ""
    }
  }

  /** A view of everything left. */
  rest(field: string): Uint8Array {
    return this.view(this.#end - this.#position, field)
  }

  skip(length: number, field: string): void {
    if (!(length >= 0 && length <= this.#end - this.#position)) {
      this.#short(length, field)
      return
    }
    this.#position += length
  }

  /**
   * A reader over the next `length` bytes, which this one steps over. Pass it to `join` when done: a length-prefixed part
   * can then neither read past its end nor leave bytes behind.
   */
  part(length: number, field: string): ByteReader {
    const at = this.#position
    this.skip(length, field)
    return new ByteReader(this.structure, this.bytes, at, this.#position)
  }

  /** Takes over the failure of a `part`, or fails if the part was not read to its end. */
  join(part: ByteReader, field: string): void {
    if (part.#failedField !== undefined) {
      this.fail(part.#failedField, part.#failedReason, part.#position)
    } else if (part.remaining > 0) {
      this.fail(field, `${part.remaining} bytes left over`, part.#position)
    }
  }

  /** Records a failure, at the current position unless another is given; the first one wins. */
  fail(field: string, reason: string, offset: number = this.#position): void {
    if (this.#failedField !== undefined) return
    this.#failedField = field
    this.#failedReason = reason
    this.#position = offset
    this.#end = offset
  }

  /** The value, if every read held and nothing is left over. */
  finish<A>(value: A): Either.Either<A, DecodeError> {
    if (this.#failedField === undefined && this.#position < this.#end) {
      this.fail("end", `${this.#end - this.#position} bytes left over`)
    }
    return this.finishLoose(value)
  }

  /** The value, if every read held; bytes may be left over. */
  finishLoose<A>(value: A): Either.Either<A, DecodeError> {
    return this.#failedField === undefined ? Either.right(value) : Either.left(this.error!)
  }

  #short(wanted: number, field: string): 0 {
    if (this.#failedField === undefined) {
      this.fail(field, `needs ${wanted} bytes, ${this.#end - this.#position} left`)
    }
    return 0
  }
}
