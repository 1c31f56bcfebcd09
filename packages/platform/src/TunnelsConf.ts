/**
 * What the sections of a `tunnels.conf` mean. Pure.
 *
 * Types and options are i2pd's. What is not run and what does nothing here is said, one line each, and nothing is passed
 * over in silence. A value that makes no sense is an error: to go on without it could let in who was to be kept out.
 *
 * **Source** i2pd 2.58, `ClientContext::ReadTunnels`.
 *
 * @since 0.1.0
 */
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as AccessList from "@effect-i2p/streaming/AccessList"
import type { Changes, StreamingOptions } from "@effect-i2p/streaming/StreamingConfig"
import * as StreamingOptionsMap from "@effect-i2p/streaming/StreamingOptionsMap"
import * as Address from "@effect-i2p/wire/Address"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Either from "effect/Either"
import type * as Ini from "./Ini.js"

/**
 * A TCP address.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * Whose destination a tunnel uses: a key file, made if missing, or keys that are forgotten at the end; tunnels with the same
 * name share them.
 *
 * @category models
 * @since 0.1.0
 */
export type Keys =
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Transient"; readonly name: string }

/**
 * **Units** seconds. `signatureType` is for keys that have to be made. `named` are the options of session and streams as they
 * were written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Common {
  readonly name: string
  readonly keys: Keys
  readonly signatureType: number
  readonly session: Partial<I2cpConfig.Service>
  readonly streaming: Changes<StreamingOptions>
  readonly named: Readonly<Record<string, string>>
  readonly maxConnections: number | undefined
  readonly idleTimeout: number | undefined
  readonly endTimeout: number | undefined
  readonly halfClose: boolean | undefined
}

/**
 * **Shape** `port` of a server is that of the destination; the first server of a destination takes all ports that no other
 * has, as in i2pd. `uniqueLocal`: connections to the service come from an address of 127.0.0.0/8 for each caller, on
 * platforms that can bind them all.
 *
 * @category models
 * @since 0.1.0
 */
export type Tunnel = Common &
  (
    | {
        readonly type: "client"
        readonly listen: Endpoint
        readonly destination: string
        readonly destinationPort: number
        readonly connectTimeout: number | undefined
      }
    | {
        readonly type: "server" | "http"
        readonly target: Endpoint
        readonly port: number
        readonly accessList: AccessList.Rules | undefined
        readonly localAddress: string | undefined
        readonly uniqueLocal: boolean
        readonly hostOverride: string | undefined
        readonly callerHeaders: boolean
      }
    | {
        readonly type: "httpproxy"
        readonly listen: Endpoint
        readonly sendUserAgent: boolean
        readonly connectTimeout: number | undefined
      }
    | { readonly type: "socks"; readonly listen: Endpoint; readonly connectTimeout: number | undefined }
  )

/**
 * Something that is not as the file has it.
 *
 * **Shape** `NotRun`: the whole tunnel is left out. `Ignored`: the option does nothing here. `Unknown`: nobody knows it.
 * `Invalid`: its value makes no sense, or a mandatory one is missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Issue {
  readonly tunnel: string
  readonly kind: "NotRun" | "Ignored" | "Unknown" | "Invalid"
  readonly option: string | undefined
  readonly reason: string
}

/**
 * One line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({ kind, option, reason, tunnel }: Issue): string => {
  if (kind === "NotRun") return `[${tunnel}] is not run: ${reason}`
  const does = kind === "Invalid" ? "" : " does nothing"
  return `[${tunnel}] ${option === undefined ? "" : `${option}${does}: `}${reason}`
}

const notRun: Readonly<Record<string, string>> = {
  irc: "type irc rewrites what IRC clients say; type = server passes it on as it is",
  udpclient: "datagrams have no tunnels here",
  udpserver: "datagrams have no tunnels here",
  websocks: "i2pd has given it up, too"
}

/** Options that every type of i2pd knows or nobody minds, and why they do nothing here. The values that change nothing anyway. */
const withoutEffect: Readonly<Record<string, readonly [reason: string, ...sameAs: ReadonlyArray<string>]>> = {
  gzip: ["packets that bring a lease set are compressed, others are not", "true", "false"],
  cryptotype: ["keys for encryption are the lease set's", "0", "4"],
  matchtunnels: ["tunnels are the router's", "false"],
  keepaliveinterval: ["streams keep themselves alive, see i2p.streaming.inactivityAction", "0"],
  outproxy: ["nothing but I2P is reached", ""],
  addresshelper: ["the router's address book is the router's", "false"]
}

