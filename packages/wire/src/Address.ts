/**
 * The ways to write down where to connect to.
 *
 *     <52 characters>.b32.i2p            hash of a destination
 *     <56 or more characters>.b32.i2p    "b33": key of a destination with an encrypted lease set
 *     name.i2p                           a name in the router's address book
 *     516 or more Base64 characters      a whole destination; a trailing .i2p is tolerated, as Java I2P does
 *     44 Base64 characters, the last =   hash of a destination, as netDb pages and Java I2P's ConvertToHash have it
 *
 * Anything else is refused here, so that a host name of another network never reaches a resolver by mistake.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Destination from "./Destination.js"
import * as Hash from "./Hash.js"
import { decodeBase32, decodeBase64, encodeBase32 } from "./I2pEncoding.js"
import * as Blinded from "./internal/blinded.js"
import { utf8Encode } from "./internal/bytes.js"
import * as KeyType from "./KeyType.js"
import type * as SigningKey from "./SigningKey.js"
import { shorten } from "./Text.js"

/**
 * **Shape** `name` of `Name` and `Blinded` is lower case, without a trailing dot, with its `.i2p`.
 *
 * @category models
 * @since 0.1.0
 */
export type Address =
  | { readonly _tag: "Base64"; readonly destination: Destination.Destination }
  | { readonly _tag: "B32"; readonly hash: Hash.Hash }
  | { readonly _tag: "Name"; readonly name: string }
  | ({ readonly _tag: "Blinded"; readonly name: string } & Blinded.Data)

/**
 * Everything that names a destination: text in any of the forms above, a hash, or the destination itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = string | Hash.Hash | Destination.Destination

/**
 * Text that is no I2P address.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressError extends Schema.TaggedError<AddressError>("@effect-i2p/wire/AddressError")("AddressError", {
  address: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${quote(this.address)} is not an I2P address: ${this.reason}`
  }
}

/** JSON leaves DEL, the controls beyond ASCII and those of writing direction as they are: a message is one line as it reads. */
const quote = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`
  )

/** Shortest Base64 of a destination: 387 bytes, no padding needed. Source: I2P common structures. */
const minBase64Length = 516

/** Base64 of a hash: 32 bytes and one character of padding. No name looks like it, as those end in `.i2p`. */
const base64Hash = /^[A-Za-z0-9~-]{43}=$/

/** Bytes of a host name. Source: HostLookup carries it as a String, with one length byte. */
const maxNameBytes = 255

/**
 * What `text` stands for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Address, AddressError> => {
  if (text.length >= minBase64Length) {
    const base64 = text.endsWith(".i2p") ? text.slice(0, -4) : text
    return Either.mapBoth(Destination.fromBase64(base64), {
      onLeft: (error) => refuse(text, error.message),
      onRight: (destination) => ({ _tag: "Base64", destination })
    })
  }
  if (base64Hash.test(text)) {
    return Either.mapBoth(Either.flatMap(decodeBase64(text), Hash.fromBytes), {
      onLeft: (error) => refuse(text, error.message),
      onRight: (hash) => ({ _tag: "B32", hash })
    })
  }
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase()
  const bad = badName(name)
  if (bad !== undefined) return Either.left(refuse(text, bad))
  if (!name.endsWith(".b32.i2p")) return Either.right({ _tag: "Name", name })
  const label = name.slice(0, -".b32.i2p".length)
  return Either.mapLeft(
    label.length === 52 ? b32(label) : label.length >= 56 ? blinded(name, label) : Either.left("has the wrong length"),
    (reason) => refuse(text, reason)
  )
}

/**
 * What `input` stands for, be it text, a hash or a destination.
 *
 * **Errors** `AddressError` for text that is no address; a hash of the wrong length throws, as a type says it cannot be.
 *
 * @category constructors
 * @since 0.1.0
 */
export const from = (input: Input): Either.Either<Address, AddressError> => {
  if (typeof input === "string") return parse(input)
  return Either.right(
    Destination.isDestination(input)
      ? { _tag: "Base64", destination: input }
      : { _tag: "B32", hash: Hash.unsafeFromBytes(input) }
  )
}

/**
 * The blinded address of a destination's signing key: its b33 name, `<56 characters>.b32.i2p`.
 *
 * **Shape** `secretRequired` and `authenticationRequired` tell whoever is given the name what else they must be given.
 * **Errors** `AddressError` for keys that cannot be blinded: all but Ed25519 and RedDSA.
 * **Source** specification "B32 for Encrypted Leasesets".
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSigningKey = (
  signingKey: SigningKey.PublicKey,
  options: {
    readonly secretRequired?: boolean | undefined
    readonly authenticationRequired?: boolean | undefined
  } = {}
): Either.Either<Extract<Address, { readonly _tag: "Blinded" }>, AddressError> => {
  const { authenticationRequired = false, secretRequired = false } = options
  const data = { signingKey, secretRequired, authenticationRequired }
  const name = `${encodeBase32(Blinded.encode(data))}.b32.i2p`
  // What cannot be read again is no address: the parser knows types and lengths.
  return Either.mapBoth(parse(name), {
    onLeft: () => refuse(name, `keys of type ${KeyType.signingTypeName(signingKey.type)} cannot be blinded`),
    onRight: () => ({ _tag: "Blinded", name, blindedType: KeyType.RedDsaEd25519, ...data })
  })
}

/**
 * The canonical text of an address.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (address: Address): string => {
  switch (address._tag) {
    case "Base64":
      return address.destination.base64
    case "B32":
      return Hash.toB32(address.hash)
    case "Name":
    case "Blinded":
      return address.name
  }
}

const b32 = (label: string): Either.Either<Address, string> =>
  Either.mapBoth(Either.flatMap(decodeBase32(label), Hash.fromBytes), {
    onLeft: (error) => error.message,
    onRight: (hash) => ({ _tag: "B32", hash })
  })

const blinded = (name: string, label: string): Either.Either<Address, string> =>
  Either.mapLeft(decodeBase32(label), (error) => error.message).pipe(
    Either.flatMap(Blinded.decode),
    Either.map((data) => ({ _tag: "Blinded", name, ...data }))
  )

const badName = (name: string): string | undefined => {
  if (utf8Encode(name).length > maxNameBytes) return `more than ${maxNameBytes} bytes`
  // Control characters and blanks have no place in a name and would let one line of a log pretend to be two.
  if (/[\p{Cc}\p{Cf}\p{Z}\p{Surrogate}]/u.test(name)) return "contains a blank or control character"
  if (!name.endsWith(".i2p")) return "does not end in .i2p"
  if (name.split(".").some((label) => label === "")) return "has an empty part"
  return undefined
}

const shownCharacters = 64

const refuse = (text: string, reason: string): AddressError =>
  new AddressError({
    address: shorten(text, shownCharacters, shownCharacters),
    reason
  })
