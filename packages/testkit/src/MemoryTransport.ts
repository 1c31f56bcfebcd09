/**
 * A network of destinations in memory: packet transports joined by seeded links, driven by the Effect clock.
 *
 * It carries packets and looks up addresses, as an I2CP session does, and nothing else: no router, no lease sets, no
 * gzip, no limit on the size of a packet. Under TestClock a run is deterministic: same seed, same programs, same
 * packets at the same times. On the live clock with a perfect link it is the fastest transport there is.
 *
 * One fiber with one timer delivers for the whole network; a packet that takes no time costs neither.
 *
 * @since 0.1.0
 */

import * as Netem from "@effect-i2p/router/Netem"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as PacketTransport from "@effect-i2p/streaming/PacketTransport"
import { DestinationNotFound } from "@effect-i2p/streaming/StreamError"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Address from "@effect-i2p/wire/Address"
import { DelayHeap } from "@effect-i2p/wire/DelayHeap"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * How a network behaves. Every field has a default, see {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What lies between any two destinations, each direction by itself. */
  readonly link: Partial<Netem.Config>
  /** Everything random in the links follows from this unsigned 32-bit integer. */
  readonly seed: number
  /** The address book: host names ending in `.i2p`. */
  readonly names: Readonly<Record<string, Destination>>
  /** Bytes on their way in all links together; more are dropped. */
  readonly inFlightBytes: number
}

/**
 * **Source** ours: a perfect link; 64 MiB as `LocalRouter`.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Options = {
  link: {},
  seed: 1,
  names: {},
  inFlightBytes: 67_108_864
}

/**
 * What happens to a packet.
 *
 * **Shape** every packet is `Sent` once. Then a copy of it is `Delivered`, or it is `Lost` on the line, `Filtered` by an
 * `intercept`, or `Dropped`: nobody there, nobody reading, or too much on the way.
 * **Units** `at` in milliseconds on the Effect clock's monotonic side; `from` is absent for an injected packet.
 *
 * @since 0.1.0
 * @category models
 */
export interface PacketEvent {
  readonly kind: "Sent" | "Delivered" | "Lost" | "Filtered" | "Dropped"
  readonly at: number
  readonly from: Destination | undefined
  readonly to: Destination
  readonly sourcePort: number
  readonly destinationPort: number
  readonly bytes: Uint8Array
}

/**
 * Packets since the network was made; `inFlight` is of the moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  readonly sent: number
  readonly delivered: number
  readonly lost: number
  readonly filtered: number
  readonly dropped: number
  readonly inFlight: number
}

/**
 * A packet nobody in particular has sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Injected {
  readonly to: Destination
  readonly sourcePort?: number | undefined
  readonly destinationPort?: number | undefined
  readonly bytes: Uint8Array
}

/**
 * The network.
 *
 * @since 0.1.0
 * @category tags
 */
export class MemoryNetwork extends Context.Tag("@effect-i2p/testkit/MemoryTransport/MemoryNetwork")<
  MemoryNetwork,
  {
    /** Joins the network as this destination for as long as the scope lives; the latest of equal ones is reached. */
    readonly transport: (
      keys: DestinationKeys.DestinationKeys
    ) => Effect.Effect<PacketTransport.PacketTransport["Type"], never, Scope.Scope>
    /** Changes the links between all destinations, or one direction between two, from the next packet on. */
    readonly setLink: (
      config: Partial<Netem.Config>,
      between?: { readonly from: Destination; readonly to: Destination }
    ) => Effect.Effect<void>
    /** Delivers bytes at once, past all links: what a hostile or broken peer might send. */
    readonly inject: (packet: Injected) => Effect.Effect<void>
    /** Calls `observer` for everything that happens to packets, as long as the scope lives. It must not throw. */
    readonly observe: (observer: (event: PacketEvent) => void) => Effect.Effect<void, never, Scope.Scope>
    /** Lets only packets pass for which `passes` holds, as long as the scope lives. */
    readonly intercept: (
      passes: (packet: Packet.Packet, event: PacketEvent) => boolean
    ) => Effect.Effect<void, never, Scope.Scope>
    readonly stats: Effect.Effect<Stats>
  }
>() {}

interface Member {
  readonly destination: Destination
  /** Undefined while nobody reads its packets. */
  receive: ((packet: PacketTransport.Incoming) => void) | undefined
}

/** Packets that one turn delivers before the streams get theirs. */
const turnPackets = 512

