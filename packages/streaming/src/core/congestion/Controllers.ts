/**
 * The congestion controllers that there are, by name. A new one is a file in this folder and a line here.
 *
 * @since 0.1.0
 */
import type { Make } from "../CongestionController.js"
import * as Bbr from "./Bbr.js"
import * as Cubic from "./Cubic.js"
import * as NewReno from "./NewReno.js"
import * as Veno from "./Veno.js"
import * as Westwood from "./Westwood.js"

/**
 * What makes each controller.
 *
 * @since 0.1.0
 * @category constants
 */
export const controllers = {
  Veno: Veno.make,
  NewReno: NewReno.make,
  CUBIC: Cubic.make,
  "Westwood+": Westwood.make,
  BBR: Bbr.make
} as const satisfies Readonly<Record<string, Make>>

/**
 * The name of a controller.
 *
 * @since 0.1.0
 * @category models
 */
export type Name = keyof typeof controllers

/**
 * The one of that name, or the one given.
 *
 * @since 0.1.0
 * @category conversions
 */
export const from = (controller: Name | Make): Make =>
  typeof controller === "string" ? controllers[controller] : controller
