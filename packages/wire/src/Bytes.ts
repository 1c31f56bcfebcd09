/**
 * Byte arrays as values: when two are the same, and the one without any.
 *
 * @since 0.1.0
 */

/**
 * An empty array, shared because nobody can write to it.
 *
 * @category constants
 * @since 0.1.0
 */
export const empty: Uint8Array = new Uint8Array(0)

/**
 * Bytes of a length, repeated or cut; zeros if there are none to repeat. For generators of signatures and keys, whose
 * length follows from another field.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fit = (bytes: Uint8Array, length: number): Uint8Array => {
  const fitted = new Uint8Array(length)
  for (let at = 0; at < length && bytes.length > 0; at += bytes.length) {
    fitted.set(bytes.subarray(0, length - at), at)
  }
  return fitted
}

/**
 * All of them in one array; the only one is given back as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  if (pieces.length === 1) return pieces[0]!
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/**
 * Whether two arrays hold the same bytes. Not constant-time: for public values only.
 *
 * @category predicates
 * @since 0.1.0
 */
export const equals = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false
  }
  return true
}
