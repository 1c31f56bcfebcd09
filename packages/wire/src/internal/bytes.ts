/** Byte helpers shared by the codecs. */

const encoder = new TextEncoder()

export const utf8Encode = (text: string): Uint8Array => encoder.encode(text)

export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** FNV-1a, for `effect/Hash`: cheap and good enough for hash tables of local values. */
export const fnv1a = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) {
    hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  }
  return hash
}
