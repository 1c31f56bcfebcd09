import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as SamLine from "../src/SamLine.js"

const pairsOf = (line: string) => Either.getOrThrow(SamLine.parse(line)).pairs

const encode = (text: string) => new TextEncoder().encode(text)

describe("parse", () => {
  const lines: ReadonlyArray<readonly [line: string, words: ReadonlyArray<string>, pairs: Record<string, string>]> = [
    ["HELLO VERSION MIN=3.0 MAX=3.3", ["HELLO", "VERSION"], { MIN: "3.0", MAX: "3.3" }],
    ["  HELLO \t VERSION   MIN=3.0  ", ["HELLO", "VERSION"], { MIN: "3.0" }],
    ["A B C=", ["A", "B"], { C: "" }],
    ['A B C=""', ["A", "B"], { C: "" }],
    ["A B C", ["A", "B"], { C: "true" }],
    ["A B C D=1 E", ["A", "B"], { C: "true", D: "1", E: "true" }],
    ["A D=1", ["A"], { D: "1" }],
    ["A D=1 B", ["A"], { D: "1", B: "true" }],
    ["A B KEY=AAAA== X==", ["A", "B"], { KEY: "AAAA==", X: "=" }],
    ['A B C="a b" D="say \\"hi\\" \\\\ there"', ["A", "B"], { C: "a b", D: 'say "hi" \\ there' }],
    ['A B C="C:\\new\\table"', ["A", "B"], { C: "C:\\new\\table" }],
    ['A B C=a"b" D=\\"', ["A", "B"], { C: 'a"b"', D: '\\"' }],
    ["A B NAME=grüße.i2p", ["A", "B"], { NAME: "grüße.i2p" }],
    [
      "A B constructor=1 __proto__=2",
      ["A", "B"],
      Object.fromEntries([
        ["constructor", "1"],
        ["__proto__", "2"]
      ])
    ],
    ["", [], {}]
  ]
  for (const [line, words, pairs] of lines) {
    it(`takes ${JSON.stringify(line)} apart`, () => {
      const parsed = Either.getOrThrow(SamLine.parse(line))
      assert.deepStrictEqual(parsed.words, words)
      assert.deepStrictEqual(Object.entries(parsed.pairs), Object.entries(pairs))
    })
  }

  for (const [line, why] of [
    ['A B C="open', "the quote after C does not end"],
    ['A B C="open\\"', "the quote after C does not end"],
    ['A B C="a"b', "a blank is missing behind the value of C"],
    ["A B =1", "a value without a key"],
    ["A B C=1 C=2", "C comes twice"],
    ["A B C=1 C", "C comes twice"],
    [`A B ${"K".repeat(40)}="`, `the quote after ${"K".repeat(32)}… does not end`]
  ] as const) {
    it(`refuses ${JSON.stringify(line)}`, () => assert.deepStrictEqual(SamLine.parse(line), Either.left(why)))
  }

  it("reads what it prints, whatever the value", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), (text) => {
        const value = text.replaceAll(/[\r\n]/g, "")
        assert.deepStrictEqual(pairsOf(SamLine.print(["A", "B"], { X: "1", KEY: value, Y: "2" })), {
          X: "1",
          KEY: value,
          Y: "2"
        })
      })
    )
  })

  it("prints one line, whatever the value", () => {
    assert.strictEqual(SamLine.print(["A"], { M: "two\r\nlines", N: undefined }), 'A M="two  lines"')
  })

  it("never throws", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: FastCheck.constantFrom(...'AB ="\\\t\u00e4') }), (line) => {
        SamLine.parse(line)
      })
    )
  })
})

describe("split", () => {
  for (const [line, word, text] of [
    ["PING  a  b=c ", "PING", " a  b=c "],
    [" PING\ta", "PING", "a"],
    ["PING", "PING", ""],
    ["PING ", "PING", ""],
    ["", "", ""]
  ] as const) {
    it(`keeps what stands behind the first word of ${JSON.stringify(line)}`, () =>
      assert.deepStrictEqual(SamLine.split(line), { word, text }))
  }
})

describe("a reader", () => {
  it("gives the same lines however the bytes come", () => {
    const text = "HELLO VERSION\r\nNAME=grüße\n\n\r\nlast"
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.integer({ min: 1, max: 9 })), (sizes) => {
        const reader = new SamLine.Reader()
        const lines: Array<unknown> = []
        let rest = encode(text)
        for (const size of [...sizes, rest.length]) {
          reader.feed(rest.subarray(0, size))
          rest = rest.subarray(size)
          for (let line = reader.line(); line !== undefined; line = reader.line()) lines.push(line)
        }
        assert.deepStrictEqual(lines, ["HELLO VERSION", "NAME=grüße", "", ""])
        assert.strictEqual(new TextDecoder().decode(reader.rest()), "last")
      })
    )
  })

  it("takes lines of exactly its limit, with either end, and no longer ones", () => {
    for (const [text, expected] of [
      ["12345678\n", "12345678"],
      ["12345678\r\n", "12345678"],
      ["123456789\n", SamLine.tooLong],
      ["123456789\r\n", SamLine.tooLong],
      ["1234567890", SamLine.tooLong],
      ["123456789", undefined]
    ] as const) {
      const reader = new SamLine.Reader(8)
      reader.feed(encode(text))
      assert.strictEqual(reader.line(), expected, JSON.stringify(text))
    }
  })

  it("gives payloads whole", () => {
    const reader = new SamLine.Reader()
    reader.feed(encode("SEND\n12\n"))
    assert.strictEqual(reader.line(), "SEND")
    assert.isUndefined(reader.payload(5))
    reader.feed(encode("45NEXT\n"))
    assert.deepStrictEqual(reader.payload(5), encode("12\n45"))
    assert.strictEqual(reader.line(), "NEXT")
    assert.strictEqual(reader.length, 0)
  })

  it("shows what is no UTF-8 as such", () => {
    const reader = new SamLine.Reader()
    reader.feed(Uint8Array.of(0x41, 0xff, 0x0a))
    assert.strictEqual(reader.line(), "A\ufffd")
  })
})
