/**
 * Renders i2pd's configuration files for a router that must never leave the test network.
 *
 * @since 0.1.0
 */
import * as Topology from "./Topology.js"

/**
 * Options of every session on the test network: no hops, one tunnel each way, ratchet encryption only.
 *
 * @category constants
 * @since 0.1.0
 */
export const sessionOptions = {
  "inbound.length": "0",
  "outbound.length": "0",
  "inbound.quantity": "1",
  "outbound.quantity": "1",
  "i2cp.leaseSetEncType": "4"
} as const

/**
 * A tunnel i2pd itself keeps: `server` puts a TCP service on a destination, `http` an HTTP server, to which it says who
 * calls; `client` puts a destination on a TCP port.
 *
 * `keys` is a file name in the router's data folder; i2pd generates it when it is missing.
 *
 * @category models
 * @since 0.1.0
 */
export type Tunnel =
  | { readonly type: "server" | "http"; readonly name: string; readonly keys: string; readonly port: number }
  | {
      readonly type: "client"
      readonly name: string
      readonly keys: string
      readonly port: number
      readonly destination: string
      readonly destinationPort: number
    }

type Entries = Readonly<Record<string, string | number | boolean>>

const section = (name: string, entries: Entries): string => `[${name}]\n${lines(entries)}`

const lines = (entries: Entries): string =>
  Object.entries(entries)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join("")

/**
 * The `i2pd.conf` of one router.
 *
 * Everything that would reach outside is off: reseeding, address book subscriptions, time servers, port mapping. The
 * namespace would stop it anyway; this keeps the log readable. Only routers with clients open I2CP and SAM.
 *
 * @category rendering
 * @since 0.1.0
 */
export const router = (spec: Topology.I2pdSpec, options: { readonly logFile: string }): string => {
  const off = { enabled: false }
  const transport = { enabled: true, published: true, port: spec.port }
  const clients = !spec.floodfill
  return [
    lines({
      netid: Topology.networkId,
      host: spec.address,
      address4: spec.address,
      port: spec.port,
      ipv4: true,
      ipv6: false,
      nat: false,
      reservedrange: false,
      floodfill: spec.floodfill,
      notransit: false,
      bandwidth: "X",
      log: "file",
      logfile: options.logFile,
      loglevel: "warn"
    }),
    section("ntcp2", transport),
    // Between routers on one loopback 2.45.1 mostly fails to establish SSU2, and only loses time over it.
    section("ssu2", off),
    section("http", off),
    section("httpproxy", {
      enabled: clients,
      address: "127.0.0.1",
      port: spec.httpProxyPort,
      outproxy: "",
      ...sessionOptions
    }),
    section("socksproxy", off),
    section("upnp", off),
    section("sam", { enabled: clients, address: "127.0.0.1", port: spec.samPort }),
    section("i2cp", { enabled: clients, address: "127.0.0.1", port: spec.i2cpPort }),
    section("nettime", { enabled: false, frompeers: false }),
    section("reseed", { threshold: 0, urls: "", yggurls: "" }),
    // A name nobody has. 2.45.1 ends itself three minutes after its start when it asks for an empty URL, and when SAM
    // connects to a full destination while the address book is off.
    section("addressbook", { defaulturl: "http://nobody.i2p/", subscriptions: "" }),
    section("persist", { profiles: false }),
    section("exploratory", {
      "inbound.length": 0,
      "outbound.length": 0,
      "inbound.quantity": 1,
      "outbound.quantity": 1
    })
  ].join("\n")
}

/**
 * The `tunnels.conf` for these tunnels.
 *
 * @category rendering
 * @since 0.1.0
 */
export const tunnels = (list: ReadonlyArray<Tunnel>): string =>
  list
    .map((tunnel) =>
      section(tunnel.name, {
        type: tunnel.type,
        ...(tunnel.type !== "client"
          ? // Without this i2pd dials the service from a loopback address made of the peer's hash.
            { host: "127.0.0.1", port: tunnel.port, enableuniquelocal: false }
          : {
              address: "127.0.0.1",
              port: tunnel.port,
              destination: tunnel.destination,
              destinationport: tunnel.destinationPort
            }),
        keys: tunnel.keys,
        signaturetype: 7,
        ...sessionOptions
      })
    )
    .join("\n")
