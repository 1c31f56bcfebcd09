/**
 * @since 0.1.0
 */
export * as Arbitraries from "./Arbitraries.js"
export * as Compliance from "./compliance.js"
export * as Invariants from "./Invariants.js"
export * as MemoryTransport from "./MemoryTransport.js"
export * as Pair from "./Pair.js"
export * as Scenario from "./Scenario.js"
export * as Side from "./Side.js"
export * as SimulatedTime from "./SimulatedTime.js"
