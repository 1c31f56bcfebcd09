/**
 * What a connection wants done. Actions are data; the shell performs them in order.
 *
 * @since 0.1.0
 */
import type { Packet } from "../Packet.js"
import type { Policy, Retry } from "./Retry.js"
import type { Outcome } from "./State.js"

/**
 * How the shell completes a packet before it leaves: with nothing, with a signature, or with our destination (and
 * offline block) and a signature.
 *
 * @since 0.1.0
 * @category models
 */
export type Signing = "none" | "signature" | "identity"

/**
 * What the shell has to do for a connection, in the order given.
 *
 * @since 0.1.0
 * @category models
 */
export type Action =
  /** Send a packet. It is worthless to the peer after `lifetime` ms, when we would send it again. */
  | { readonly _tag: "Transmit"; readonly packet: Packet; readonly signing: Signing; readonly lifetime: number }
  /** Bytes for the application, in order. */
  | { readonly _tag: "Deliver"; readonly bytes: Uint8Array }
  /** The peer has closed; nothing more will be delivered. */
  | { readonly _tag: "EndOfStream" }
  /** Opening is complete. */
  | { readonly _tag: "Connected" }
  /** That many written bytes left the send queue: the application may write as many more. */
  | { readonly _tag: "Writable"; readonly bytes: number }
  /** More would be sent, but there was no room for it: the connection wants a step when there is. */
  | { readonly _tag: "HeldBack" }
  /** The peer has everything up to this byte of the stream. */
  | { readonly _tag: "Acknowledged"; readonly offset: number }
  /** How long to wait after this repetition, or none: answered by an event `Retry` before anything else. */
  | { readonly _tag: "AskRetry"; readonly policy: Policy; readonly retry: Retry }
  /** The connection is over. Always the last action. */
  | { readonly _tag: "Ended"; readonly outcome: Outcome }