/** Integers from 0 to 7 and 1 to 16. Source: I2CP overview. */
const ranges: Readonly<Record<string, readonly [min: number, max: number]>> = {
  length: [0, 7],
  quantity: [1, 16],
  backupQuantity: [0, 16],
  lengthVariance: [-7, 7]
}

const routerPrefixes = ["inbound.", "outbound.", "crypto.", "latency."]

/** Key types that can be made here, by i2pd's numbers. */
const makable: ReadonlyArray<number> = [
  KeyType.EcdsaP256,
  KeyType.EcdsaP384,
  KeyType.EcdsaP521,
  KeyType.Ed25519,
  KeyType.RedDsaEd25519,
  KeyType.MlDsa44,
  KeyType.MlDsa65,
  KeyType.MlDsa87
]

/** Encryption types of lease sets, see `I2cpConfig`. */
const encryptable: ReadonlyArray<number> = [0, 4, 5, 6, 7]

type Note = (kind: Issue["kind"], option: string | undefined, reason: string) => void

/** Takes options out of a section, and notes what is wrong with them. */
const reader = (options: ReadonlyMap<string, string>, note: Note) => {
  const left = new Map(options)
  const text = (name: string): string | undefined => {
    const value = left.get(name)
    left.delete(name)
    return value
  }
  const number = (name: string, min: number, max: number): number | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    if (/^-?\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    note("Invalid", name, `"${value}" is not an integer from ${min} to ${max}`)
    return undefined
  }
  const boolean = (name: string): boolean | undefined => {
    const value = text(name)?.toLowerCase()
    if (value === undefined) return undefined
    // As boost reads them, and as people write them.
    if (["true", "1", "yes", "on"].includes(value)) return true
    if (["false", "0", "no", "off"].includes(value)) return false
    note("Invalid", name, `"${value}" is neither true nor false`)
    return undefined
  }
  const needed = <A>(name: string, read: (name: string) => A | undefined): A | undefined => {
    if (!left.has(name)) note("Invalid", undefined, `option ${name} is missing`)
    return read(name)
  }
  return { left, text, number, boolean, needed }
}

type Reader = ReturnType<typeof reader>

const port = (from: Reader) => (name: string) => from.number(name, 0, 65_535)

/** Options of the session, which the router reads. */
const sessionOf = (from: Reader, note: Note, named: Record<string, string>): Partial<I2cpConfig.Service> => {
  const options: Record<string, string> = {}
  let published: boolean | undefined
  for (const [name, value] of [...from.left]) {
    if (routerPrefixes.some((prefix) => name.startsWith(prefix)) || name === "explicitPeers") {
      from.left.delete(name)
      const range = ranges[name.slice(name.indexOf(".") + 1)]
      const isInteger = /^-?\d{1,3}$/.test(value)
      if (new TextEncoder().encode(value).length > 255) note("Invalid", name, "more than 255 bytes")
      else if (range !== undefined && (!isInteger || Number(value) < range[0] || Number(value) > range[1])) {
        note("Invalid", name, `"${value}" is not an integer from ${range[0]} to ${range[1]}`)
      } else {
        options[name] = value
        named[name] = value
      }
    }
  }
  const leaseSetType = from.text("i2cp.leaseSetType")
  if (leaseSetType !== undefined && leaseSetType !== "3") {
    note("Invalid", "i2cp.leaseSetType", "only type 3 is published: an encrypted one would be open to all instead")
  }
  if ((from.text("i2cp.leaseSetAuthType") ?? "0") !== "0") {
    note("Invalid", "i2cp.leaseSetAuthType", "lease sets are not encrypted here: everybody could come in")
  }
  const encryption = from.text("i2cp.leaseSetEncType")
  const encryptionTypes = encryption?.split(",").map(Number)
  if (encryption !== undefined && encryptionTypes !== undefined) {
    named["i2cp.leaseSetEncType"] = encryption
    const hybrids = encryptionTypes.filter((type) => type > 4)
    if (!encryptionTypes.every((type) => encryptable.includes(type)) || hybrids.length > 1) {
      note("Invalid", "i2cp.leaseSetEncType", `"${encryption}" is not a list of 0, 4 and one of 5, 6, 7`)
    }
  }
  const hidden = from.boolean("i2cp.dontPublishLeaseSet")
  if (hidden !== undefined) {
    published = !hidden
    named["i2cp.dontPublishLeaseSet"] = String(hidden)
  }
  return {
    options,
    ...(published === undefined ? {} : { published }),
    ...(encryptionTypes === undefined ? {} : { encryptionTypes })
  }
}

