/**
 * Tunnels in words and in JSON. Pure.
 *
 * @since 0.1.0
 */

import type { Endpoint, Tunnel } from "@effect-i2p/platform/TunnelsConf"
import type { Stats } from "@effect-i2p/platform-node/NodeTunnel"
import * as Format from "../output/Format.js"

/**
 * A tunnel that is open: `address` is where it listens or where it leads to, `port` the one of the destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened {
  readonly tunnel: Tunnel
  readonly b32: string
  readonly address: Endpoint
  readonly port: number
}

/**
 * A host and port as they are typed, an IPv6 address in brackets.
 *
 * @category formatting
 * @since 0.1.0
 */
export const endpoint = ({ host, port }: Endpoint): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/**
 * What leads where, in one line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const opened = ({ address, b32, port, tunnel }: Opened): string => {
  const at = endpoint(address)
  switch (tunnel.type) {
    case "client":
      return `${tunnel.name}: ${at} leads to ${Format.address(tunnel.destination)}${tunnel.destinationPort === 0 ? "" : `, port ${tunnel.destinationPort}`}`
    case "server":
    case "http":
      return `${tunnel.name}: ${b32}${port === 0 ? "" : `, port ${port},`} leads to ${at}`
    case "httpproxy":
      return `${tunnel.name}: HTTP proxy on ${at}`
    case "socks":
      return `${tunnel.name}: SOCKS proxy on ${at}`
  }
}

/**
 * The same as an object.
 *
 * @category formatting
 * @since 0.1.0
 */
export const openedJson = ({ address, b32, port, tunnel }: Opened): string =>
  JSON.stringify({
    type: "listening",
    tunnel: tunnel.name,
    kind: tunnel.type,
    host: address.host,
    port: address.port,
    b32,
    destination: tunnel.type === "client" ? tunnel.destination : null,
    destination_port: tunnel.type === "client" ? tunnel.destinationPort : "target" in tunnel ? port : null
  })

/**
 * What has gone through, as an object.
 *
 * @category formatting
 * @since 0.1.0
 */
export const statsJson = (type: "status" | "summary", name: string, stats: Stats): string =>
  JSON.stringify({
    type,
    tunnel: name,
    active: stats.active,
    opened: stats.opened,
    refused: stats.refused,
    failed: stats.failed,
    reset: stats.reset,
    bytes_sent: stats.bytesSent,
    bytes_received: stats.bytesReceived,
    last_failure: stats.lastFailure ?? null
  })

/**
 * What has gone through, in one line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const stats = (name: string, stats: Stats): string => {
  const troubles = [
    [stats.failed, "failed"],
    [stats.reset, "reset"],
    [stats.refused, "refused"]
  ] as const
  return [
    `${name}:`,
    `${stats.active} open`,
    `${stats.opened} in all`,
    `${Format.bytes(stats.bytesSent)} sent`,
    `${Format.bytes(stats.bytesReceived)} received`,
    ...troubles.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  ]
    .join(", ")
    .replace(":,", ":")
}
