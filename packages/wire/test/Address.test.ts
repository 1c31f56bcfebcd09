import * as Address from "@effect-i2p/wire/Address"
import * as I2pEncoding from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { b32, b33, destinationHash, filled, flipBit, keys, toHex } from "./vectors.js"

const { base64 } = keys.destination
const parsed = (text: string) => Either.getOrThrow(Address.parse(text))
const reasonOf = (result: Either.Either<unknown, Address.AddressError>) =>
  Either.match(result, { onLeft: (error) => error.reason, onRight: () => "made" })
const reason = (text: string) =>
  Either.match(Address.parse(text), { onLeft: (error) => error.reason, onRight: (address) => address._tag })

describe("Address", () => {
  it("parses the hash of a destination, in either case and with a trailing dot", () => {
    for (const text of [b32, b32.toUpperCase(), `${b32}.`]) {
      const address = parsed(text)
      assert.isTrue(address._tag === "B32" && toHex(address.hash) === destinationHash)
      assert.strictEqual(Address.format(address), b32)
    }
  })

  it("says in one line what is wrong with text that has line ends and controls of any kind", () => {
    for (const control of ["\n", "\u007f", "\u0085", "\u2028", "\u202e"]) {
      const { message } = Either.getOrThrow(Either.flip(Address.parse(`name${control}.i2p`)))
      assert.match(message, /^"name\\(n|u\{[0-9a-f]+\})\.i2p" is not an I2P address/)
    }
  })

  it("parses a whole destination, with or without padding and the suffix", () => {
    for (const text of [base64, base64.replaceAll("=", ""), `${base64}.i2p`]) {
      const address = parsed(text)
      assert.isTrue(address._tag === "Base64" && address.destination.b32 === b32)
      assert.strictEqual(Address.format(address), base64)
    }
  })

  it("parses the Base64 of a hash, which is no name and no destination", () => {
    const text = I2pEncoding.encodeBase64(keys.destination.hash)
    assert.strictEqual(text.length, 44)
    assert.strictEqual(Address.format(parsed(text)), b32)
    assert.strictEqual(reason(text.slice(0, -1)), "does not end in .i2p")
    assert.match(reason(`${text.slice(0, 42)}l=`), /left-over bits/)
  })

  it("takes a hash, a destination or text, whatever is at hand", () => {
    const from = (input: Address.Input) => Either.getOrThrow(Address.from(input))
    assert.deepStrictEqual(from(b32), parsed(b32))
    assert.deepStrictEqual(from(keys.destination.hash), parsed(b32))
    assert.deepStrictEqual(from(keys.destination), { _tag: "Base64", destination: keys.destination })
    assert.isTrue(Either.isLeft(Address.from("example.com")))
  })

  it("parses names, folded to lower case", () => {
    assert.deepStrictEqual(parsed("Stats.I2P."), { _tag: "Name", name: "stats.i2p" })
    assert.deepStrictEqual(parsed("www.xn--nxasmq6b.i2p"), { _tag: "Name", name: "www.xn--nxasmq6b.i2p" })
  })

  it.each([
    ["6bab", false, false],
    ["6jab", true, false],
    ["6rab", false, true],
    ["6zab", true, true]
  ])("parses a blinded name starting with %s", (start, secretRequired, authenticationRequired) => {
    const name = start + b33.slice(4)
    const address = parsed(name.toUpperCase())
    assert.isTrue(address._tag === "Blinded")
    if (address._tag === "Blinded") {
      assert.strictEqual(address.name, name)
      assert.strictEqual(address.secretRequired, secretRequired)
      assert.strictEqual(address.authenticationRequired, authenticationRequired)
      assert.strictEqual(address.blindedType, 11)
      assert.deepStrictEqual(address.signingKey, keys.destination.signingKey)
    }
  })

  it("makes the blinded name of a key, with what it takes to read its lease set", () => {
    const { signingKey } = keys.destination
    const starts = [
      ["6bab", {}],
      ["6jab", { secretRequired: true }],
      ["6rab", { authenticationRequired: true }],
      ["6zab", { secretRequired: true, authenticationRequired: true }]
    ] as const
    for (const [start, options] of starts) {
      const address = Either.getOrThrow(Address.fromSigningKey(signingKey, options))
      assert.strictEqual(address.name, start + b33.slice(4))
      assert.deepStrictEqual(parsed(address.name), address)
    }
    const reddsa = { type: KeyType.RedDsaEd25519, bytes: signingKey.bytes }
    const other = Either.getOrThrow(Address.fromSigningKey(reddsa))
    assert.deepStrictEqual(parsed(other.name), other)
    for (const key of [
      { type: KeyType.EcdsaP256, bytes: filled(1, 64) },
      { ...signingKey, bytes: filled(1, 31) }
    ]) {
      assert.match(reasonOf(Address.fromSigningKey(key)), /cannot be blinded/)
    }
  })

  it("notices every flipped bit of a blinded name, but for the two flags that mean something", () => {
    const data = Either.getOrThrow(I2pEncoding.decodeBase32(b33.slice(0, 56)))
    for (let bit = 0; bit < data.length * 8; bit++) {
      const name = `${I2pEncoding.encodeBase32(flipBit(data, bit))}.b32.i2p`
      // Bits 1 and 2 of the first byte ask for a secret and for authentication: the checksum does not cover them.
      // A signing type of 7 turns into no other type by one bit that is also allowed.
      const expected = bit === 1 || bit === 2
      assert.strictEqual(Either.isRight(Address.parse(name)), expected, `bit ${bit}`)
    }
  })

  it.each([
    ["", "does not end in .i2p"],
    ["example.com", "does not end in .i2p"],
    ["127.0.0.1", "does not end in .i2p"],
    ["localhost", "does not end in .i2p"],
    ["i2p", "does not end in .i2p"],
    [".i2p", "has an empty part"],
    ["a..i2p", "has an empty part"],
    ["a.i2p..", "does not end in .i2p"],
    ["a b.i2p", "contains a blank or control character"],
    ["a\r\nb.i2p", "contains a blank or control character"],
    ["a\u0000.i2p", "contains a blank or control character"],
    ["a\u202E.i2p", "contains a blank or control character"],
    [`${"a".repeat(252)}.i2p`, "more than 255 bytes"],
    [`${"é".repeat(126)}.i2p`, "more than 255 bytes"],
    [`${b32.slice(1)}`, "has the wrong length"],
    [`a${b32}`, "has the wrong length"],
    [`x.${b32}`, "has the wrong length"],
    [`${b33.slice(0, 54)}.b32.i2p`, "has the wrong length"]
  ])("refuses %j: %s", (text, expected) => {
    assert.strictEqual(reason(text), expected)
  })

  it("refuses Base32 that is none and Base64 that is no destination", () => {
    assert.match(reason(b32.replace("g", "1")), /not a character of the alphabet/)
    assert.match(reason(`${base64.slice(0, -4)} AAA`), /not a character of the alphabet/)
    assert.match(reason(base64.slice(0, 516)), /needs/)
    assert.match(reason("A".repeat(600)), /NULL certificate|left over|needs/)
  })

  it("takes a name of 255 bytes", () => {
    assert.strictEqual(reason(`${"a".repeat(251)}.i2p`), "Name")
  })

  it("shows the beginning of what it refuses, on one line", () => {
    const refused = Address.parse(`a\n${"b".repeat(300)}`)
    assert.isTrue(Either.isLeft(refused))
    if (Either.isLeft(refused)) {
      assert.notInclude(refused.left.message, "\n")
      assert.isBelow(refused.left.message.length, 140)
    }
  })

  it("parses again what it formats, and never throws", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[a-z2-7]{50,58}\.b32\.i2p$/),
      fc.stringMatching(/^[A-Za-z0-9~-]{516,530}$/),
      fc.webAuthority().map((host) => `${host}.i2p`)
    )
    fc.assert(
      fc.property(text, (input) => {
        const address = Address.parse(input)
        if (Either.isRight(address)) {
          assert.deepStrictEqual(Address.format(parsed(Address.format(address.right))), Address.format(address.right))
        }
      })
    )
  })
})
