/**
 * Address → Destination: our own address book, then the router. One request for each address at a time, answers matched by
 * request id only, hashes verified, results remembered for a while. No name is ever given to anybody but the router, and
 * none that does not end in `.i2p`.
 *
 * A request outlives the caller that started it (others may wait for the same one) and the connection it was sent on: it
 * is asked again on the next, until its own timeout.
 *
 * A failure is believed at once if the router is sure of it, which the embedded router and Java I2P are, if it has taken its
 * time to search, or if the session is not young. Only i2pd's quick "failed" of a young session may mean that its tunnels do
 * not serve yet: that is asked again, after a second and then every two.
 */
import * as Address from "@effect-i2p/wire/Address"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import type * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Service as AddressBook } from "../../AddressBook.js"
import type { BlindedAccess, Service as Config } from "../../I2cpConfig.js"
import type { LookupFailed } from "../../I2cpError.js"
import type * as Message from "../../Message.js"
import { LookupCache } from "./lookupCache.js"
import { failure, fromCode } from "./lookupFailures.js"

/** Pause in ms before a lookup is asked on the next connection, and before a quick "failed" is asked again the first time. */
const RETRY_PAUSE = 1_000

/**
 * The pauses grow to so many ms and no further: a longer one would end the questions before i2pd's tunnels serve, which a
 * fresh router was seen to take more than 7 s for.
 */
const LONGEST_RETRY_PAUSE = 2_000

/** A "failed" that took so many ms was searched for. Source: ours; without tunnels i2pd says it within milliseconds. */
const SEARCHED_MILLIS = 1_000

export interface Ask {
  /** Waits until the session can be asked. */
  readonly ready: Effect.Effect<void>
  /** Local ms since when it can. */
  readonly readySince: number
  /** Whether this router's "failed" means that the session's tunnels were no hindrance; asks it who it is if need be. */
  readonly isSure: Effect.Effect<boolean>
  /** Sends the request now, after what the router has to know first; `false` when it cannot be sent. */
  readonly send: (requestId: number, timeout: number, query: Message.Query, blinding?: Blinding) => boolean
}

/** What to tell the router before it looks up a blinded address; `now` is its own clock in ms. */
export type Blinding = (sessionId: number, now: number) => Message.BlindingInfo

/** How long the router shall remember it. Source: ours; it is told again before every lookup. */
const BLINDING_SECONDS = 86_400

type Reply = Message.Answer | "Lost"

export class Lookups {
  readonly #cache: LookupCache
  readonly #replies = new Map<number, Deferred.Deferred<Reply>>()
  readonly #self: Destination
  readonly #book: AddressBook
  readonly #config: Config
  readonly #ask: Ask
  readonly #access: ReadonlyArray<BlindedAccess & { readonly signingKey: SigningKey.PublicKey }>
  #nextId: number

