/**
 * Who can send in a cell of the grid: ours with one of its congestion controllers, or a model of another implementation.
 *
 * @since 0.1.0
 */
import type { Make } from "@effect-i2p/streaming/core/CongestionController"
import * as Bbr from "@effect-i2p/streaming/core/congestion/Bbr"
import * as Cubic from "@effect-i2p/streaming/core/congestion/Cubic"
import * as NewReno from "@effect-i2p/streaming/core/congestion/NewReno"
import * as Veno from "@effect-i2p/streaming/core/congestion/Veno"
import * as Westwood from "@effect-i2p/streaming/core/congestion/Westwood"
import * as Senders from "@effect-i2p/testkit/peers/Senders"

/** The sender that is none of the models. @since 0.1.0 @category constants */
export const ours = "ours"

/** @since 0.1.0 @category constants */
export const defaultController = "Veno"

/** Ours, by name. @since 0.1.0 @category constants */
export const controllers: Readonly<Record<string, Make>> = {
  Veno: Veno.make,
  NewReno: NewReno.make,
  CUBIC: Cubic.make,
  "Westwood+": Westwood.make,
  BBR: Bbr.make
}

/** The models, by name. @since 0.1.0 @category constants */
export const senders: Readonly<Record<string, Senders.Sender>> = Senders.senders