/** Options of the streams. */
const streamingOf = (from: Reader, note: Note, named: Record<string, string>): Changes<StreamingOptions> => {
  const map: Record<string, string> = {}
  for (const [name, value] of [...from.left]) {
    if (!name.startsWith("i2p.streaming.") && !StreamingOptionsMap.names.includes(name)) continue
    from.left.delete(name)
    map[name] = value
    named[name] = value
  }
  const { issues, options } = StreamingOptionsMap.fromMap(map)
  for (const { kind, name, reason } of issues) note(kind, name, reason)
  return options
}

const keysOf = (text: string, section: string): Keys => {
  if (text === "transient" || text === "") return { _tag: "Transient", name: `[${section}]` }
  return text === "shareddest" || text.startsWith("transient")
    ? { _tag: "Transient", name: text }
    : { _tag: "File", path: text }
}

/** i2pd takes b32 addresses with and without their ending. */
const accessListOf = (text: string | undefined, note: Note): AccessList.Rules | undefined => {
  if (text === undefined || text.trim() === "") return undefined
  const allow = text
    .split(/[\s,;]+/)
    .filter((entry) => entry !== "")
    .map((entry) => (/^[a-z2-7]{52}$/i.test(entry) ? `${entry}.b32.i2p` : entry))
  return Either.match(AccessList.rules({ allow }), {
    onLeft: (error) => {
      note("Invalid", "accesslist", error.message)
      return undefined
    },
    onRight: (rules) => rules
  })
}

const hostOf = (text: string, option: string, note: Note): string => {
  const host = text.replace(/^\[(.*)\]$/, "$1")
  if (!/^[A-Za-z0-9._:%-]+$/.test(host)) note("Invalid", option, `"${text}" is no address`)
  return host
}

