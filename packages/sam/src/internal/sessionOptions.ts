/**
 * The options of a SESSION CREATE by their I2P names: what they mean for the session and its streams, and what is wrong with
 * them.
 */
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as SessionOptions from "@effect-i2p/i2cp/SessionOptions"
import type { Changes, StreamingOptions } from "@effect-i2p/streaming/StreamingConfig"
import * as StreamingOptionsMap from "@effect-i2p/streaming/StreamingOptionsMap"
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

export interface Parsed {
  readonly session: Partial<I2cpConfig.Service>
  readonly streaming: Changes<StreamingOptions>
  /** Options that do nothing, and why. */
  readonly ignored: ReadonlyArray<{ readonly name: string; readonly reason: string }>
}

/** Known to other bridges, or said by the bridge itself. */
const withoutEffect: Readonly<Record<string, string>> = {
  "sam.udp.host": "the bridge has one UDP port",
  "sam.udp.port": "the bridge has one UDP port",
  "i2cp.tcp.host": "which router is the bridge's choice",
  "i2cp.tcp.port": "which router is the bridge's choice",
  "i2cp.SSL": "which router is the bridge's choice",
  "i2cp.username": "which router is the bridge's choice",
  "i2cp.password": "which router is the bridge's choice",
  // Java's bridge sets it to none, whatever clients say, as they could not hear of deliveries.
  "i2cp.messageReliability": "no client of SAM is told of deliveries",
  "i2cp.fastReceive": "always on",
  "i2cp.gzip": "what compresses is compressed"
}

/** Encryption types of lease sets, see `I2cpConfig`. */
const encryptable = [0, 4, 5, 6, 7]

/** Reads one option, by name; answers with what is wrong. */
type Special = (
  value: string,
  all: Readonly<Record<string, string>>
) => Either.Either<Partial<I2cpConfig.Service>, string>

const encryptionTypes: Special = (value) => {
  const types = value.split(",").map((text) => (/^\s*\d{1,3}\s*$/.test(text) ? Number(text) : -1))
  const known = types.filter((type) => encryptable.includes(type))
  // Routers pass over types that they do not know, and so may a client name some of the future.
  return known.length === 0 || types.includes(-1) || known.filter((type) => type > 4).length > 1
    ? Either.left("not a list of 0, 4 and one of 5, 6, 7")
    : Either.right({ encryptionTypes: known })
}

const leaseSetType: Special = (value, all) => {
  if (value === "1" || value === "3") return Either.right({})
  if (value !== "5") return Either.left("not 3, a lease set for everybody, or 5, an encrypted one")
  if ((all["i2cp.leaseSetAuthType"] ?? "0") !== "0" && all["i2cp.leaseSetAuthType"] !== "-1") {
    return Either.left("lease sets for authorised clients only are not made here: leave i2cp.leaseSetAuthType out")
  }
  const secret = all["i2cp.leaseSetSecret"]
  if (secret === undefined || secret === "") return Either.right({ encryptedLeaseSet: {} })
  return Either.match(decodeBase64(secret), {
    onLeft: () => Either.left("i2cp.leaseSetSecret is not Base64"),
    onRight: (bytes) => Either.right({ encryptedLeaseSet: { secret: Redacted.make(new TextDecoder().decode(bytes)) } })
  })
}

/** A time of an idle session, which holds when its switch is on. **Source** Java I2P's defaults, in minutes. */
const idle =
  (field: "reduceIdleTime" | "closeIdleTime", time: string, minutes: number): Special =>
  (value, all) => {
    if (value.toLowerCase() !== "true") return Either.right({})
    const millis = all[time] ?? String(minutes * 60_000)
    return /^\d{1,9}$/.test(millis)
      ? Either.right({ [field]: Number(millis) })
      : Either.left(`${time} is no time in ms`)
  }

const reduceQuantity: Special = (value) =>
  /^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= 16
    ? Either.right({ reduceIdleQuantity: Number(value) })
    : Either.left("not an integer from 1 to 16")

const partOf: Special = () => Either.right({})

const specials: Readonly<Record<string, Special>> = {
  "i2cp.leaseSetEncType": encryptionTypes,
  "i2cp.leaseSetType": leaseSetType,
  "i2cp.leaseSetSecret": partOf,
  "i2cp.leaseSetAuthType": partOf,
  "i2cp.reduceOnIdle": idle("reduceIdleTime", "i2cp.reduceIdleTime", 20),
  "i2cp.reduceIdleTime": partOf,
  "i2cp.reduceQuantity": reduceQuantity,
  "i2cp.closeOnIdle": idle("closeIdleTime", "i2cp.closeIdleTime", 30),
  "i2cp.closeIdleTime": partOf
}

/** Longest string of an I2CP mapping. */
const maxStringBytes = 255

const encoder = new TextEncoder()

/**
 * What options mean. `id` names the session in the router's console unless the client says how.
 *
 * **Errors** the first option whose value makes no sense, with the reason.
 */
export const parse = (options: Readonly<Record<string, string>>, id: string): Either.Either<Parsed, string> => {
  const ignored: Array<{ readonly name: string; readonly reason: string }> = []
  const streaming: Record<string, string> = {}
  const router: Record<string, string> = {}
  let session: Partial<I2cpConfig.Service> = {}
  for (const [name, value] of Object.entries(options)) {
    const nothing = Object.hasOwn(withoutEffect, name) ? withoutEffect[name] : undefined
    const special = Object.hasOwn(specials, name) ? specials[name] : undefined
    if (nothing !== undefined) ignored.push({ name, reason: nothing })
    else if (special !== undefined) {
      const read = special(value.trim(), options)
      if (Either.isLeft(read)) return Either.left(`${name}: ${read.left}`)
      session = { ...session, ...read.right }
    } else if (name.startsWith("i2p.streaming.") || StreamingOptionsMap.names.includes(name)) streaming[name] = value
    else if ([name, value].some((text) => encoder.encode(text).length > maxStringBytes)) {
      return Either.left(`${name}: longer than ${maxStringBytes} bytes`)
    } else router[name] = value
  }
  const streams = StreamingOptionsMap.fromMap(streaming)
  for (const { kind, name, reason } of streams.issues) {
    if (kind === "Invalid") return Either.left(`${name}: ${reason}`)
    ignored.push({ name, reason })
  }
  return Either.mapBoth(SessionOptions.fromMapping(router), {
    onLeft: ({ issues }) => issues.map(({ name, reason }) => `${name}: ${reason}`)[0] ?? "options that make no sense",
    onRight: ({ options: known, rest }) => ({
      session: { nickname: nickname(id), ...known, ...session, options: rest },
      streaming: streams.options,
      ignored
    })
  })
}

/** Only the router shows it. */
const nickname = (id: string): string => `SAM ${[...id].slice(0, 40).join("")}`
