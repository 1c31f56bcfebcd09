/**
 * @since 0.1.0
 */
export * as Cluster from "./cluster.js"
export * as Echo from "./echo.js"
