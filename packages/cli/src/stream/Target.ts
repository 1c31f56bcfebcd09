/**
 * The destination argument of a command.
 *
 * @since 0.1.0
 */

import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as Address from "@effect-i2p/wire/Address"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type CliError, refuse } from "../output/Failure.js"
import * as Argv from "../shell/Argv.js"
import type { Settings } from "../shell/Settings.js"

/**
 * Name under which the embedded router knows its echo destination.
 *
 * @category constants
 * @since 0.1.0
 */
export const echoName = "echo.i2p"

/**
 * The address as typed, once it is known to be one; on the embedded router {@link echoName} if none was typed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  settings: Settings,
  typed: Option.Option<string>,
  question: string
): Effect.Effect<string, CliError> => {
  const text = Option.getOrUndefined(typed) ?? (settings.router._tag === "Embedded" ? echoName : undefined)
  if (text === undefined) {
    return refuse(`${question} give a destination: a name.i2p, a b32 address or a full Base64 destination`)
  }
  // A Base64 text may begin with a minus: `Argv` has let those through.
  if (text.startsWith("-") && !Argv.isBase64(text)) return refuse(`option ${text} does not exist, or has no value`)
  return Either.mapBoth(Address.parse(text), { onLeft: (error) => refuse(error.message), onRight: () => text })
}

/**
 * What the session has to be told for a destination as typed: nothing, unless it is a b33 address and the environment has
 * what opens its lease set.
 *
 * @category conversions
 * @since 0.1.0
 */
export const access = (
  { leaseSetAccess }: Settings,
  typed: Option.Option<string>
): Partial<Pick<I2cpConfig.Service, "blindedAccess">> => {
  if (leaseSetAccess.secret === undefined && leaseSetAccess.clientKey === undefined) return {}
  return Option.match(Option.filter(typed, isBlinded), {
    onNone: () => ({}),
    onSome: (address) => ({ blindedAccess: [{ address, ...leaseSetAccess }] })
  })
}

const isBlinded = (text: string): boolean =>
  Either.match(Address.parse(text), { onLeft: () => false, onRight: ({ _tag }) => _tag === "Blinded" })
