/**
 * @since 0.1.0
 */
export * as LinkOptions from "./LinkOptions.js"
export * as LocalRouter from "./LocalRouter.js"
export * as Netem from "./Netem.js"
export * as Quantity from "./Quantity.js"
export * as RouterOptions from "./RouterOptions.js"
export * as Turn from "./Turn.js"
