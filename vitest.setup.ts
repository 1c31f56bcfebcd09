import { it } from "@effect/vitest"
import { globalValue } from "effect/GlobalValue"

/**
 * Files of the unit project share a process, and so one `it`. `layer` of @effect/vitest 0.30 writes its own `effect`,
 * `scoped` and others onto it, with its services and its clock, and leaves them there: each file gets back what the first had.
 */
Object.assign(
  it,
  globalValue("effect-i2p/vitest/it", () => ({ ...it }))
)

/** `npm run test:runtimes` names the runtime, so that workers that run on another do not prove anything. */
const expected = process.env["I2P_TEST_RUNTIME"]
const actual = "Bun" in globalThis ? "bun" : "Deno" in globalThis ? "deno" : "node"
if (expected !== undefined && expected !== actual) throw new Error(`tests run on ${actual} and not on ${expected}`)
