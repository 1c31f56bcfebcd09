/**
 * Service records: which services a destination offers, as options of its lease set. I2P's SRV and MX records.
 *
 *     key     _service._proto                                    _smtp._tcp
 *     value   0 ttl port [appoptions]                            the service is here
 *             1 ttl priority weight port target [appoptions]     it is there; several, with commas between
 *
 * A record that points elsewhere needs no consent of whom it points at: believe it only when the target's own lease set
 * has a record of the first kind.
 *
 * **Source** proposal 167, API 0.9.66.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as EffectSchema from "effect/Schema"
import type * as Mapping from "./Mapping.js"
import { DecodeError, EncodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

const Name = EffectSchema.String.pipe(EffectSchema.pattern(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/))
const Ttl = WireSchema.Uint32.pipe(EffectSchema.greaterThan(0))
const AppOptions = EffectSchema.String.pipe(
  EffectSchema.filter((text) => text !== "" && !/[ ,\p{Cc}\p{Surrogate}]/u.test(text), {
    arbitrary: () => (fc) => fc.stringMatching(/^[a-z0-9=@.]{1,12}$/)
  })
)
const Target = EffectSchema.String.pipe(EffectSchema.pattern(/^[a-z0-9][a-z0-9.-]*\.i2p$/))

/**
 * The service is at the destination that says so.
 *
 * **Units** `ttl` in seconds, a day or more is advised. `port` is the I2CP port, 0 is not advised.
 * **Shape** `appOptions` is the application's own, without blanks and commas.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Here = EffectSchema.TaggedStruct("Here", {
  ttl: Ttl,
  port: WireSchema.Uint16,
  appOptions: EffectSchema.UndefinedOr(AppOptions)
})

/**
 * The service is at other destinations: the lowest `priority` first, among equals the greater `weight` more often.
 *
 * **Shape** `target` is a host name or b32, in lower case.
 *
 * @category schemas
 * @since 0.1.0
 */
export const There = EffectSchema.TaggedStruct("There", {
  targets: EffectSchema.NonEmptyArray(
    EffectSchema.Struct({
      ttl: Ttl,
      priority: WireSchema.Uint32,
      weight: WireSchema.Uint32,
      port: WireSchema.Uint16,
      target: Target,
      appOptions: EffectSchema.UndefinedOr(AppOptions)
    })
  )
})

const Parts = EffectSchema.Struct({
  service: Name,
  protocol: Name,
  location: EffectSchema.Union(Here, There)
})

/**
 * One service. `protocol` is `tcp` for streaming and `udp` for repliable datagrams; others may come.
 *
 * **Shape** key and value are options of a lease set and have at most 255 bytes each: with b32 targets that is three.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ServiceRecord = Parts.pipe(
  EffectSchema.filter((record) => tooLong(record), { identifier: "ServiceRecord" })
)

/**
 * A service that a destination offers, as SRV records of DNS have them.
 *
 * @category models
 * @since 0.1.0
 */
export type ServiceRecord = typeof ServiceRecord.Type

/**
 * A service that is here, for a day.
 *
 * @category constructors
 * @since 0.1.0
 */
export const here = (service: string, port: number, protocol = "tcp"): ServiceRecord => ({
  service,
  protocol,
  location: { _tag: "Here", ttl: 86_400, port, appOptions: undefined }
})

