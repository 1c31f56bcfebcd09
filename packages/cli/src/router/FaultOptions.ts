/**
 * What `i2p router --fault` takes: a word, some with a value, for each thing that a router can do wrong.
 *
 * @since 0.1.0
 */
import type * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as Quantity from "@effect-i2p/router/Quantity"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"

/** Does wrong, for as long as it runs; what is done once and stays so ends at once. */
type Fault = (faults: LocalRouter.Faults) => Effect.Effect<void>

interface Word {
  /** As in the help. */
  readonly form: string
  readonly parse: (value: string) => Either.Either<Fault, string>
}

const millis = (make: (millis: number) => Fault) => (value: string) => Either.map(Quantity.duration(value, "s"), make)

const status = (value: string): Either.Either<number, string> =>
  /^\d{1,3}$/.test(value) && Number(value) <= 255
    ? Either.right(Number(value))
    : Either.left(`"${value}" is not a message status: write a number up to 255, such as 21`)

/** Down for so long after each so long of being up: the time that i2pd takes to come back is under a second. */
const defaultDownMillis = 1000

const words: Readonly<Record<string, Word>> = {
  refuse: {
    form: "refuse[=REASON]",
    parse: (reason) =>
      Either.right((faults) =>
        faults.refuseSessions({ _tag: "Disconnect", reason: reason || "refused by a fault of this router" })
      )
  },
  invalid: {
    form: "invalid",
    parse: () => Either.right((faults) => faults.refuseSessions({ _tag: "Status", status: "Invalid" }))
  },
  mute: { form: "mute", parse: () => Either.right((faults) => faults.refuseSessions({ _tag: "Silence" })) },
  "no-tunnels": { form: "no-tunnels", parse: () => Either.right((faults) => faults.withholdTunnels(true)) },
  destroy: {
    form: "destroy=TIME",
    parse: millis((age) => (faults) => faults.destroySessionsAfter(age))
  },
  hold: { form: "hold=TIME", parse: millis((time) => (faults) => faults.holdSessions(time)) },
  status: {
    form: "status=CODE",
    parse: (value) => Either.map(status(value), (code) => (faults) => faults.answerSends(code))
  },
  silent: { form: "silent", parse: () => Either.right((faults) => faults.silence(true)) },
  restart: {
    form: "restart=EVERY[/DOWN]",
    parse: (value) =>
      Either.gen(function* () {
        const [every = "", down] = value.split("/")
        const up = yield* Quantity.duration(every, "s")
        const pause = down === undefined ? defaultDownMillis : yield* Quantity.duration(down, "s")
        if (up === 0) return yield* Either.left("a router cannot restart all the time: write a time above 0")
        return (faults: LocalRouter.Faults) =>
          Effect.sleep(up).pipe(Effect.zipRight(faults.restart(pause)), Effect.repeat(Schedule.forever), Effect.asVoid)
      })
  }
}

/**
 * The words, for the help.
 *
 * @category constants
 * @since 0.1.0
 */
export const forms: ReadonlyArray<string> = Object.values(words).map(({ form }) => form)

/**
 * A fault from its word.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Fault, string> => {
  const at = text.indexOf("=")
  const [name, value] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]
  const word = Object.hasOwn(words, name) ? words[name] : undefined
  if (word === undefined) return Either.left(`"${text}" is not a fault: use ${forms.join(", ")}`)
  return Either.mapLeft(word.parse(value), (why) => `${name}: ${why}`)
}
