import * as Undici from "@effect/platform-node/Undici"
import { assert, describe, it } from "@effect/vitest"
import { honoursDispatchers } from "../../src/internal/undici.js"

describe("honoursDispatchers", () => {
  it("knows undici from a class that only has its name; `npm run test:runtimes` asks Bun's", () => {
    class Agent {}
    assert.isTrue(honoursDispatchers(Undici.Agent))
    assert.isFalse(honoursDispatchers(Agent))
  })
})