/**
 * Options of a lease set.
 *
 * **Errors** `EncodeError` for values the Schema would not accept, for a service named twice, and for a text above 255
 * bytes: with b32 targets that is after three of them.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toOptions = (
  records: ReadonlyArray<ServiceRecord>
): Either.Either<Readonly<Record<string, string>>, EncodeError> => {
  const options: Record<string, string> = {}
  for (const record of records) {
    if (!isPlausible(record)) return refuse("service", `${JSON.stringify(record).slice(0, 120)} is no service record`)
    const key = keyOf(record)
    if (Object.hasOwn(options, key)) return refuse(key, "is there twice")
    const problem = tooLong(record)
    if (problem !== undefined) return refuse(key, problem)
    options[key] = format(record.location)
  }
  return Either.right(options)
}

/**
 * The service records among the options of a lease set, in their order. Other options and texts that are no records are
 * left out: whoever reads them is not their author.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromOptions = (options: Mapping.Mapping): ReadonlyArray<ServiceRecord> =>
  [...options].flatMap(([key, value]) => {
    const record = fromOption(key, value)
    return Either.isRight(record) ? [record.right] : []
  })

/**
 * One option as a service record.
 *
 * The proposal's grammar begins every record of a list with `1`, its example only the first: both are read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromOption = (key: string, value: string): Either.Either<ServiceRecord, DecodeError> => {
  const name = /^_([a-z0-9-]+)\._([a-z0-9-]+)$/.exec(key)
  if (name === null) return malformed("key", "is not _service._proto")
  const location = value.startsWith("0 ") ? parseHere(value) : parseThere(value)
  const record = { service: name[1]!, protocol: name[2]!, location }
  return isValid(record) ? Either.right(record) : malformed("value", "is no service record")
}

/**
 * Service records from and to an option of a lease set: its key and its value.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromOption: EffectSchema.Schema<ServiceRecord, readonly [key: string, value: string]> =
  EffectSchema.transformOrFail(
    EffectSchema.Tuple(EffectSchema.String, EffectSchema.String),
    EffectSchema.typeSchema(ServiceRecord),
    {
      strict: true,
      decode: (option, _options, ast) =>
        Either.mapLeft(fromOption(...option), (error) => new ParseResult.Type(ast, option, error.message)),
      encode: (record) => ParseResult.succeed([keyOf(record), format(record.location)] as const)
    }
  )

const isPlausible = EffectSchema.is(Parts)
const isValid = EffectSchema.is(ServiceRecord)

const keyOf = ({ protocol, service }: typeof Parts.Type): string => `_${service}._${protocol}`

/** Why the record does not fit an option. */
const tooLong = (record: typeof Parts.Type): string | undefined =>
  WireSchema.refuseString(keyOf(record)) ?? WireSchema.refuseString(format(record.location))

const format = (location: ServiceRecord["location"]): string => {
  const words = (...parts: ReadonlyArray<string | number | undefined>): string =>
    parts.filter((part) => part !== undefined).join(" ")
  return location._tag === "Here"
    ? words(0, location.ttl, location.port, location.appOptions)
    : location.targets
        .map(({ appOptions, port, priority, target, ttl, weight }) =>
          words(1, ttl, priority, weight, port, target, appOptions)
        )
        .join(",")
}

/** Digits only: `Number` would take a sign, a blank and an exponent. */
const number = (text: string | undefined): number =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN

const parseHere = (value: string): unknown => {
  const [, ttl, port, appOptions, ...more] = value.split(" ")
  return more.length > 0 ? undefined : { _tag: "Here", ttl: number(ttl), port: number(port), appOptions }
}

const parseThere = (value: string): unknown => {
  const targets = value.split(",").map((text, at) => {
    const words = text.split(" ")
    const isShort = at > 0 && Number.isNaN(number(words[4]))
    const [ttl, priority, weight, port, target, appOptions, ...more] = isShort ? words : words.slice(1)
    if (more.length > 0 || (!isShort && words[0] !== "1")) return undefined
    return { ...numbers({ ttl, priority, weight, port }), target, appOptions }
  })
  return { _tag: "There", targets }
}

const numbers = <K extends string>(texts: Readonly<Record<K, string | undefined>>) =>
  Object.fromEntries(Object.entries<string | undefined>(texts).map(([key, text]) => [key, number(text)]))

const refuse = (field: string, reason: string): Either.Either<never, EncodeError> =>
  Either.left(new EncodeError({ structure: "ServiceRecord", field, reason }))

const malformed = (field: string, reason: string): Either.Either<never, DecodeError> =>
  Either.left(new DecodeError({ structure: "ServiceRecord", field, offset: 0, reason }))
