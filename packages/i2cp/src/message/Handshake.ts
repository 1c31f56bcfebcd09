/**
 * Messages of the handshake and of the connection itself: dates, bandwidth, disconnect.
 *
 * @since 0.1.0
 */
import * as Mapping from "@effect-i2p/wire/Mapping"
import { ShortString } from "@effect-i2p/wire/WireSchema"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import { type Descriptor, fitsRouter } from "../internal/message/descriptor.js"

const utf8 = new TextEncoder()

/**
 * 32, client → router: the first frame; doubles as a ping at any time.
 *
 * **Shape** `options` carries `i2cp.username` and `i2cp.password` where the router asks for them, else it is absent.
 * **Source** I2CP specification "GetDateMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const GetDate = fitsRouter(
  Schema.TaggedStruct("GetDate", {
    version: ShortString,
    options: Schema.optionalWith(Mapping.Schema, { exact: true })
  }),
  ({ options, version }) => 1 + utf8.encode(version).length + (options === undefined ? 0 : Mapping.byteLength(options))
)

/**
 * @category messages
 * @since 0.1.0
 */
export type GetDate = typeof GetDate.Type

const getDate: Descriptor<typeof GetDate, "ToRouter"> = {
  schema: GetDate,
  direction: "ToRouter",
  tag: "GetDate",
  type: 32,
  isAddressed: false,
  write: (writer, message) => {
    writer.string(message.version)
    if (message.options !== undefined) writer.bytes(Either.getOrThrow(Mapping.encode(message.options)))
  },
  read: (reader) => {
    const version = reader.string("version")
    if (reader.remaining === 0) return { _tag: "GetDate", version }
    return { _tag: "GetDate", version, options: Mapping.read(reader, "options") }
  }
}

/**
 * 33, router → client: the router's clock and version; may arrive at any time.
 *
 * **Shape** `version` is empty for routers before 0.8.7. i2pd up to 2.57 echoes the client's.
 * **Units** `date` ms since 1970, router clock.
 * **Source** I2CP specification "SetDateMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const SetDate = Schema.TaggedStruct("SetDate", { date: Ids.Millis, version: ShortString })

/**
 * @category messages
 * @since 0.1.0
 */
export type SetDate = typeof SetDate.Type

const setDate: Descriptor<typeof SetDate, "ToClient"> = {
  schema: SetDate,
  direction: "ToClient",
  cap: 264,
  tag: "SetDate",
  type: 33,
  isAddressed: false,
  write: (writer, message) => {
    writer.u64(message.date)
    writer.string(message.version)
  },
  read: (reader) => ({
    _tag: "SetDate",
    date: reader.u64("date"),
    version: reader.remaining === 0 ? "" : reader.string("version")
  })
}

/**
 * 8, client → router: asks for {@link BandwidthLimits}; our liveness probe, because every router answers it.
 *
 * **Source** I2CP specification "GetBandwidthLimitsMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const GetBandwidthLimits = Schema.TaggedStruct("GetBandwidthLimits", {})

/**
 * @category messages
 * @since 0.1.0
 */
export type GetBandwidthLimits = typeof GetBandwidthLimits.Type

const getBandwidthLimits: Descriptor<typeof GetBandwidthLimits, "ToRouter"> = {
  schema: GetBandwidthLimits,
  direction: "ToRouter",
  tag: "GetBandwidthLimits",
  type: 8,
  isAddressed: false,
  write: () => {},
  read: () => ({ _tag: "GetBandwidthLimits" })
}

/**
 * 23, router → client: sixteen words, of which seven have a meaning.
 *
 * **Shape** client in, client out, router in, router in burst, router out, router out burst, burst seconds, nine
 * undefined.
 * **Units** KB/s; 0 is unknown. Display only: i2pd reports the throughput of the moment.
 * **Source** I2CP specification "BandwidthLimitsMessage"; i2pd 2.45.1 observed.
 *
 * @category messages
 * @since 0.1.0
 */
export const BandwidthLimits = Schema.TaggedStruct("BandwidthLimits", {
  limits: Schema.Array(Ids.Uint32).pipe(Schema.itemsCount(16))
})

/**
 * @category messages
 * @since 0.1.0
 */
export type BandwidthLimits = typeof BandwidthLimits.Type

const bandwidthLimits: Descriptor<typeof BandwidthLimits, "ToClient"> = {
  schema: BandwidthLimits,
  direction: "ToClient",
  cap: 64,
  tag: "BandwidthLimits",
  type: 23,
  isAddressed: false,
  write: (writer, message) => {
    for (const limit of message.limits) writer.u32(limit)
  },
  read: (reader) => ({ _tag: "BandwidthLimits", limits: Array.from({ length: 16 }, () => reader.u32("limits")) })
}

/**
 * What a router says of its bandwidth; 0 where it does not say.
 *
 * **Units** KB/s; `burstSeconds` seconds.
 * **Source** I2CP specification "BandwidthLimitsMessage".
 *
 * @category models
 * @since 0.1.0
 */
export interface Bandwidth {
  readonly clientInbound: number
  readonly clientOutbound: number
  readonly routerInbound: number
  readonly routerInboundBurst: number
  readonly routerOutbound: number
  readonly routerOutboundBurst: number
  readonly burstSeconds: number
}

/**
 * What the words of {@link BandwidthLimits} mean; a word that is missing is 0.
 *
 * @category getters
 * @since 0.1.0
 */
export const bandwidthOf = (limits: ReadonlyArray<number>): Bandwidth => {
  const word = (at: number) => limits[at] ?? 0
  return {
    clientInbound: word(0),
    clientOutbound: word(1),
    routerInbound: word(2),
    routerInboundBurst: word(3),
    routerOutbound: word(4),
    routerOutboundBurst: word(5),
    burstSeconds: word(6)
  }
}

/**
 * 30, both ways: the other side closes and says why. The text is untrusted; see `I2cpError.sanitize`.
 *
 * **Source** I2CP specification "DisconnectMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const Disconnect = Schema.TaggedStruct("Disconnect", { reason: ShortString })

/**
 * @category messages
 * @since 0.1.0
 */
export type Disconnect = typeof Disconnect.Type

const disconnect: Descriptor<typeof Disconnect, "Both"> = {
  schema: Disconnect,
  direction: "Both",
  cap: 256,
  tag: "Disconnect",
  type: 30,
  isAddressed: false,
  write: (writer, message) => writer.string(message.reason),
  read: (reader) => ({ _tag: "Disconnect", reason: reader.remaining === 0 ? "" : reader.string("reason") })
}

/** @internal */
export const handshakeMessages = [getDate, setDate, getBandwidthLimits, bandwidthLimits, disconnect] as const
