import * as I2pEncoding from "@effect-i2p/wire/I2pEncoding"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { ascii, destinationHash, hex } from "./vectors.js"

const bytes = fc.uint8Array({ maxLength: 80 })

describe("Base64", () => {
  it("is standard Base64 in another alphabet", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const expected = Buffer.from(input).toString("base64").replaceAll("+", "-").replaceAll("/", "~")
        assert.strictEqual(I2pEncoding.encodeBase64(input), expected)
      })
    )
  })

  it("decodes what it encodes, with and without padding", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const text = I2pEncoding.encodeBase64(input)
        assert.deepStrictEqual(I2pEncoding.decodeBase64(text), Either.right(input))
        assert.deepStrictEqual(I2pEncoding.decodeBase64(text.replaceAll("=", "")), Either.right(input))
      })
    )
  })

  it("gives the known text of a known hash", () => {
    assert.strictEqual(I2pEncoding.encodeBase64(hex(destinationHash)), "Nyol8fKQpgv~Cgscjp~OmDsapwp8p0AeP1htoPa4krk=")
  })

  it.each([
    ["the standard alphabet's plus", "AA+A", 2, "not a character of the alphabet"],
    ["the standard alphabet's slash", "AA/A", 2, "not a character of the alphabet"],
    ["white space", "AAA AA", 3, "not a character of the alphabet"],
    ["a trailing newline", "AAAA\n\n", 4, "not a character of the alphabet"],
    ["text after padding", "AA==AAAA", 2, "not a character of the alphabet"],
    ["non-ASCII characters", "AAAÁ", 3, "not a character of the alphabet"],
    ["characters that share low bits with valid ones", "AAA\u0141", 3, "not a character of the alphabet"],
    ["half of the padding", "AA=", 2, "wrong amount of padding"],
    ["too much padding", "AAA==", 3, "wrong amount of padding"],
    ["padding after a whole group", "AAAA=", 4, "wrong amount of padding"],
    ["a whole group of padding", "AAAA====", 4, "not a character of the alphabet"],
    ["padding alone", "==", 0, "wrong amount of padding"],
    ["a single left-over character", "AAAAA", 5, "one character too many or too few"],
    ["three padding characters", "A===", 1, "not a character of the alphabet"],
    ["left-over bits that are not zero", "AB", 1, "left-over bits are not zero"],
    ["left-over bits that are not zero, padded", "AAB=", 2, "left-over bits are not zero"]
  ])("refuses %s", (_, text, offset, reason) => {
    const decoded = I2pEncoding.decodeBase64(text)
    assert.isTrue(Either.isLeft(decoded))
    if (Either.isLeft(decoded)) {
      assert.strictEqual(decoded.left.structure, "Base64")
      assert.strictEqual(decoded.left.offset, offset)
      assert.strictEqual(decoded.left.reason, reason)
    }
  })
})

describe("Base32", () => {
  it.each([
    ["", ""],
    ["f", "my"],
    ["fo", "mzxq"],
    ["foo", "mzxw6"],
    ["foob", "mzxw6yq"],
    ["fooba", "mzxw6ytb"],
    ["foobar", "mzxw6ytboi"]
  ])("agrees with RFC 4648 section 10 on %j", (plain, text) => {
    assert.strictEqual(I2pEncoding.encodeBase32(ascii(plain)), text)
    assert.deepStrictEqual(I2pEncoding.decodeBase32(text), Either.right(ascii(plain)))
    assert.deepStrictEqual(I2pEncoding.decodeBase32(text.toUpperCase()), Either.right(ascii(plain)))
  })

  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        assert.deepStrictEqual(I2pEncoding.decodeBase32(I2pEncoding.encodeBase32(input)), Either.right(input))
      })
    )
  })

  it.each(["m", "mzx", "mzxw6y", "my=", "m0", "m1", "m8", "mz", "m ", "mí"])("refuses %j", (text) => {
    assert.isTrue(Either.isLeft(I2pEncoding.decodeBase32(text)))
  })

  it("has one text for each byte string", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z2-7]{0,16}$/), (text) => {
        const decoded = I2pEncoding.decodeBase32(text)
        if (Either.isRight(decoded)) assert.strictEqual(I2pEncoding.encodeBase32(decoded.right), text)
      })
    )
  })
})