/**
 * A network that lives as long as the scope.
 *
 * **Errors** an impossible link configuration is a defect, see `Netem.config`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fn("MemoryTransport.make")(function* (
  overrides: Partial<Options> = {}
): Effect.fn.Return<MemoryNetwork["Type"], never, Scope.Scope> {
  const options = { ...defaults, ...overrides }
  const clock = yield* Effect.clock
  const now = () => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

  const members = new Map<string, Member>()
  const links = new Map<string, Map<string, Netem.Link>>()
  const observers = new Set<(event: PacketEvent) => void>()
  const filters = new Set<(packet: Packet.Packet, event: PacketEvent) => boolean>()
  const stats = { sent: 0, delivered: 0, lost: 0, filtered: 0, dropped: 0 }
  let linkConfig = Netem.config(options.link)

  const heap = new DelayHeap<PacketEvent>()
  let inFlightBytes = 0
  const wake = Effect.unsafeMakeLatch(false)
  const timer = yield* FiberHandle.make()
  let armed = Number.POSITIVE_INFINITY

  const tell = (event: PacketEvent, kind: PacketEvent["kind"]): void => {
    if (observers.size === 0) return
    const told = kind === event.kind ? event : { ...event, kind, at: now() }
    for (const observer of observers) observer(told)
  }

  const linkBetween = (from: Destination, to: Destination): Netem.Link => {
    let outgoing = links.get(from.b32)
    if (outgoing === undefined) {
      outgoing = new Map()
      links.set(from.b32, outgoing)
    }
    let link = outgoing.get(to.b32)
    if (link === undefined) {
      link = Netem.make(linkConfig, Netem.pairSeed(options.seed, seedOf(from), seedOf(to)))
      outgoing.set(to.b32, link)
    }
    return link
  }

  const deliver = (event: PacketEvent): void => {
    const receive = members.get(event.to.b32)?.receive
    if (receive === undefined) stats.dropped += 1
    else stats.delivered += 1
    tell(event, receive === undefined ? "Dropped" : "Delivered")
    receive?.({ sourcePort: event.sourcePort, destinationPort: event.destinationPort, payload: event.bytes })
  }

  const isFiltered = (event: PacketEvent): boolean => {
    if (filters.size === 0) return false
    const packet = Packet.decode(event.bytes)
    if (Either.isLeft(packet)) return false
    for (const passes of filters) if (!passes(packet.right, event)) return true
    return false
  }

  const transmit = (from: Destination, packet: PacketTransport.Outgoing): void => {
    const { bytes, destinationPort, sourcePort, to } = packet
    const sentAt = now()
    const event: PacketEvent = { kind: "Sent", at: sentAt, from, to, sourcePort, destinationPort, bytes }
    stats.sent += 1
    tell(event, "Sent")
    if (isFiltered(event)) {
      stats.filtered += 1
      return tell(event, "Filtered")
    }
    const arrivals = linkBetween(from, to).transmit(sentAt, bytes.length)
    if (arrivals.length === 0) {
      stats.lost += 1
      return tell(event, "Lost")
    }
    for (const at of arrivals) {
      if (at <= sentAt) {
        deliver(event)
      } else if (inFlightBytes + bytes.length > options.inFlightBytes) {
        stats.dropped += 1
        tell(event, "Dropped")
      } else {
        inFlightBytes += bytes.length
        heap.push(at, event)
        if (at < armed) wake.unsafeOpen()
      }
    }
  }

  /** Sleeps are whole milliseconds, rounded up, as the timers of a live clock are. */
  const arm = Effect.suspend(() => {
    const next = heap.nextTime
    if (next === undefined || next >= armed) return Effect.void
    armed = next
    return Effect.sleep(Duration.millis(Math.ceil(next - now()))).pipe(
      Effect.zipRight(
        Effect.sync(() => {
          armed = Number.POSITIVE_INFINITY
          wake.unsafeOpen()
        })
      ),
      (sleep) => FiberHandle.run(timer, sleep)
    )
  })

  const turn = Effect.sync(() => {
    const until = now()
    for (let turns = 0; turns < turnPackets; turns++) {
      const due = heap.popDue(until)
      if (due === undefined) return false
      inFlightBytes -= due.bytes.length
      deliver(due)
    }
    return true
  })

  yield* wake.await.pipe(
    Effect.zipRight(Effect.sync(() => wake.unsafeClose())),
    Effect.zipRight(Effect.repeat(Effect.zipLeft(turn, Effect.yieldNow()), { while: (isBehind) => isBehind })),
    Effect.zipRight(arm),
    Effect.forever,
    Effect.forkScoped
  )

  const find = (parsed: Address.Address): Destination | undefined => {
    switch (parsed._tag) {
      case "Base64":
        return parsed.destination
      case "B32":
        return members.get(Hash.toB32(parsed.hash))?.destination
      case "Name":
      case "Blinded":
        return options.names[parsed.name]
    }
  }

  const lookup = (address: string): Effect.Effect<Destination, DestinationNotFound> =>
    Effect.suspend(() => {
      const parsed = Address.parse(address)
      if (Either.isLeft(parsed))
        return new DestinationNotFound({ address, reason: "BadAddress", detail: parsed.left.message })
      const found = find(parsed.right)
      return found === undefined
        ? new DestinationNotFound({ address, reason: "NotFound", detail: "nobody in this network has this address" })
        : Effect.succeed(found)
    })

  const transport = (keys: DestinationKeys.DestinationKeys) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const member: Member = { destination: keys.destination, receive: undefined }
        members.set(keys.destination.b32, member)
        return member
      }),
      (member) =>
        Effect.sync(() => {
          const { b32 } = member.destination
          if (members.get(b32) === member) members.delete(b32)
        })
    ).pipe(
      Effect.map((member) =>
        PacketTransport.PacketTransport.of({
          keys,
          send: (packets) =>
            Effect.sync(() => {
              for (const packet of packets) transmit(member.destination, packet)
            }),
          run: (onPacket) =>
            Effect.acquireUseRelease(
              Effect.sync(() => {
                member.receive = onPacket
              }),
              () => Effect.never,
              () =>
                Effect.sync(() => {
                  member.receive = undefined
                })
            ),
          backlog: undefined,
          path: undefined,
          lookup,
          ready: Effect.void
        })
      )
    )

  const scoped = <A>(set: Set<A>, item: A): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        set.add(item)
      }),
      () => Effect.sync(() => set.delete(item))
    )

  return MemoryNetwork.of({
    transport,
    setLink: (config, between) =>
      Effect.sync(() => {
        if (between !== undefined) return linkBetween(between.from, between.to).setConfig(config)
        linkConfig = Netem.config(config, linkConfig)
        for (const outgoing of links.values()) for (const link of outgoing.values()) link.setConfig(config)
      }),
    inject: ({ bytes, destinationPort = 0, sourcePort = 0, to }) =>
      Effect.sync(() =>
        deliver({ kind: "Sent", at: now(), from: undefined, to, sourcePort, destinationPort, bytes: bytes.slice() })
      ),
    observe: (observer) => scoped(observers, observer),
    intercept: (passes) => scoped(filters, passes),
    stats: Effect.sync(() => ({ ...stats, inFlight: heap.size }))
  })
})

