/**
 * What is known of a thing, a line each: for people aligned, for programs an object. Pure.
 *
 * @since 0.1.0
 */

import * as Address from "@effect-i2p/wire/Address"
import * as Certificate from "@effect-i2p/wire/Certificate"
import type * as Destination from "@effect-i2p/wire/Destination"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Style from "../output/Style.js"

/**
 * **Shape** `json` is what `--json` says under `key`; a fact without it is for people only, one without `text` for programs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fact {
  readonly label: string
  readonly text?: string | undefined
  readonly json?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The lines for people, below a title.
 *
 * @category formatting
 * @since 0.1.0
 */
export const render = (title: string, facts: ReadonlyArray<Fact>, style: Style.Style): ReadonlyArray<string> => {
  const shown = facts.filter(({ text }) => text !== undefined)
  const width = Math.max(...shown.map(({ label }) => label.length)) + 2
  return [style.bold(title), ...shown.map(({ label, text }) => `  ${Style.padEnd(style.dim(label), width)}${text}`)]
}

/**
 * The object for programs.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (facts: ReadonlyArray<Fact>): string =>
  JSON.stringify(Object.assign({}, ...facts.map(({ json }) => json)))

/**
 * A destination: addresses, types, and with `whole` its Base64.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofDestination = (
  destination: Destination.Destination,
  options: { readonly whole: boolean }
): ReadonlyArray<Fact> => {
  const blinded = b33(destination)
  const hash = encodeBase64(destination.hash)
  const encryptionType = Certificate.encryptionType(destination.certificate)
  const encryption = KeyType.encryptionType(encryptionType)?.name ?? "unknown type"
  return [
    { label: "b32", text: destination.b32, json: { b32: destination.b32 } },
    ...(blinded === undefined ? [] : [{ label: "b33", text: blinded, json: { b33: blinded } }]),
    { label: "hash", text: hash, json: { hash } },
    {
      label: "signing",
      text: KeyType.signingTypeName(destination.signingType),
      json: { type: KeyType.signingTypeName(destination.signingType), signing_type: destination.signingType }
    },
    {
      label: "encryption",
      // Destinations carry the type and no key that anybody uses: lease sets have those.
      text: `${encryption} (${encryptionType}), unused: lease sets have the keys`,
      json: { encryption_type: encryptionType }
    },
    { label: "size", text: `${destination.bytes.length} bytes`, json: { bytes: destination.bytes.length } },
    {
      label: "destination",
      text: options.whole ? destination.base64 : undefined,
      json: { destination: destination.base64 }
    }
  ]
}

/**
 * A key file: its destination, its form, and until when it may sign. Nothing private.
 *
 * **Units** `now` ms since 1970; `expires` in JSON seconds since 1970.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofKeys = (
  file: string,
  keys: DestinationKeys.DestinationKeys,
  form: DestinationKeys.Form,
  now: number,
  style: Style.Style
): ReadonlyArray<Fact> => {
  const { destination, offline } = keys
  return [
    { label: "file", json: { file } },
    ...ofDestination(destination, { whole: false }),
    { label: "form", text: form === "dat" ? ".dat, of i2pd and Java I2P" : "Base64, of SAM", json: { form } },
    offline === undefined
      ? { label: "signs", text: "with the destination's own key, without end", json: { offline: null } }
      : {
          label: "signs",
          text: `${KeyType.signingTypeName(offline.transientKey.type)} off line, ${until(offline.expires, now, style)}`,
          json: {
            offline: {
              type: KeyType.signingTypeName(offline.transientKey.type),
              signing_type: offline.transientKey.type,
              expires: offline.expires,
              expired: offline.expires * 1000 <= now
            }
          }
        }
  ]
}

/**
 * A date, and how far it is: `until 2027-01-15 08:00 UTC (51 days left)`.
 *
 * **Units** `expires` seconds, `now` ms since 1970.
 *
 * @category formatting
 * @since 0.1.0
 */
export const until = (expires: number, now: number, style: Style.Style): string => {
  const date = `${new Date(expires * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`
  const left = expires * 1000 - now
  if (left <= 0) return style.red(`expired ${date}: make a new package with the destination's own key`)
  const [count, unit] =
    left < 7_200_000
      ? [Math.floor(left / 60_000), "minute"]
      : left < 172_800_000
        ? [Math.floor(left / 3_600_000), "hour"]
        : [Math.floor(left / 86_400_000), "day"]
  return `until ${date} (${count} ${unit}${count === 1 ? "" : "s"} left)`
}

/** The address of a destination with an encrypted lease set; none for types that cannot be blinded. */
const b33 = ({ signingKey }: Destination.Destination): string | undefined =>
  Option.getOrUndefined(Option.map(Either.getRight(Address.fromSigningKey(signingKey)), ({ name }) => name))