  constructor(options: {
    readonly self: Destination
    readonly book: AddressBook
    readonly config: Config
    readonly ask: Ask
    readonly random: SecureRandom.Service
    readonly scope: Scope.Scope
  }) {
    this.#self = options.self
    this.#book = options.book
    this.#config = options.config
    this.#ask = options.ask
    this.#cache = new LookupCache(options.config, options.scope)
    this.#nextId = options.random.u32()
    this.#access = options.config.blindedAccess.flatMap((access) => {
      const signingKey = blindedKey(access.address)
      return signingKey === undefined ? [] : [{ ...access, signingKey }]
    })
  }

  lookup(input: Address.Input): Effect.Effect<Destination, LookupFailed> {
    return Effect.suspend(() => {
      const parsed = Address.from(input)
      if (Either.isLeft(parsed)) return Effect.fail(failure(String(input), "BadAddress", parsed.left.reason))
      const address = parsed.right
      const text = Address.format(address)
      switch (address._tag) {
        case "Base64":
          return Effect.succeed(address.destination)
        case "B32": {
          if (Hash.equals(address.hash, this.#self.hash)) return Effect.succeed(this.#self)
          return this.#request(text, { _tag: "Hash", hash: address.hash }, this.#config.lookupHashTimeout)
        }
        case "Name":
          return Effect.flatMap(this.#book.lookup(address.name), (known) =>
            Option.isSome(known)
              ? Effect.succeed(known.value)
              : this.#request(text, { _tag: "Name", name: address.name }, this.#config.lookupNameTimeout)
          )
        case "Blinded":
          // Only routers can follow it: its hash changes every day. Java I2P does, i2pd and emissary do not.
          return this.#request(text, { _tag: "Name", name: address.name }, this.#config.lookupHashTimeout)
      }
    })
  }

  /** Takes a HostReply; unknown ids (late, duplicate, invented) are dropped. */
  onReply(reply: Message.HostReply): void {
    const waiting = this.#replies.get(reply.requestId)
    if (waiting !== undefined) Deferred.unsafeDone(waiting, Exit.succeed(reply.answer))
  }

  /** The connection is gone: whoever waits for a reply asks again on the next. */
  onLost(): void {
    for (const waiting of this.#replies.values()) Deferred.unsafeDone(waiting, Exit.succeed("Lost" as const))
  }

  #request(
    text: string,
    query: Message.Query,
    timeoutInput: Duration.DurationInput
  ): Effect.Effect<Destination, LookupFailed> {
    const timeout = Duration.decode(timeoutInput)
    const attempts = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const millis = Duration.toMillis(timeout)
      return this.#attempt(text, query, { timeout: millis, until: now + millis }, RETRY_PAUSE)
    })
    const request = Effect.timeoutFail(attempts, {
      duration: timeout,
      onTimeout: () => failure(text, "Timeout", `no answer within ${Duration.format(timeout)}`)
    })
    return this.#cache.get(text, request)
  }

  /**
   * Asks until the answer can be believed, or there is no time for another question; `pause` comes before the next. All of
   * them in ms, `until` on the clock.
   */
  #attempt(
    text: string,
    query: Message.Query,
    limits: { readonly timeout: number; readonly until: number },
    pause: number
  ): Effect.Effect<Destination, LookupFailed> {
    return Effect.gen(this, function* () {
      yield* this.#ask.ready
      const asked = yield* Clock.currentTimeMillis
      const reply = yield* this.#exchange(query, limits.timeout)
      if (reply === "Lost") {
        yield* Effect.sleep(RETRY_PAUSE)
        return yield* this.#attempt(text, query, limits, RETRY_PAUSE)
      }
      if (reply._tag === "Found") {
        if (!isAnswerTo(query, reply.destination)) {
          return yield* failure(text, "WrongDestination", "the router answered with another destination")
        }
        return reply.destination
      }
      const answered = yield* Clock.currentTimeMillis
      const again = answered + pause
      const mayBeForWantOfTunnels =
        (reply.code === 1 || reply.code === 6) &&
        answered - asked < SEARCHED_MILLIS &&
        again < limits.until &&
        again - this.#ask.readySince < Duration.toMillis(this.#config.lookupRetryWindow)
      if (!mayBeForWantOfTunnels || (yield* this.#ask.isSure)) return yield* fromCode(text, reply.code)
      yield* Effect.sleep(Math.max(0, again - (yield* Clock.currentTimeMillis)))
      return yield* this.#attempt(text, query, limits, Math.min(2 * pause, LONGEST_RETRY_PAUSE))
    })
  }

  /** Looks the key up and not the name: the flags in the name may differ from those of the one that was configured. */
  #blinding(query: Message.Query): Blinding | undefined {
    const signingKey = query._tag === "Name" ? blindedKey(query.name) : undefined
    const access = signingKey && this.#access.find((entry) => SigningKey.equals(entry.signingKey, signingKey))
    if (access === undefined) return undefined
    const { clientKey, secret } = access
    return (sessionId, now) => ({
      _tag: "BlindingInfo",
      sessionId,
      endpoint: { _tag: "Key", signingKey: access.signingKey },
      blindedType: KeyType.RedDsaEd25519,
      expires: Math.min(Math.max(0, Math.floor(now / 1_000)) + BLINDING_SECONDS, 0xffff_ffff),
      clientKey,
      secret
    })
  }

  #exchange(query: Message.Query, timeout: number): Effect.Effect<Reply> {
    return Effect.suspend(() => {
      const id = this.#nextId
      this.#nextId = (id + 1) >>> 0
      const waiting = Deferred.unsafeMake<Reply>(FiberId.none)
      this.#replies.set(id, waiting)
      const sent = this.#ask.send(id, timeout, query, this.#blinding(query))
      return Effect.ensuring(
        sent ? Deferred.await(waiting) : Effect.succeed("Lost" as const),
        Effect.sync(() => this.#replies.delete(id))
      )
    })
  }
}

/** What can be verified of an answer: a name of the address book says nothing about its Destination. */
const isAnswerTo = (query: Message.Query, { hash, signingKey }: Destination): boolean => {
  if (query._tag === "Hash") return Hash.equals(hash, query.hash)
  const blinded = query._tag === "Name" ? blindedKey(query.name) : undefined
  return blinded === undefined || SigningKey.equals(blinded, signingKey)
}

const blindedKey = (name: string): SigningKey.PublicKey | undefined => {
  const address = Address.parse(name)
  return Either.isRight(address) && address.right._tag === "Blinded" ? address.right.signingKey : undefined
}
