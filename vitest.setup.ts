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
