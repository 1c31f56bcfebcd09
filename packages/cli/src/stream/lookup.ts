/**
 * `i2p lookup`: the destination behind an address.
 *
 * @since 0.1.0
 */

import * as AddressBook from "@effect-i2p/i2cp/AddressBook"
import type { LookupFailed } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Address from "@effect-i2p/wire/Address"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Facts from "../key/Facts.js"
import * as ExitStatus from "../output/ExitStatus.js"
import { advice, CliError, ExitCode, refuse } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import * as Output from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import * as Streams from "./Streams.js"
import * as Target from "./Target.js"

/**
 * **Units** `timeout` in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly address: Option.Option<string>
  readonly timeout: Option.Option<number>
}

/**
 * Prints the destination, to a terminal with all there is to know, with `--json` an object.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const text = yield* Target.resolve(settings, options.address, "look up what?")
  if (Option.exists(options.timeout, (timeout) => !(timeout > 0))) return yield* refuse("-w must be above 0 seconds")
  const address = Either.getOrThrow(Address.parse(text))
  const own = yield* withoutRouter(settings, address)
  const found = Option.isSome(own)
    ? Either.right(own.value)
    : yield* Effect.either(fromRouter(text)).pipe(
        Effect.provide(
          Streams.layer(
            settings,
            {},
            {
              ...Target.access(settings, options.address),
              ...Option.match(options.timeout, { onNone: () => ({}), onSome: times })
            }
          )
        ),
        Effect.scoped
      )
  return yield* Either.match(found, {
    onLeft: (error) => notFound(settings, text, address, error),
    onRight: (destination) => print(settings, text, address, destination)
  })
})

const times = (seconds: number) => ({ lookupNameTimeout: seconds * 1000, lookupHashTimeout: seconds * 1000 })

/** A whole destination says it all, and our own address book is in reach. */
const withoutRouter = (settings: Settings, address: Address.Address) => {
  switch (address._tag) {
    case "Base64":
      return Effect.succeedSome(address.destination)
    case "Name":
      return Effect.flatMap(AddressBook.AddressBook, (book) => book.lookup(address.name)).pipe(
        Effect.provide(Streams.layerAddressBook(settings))
      )
    default:
      return Effect.succeedNone
  }
}

const fromRouter = (text: string) =>
  Effect.gen(function* () {
    const session = yield* I2cpSession.I2cpSession
    const { err } = yield* Output.Output
    yield* Streams.ready
    const line = Effect.succeed(`i2p: looking up ${Format.address(text)} …`)
    return yield* Progress.during(session.lookup(text), err, line)
  })

const print = (settings: Settings, text: string, address: Address.Address, destination: Destination) =>
  Effect.gen(function* () {
    const { out } = yield* Output.Output
    const facts = [
      { label: "address", json: { address: text, found: true } },
      ...blindedFacts(address),
      ...Facts.ofDestination(destination, { whole: true })
    ]
    if (settings.json) return yield* Output.data(Facts.json(facts))
    if (!out.isTerminal) return yield* Output.data(destination.base64)
    const lines = Facts.render(Format.address(text), facts, Style.make(out.colors))
    yield* Effect.forEach(lines, Output.data, { discard: true })
  })

/** What a b33 name says by itself. */
const blindedFacts = (address: Address.Address): ReadonlyArray<Facts.Fact> => {
  if (address._tag !== "Blinded") return []
  const needs = [
    ...(address.secretRequired ? ["a secret"] : []),
    ...(address.authenticationRequired ? ["a key of one's own"] : [])
  ]
  return [
    {
      label: "lease set",
      text: `encrypted${needs.length === 0 ? "" : `, needs ${needs.join(" and ")}`}`,
      json: { secret_required: address.secretRequired, authentication_required: address.authenticationRequired }
    }
  ]
}

/** Asked and answered: there is none. Everything else keeps us from knowing. */
const isNotFound = (reason: string): boolean =>
  reason === "NotFound" || reason === "LeaseSetNotFound" || reason === "Timeout" || reason === "WrongDestination"

type Failure = LookupFailed | { readonly _tag: Exclude<string, "LookupFailed">; readonly message: string }

const isLookupFailed = (error: Failure): error is LookupFailed => error._tag === "LookupFailed"

const notFound = <E extends Failure>(settings: Settings, text: string, address: Address.Address, error: E) =>
  Effect.gen(function* () {
    if (!isLookupFailed(error)) return yield* Effect.fail(error as Exclude<E, LookupFailed>)
    const exitCode = isNotFound(error.reason) ? ExitCode.NoAnswer : ExitCode.Error
    yield* ExitStatus.set(exitCode)
    if (settings.json) {
      yield* Output.data(JSON.stringify({ address: text, found: false, reason: error.reason, detail: error.detail }))
    }
    return yield* new CliError({
      message: `${Format.address(text)}: ${error.detail}${whatToDo(error, address)}`,
      exitCode
    })
  })

const whatToDo = ({ reason }: LookupFailed, address: Address.Address): string => {
  switch (reason) {
    case "NotFound":
      return address._tag === "Blinded" ? notFollowed(address.secretRequired) : ""
    case "Timeout":
      return "; it may be off line, or -w gives it more time"
    default:
      return advice(reason)
  }
}

/** The secret is part of what is looked for, so that no router can tell a wrong one from nobody. */
const notFollowed = (secretRequired: boolean): string =>
  `; among routers only Java I2P can follow a b33 address for us${secretRequired ? ", and it looks the same with a wrong I2P_LEASESET_SECRET" : ""}`
