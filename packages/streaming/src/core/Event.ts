/**
 * What can happen to a connection. Time is not an event: `step` is given the clock, and a wake-up without events is how
 * deadlines are met.
 *
 * @since 0.1.0
 */
import type { Packet } from "../Packet.js"
import type { HardReason } from "./MessageStatus.js"
import type { Policy } from "./Retry.js"

/**
 * What can happen to a connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Event =
  /** A packet from the peer; its signature, if it carries or needs one, has been verified. */
  | { readonly _tag: "Received"; readonly packet: Packet }
  /** The router says that our SYN cannot be delivered. */
  | { readonly _tag: "Undeliverable"; readonly reason: HardReason }
  /** The application writes; the bytes are ours from now on. */
  | { readonly _tag: "Write"; readonly bytes: Uint8Array }
  /** The application has read that many bytes, of payloads that counted for `charge`: see `ReceiveWindow.charge`. */
  | { readonly _tag: "Consumed"; readonly bytes: number; readonly charge: number }
  /** The application waits for acknowledgment of everything written so far. */
  | { readonly _tag: "Flush" }
  /** The application has written its last byte and goes on reading. */
  | { readonly _tag: "End" }
  /** The application is done with both directions. */
  | { readonly _tag: "Close" }
  /** The application aborts. */
  | { readonly _tag: "Abort" }
  /** Nobody takes the stream that the peer has opened. */
  | { readonly _tag: "Refuse" }
  /** The answer to `AskRetry`: ms to wait, or undefined for no repetition any more. */
  | { readonly _tag: "Retry"; readonly policy: Policy; readonly delay: number | undefined }
  /** Our router has gone away, or is back: see `core/Outage.ts`. */
  | { readonly _tag: "Path"; readonly isUp: boolean }

/**
 * A packet has come.
 *
 * @since 0.1.0
 * @category constructors
 */
export const received = (packet: Packet): Event => ({ _tag: "Received", packet })

/**
 * The router cannot deliver our SYN.
 *
 * @since 0.1.0
 * @category constructors
 */
export const undeliverable = (reason: HardReason): Event => ({ _tag: "Undeliverable", reason })

/**
 * The application writes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const write = (bytes: Uint8Array): Event => ({ _tag: "Write", bytes })

/**
 * The application has read so many bytes, of payloads that counted for `charge`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const consumed = (bytes: number, charge = bytes): Event => ({ _tag: "Consumed", bytes, charge })

/**
 * A policy has answered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const retry = (policy: Policy, delay: number | undefined): Event => ({ _tag: "Retry", policy, delay })

/**
 * Our router has gone away, or is back.
 *
 * @since 0.1.0
 * @category constructors
 */
export const path = (isUp: boolean): Event => ({ _tag: "Path", isUp })

/** The application waits for acknowledgment. @since 0.1.0 @category constructors */
export const flush: Event = { _tag: "Flush" }
/** The application has written its last byte. @since 0.1.0 @category constructors */
export const end: Event = { _tag: "End" }
/** The application is done with both directions. @since 0.1.0 @category constructors */
export const close: Event = { _tag: "Close" }
/** The application aborts. @since 0.1.0 @category constructors */
export const abort: Event = { _tag: "Abort" }
/** Nobody takes the stream that the peer has opened. @since 0.1.0 @category constructors */
export const refuse: Event = { _tag: "Refuse" }
