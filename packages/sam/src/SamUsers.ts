/**
 * Who may use the bridge: names and salted hashes of passwords, and whether anybody is asked at all.
 *
 * AUTH changes them, for connections that follow. In memory unless `onChange` keeps them.
 *
 * @since 0.1.0
 */
import * as Bytes from "@effect-i2p/wire/Bytes"
import { decodeBase64, encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { scrypt } from "@noble/hashes/scrypt.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"

/**
 * What is kept: `hashes` by user, each salt and hash in Base64 with a dot between.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Stored = Schema.Struct({
  enabled: Schema.Boolean,
  hashes: Schema.Record({ key: Schema.String, value: Schema.String })
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Stored extends Schema.Schema.Type<typeof Stored> {}

/**
 * A change that cannot be.
 *
 * @category errors
 * @since 0.1.0
 */
export class UserError extends Schema.TaggedError<UserError>("@effect-i2p/sam/UserError")("UserError", {
  reason: Schema.Literal("Exists", "Unknown", "TooMany", "NobodyLeft", "NotKept"),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The users of a bridge.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamUsers {
  readonly isEnabled: Effect.Effect<boolean>
  readonly check: (user: string, password: string) => Effect.Effect<boolean>
  readonly setEnabled: (enabled: boolean) => Effect.Effect<void, UserError>
  readonly add: (user: string, password: string) => Effect.Effect<void, UserError>
  readonly remove: (user: string) => Effect.Effect<void, UserError>
}

/**
 * scrypt's costs.
 *
 * **Source** RFC 7914 names them; N = 2^14, 16 MB and some 50 ms here, is what its authors advise for interactive logins of
 * 2009. A bridge that is guessed at by programs on its own machine is no place for more.
 */
const costs = { N: 16_384, r: 8, p: 1, dkLen: 32 } as const

const saltBytes = 16

/** Each is a hash to keep, nothing more. Ours. */
const maxUsers = 1024

const hash = (password: string, salt: Uint8Array): Uint8Array => scrypt(new TextEncoder().encode(password), salt, costs)

/**
 * Users who are kept by `onChange`, called with each change before it holds; one that fails keeps it from holding.
 *
 * **Shape** `users` are added to those of `stored`, and switch the asking on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: {
    readonly users?: ReadonlyArray<{ readonly user: string; readonly password: Redacted.Redacted<string> }> | undefined
    readonly stored?: Stored | undefined
    readonly onChange?: ((stored: Stored) => Effect.Effect<void, UserError>) | undefined
  } = {}
): Effect.fn.Return<SamUsers> {
  const { onChange = () => Effect.void, stored, users = [] } = options
  const random = yield* SecureRandom
  const hashed = (password: string): string => {
    const salt = random.bytes(saltBytes)
    return `${encodeBase64(salt)}.${encodeBase64(hash(password, salt))}`
  }
  const state = yield* Ref.make<Stored>({
    enabled: users.length > 0 || stored?.enabled === true,
    hashes: {
      ...stored?.hashes,
      ...Object.fromEntries(users.map(({ password, user }) => [user, hashed(Redacted.value(password))]))
    }
  })
  // For names that nobody has, so that they take as long.
  const nobody = hashed("")
  const oneAtATime = yield* Effect.makeSemaphore(1)
  const change = (change: (stored: Stored) => Either.Either<Stored, UserError>): Effect.Effect<void, UserError> =>
    Effect.flatMap(Ref.get(state), change).pipe(
      Effect.tap(onChange),
      Effect.flatMap((changed) => Ref.set(state, changed)),
      oneAtATime.withPermits(1)
    )
  const refuse = (reason: UserError["reason"], detail: string) => Either.left(new UserError({ reason, detail }))
  return {
    isEnabled: Effect.map(Ref.get(state), ({ enabled }) => enabled),
    check: (user, password) =>
      Effect.map(Ref.get(state), ({ hashes }) => {
        const known = Object.hasOwn(hashes, user) ? hashes[user] : undefined
        return matches(known ?? nobody, password) && known !== undefined
      }),
    setEnabled: (enabled) =>
      change((stored) =>
        enabled && Object.keys(stored.hashes).length === 0
          ? refuse("NobodyLeft", "nobody could connect any more: AUTH ADD a user first")
          : Either.right({ ...stored, enabled })
      ),
    add: (user, password) =>
      change((stored) => {
        if (Object.hasOwn(stored.hashes, user)) return refuse("Exists", "that user exists: AUTH REMOVE it first")
        if (Object.keys(stored.hashes).length >= maxUsers)
          return refuse("TooMany", `there are ${maxUsers} users already`)
        return Either.right({ ...stored, hashes: { ...stored.hashes, [user]: hashed(password) } })
      }),
    remove: (user) =>
      change((stored) => {
        if (!Object.hasOwn(stored.hashes, user)) return refuse("Unknown", "there is no such user")
        const hashes = Object.fromEntries(Object.entries(stored.hashes).filter(([other]) => other !== user))
        return stored.enabled && Object.keys(hashes).length === 0
          ? refuse("NobodyLeft", "nobody could connect any more: AUTH DISABLE first")
          : Either.right({ ...stored, hashes })
      })
  }
})

const matches = (stored: string, password: string): boolean => {
  const [salt, wanted] = stored.split(".").map((part) => Either.getOrUndefined(decodeBase64(part)))
  return salt !== undefined && wanted !== undefined && Bytes.equals(hash(password, salt), wanted)
}
