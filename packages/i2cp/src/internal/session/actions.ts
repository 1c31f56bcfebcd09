/**
 * Carries out what the machine of `core/Session.ts` asks for: signs, encodes and sends.
 */
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Session from "../../core/Session.js"
import * as I2cpConfig from "../../I2cpConfig.js"
import * as I2cpError from "../../I2cpError.js"
import * as Message from "../../Message.js"
import * as SessionConfig from "../../SessionConfig.js"
import type { RunningConnection } from "./currentConnection.js"
import type { Environment } from "./environment.js"

type Problem = I2cpError.SessionRejected | DestinationKeys.OfflineKeysExpired

/** Performs actions in their order. Answers to lease requests go in front of everything else that waits. */
export const perform = (
  env: Environment,
  { link }: RunningConnection,
  actions: ReadonlyArray<Session.Action>,
  now: number
): Effect.Effect<void, Problem> => {
  const send = (message: Message.Message) => link.sendFirst(Message.encode(message))
  const one = (action: Session.Action): Effect.Effect<void, Problem> => {
    switch (action._tag) {
      case "Send":
        return Effect.sync(() => send(action.message))
      case "Create":
        return Effect.map(signConfig(env, action.created, now), (config) => send({ _tag: "CreateSession", config }))
      case "Reconfigure": {
        const { created, sessionId } = action
        return Effect.map(signConfig(env, created, now), (config) =>
          send({ _tag: "ReconfigureSession", sessionId, config })
        )
      }
      case "Reconfigured":
        return Effect.sync(() => env.routerRequests.onReconfigured(action.result))
      case "Answer": {
        const { answer, sessionId } = action
        return Effect.map(
          whileValid(env, now, () => env.leaseSets.inUse.sign(answer)),
          (signed) => send({ _tag: "CreateLeaseSet2", sessionId, ...signed })
        )
      }
      case "Warn":
        return warn(env, "router", action.text)
    }
  }
  return Effect.forEach(actions, one, { discard: true })
}

/** A router can make us warn as often as it likes; the log gets a line of each kind now and then. */
export const warn = (env: Environment, kind: string, text: string): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => env.warnings.log(kind, text, now))

const signConfig = (
  env: Environment,
  created: number,
  now: number
): Effect.Effect<SessionConfig.SessionConfig, Problem> =>
  whileValid(env, now, () =>
    Either.flatMap(I2cpConfig.sessionOptions(env.routerRequests.options, env.leaseSets.inUse.ownClientKey), (options) =>
      SessionConfig.sign(env.keys, options, created, env.signatures)
    )
  )

/** What an expired transient key signs, no router takes; to say so ourselves is clearer than its refusal. */
const whileValid = <A>(
  env: Environment,
  now: number,
  sign: () => Either.Either<A, { readonly message: string }>
): Effect.Effect<A, Problem> => {
  const expired = DestinationKeys.checkExpiry(env.keys, now)
  return Either.isLeft(expired) ? Effect.fail(expired.left) : Effect.mapError(sign(), misconfigured)
}

/** What we refuse ourselves before a router does. */
export const misconfigured = (error: { readonly message: string }): I2cpError.SessionRejected =>
  new I2cpError.SessionRejected({ reason: "Misconfigured", detail: error.message, retryable: false })