/**
 * What a section means; undefined if it cannot be run.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSection = (
  section: Pick<Ini.Section, "name" | "options">
): { readonly tunnel: Tunnel | undefined; readonly issues: ReadonlyArray<Issue> } => {
  const issues: Array<Issue> = []
  const note: Note = (kind, option, reason) => issues.push({ tunnel: section.name, kind, option, reason })
  const stop = (reason: string) => {
    issues.length = 0
    note("NotRun", undefined, reason)
    return { tunnel: undefined, issues }
  }
  const from = reader(section.options, note)
  const type = from.text("type")
  if (type === undefined) {
    note("Invalid", undefined, "option type is missing")
    return { tunnel: undefined, issues }
  }
  if (Object.hasOwn(notRun, type)) return stop(notRun[type]!)
  const isServer = type === "server" || type === "http"
  if (!isServer && type !== "client" && type !== "httpproxy" && type !== "socks") {
    return stop(`type "${type.slice(0, 40)}" is unknown`)
  }
  if (from.boolean("ssl") === true) return stop("ssl = true, and services are only reached in clear")

  const named: Record<string, string> = {}
  const specific = isServer ? serverOf(from, note, type) : clientOf(from, note, type)
  const signatureType = from.number("signaturetype", 0, 65_535) ?? KeyType.Ed25519
  if (!makable.includes(signatureType)) {
    note("Invalid", "signaturetype", `keys of type ${signatureType} are not made here: use ${makable.join(", ")}`)
  }
  const keys = keysOf((isServer ? from.needed("keys", from.text) : from.text("keys")) ?? "", section.name)
  const tunnel = {
    name: section.name,
    keys,
    signatureType,
    session: sessionOf(from, note, named),
    streaming: streamingOf(from, note, named),
    named,
    maxConnections: from.number("maxconnections", 1, 65_535),
    idleTimeout: from.number("idletimeout", 0, 31_536_000),
    endTimeout: from.number("endtimeout", 0, 31_536_000),
    halfClose: from.boolean("halfclose")
  }
  if (type === "http") {
    for (const name of ["idletimeout", "endtimeout", "halfclose"]) {
      if (section.options.has(name)) note("Ignored", name, "HTTP has its own ends; see i2p.streaming.inactivityTimeout")
    }
  }
  for (const [name, value] of from.left) {
    const known = Object.hasOwn(withoutEffect, name) ? withoutEffect[name] : undefined
    if (known === undefined) note("Unknown", name, "no such option")
    else if (!known.slice(1).includes(value.toLowerCase())) note("Ignored", name, known[0])
  }
  if (specific === undefined || issues.some(({ kind }) => kind === "Invalid")) return { tunnel: undefined, issues }
  return { tunnel: { ...tunnel, ...specific } as Tunnel, issues }
}

const clientOf = (from: Reader, note: Note, type: "client" | "httpproxy" | "socks") => {
  const host = hostOf(from.text("address") ?? "127.0.0.1", "address", note)
  const listen = { host, port: from.needed("port", port(from)) ?? 0 }
  const connectTimeout = from.number("connecttimeout", 0, 3600) || undefined
  if (type === "socks") return { type, listen, connectTimeout }
  if (type === "httpproxy") {
    return { type, listen, connectTimeout, sendUserAgent: from.boolean("senduseragent") ?? false }
  }
  const destination = from.needed("destination", from.text)
  const destinationPort = port(from)("destinationport") ?? 0
  if (destination === undefined) return undefined
  const address = Address.parse(destination)
  if (Either.isLeft(address)) note("Invalid", "destination", address.left.message)
  return { type, listen, connectTimeout, destination, destinationPort }
}

const serverOf = (from: Reader, note: Note, type: "server" | "http") => {
  const host = hostOf(from.needed("host", from.text) ?? "127.0.0.1", "host", note)
  const target = { host, port: from.needed("port", port(from)) ?? 0 }
  const localAddress = from.text("address")
  const isLoopback = /^127\.|^localhost$/.test(host)
  const accessList = from.text("accesslist") || from.text("whitelist")
  from.left.delete("whitelist")
  const unique = from.boolean("enableuniquelocal") ?? true
  return {
    type,
    target,
    port: port(from)("inport") ?? target.port,
    accessList: accessListOf(accessList, note),
    localAddress: localAddress === undefined || localAddress === "" ? undefined : localAddress,
    uniqueLocal: unique && isLoopback && localAddress === undefined,
    hostOverride: type === "http" ? from.text("hostoverride") || undefined : undefined,
    callerHeaders: type === "http" ? (from.boolean("i2pheaders") ?? true) : true
  }
}

/**
 * What a whole file means. Two tunnels of one destination on one port are a mistake.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSections = (
  sections: ReadonlyArray<Pick<Ini.Section, "name" | "options">>
): { readonly tunnels: ReadonlyArray<Tunnel>; readonly issues: ReadonlyArray<Issue> } => {
  const read = sections.map(fromSection)
  const tunnels: Array<Tunnel> = []
  const issues = read.flatMap(({ issues }) => issues)
  const taken = new Map<string, string>()
  for (const { tunnel } of read) {
    if (tunnel === undefined) continue
    const place =
      "listen" in tunnel
        ? `${tunnel.listen.host}:${tunnel.listen.port}`
        : `port ${tunnel.port} of ${tunnel.keys._tag === "File" ? tunnel.keys.path : tunnel.keys.name}`
    const other = taken.get(place)
    if (other !== undefined && !place.endsWith(":0")) {
      issues.push({
        tunnel: tunnel.name,
        kind: "Invalid",
        option: undefined,
        reason: `${place} is [${other}]'s already`
      })
    }
    taken.set(place, tunnel.name)
    tunnels.push(tunnel)
  }
  return { tunnels, issues }
}
