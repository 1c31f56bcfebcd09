/**
 * The other implementations as senders in the cells of the grid, for comparison with our own congestion control. A model
 * sends to a model of its own kind.
 *
 * How faithful each is: its peer's header has what is modelled and what is left out, and the README of this package what
 * the models do over links on which something is known of the implementations.
 *
 * @since 0.1.0
 */
import { EmissaryPeer } from "./EmissaryPeer.js"
import { I2pdPeer } from "./I2pdPeer.js"
import { JavaPeer } from "./JavaPeer.js"
import type { Model } from "./ModelSide.js"

/**
 * **Shape** `controller` is what moves its window, in a word.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sender {
  readonly model: Model
  readonly controller: string
}

/**
 * Java I2P 2.8.0: window 3 to 128, slow start to 64 and Reno's growth above it, threshold from Westwood+ and a window of 1
 * after a timeout, one fast retransmission for each packet and only after three NACKs, RTO of RFC 6298.
 *
 * **Source** streaming specification, sections 10.1, 11 and 20.1 of our protocol page. Without the cache of windows (12)
 * and the router's expiry of late originals (11). Too fast under loss: see the README.
 *
 * @since 0.1.0
 * @category senders
 */
export const java: Sender = { model: (options) => new JavaPeer(options), controller: "Westwood+" }

/**
 * i2pd of December 2025: window 10 to 512 by delay, losses of no account, pacing on a tick of 10 ms, NACKed packets again
 * only after the RTO.
 *
 * **Source** sections 10.2, 11 and 20.2. Without the in-flight count that streams share, speed limits, and the change of
 * tunnel or lease on timeouts, after which it learns window and round trip anew. Nothing is known of it to hold the model
 * to. Its growth rule compares round trips that differ by less than a millisecond: on a link without jitter its figures
 * are one of several that are as likely.
 *
 * @since 0.1.0
 * @category senders
 */
export const i2pd: Sender = { model: (options) => new I2pdPeer(options), controller: "delay" }

/**
 * emissary of February 2026: a window that every acknowledged packet doubles below 64 and lengthens by one to 128, and a
 * timeout shortens by one; no NACKs, no pacing.
 *
 * **Source** sections 10.3, 11 and 20.3. The roughest of the three: after a timeout it resends whatever is older than its
 * RTO and keeps what it knows of the round trip, where emissary takes another route and starts anew.
 *
 * @since 0.1.0
 * @category senders
 */
export const emissary: Sender = { model: (options) => new EmissaryPeer(options), controller: "none" }

/** By name. @since 0.1.0 @category senders */
export const senders: Readonly<Record<"java" | "i2pd" | "emissary", Sender>> = { java, i2pd, emissary }
