import { assert, describe, it } from "@effect/vitest"
import * as SamMessage from "../src/SamMessage.js"

describe("parse", () => {
  it("takes topic, verb and pairs apart", () => {
    assert.deepStrictEqual(SamMessage.parse("HELLO REPLY RESULT=OK VERSION=3.1"), {
      topic: "HELLO",
      verb: "REPLY",
      pairs: { RESULT: "OK", VERSION: "3.1" }
    })
  })

  it("keeps the padding of a Base64 value", () => {
    const { pairs } = SamMessage.parse("NAMING REPLY RESULT=OK NAME=ME VALUE=ab-~cd==")
    assert.strictEqual(pairs["VALUE"], "ab-~cd==")
  })

  it("reads quoted values with spaces and escapes", () => {
    const { pairs } = SamMessage.parse('SESSION STATUS RESULT=I2P_ERROR MESSAGE="no \\"tunnels\\" = yet" X=1')
    assert.deepStrictEqual(pairs, { RESULT: "I2P_ERROR", MESSAGE: 'no "tunnels" = yet', X: "1" })
  })

  it("survives lines that are no messages", () => {
    assert.deepStrictEqual(SamMessage.parse(""), { topic: "", verb: "", pairs: {} })
    assert.deepStrictEqual(SamMessage.parse("PING"), { topic: "PING", verb: "", pairs: {} })
    assert.deepStrictEqual(SamMessage.parse("A B KEY"), { topic: "A", verb: "B", pairs: { KEY: "" } })
  })
})

describe("render", () => {
  it("leaves out what is undefined and ends with a line feed", () => {
    assert.strictEqual(
      SamMessage.render("STREAM CONNECT", { ID: "x", FROM_PORT: undefined, TO_PORT: 80 }),
      "STREAM CONNECT ID=x TO_PORT=80\n"
    )
  })

  it("quotes a value with a space so that parse gives it back", () => {
    const value = 'two "words"'
    const line = SamMessage.render("SESSION CREATE", { NAME: value })
    assert.strictEqual(SamMessage.parse(line).pairs["NAME"], value)
  })
})
