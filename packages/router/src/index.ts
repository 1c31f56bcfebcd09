export * as LocalRouter from "./LocalRouter.js"
export * as Netem from "./Netem.js"
export * as RouterOptions from "./RouterOptions.js"
