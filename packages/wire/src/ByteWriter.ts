/**
 * Growable big-endian writer with room to fill in lengths later.
 *
 * A number that does not fit its field is a bug of the caller and throws a `RangeError`: cutting it to size would send
 * something else than was meant. Encoders for values from outside check first and return an `EncodeError`.
 *
 * @since 0.1.0
 */
import { utf8Encode } from "./internal/bytes.js"

/**
 * A writer. Give the constructor the final size when it is known, or a zeroed array of that size: then nothing is ever
 * copied.
 *
 * @category models
 * @since 0.1.0
 */
export class ByteWriter {
  #buffer: Uint8Array
  #length = 0

  constructor(capacity: number | Uint8Array = 256) {
    this.#buffer = typeof capacity === "number" ? new Uint8Array(capacity) : capacity
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) outOfRange("u8", value)
    const at = this.reserve(1)
    this.#buffer[at] = value
  }

  u16(value: number): void {
    const at = this.reserve(2)
    this.patchU16(at, value)
  }

  u32(value: number): void {
    const at = this.reserve(4)
    this.patchU32(at, value)
  }

  u48(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0 && value <= 0xffff_ffff_ffff)) outOfRange("u48", value)
    this.u16(Math.floor(value / 0x1_0000_0000))
    this.u32(value % 0x1_0000_0000)
  }

  /** An unsigned 64-bit integer up to `Number.MAX_SAFE_INTEGER`. */
  u64(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) outOfRange("u64", value)
    this.u32(Math.floor(value / 0x1_0000_0000))
    this.u32(value % 0x1_0000_0000)
  }

  bytes(value: Uint8Array): void {
    const at = this.reserve(value.length)
    this.#buffer.set(value, at)
  }

  /** A length byte and UTF-8; throws above 255 bytes, naming the field. */
  string(value: string, field = "string"): void {
    const encoded = utf8Encode(value)
    if (encoded.length > 0xff) outOfRange(`${field} length`, encoded.length)
    this.u8(encoded.length)
    this.bytes(encoded)
  }

  /** Appends `length` zero bytes and returns the offset of the first. */
  reserve(length: number): number {
    const at = this.#length
    const end = at + length
    if (end > this.#buffer.length) this.#grow(end)
    this.#length = end
    return at
  }

  patchU16(offset: number, value: number): void {
    if ((value & 0xffff) !== value) outOfRange("u16", value)
    this.#check(offset, 2)
    const buffer = this.#buffer
    buffer[offset] = value >>> 8
    buffer[offset + 1] = value
  }

  patchU32(offset: number, value: number): void {
    if (value >>> 0 !== value) outOfRange("u32", value)
    this.#check(offset, 4)
    const buffer = this.#buffer
    buffer[offset] = value >>> 24
    buffer[offset + 1] = value >>> 16
    buffer[offset + 2] = value >>> 8
    buffer[offset + 3] = value
  }

  /** Overwrites bytes written or reserved before, as for a signature that covers its own hole. */
  patchBytes(offset: number, value: Uint8Array): void {
    this.#check(offset, value.length)
    this.#buffer.set(value, offset)
  }

  /** Exactly what was written, not copied: later patches show through, later appends do not. */
  toBytes(): Uint8Array {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#length)
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && offset + length <= this.#length)) outOfRange("offset", offset)
  }

  #grow(atLeast: number): void {
    const grown = new Uint8Array(Math.max(atLeast, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}

const outOfRange = (what: string, value: number): never => {
  throw new RangeError(`ByteWriter: ${what} out of range: ${value}`)
}
