/**
 * @since 0.1.0
 */
export * as Compliance from "./compliance.js"
export * as MemoryTransport from "./MemoryTransport.js"
export * as SimulatedTime from "./SimulatedTime.js"
