/**
 * Who may connect and ping: a list of those allowed, a list of those denied. It can be changed while it is in use.
 *
 * A session has one, and a listener may have one of its own; a visitor must pass both. What it denies is dropped without
 * a word, and before anything dear is done for it. Connections that are open stay open, unless a change says `disconnect`,
 * and our own are not its business.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-i2p/wire/Address"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Hash from "@effect-i2p/wire/Hash"
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import { shorten } from "@effect-i2p/wire/Text"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

const TypeId: unique symbol = Symbol.for("@effect-i2p/streaming/AccessList")

const RulesTypeId: unique symbol = Symbol.for("@effect-i2p/streaming/AccessList/Rules")

/**
 * A destination, its hash, or either as text: a b32 address, the Base64 of the hash or of the whole destination.
 *
 * @since 0.1.0
 * @category models
 */
export type Peer = Destination.Destination | Hash.Hash | string

/**
 * **Shape** hashes in Base32. `allow` undefined is everybody; a denied peer stays out even if it is allowed as well. Made by
 * `rules` and `everybody` only: names of another form would match nobody, and let in whom they were to keep out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rules {
  readonly [RulesTypeId]: typeof RulesTypeId
  readonly allow: ReadonlySet<string> | undefined
  readonly deny: ReadonlySet<string>
}

/**
 * Text that does not name a peer. A host name does not either: look it up first, for what it means may change.
 *
 * @since 0.1.0
 * @category errors
 */
export class BadPeer extends Schema.TaggedError<BadPeer>("@effect-i2p/streaming/AccessList/BadPeer")("BadPeer", {
  peer: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${JSON.stringify(this.peer)} names no peer for an access list: ${this.reason}`
  }
}

class Checked implements Rules {
  readonly [RulesTypeId]: typeof RulesTypeId = RulesTypeId
  constructor(
    readonly allow: ReadonlySet<string> | undefined,
    readonly deny: ReadonlySet<string>
  ) {}
}

/** What looks like rules, or like a list with a `permits` of its own, would let in everybody. Throws: a mistake here. */
const checked = (rules: Rules): Rules => {
  if (rules instanceof Checked) return rules
  throw new TypeError("an access list is made by AccessList.make, its rules by AccessList.rules; this is neither")
}

/**
 * Nobody is kept out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const everybody: Rules = new Checked(undefined, new Set())

/** Characters of a hash in Base64, with its padding. */
const base64HashLength = 44

/**
 * The hash of a peer, however it is named.
 *
 * @since 0.1.0
 * @category conversions
 */
export const hashOf = (peer: Peer): Either.Either<Hash.Hash, BadPeer> => {
  if (peer instanceof Uint8Array) return Either.right(peer)
  if (Destination.isDestination(peer)) return Either.right(peer.hash)
  const text = peer.trim()
  const bad = (reason: string) => new BadPeer({ peer: shorten(text, 64, 64), reason })
  if (text.length === base64HashLength && !text.includes(".")) {
    return Either.mapLeft(Either.flatMap(decodeBase64(text), Hash.fromBytes), (error) => bad(error.message))
  }
  const address = Address.parse(text)
  if (Either.isLeft(address)) return Either.left(bad(address.left.reason))
  switch (address.right._tag) {
    case "B32":
      return Either.right(address.right.hash)
    case "Base64":
      return Either.right(address.right.destination.hash)
    case "Name":
      return Either.left(bad("a host name; look it up first"))
    case "Blinded":
      return Either.left(bad("an encrypted lease set's address does not tell the destination's hash"))
  }
}

const setOf = (peers: Iterable<Peer>): Either.Either<ReadonlySet<string>, BadPeer> =>
  Either.map(Either.all([...peers].map(hashOf)), (hashes) => new Set(hashes.map(Hash.toBase32)))

/**
 * Rules from peers by whatever name; those denied are denied even when allowed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const rules = (options: {
  /** Leave it out to allow everybody; an empty list allows nobody. */
  readonly allow?: Iterable<Peer> | undefined
  readonly deny?: Iterable<Peer> | undefined
}): Either.Either<Rules, BadPeer> =>
  Either.map(
    Either.all([
      options.allow === undefined ? Either.right(undefined) : setOf(options.allow),
      setOf(options.deny ?? [])
    ]),
    ([allow, deny]) => new Checked(allow, deny)
  )

/**
 * Whether the rules let a peer in.
 *
 * @since 0.1.0
 * @category predicates
 */
export const permits = (self: Rules, hash: Hash.Hash): boolean => {
  if (self.allow === undefined && self.deny.size === 0) return true
  const key = Hash.toBase32(hash)
  return !self.deny.has(key) && (self.allow === undefined || self.allow.has(key))
}

/**
 * What a change does besides.
 *
 * **Shape** `disconnect` ends the streams that the list does not permit any more by RESET: those that wait to be accepted,
 * and those that are open. Of a session's list those with a peer that is denied, ours to it among them, and after `set` and
 * `remove` those that peers opened; of a listener's list those that came to it. Default false: they go on.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChangeOptions {
  readonly disconnect?: boolean | undefined
}

/**
 * The lists of a session or listener. Every change holds from the next visitor on, those included whose signatures are
 * being checked.
 *
 * @example
 * ```ts
 * import { StreamManager } from "@effect-i2p/streaming/StreamManager"
 * import * as Effect from "effect/Effect"
 *
 * const ban = (peer: string) =>
 *   Effect.flatMap(StreamManager, ({ accessList }) => accessList.deny(peer, { disconnect: true }))
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface AccessList {
  /** Made by `make` only: a session reads its own cell, and asks no method that somebody else wrote. */
  readonly [TypeId]: typeof TypeId
  /** The rules as they are now. */
  readonly rules: Effect.Effect<Rules>
  /** Puts others in their place. */
  readonly set: (rules: Rules, options?: ChangeOptions) => Effect.Effect<void>
  /** Adds to those allowed; the first one ends "everybody". */
  readonly allow: (peer: Peer) => Effect.Effect<void, BadPeer>
  /** Adds to those denied. */
  readonly deny: (peer: Peer, options?: ChangeOptions) => Effect.Effect<void, BadPeer>
  /** Takes a peer out of both lists. The last one allowed leaves an empty list, which allows nobody. */
  readonly remove: (peer: Peer, options?: ChangeOptions) => Effect.Effect<void, BadPeer>
  /** Whether a peer would be let in now. */
  readonly permits: (peer: Peer) => Effect.Effect<boolean, BadPeer>
}

/**
 * Ends the streams of a session or listener whose peers are `out`, ours among them if it says so; gives how many.
 *
 * @internal
 */
export type Enforcer = (isOut: (hash: Hash.Hash) => boolean, ours: boolean) => Effect.Effect<number>

class Lists implements AccessList {
  readonly [TypeId]: typeof TypeId = TypeId
  /** Of those who use the list: several sessions or listeners may share it. */
  readonly enforcers = new Set<Enforcer>()
  /** Plain, as it is read for each first packet of a visitor, where no effect runs. */
  current: Rules

  constructor(initial: Rules) {
    this.current = initial
  }

  readonly rules = Effect.sync(() => this.current)

  set(rules: Rules, options: ChangeOptions = {}): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.current = checked(rules)
      return this.#enforce(options)
    })
  }

  allow(peer: Peer): Effect.Effect<void, BadPeer> {
    return this.#change(peer, ({ allow, deny }, key) => new Checked(withKey(allow ?? new Set(), key), deny))
  }

  deny(peer: Peer, options: ChangeOptions = {}): Effect.Effect<void, BadPeer> {
    return Effect.zipRight(
      this.#change(peer, ({ allow, deny }, key) => new Checked(allow, withKey(deny, key))),
      Effect.flatMap(hashOf(peer), (denied) => this.#enforce(options, denied))
    )
  }

  remove(peer: Peer, options: ChangeOptions = {}): Effect.Effect<void, BadPeer> {
    return Effect.zipRight(
      this.#change(peer, ({ allow, deny }, key) => new Checked(allow && withoutKey(allow, key), withoutKey(deny, key))),
      this.#enforce(options)
    )
  }

  permits(peer: Peer): Effect.Effect<boolean, BadPeer> {
    return Effect.flatMap(hashOf(peer), (hash) => Effect.sync(() => permits(this.current, hash)))
  }

  /** Ends the streams with this peer, or those of everybody who is not let in now. */
  #enforce({ disconnect = false }: ChangeOptions, denied?: Hash.Hash): Effect.Effect<void> {
    if (!disconnect) return Effect.void
    const isOut = (hash: Hash.Hash) => (denied === undefined ? !permits(this.current, hash) : Hash.equals(hash, denied))
    return Effect.suspend(() =>
      Effect.forEach(this.enforcers, (enforcer) => enforcer(isOut, denied !== undefined), { discard: true })
    )
  }

  #change(peer: Peer, change: (rules: Rules, key: string) => Rules): Effect.Effect<void, BadPeer> {
    return Effect.flatMap(hashOf(peer), (hash) =>
      Effect.sync(() => {
        this.current = change(this.current, Hash.toBase32(hash))
      })
    )
  }
}

