import * as Redacted from "effect/Redacted"
import type { Service as Config } from "../../I2cpConfig.js"

/** The mapping of GetDate for a router with `i2cp.auth`; absent otherwise, as only Java reads it. */
export const options = (config: Config): ReadonlyMap<string, string> | undefined =>
  config.credentials === undefined
    ? undefined
    : new Map([
        ["i2cp.username", config.credentials.username],
        ["i2cp.password", Redacted.value(config.credentials.password)]
      ])