/** The first bytes of its hash stand for a destination, so that seeds do not depend on who came first. */
const seedOf = ({ hash }: Destination): number =>
  ((hash[0]! << 24) | (hash[1]! << 16) | (hash[2]! << 8) | hash[3]!) >>> 0

/**
 * The network as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<MemoryNetwork> =>
  Layer.scoped(MemoryNetwork, make(options))

/**
 * The transport of one destination: what `StreamManager.layer()` asks for.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTransport = (
  keys: DestinationKeys.DestinationKeys
): Layer.Layer<PacketTransport.PacketTransport, never, MemoryNetwork> =>
  Layer.scoped(
    PacketTransport.PacketTransport,
    Effect.flatMap(MemoryNetwork, (network) => network.transport(keys))
  )

/**
 * The streams of one destination of the network, for tests that need several in one program.
 *
 * @since 0.1.0
 * @category constructors
 */
export const streams = (
  keys: DestinationKeys.DestinationKeys,
  options: StreamingConfig.Changes<StreamingConfig.StreamingOptions> = {}
): Effect.Effect<StreamManager["Type"], never, MemoryNetwork | Scope.Scope> =>
  Effect.map(
    Layer.build(
      StreamManager.layer().pipe(Layer.provide(layerTransport(keys)), Layer.provide(StreamingConfig.layer(options)))
    ),
    Context.get(StreamManager)
  )

/**
 * The keys of an invented destination: the same name gives the same keys. **For tests and simulations only.**
 *
 * @since 0.1.0
 * @category constructors
 */
export const keysOf = (name: string): DestinationKeys.DestinationKeys =>
  DestinationKeys.generate(SecureRandom.makeSeeded(name))

/**
 * One line about an event, for transcripts; equal runs give equal lines.
 *
 * @since 0.1.0
 * @category printing
 */
export const format = (event: PacketEvent): string => {
  const from = event.from?.short ?? "(injected)"
  const packet = Either.match(Packet.decode(event.bytes), { onLeft: () => "malformed", onRight: Packet.format })
  const ports = `${event.sourcePort}→${event.destinationPort}`
  return `${event.at.toFixed(3).padStart(12)} ${event.kind.padEnd(9)} ${from} → ${event.to.short} ${ports} ${packet}`
}
