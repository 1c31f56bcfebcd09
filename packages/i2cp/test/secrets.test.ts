import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { format } from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import { up } from "./session.js"

/** Every secret in here is a row of this byte. */
const filled = (length: number) => new Uint8Array(length).fill(0xab)
const random: SecureRandom.Service = { bytes: filled, u32: () => 7 }

/** 0xab twice in a row as decimal bytes (a public key may have one), as hex, as Base64 at each offset; and the password. */
const secret = /\b171\W+("\d+":\s*)?171\b|abab|q6ur|urq6|6urq|hunter2/i

const assertSilent = (value: unknown) => {
  for (const text of [
    inspect(value, { depth: 12, showHidden: true, maxArrayLength: null }),
    format(value),
    `${value}`
  ]) {
    assert.notMatch(text, secret)
  }
}

describe("what holds keys", () => {
  it("is told by this test from what shows them", () => {
    for (const shown of [{ key: filled(32) }, filled(32).toString(), Buffer.from(filled(32)).toString("base64")]) {
      assert.match(typeof shown === "string" ? shown : inspect(shown), secret)
      assert.match(format(shown), secret)
    }
  })

  it.scoped("shows none of their bytes: session, configuration, messages", () =>
    Effect.gen(function* () {
      const own = DestinationKeys.fromSigningKey(SigningKey.makePrivate(7, filled(32)), new Uint8Array(32))
      const keys = Either.getOrThrow(DestinationKeys.makeOffline(own, { expires: 2_000_000_000, random }))
      const credentials = { username: "me", password: Redacted.make("hunter2") }
      for (const sessionKeys of [own, keys]) {
        const { leaseSet, session } = yield* up({ credentials }, undefined, sessionKeys).pipe(
          Effect.provideService(SecureRandom.SecureRandom, random)
        )
        assertSilent(session)
        assertSilent(leaseSet)
        assertSilent(yield* session.state.get)
        assertSilent({ ...I2cpConfig.defaults, credentials })
        assertSilent(I2cpSession.layer({ keys: sessionKeys }))
      }
    })
  )
})