/**
 * A list that can be changed while it is in use.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (initial: Rules = everybody): Effect.Effect<AccessList> =>
  Effect.sync(() => new Lists(checked(initial)))

/**
 * Whether something is a list that can be changed, not rules.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAccessList = (u: unknown): u is AccessList => u instanceof Lists

/**
 * A list that is given may be shared; rules get a list of their own. Dies of anything else.
 *
 * @internal
 */
export const from = (given: AccessList | Rules): Effect.Effect<AccessList> =>
  isAccessList(given) ? Effect.succeed(given) : make(given)

/**
 * Whether the list lets a peer in now, where no effect runs.
 *
 * @internal
 */
export const unsafePermits = (self: AccessList, hash: Hash.Hash): boolean => permits((self as Lists).current, hash)

/**
 * Has changes of the list that say `disconnect` end streams, as long as the scope lives.
 *
 * @internal
 */
export const enforceWith = (self: AccessList, enforcer: Enforcer): Effect.Effect<void, never, Scope.Scope> => {
  const { enforcers } = self as Lists
  return Effect.acquireRelease(
    Effect.sync(() => void enforcers.add(enforcer)),
    () => Effect.sync(() => enforcers.delete(enforcer))
  )
}

const withKey = (set: ReadonlySet<string>, key: string): ReadonlySet<string> => new Set(set).add(key)

const withoutKey = (set: ReadonlySet<string>, key: string): ReadonlySet<string> => {
  const copy = new Set(set)
  copy.delete(key)
  return copy
}
