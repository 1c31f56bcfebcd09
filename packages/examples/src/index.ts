/**
 * @since 0.1.0
 */
export * as Chat from "./chat.js"
export * as Cluster from "./cluster.js"
export * as Echo from "./echo.js"
export * as ExistingApp from "./existingApp.js"
export * as FileTransfer from "./fileTransfer.js"
export * as Prometheus from "./prometheus.js"
export * as Proxy from "./proxy.js"
export * as Rpc from "./rpc.js"
export * as Site from "./site.js"
