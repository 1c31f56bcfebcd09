/**
 * What `--router` takes: an address as `NodeI2pConfig` of `@effect-i2p/platform-node` reads it.
 *
 * @since 0.1.0
 */
import * as NodeI2pConfig from "@effect-i2p/platform-node/NodeI2pConfig"

/**
 * A router that is reached through a socket.
 *
 * @category models
 * @since 0.1.0
 */
export type Remote = NodeI2pConfig.Remote

/**
 * An embedded router with its link, the address of another, or several of them.
 *
 * @category models
 * @since 0.1.0
 */
export type RouterAddress = NodeI2pConfig.Router

/**
 * One router.
 *
 * @category models
 * @since 0.1.0
 */
export type Single = Exclude<RouterAddress, { readonly _tag: "Several" }>

/**
 * The router of this machine.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: RouterAddress = NodeI2pConfig.defaultRouter

/**
 * Reads an address as it is typed.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = NodeI2pConfig.parseRouter

/**
 * As the user would type it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = NodeI2pConfig.formatRouter
