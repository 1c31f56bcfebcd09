import { assert, describe, it } from "@effect/vitest"
import * as Arguments from "../src/Arguments.js"

describe("parse", () => {
  it("runs both client routers and hides nothing by default", () => {
    assert.deepStrictEqual(Arguments.parse([]), {
      mode: "fab",
      allowMissing: false,
      java: false,
      keep: false,
      vitest: []
    })
  })

  it("takes its own options and hands the rest to vitest in order", () => {
    assert.deepStrictEqual(Arguments.parse(["-t", "echo", "--fa", "--keep", "--java", "--allow-missing", "--bail=1"]), {
      mode: "fa",
      allowMissing: true,
      java: true,
      keep: true,
      vitest: ["-t", "echo", "--bail=1"]
    })
  })
})
