/**
 * A SAM bridge in words and in JSON. Pure.
 *
 * @since 0.1.0
 */
import type { Stats } from "@effect-i2p/sam/Sam"
import type { Endpoint } from "@effect-i2p/sam/SamUdp"
import * as Format from "../output/Format.js"

const endpoint = ({ host, port }: Endpoint): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`)

/**
 * Where the bridge listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Places {
  readonly tcp: Endpoint
  readonly udp: Endpoint | undefined
}

/**
 * Where it listens, in one line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const opened = ({ tcp, udp }: Places): string =>
  `SAM 3.3 on ${endpoint(tcp)}, ${udp === undefined ? "no UDP" : `UDP ${endpoint(udp)}`}`

/**
 * The same as an object.
 *
 * @category formatting
 * @since 0.1.0
 */
export const openedJson = ({ tcp, udp }: Places): string =>
  JSON.stringify({
    type: "listening",
    host: tcp.host,
    port: tcp.port,
    udp_host: udp?.host ?? null,
    udp_port: udp?.port ?? null
  })

/**
 * What it does and has done, in one line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const stats = (stats: Stats): string => {
  const datagrams = stats.datagramsSent + stats.datagramsReceived
  const others = [
    [stats.forwards, "forwards"],
    [datagrams, "datagrams"],
    [stats.datagramsDropped, "datagrams dropped"],
    [stats.streamsFailed, "streams failed"],
    [stats.socketsRefused, "clients refused"]
  ] as const
  return [
    `SAM: ${count(stats.sessions, "session")}`,
    count(stats.sockets, "socket"),
    count(stats.streams, "stream"),
    `${stats.streamsOpened} in all`,
    `${Format.bytes(stats.bytesSent)} sent`,
    `${Format.bytes(stats.bytesReceived)} received`,
    ...others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  ].join(", ")
}

const count = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/**
 * The same as an object.
 *
 * @category formatting
 * @since 0.1.0
 */
export const statsJson = (type: "status" | "summary", stats: Stats): string =>
  JSON.stringify({
    type,
    sessions: stats.sessions,
    sockets: stats.sockets,
    sockets_refused: stats.socketsRefused,
    streams: stats.streams,
    streams_opened: stats.streamsOpened,
    streams_failed: stats.streamsFailed,
    forwards: stats.forwards,
    bytes_sent: stats.bytesSent,
    bytes_received: stats.bytesReceived,
    datagrams_sent: stats.datagramsSent,
    datagrams_received: stats.datagramsReceived,
    datagrams_dropped: stats.datagramsDropped
  })
