/**
 * The server side of SOCKS 5, for a proxy to I2P: no authentication, CONNECT only, host names only. Pure.
 *
 * Feed it the bytes received so far: {@link greeting} first, then {@link request}.
 *
 * **Source** RFC 1928.
 *
 *     greeting   05 | n | n methods                              answer 05 | method, FF for none
 *     request    05 | command | 00 | type | address | port (2)   answer 05 | reply | 00 | 01 | 0.0.0.0 | 0
 *     address    type 1: 4 bytes; 3: n | n bytes of a name; 4: 16 bytes
 *
 * @since 0.1.0
 */
import type { ConnectError } from "@effect-i2p/streaming/StreamError"

/**
 * The reply codes.
 *
 * **Source** RFC 1928 section 6.
 *
 * @category constants
 * @since 0.1.0
 */
export const Reply = {
  Succeeded: 0,
  GeneralFailure: 1,
  NotAllowed: 2,
  NetworkUnreachable: 3,
  HostUnreachable: 4,
  ConnectionRefused: 5,
  TtlExpired: 6,
  CommandNotSupported: 7,
  AddressTypeNotSupported: 8
} as const

/**
 * One of the reply codes.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplyCode = (typeof Reply)[keyof typeof Reply]

/**
 * What became of the bytes received so far.
 *
 * **Shape** `More`: the message is not complete. `Done`: it took `length` bytes. `Refuse`: send `answer`, then close.
 *
 * @category models
 * @since 0.1.0
 */
export type Step<A> =
  | { readonly _tag: "More" }
  | { readonly _tag: "Done"; readonly value: A; readonly length: number }
  | { readonly _tag: "Refuse"; readonly answer: Uint8Array; readonly reason: string }

const more = { _tag: "More" } as const
const refuse = (reason: string, ...answer: ReadonlyArray<number>) =>
  ({ _tag: "Refuse", answer: Uint8Array.from(answer), reason }) as const

/**
 * The longest message there is: a request with a name of 255 bytes.
 *
 * **Source** RFC 1928 section 4.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBytes = 4 + 1 + 255 + 2

/**
 * The answer to a greeting: no authentication.
 *
 * @category encoding
 * @since 0.1.0
 */
export const noAuthentication = Uint8Array.of(5, 0)

/**
 * The answer to a request, without an address of ours.
 *
 * **Source** RFC 1928 section 6.
 *
 * @category encoding
 * @since 0.1.0
 */
export const reply = (code: ReplyCode): Uint8Array => Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0)

const refuseWith = (code: ReplyCode, reason: string) => refuse(reason, ...reply(code))

/**
 * Reads what a client sends first.
 *
 * @category decoding
 * @since 0.1.0
 */
export const greeting = (bytes: Uint8Array): Step<void> => {
  const [version, count] = bytes
  if (version === undefined) return more
  // SOCKS 4's own way to say no, for clients that speak it.
  if (version === 4) return refuse("SOCKS 4, which sends addresses instead of names", 0, 0x5b, 0, 0, 0, 0, 0, 0)
  if (version !== 5) return refuse("not SOCKS")
  if (count === undefined || bytes.length < 2 + count) return more
  if (!bytes.subarray(2, 2 + count).includes(0)) return refuse("it insists on authentication", 5, 0xff)
  return { _tag: "Done", value: undefined, length: 2 + count }
}

/**
 * Where a client wants to connect to; `host` is as the client sent it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly host: string
  readonly port: number
}

/**
 * Reads where a client wants to connect to.
 *
 * @category decoding
 * @since 0.1.0
 */
export const request = (bytes: Uint8Array): Step<Request> => {
  const [version, command, , type, length] = bytes
  if (version !== undefined && version !== 5) return refuse("not SOCKS 5")
  if (type === undefined) return more
  if (command !== 1) return refuseWith(Reply.CommandNotSupported, "only CONNECT is served")
  if (type !== 3) {
    return refuseWith(Reply.AddressTypeNotSupported, "an IP address; let the proxy resolve names (socks5h)")
  }
  if (length === undefined || bytes.length < 5 + length + 2) return more
  const end = 5 + length
  const host = new TextDecoder().decode(bytes.subarray(5, end))
  return { _tag: "Done", value: { host, port: bytes[end]! * 256 + bytes[end + 1]! }, length: end + 2 }
}

/**
 * The reply that tells a client why its stream was not opened.
 *
 * @category conversions
 * @since 0.1.0
 */
export const replyTo = (error: ConnectError): ReplyCode => {
  switch (error._tag) {
    case "ConnectRefused":
      return Reply.ConnectionRefused
    case "ConnectTimedOut":
      return Reply.TtlExpired
    case "DestinationNotFound":
    case "DestinationUnreachable":
      return Reply.HostUnreachable
    case "TransportFailed":
      return Reply.NetworkUnreachable
    case "OfflineKeysExpired":
    case "TooManyStreams":
      return Reply.GeneralFailure
  }
}
