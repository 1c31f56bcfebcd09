import * as Mapping from "@effect-i2p/wire/Mapping"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { ascii, hex, toHex, truncations } from "./vectors.js"

/** The options of the SessionConfig vector. */
const options = {
  "outbound.quantity": "2",
  "outbound.length": "3",
  "inbound.quantity": "2",
  "inbound.nickname": "vector é",
  "inbound.length": "3",
  "i2cp.messageReliability": "none",
  "i2cp.leaseSetType": "3",
  "i2cp.leaseSetEncType": "4",
  "i2cp.fastReceive": "true"
}

const encoded = hex(
  `00d510693263702e66617374526563656976653d04747275653b14693263702e6c65617365536574456e63547970653d01343b
   11693263702e6c65617365536574547970653d01333b17693263702e6d65737361676552656c696162696c6974793d046e6f6e653b
   0e696e626f756e642e6c656e6774683d01333b10696e626f756e642e6e69636b6e616d653d09766563746f7220c3a93b
   10696e626f756e642e7175616e746974793d01323b0f6f7574626f756e642e6c656e6774683d01333b
   116f7574626f756e642e7175616e746974793d01323b`
)

const entry = (key: string, value: string): string => {
  const part = (text: string) => toHex(Uint8Array.of(text.length)) + toHex(ascii(text))
  return `${part(key)}3d${part(value)}3b`
}

const mapping = (...entries: ReadonlyArray<string>): Uint8Array => {
  const body = hex(entries.join(""))
  return Uint8Array.of(body.length >> 8, body.length & 0xff, ...body)
}

const reasonOf = (decoded: ReturnType<typeof Mapping.decode>) =>
  Either.match(decoded, { onLeft: (error) => error.reason, onRight: () => "decoded" })

describe("Mapping", () => {
  it("encodes the options of a session to known bytes, sorted", () => {
    assert.strictEqual(toHex(Either.getOrThrow(Mapping.encode(options))), toHex(encoded))
    assert.strictEqual(toHex(Either.getOrThrow(Mapping.encode(new Map(Object.entries(options))))), toHex(encoded))
    assert.deepStrictEqual(Object.fromEntries(Either.getOrThrow(Mapping.decode(encoded))), options)
  })

  it("encodes no entries as a zero length", () => {
    assert.strictEqual(toHex(Either.getOrThrow(Mapping.encode({}))), "0000")
    assert.strictEqual(Either.getOrThrow(Mapping.decode(hex("0000"))).size, 0)
  })

  it("keeps empty keys and values", () => {
    const bytes = Either.getOrThrow(Mapping.encode({ "": "" }))
    assert.strictEqual(toHex(bytes), "0004003d003b")
    assert.deepStrictEqual(Array.from(Either.getOrThrow(Mapping.decode(bytes))), [["", ""]])
  })

  it("sorts by UTF-16 code units as Java does, not by code points or UTF-8", () => {
    // U+1F600 is written D83D DE00, so it comes before U+FF5E although its code point and UTF-8 are larger.
    const bytes = Either.getOrThrow(Mapping.encode({ "\uFF5E": "2", "\u{1F600}": "1", b: "", B: "", ba: "" }))
    assert.deepStrictEqual(Array.from(Either.getOrThrow(Mapping.decode(bytes)).keys()), [
      "B",
      "b",
      "ba",
      "\u{1F600}",
      "\uFF5E"
    ])
  })

  it("round-trips every mapping the Schema allows", () => {
    fc.assert(
      fc.property(Arbitrary.make(Mapping.Schema), (value) => {
        const decoded = Either.getOrThrow(Mapping.decode(Either.getOrThrow(Mapping.encode(value))))
        assert.deepStrictEqual(Object.fromEntries(decoded), Object.fromEntries(value))
      })
    )
  })

  it("takes strings of 255 bytes and refuses 256", () => {
    const fits = { ["k".repeat(255)]: `${"é".repeat(127)}x` }
    assert.strictEqual(Either.getOrThrow(Mapping.encode(fits)).length, 2 + 256 + 1 + 256 + 1)
    const tooLong = [{ k: "é".repeat(128) }, { ["k".repeat(256)]: "v" }]
    for (const input of tooLong) {
      const refused = Mapping.encode(input)
      assert.isTrue(Either.isLeft(refused))
      if (Either.isLeft(refused)) assert.strictEqual(refused.left.reason, "256 bytes, at most 255")
    }
  })

  it("names the key of a value it refuses, and does not show the value", () => {
    const refused = Mapping.encode({ "i2cp.password": "secret".repeat(50) })
    assert.isTrue(Either.isLeft(refused))
    if (Either.isLeft(refused)) {
      assert.include(refused.left.message, "i2cp.password")
      assert.notInclude(refused.left.message, "secret")
    }
  })

  it("takes 65,535 bytes in all and refuses one more", () => {
    // 127 entries of 4 + 3 + 508 bytes make 65,405; the last one fills up.
    const entries = Array.from({ length: 127 }, (_, i): [string, string] => [
      String(i).padStart(255, "0"),
      "v".repeat(253)
    ])
    const used = 127 * (4 + 255 + 253)
    const last = (bytes: number): [string, string] => ["z".repeat(255), "v".repeat(bytes - 4 - 255)]
    const full = Mapping.encode(new Map([...entries, last(Mapping.maxBytes - used)]))
    assert.strictEqual(Either.getOrThrow(full).length, 2 + 65_535)
    assert.isTrue(Either.isLeft(Mapping.encode(new Map([...entries, ["x", "y"], last(Mapping.maxBytes - used - 5)]))))
  })

  it("refuses lone surrogates, which UTF-8 cannot hold", () => {
    assert.isTrue(Either.isLeft(Mapping.encode({ "\uD800": "" })))
    assert.isTrue(Either.isLeft(Mapping.encode({ a: "x\uDC00" })))
  })

  it("parses entries in any order", () => {
    const decoded = Either.getOrThrow(Mapping.decode(mapping(entry("b", "1"), entry("a", "2"))))
    assert.deepStrictEqual(Array.from(decoded), [
      ["b", "1"],
      ["a", "2"]
    ])
  })

  it("refuses duplicates, other separators, malformed strings and lengths across the end", () => {
    assert.strictEqual(reasonOf(Mapping.decode(mapping(entry("a", "1"), entry("a", "2")))), "duplicate key")
    assert.strictEqual(reasonOf(Mapping.decode(mapping("01613b01623b"))), 'no "=" after a key')
    assert.strictEqual(reasonOf(Mapping.decode(mapping("01613d01623d"))), 'no ";" after a value')
    assert.strictEqual(reasonOf(Mapping.decode(mapping("02c3283d003b"))), "is not UTF-8")
    // The value runs over the end of the mapping into bytes that are there, but belong to what follows.
    assert.strictEqual(reasonOf(Mapping.decode(hex("0005 01613d 03 62 63643b"))), "needs 3 bytes, 1 left")
    assert.strictEqual(reasonOf(Mapping.decode(hex("0000 00"))), "1 bytes left over")
  })

  it("does not mistake keys like __proto__ for something else", () => {
    const decoded = Either.getOrThrow(Mapping.decode(mapping(entry("__proto__", "x"), entry("constructor", "y"))))
    assert.strictEqual(decoded.get("__proto__"), "x")
    assert.strictEqual(decoded.get("constructor"), "y")
  })

  it("refuses every truncation", () => {
    for (const part of truncations(encoded)) assert.isTrue(Either.isLeft(Mapping.decode(part)), `${part.length}`)
  })
})
