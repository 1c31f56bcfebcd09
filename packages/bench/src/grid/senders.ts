/**
 * Who can send in a cell of the grid: ours with one of its congestion controllers, or a model of another implementation.
 *
 * @since 0.1.0
 */
import type { Make } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Controllers from "@effect-i2p/streaming/unstable/core/congestion/Controllers"
import * as Senders from "@effect-i2p/testkit/peers/Senders"

/** The sender that is none of the models. @since 0.1.0 @category constants */
export const ours = "ours"

/** @since 0.1.0 @category constants */
export const defaultController = "Veno"

/** Ours, by name. @since 0.1.0 @category constants */
export const controllers: Readonly<Record<string, Make>> = Controllers.controllers

/** The models, by name. @since 0.1.0 @category constants */
export const senders: Readonly<Record<string, Senders.Sender>> = Senders.senders
