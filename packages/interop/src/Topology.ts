/**
 * Which routers a test network has, and every address and port in it.
 *
 * Ports are fixed: the network lives in a network namespace of its own, so nothing else can hold them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Name of a router: `f` is the floodfill, `a` and `b` serve clients, and so does `c`, which suites may kill. `j` is
 * Java I2P, in a network of its own.
 *
 * A restarted router disturbs for minutes: others keep its old lease sets until they expire, and send into the void.
 *
 * @category models
 * @since 0.1.0
 */
export const RouterName: Schema.Literal<["f", "a", "b", "c", "j"]> = Schema.Literal("f", "a", "b", "c", "j")

/**
 * @category models
 * @since 0.1.0
 */
export type RouterName = typeof RouterName.Type

/**
 * `fa`: both destinations live on router `a`. `fab`: a second client router `b`, so traffic can cross a router link.
 *
 * The floodfill is always a router of its own: i2pd 2.45.1 cannot read a lease set it stores as a floodfill.
 *
 * @category models
 * @since 0.1.0
 */
export const Mode: Schema.Literal<["fa", "fab"]> = Schema.Literal("fa", "fab")

/**
 * @category models
 * @since 0.1.0
 */
export type Mode = typeof Mode.Type

/**
 * Destinations of ours that i2pd's client tunnels lead to: one for each suite that listens.
 *
 * i2pd keeps a lease set until its leases end, ten minutes, and calls a destination that came back in between through
 * tunnels that are gone: a destination that two suites share is out of reach for the second one for minutes.
 *
 * @category models
 * @since 0.1.0
 */
export const ListenerName: Schema.Literal<["streams", "command"]> = Schema.Literal("streams", "command")

/**
 * @category models
 * @since 0.1.0
 */
export type ListenerName = typeof ListenerName.Type

/**
 * One router of the network; `index` numbers its address and ports.
 *
 * @category models
 * @since 0.1.0
 */
export interface RouterSpec {
  readonly name: RouterName
  readonly index: number
  /** Where other routers reach it. 198.18/15: i2pd 2.45.1 refuses peers in 127/8 and RFC 1918. */
  readonly address: string
  readonly port: number
  /** Client ports, on 127.0.0.1. */
  readonly i2cpPort: number
  readonly samPort: number
}

/**
 * An i2pd of the network.
 *
 * @category models
 * @since 0.1.0
 */
export interface I2pdSpec extends RouterSpec {
  readonly floodfill: boolean
  /** Local ends of the router's client tunnels, one to each of our own listeners. */
  readonly clientTunnelPorts: Readonly<Record<ListenerName, number>>
  readonly httpProxyPort: number
}

/**
 * Network identifier that no public network uses.
 *
 * @category constants
 * @since 0.1.0
 */
export const networkId = 99

/**
 * TCP port of the echo server behind the server tunnels.
 *
 * @category constants
 * @since 0.1.0
 */
export const echoPort = 17_900

/**
 * HTTP port on which the suites reach the process that owns the routers.
 *
 * @category constants
 * @since 0.1.0
 */
export const controlPort = 17_901

/**
 * TCP port behind the HTTP server tunnels, where nobody listens but a suite that needs it.
 *
 * @category constants
 * @since 0.1.0
 */
export const httpPort = 17_902

/**
 * Ids of the SAM sessions that the network keeps open on each client router.
 *
 * @category constants
 * @since 0.1.0
 */
export const samSessionIds: readonly ["near", "far"] = ["near", "far"]

const router = (name: RouterName, index: number): RouterSpec => ({
  name,
  index,
  address: `198.18.0.${index}`,
  port: 19_000 + index,
  i2cpPort: 17_600 + index,
  samPort: 17_700 + index
})

const i2pd = (name: RouterName, index: number): I2pdSpec => ({
  ...router(name, index),
  floodfill: name === "f",
  clientTunnelPorts: { streams: 17_800 + index, command: 17_400 + index },
  httpProxyPort: 17_500 + index
})

/**
 * The i2pd routers of a mode, floodfill first, which is also the order to start them in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const i2pds = (mode: Mode): ReadonlyArray<I2pdSpec> => [
  i2pd("f", 1),
  i2pd("a", 2),
  ...(mode === "fab" ? [i2pd("b", 3)] : []),
  i2pd("c", 4)
]

/**
 * The router of `JavaNetwork`.
 *
 * @category constants
 * @since 0.1.0
 */
export const java: RouterSpec = router("j", 5)
