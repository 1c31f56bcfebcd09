/**
 * The stages of `i2p doctor`, what came of each, and what to do about the one that failed. Pure.
 *
 * @since 0.1.0
 */
import type { I2cpError, LookupFailed } from "@effect-i2p/i2cp/I2cpError"

/**
 * The way from a port to a stream, in order: each stage needs those before it.
 *
 * @category constants
 * @since 0.1.0
 */
export const stages = ["port", "version", "session", "tunnels", "lease set", "self-lookup", "loopback stream"] as const

/**
 * A stage by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type Stage = (typeof stages)[number]

/**
 * What came of a stage.
 *
 * **Units** `millis` from the end of the stage before.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Passed"; readonly stage: Stage; readonly millis: number; readonly detail: string }
  | {
      readonly _tag: "Failed"
      readonly stage: Stage
      readonly millis: number
      readonly detail: string
      readonly hint: string
    }

/**
 * The stage of an error that stands for one, whenever it came up; `undefined` for one that can come up anywhere.
 *
 * @category getters
 * @since 0.1.0
 */
export const stageOf = (error: I2cpError): Stage | undefined => {
  switch (error._tag) {
    case "RouterUnreachable":
    case "TlsFailed":
      return "port"
    case "NotI2cp":
      return "version"
    case "SessionRejected":
      // The router asks for name and password before it tells its version.
      return error.reason === "Unauthorized" ? "version" : undefined
    default:
      return undefined
  }
}

/**
 * What the error says, without its advice.
 *
 * @category formatting
 * @since 0.1.0
 */
export const detailOf = (error: I2cpError | LookupFailed): string => ("detail" in error ? error.detail : error.message)

/**
 * Which switch to flip when a stage failed with an error.
 *
 * @category getters
 * @since 0.1.0
 */
export const hintOf = (stage: Stage, error: I2cpError | LookupFailed | undefined): string => {
  if (error?._tag === "RouterUnreachable" || error?._tag === "TlsFailed" || error?._tag === "NotI2cp") return error.hint
  if (error?._tag === "SessionRejected") {
    if (error.reason === "Unauthorized") return `${error.hint}; the i2p command reads I2P_USERNAME and I2P_PASSWORD`
    if (error.reason === "Misconfigured") return error.hint
    const known = refusals.find(([pattern]) => pattern.test(error.detail))
    if (known !== undefined) return known[1]
  }
  if (error?._tag === "OfflineKeysExpired") return "make new offline keys with the destination's own key"
  return hints[stage]
}

/** **Source** Java I2P's words, package `net.i2p.router.client`; matched loosely. */
const refusals: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /already have session|duplicate dest/i,
    "another program uses these keys on that router, or its connection is not closed yet: stop it, or leave out --keys"
  ],
  [/session limit/i, "close other programs, or let the router have more: Java I2P, i2cp.maxSessions (50)"],
  [/skew|clock/i, "set the clock of this machine and that of the router; a time service keeps them right"],
  [
    /offline/i,
    "use the destination's own keys: i2pd and emissary take no offline ones; and have new ones made when they expire"
  ]
]

const hints: Readonly<Record<Stage, string>> = {
  port: "check the address of the router",
  version: "restart the router; and check that nothing between us and it keeps messages back",
  session:
    "restart the router, and see its log: Java I2P, console > logs; i2pd, loglevel = debug; with --keys, try without",
  tunnels:
    "the router builds no tunnels for us: a fresh one needs some minutes; see how it does in its console (Java I2P, " +
    "http://127.0.0.1:7657/tunnels; i2pd, http://127.0.0.1:7070), open its port in the firewall, check its clock, or ask " +
    "for less: --tunnels 1x1",
  "lease set":
    "the router does not take our lease set: update it (Java I2P from 0.9.39, i2pd from 2.24), check the clocks, and " +
    "try without --keys",
  "self-lookup":
    "our lease set does not get into the network's database: wait some minutes and try again; let it be published " +
    "(i2cp.dontPublishLeaseSet=false in Java I2P; not set at all in i2pd, where 2.58 turns its meaning round); check that " +
    "the router is not in hidden mode and knows some floodfills",
  "loopback stream":
    "messages get lost between two destinations of ours: see the share of tunnels that work in the router's console, and " +
    "try again; Java I2P delivers inside unless i2cp.disableLoopback is set"
}
