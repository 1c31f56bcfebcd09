import { assert, describe, it } from "@effect/vitest"
import * as AddressBook from "@effect-i2p/i2cp/AddressBook"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"

const random = SecureRandom.makeSeeded("address book")
const one = DestinationKeys.generate(random).destination
const two = DestinationKeys.generate(random).destination

const names = (text: string, options?: AddressBook.ParseOptions) =>
  [...AddressBook.parse(text, options).entries].map(([name, destination]) => `${name} ${destination.short}`)

describe("AddressBook", () => {
  it("reads hosts.txt as Java I2P and i2pd write it", () => {
    const text = [
      "# comment",
      "",
      `one.i2p=${one.base64}`,
      `  Two.I2P = ${two.base64}#!date=1700000000#sig=abc~-=\r`,
      `unpadded.i2p=${two.base64.replaceAll("=", "")}`
    ].join("\n")
    assert.deepStrictEqual(names(text), [`one.i2p ${one.short}`, `two.i2p ${two.short}`, `unpadded.i2p ${two.short}`])
    assert.deepStrictEqual(AddressBook.parse(text).problems, [])
  })

  it("keeps the first of two entries for a name, so that nobody replaces it further down", () => {
    assert.deepStrictEqual(names(`a.i2p=${one.base64}\nA.i2p=${two.base64}`), [`a.i2p ${one.short}`])
  })

  it("leaves out lines that make no sense, counts them, and says what is wrong with the first ones", () => {
    const bad = [
      "what",
      "example.com=AAAA",
      "a b.i2p=AAAA",
      "short.i2p=AAAA",
      `${one.b32}=${two.base64}`,
      "=",
      "x.i2p="
    ]
    const parsed = AddressBook.parse([...bad, `good.i2p=${one.base64}`].join("\n"))
    assert.deepStrictEqual([...parsed.entries.keys()], ["good.i2p"])
    assert.strictEqual(parsed.skipped, bad.length)
    assert.deepStrictEqual(parsed.problems[0], { line: 1, reason: "no name=destination" })
    assert.include(parsed.problems[1]!.reason, "does not end in .i2p")
    assert.deepStrictEqual(parsed.problems[4], { line: 5, reason: "an address in place of a name" })
    const many = AddressBook.parse("x\n".repeat(10_000))
    assert.deepStrictEqual([many.skipped, many.problems.length], [10_000, 10])
  })

  it("takes so many names and no more", () => {
    const text = ["a", "b", "c"].map((name) => `${name}.i2p=${one.base64}`).join("\n")
    const parsed = AddressBook.parse(text, { maxEntries: 2 })
    assert.deepStrictEqual([...parsed.entries.keys()], ["a.i2p", "b.i2p"])
    assert.match(parsed.problems[0]!.reason, /the book is full: it takes 2 names/)
  })

  it("never throws, and only ever answers with what is written", () => {
    const line = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.tuple(fc.domain(), fc.string()).map(([name, text]) => `${name}.i2p=${text}`),
      fc.domain().map((name) => `${name}.i2p=${one.base64}`)
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const [name, destination] of AddressBook.parse(lines.join("\n")).entries) {
          assert.isTrue(name.endsWith(".i2p"))
          assert.strictEqual(destination.b32, one.b32)
        }
      })
    )
  })

  it.effect("is empty without a layer", () =>
    Effect.gen(function* () {
      const ask = Effect.flatMap(AddressBook.AddressBook, (book) => book.lookup("one.i2p"))
      assert.isTrue(Option.isNone(yield* ask))
      const found = yield* Effect.provide(ask, AddressBook.layerText(`one.i2p=${one.base64}`))
      assert.strictEqual(Option.getOrThrow(found).b32, one.b32)
    })
  )
})
