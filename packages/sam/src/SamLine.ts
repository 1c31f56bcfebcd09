/**
 * Lines of SAM: `WORD WORD KEY=value KEY="quoted value" KEY`, taken apart and printed.
 *
 * It knows quotes, escapes and empty values, and nothing of what keys mean; `SamCommand` and `SamReply` do. Bytes become
 * lines in {@link Reader}, which holds no more than one line. Pure.
 *
 * | written | read |
 * |---|---|
 * | `KEY=value` | everything up to the next blank, `=` and quotes inside included: Base64 ends in `=` |
 * | `KEY="a b"` | everything up to the closing quote; `\"` is a quote, `\\` a backslash, `\` before anything else is kept |
 * | `KEY=`, `KEY=""` | an empty value |
 * | `KEY` | the value `true` |
 * | several blanks, tabs | one blank |
 * | CR LF, LF | the end of a line |
 *
 * **Source** SAM V3 specification, "Encoding and Escaping" and "Empty values". A key alone is `true` and must not come twice
 * in Java I2P, too; i2pd passes over the former and takes the first of two. i2pd knows neither quotes nor escapes.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

/**
 * A line, taken apart.
 *
 * **Shape** `words` are what stands before the first pair.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamLine {
  readonly words: ReadonlyArray<string>
  readonly pairs: Readonly<Record<string, string>>
}

const isBlank = (character: string | undefined): boolean => character === " " || character === "\t"

/**
 * Takes a line apart. At most two words stand before the pairs; a further one is a key without a value.
 *
 * **Errors** what is wrong with the line, for the `MESSAGE` of an answer: an open quote, something right behind a closing
 * one, a pair without a key, a key that comes twice.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (line: string): Either.Either<SamLine, string> => {
  const words: Array<string> = []
  const pairs = new Map<string, string>()
  let at = 0
  const skip = () => {
    while (isBlank(line[at])) at++
  }
  const until = (isEnd: (character: string) => boolean): string => {
    const start = at
    while (at < line.length && !isEnd(line[at]!)) at++
    return line.slice(start, at)
  }
  skip()
  for (; at < line.length; skip()) {
    const key = until((character) => isBlank(character) || character === "=")
    if (line[at] !== "=") {
      if (words.length < 2 && pairs.size === 0) words.push(key)
      else if (pairs.has(key)) return Either.left(`${quote(key)} comes twice`)
      else pairs.set(key, "true")
      continue
    }
    if (key === "") return Either.left("a value without a key")
    if (pairs.has(key)) return Either.left(`${quote(key)} comes twice`)
    at++
    if (line[at] !== '"') {
      pairs.set(key, until(isBlank))
      continue
    }
    let value = ""
    for (at++; at < line.length && line[at] !== '"'; at++) {
      if (line[at] === "\\" && (line[at + 1] === '"' || line[at + 1] === "\\")) at++
      value += line[at]
    }
    if (at >= line.length) return Either.left(`the quote after ${quote(key)} does not end`)
    at++
    if (at < line.length && !isBlank(line[at]))
      return Either.left(`a blank is missing behind the value of ${quote(key)}`)
    pairs.set(key, value)
  }
  return Either.right({ words, pairs: Object.fromEntries(pairs) })
}

/**
 * The first word of a line, and everything behind it and one blank, as it came: PING and PONG have text that is no pairs.
 *
 * @category decoding
 * @since 0.1.0
 */
export const split = (line: string): { readonly word: string; readonly text: string } => {
  const [, word = "", text = ""] = /^[ \t]*([^ \t]*)(?:[ \t](.*))?$/s.exec(line) ?? []
  return { word, text }
}

const shownCharacters = 32

const quote = (key: string): string => (key.length <= shownCharacters ? key : `${key.slice(0, shownCharacters)}…`)

/**
 * A line without its end. Values are quoted where they have to be: those that are empty, hold a blank, or begin with a
 * quote. Line ends inside of a value become blanks: a value must not end its line.
 *
 * @category encoding
 * @since 0.1.0
 */
export const print = (
  words: ReadonlyArray<string>,
  pairs: Readonly<Record<string, string | undefined>> = {}
): string => {
  const parts = [...words]
  for (const [key, value] of Object.entries(pairs)) if (value !== undefined) parts.push(`${key}=${printValue(value)}`)
  return parts.join(" ")
}

const printValue = (value: string): string => {
  const line = value.replaceAll(/[\r\n]/g, " ")
  return line === "" || /^"|[ \t]/.test(line) ? `"${line.replaceAll(/["\\]/g, "\\$&")}"` : line
}

/**
 * Bytes of a line that a reader takes at most, its end not counted.
 *
 * **Source** ours, as go-sam-bridge: a private key of ML-DSA-87 is 13 KB of Base64. i2pd stops at 8,192 bytes, Java I2P at
 * 8,192 characters.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBytes = 65_536

const LF = 0x0a
const CR = 0x0d

/** Not fatal: what is no UTF-8 shows as U+FFFD, which no name and no key has, and the answer says so. */
const decoder = new TextDecoder()

/**
 * Cuts what arrives into lines, and into payloads where a command says that one follows. Holds what has arrived and was not
 * asked for; whoever feeds it stops when {@link length} is large.
 *
 * @category models
 * @since 0.1.0
 */
export class Reader {
  readonly #maxBytes: number
  #bytes: Uint8Array = new Uint8Array(0)
  /** Up to here no line ends. */
  #searched = 0

  constructor(limit: number = maxBytes) {
    this.#maxBytes = limit
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#bytes.length
  }

  feed(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const joined = new Uint8Array(this.#bytes.length + chunk.length)
    joined.set(this.#bytes)
    joined.set(chunk, this.#bytes.length)
    this.#bytes = joined
  }

  /** The next line without its end; undefined while it is not complete, {@link tooLong} once it cannot be. */
  line(): string | undefined | TooLong {
    const end = this.#bytes.indexOf(LF, this.#searched)
    if (end < 0) {
      this.#searched = this.#bytes.length
      return this.#bytes.length > this.#maxBytes + 1 ? tooLong : undefined
    }
    if (end > this.#maxBytes + 1) return tooLong
    const bytes = this.#take(end + 1)
    const length = bytes.length > 1 && bytes[bytes.length - 2] === CR ? bytes.length - 2 : bytes.length - 1
    return length > this.#maxBytes ? tooLong : decoder.decode(bytes.subarray(0, length))
  }

  /** Exactly so many bytes; undefined while fewer are there. */
  payload(size: number): Uint8Array | undefined {
    return this.#bytes.length < size ? undefined : this.#take(size)
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.#take(this.#bytes.length)
  }

  #take(length: number): Uint8Array {
    const bytes = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    this.#searched = 0
    return bytes
  }
}

/**
 * A line that is longer than its reader takes.
 *
 * @category models
 * @since 0.1.0
 */
export type TooLong = typeof tooLong

/**
 * What a {@link Reader} gives in place of a line that is longer than it takes.
 *
 * @category constants
 * @since 0.1.0
 */
export const tooLong: unique symbol = Symbol.for("@effect-i2p/sam/SamLine/tooLong")
