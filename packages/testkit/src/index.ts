/**
 * @since 0.1.0
 */
export * as Arbitraries from "./Arbitraries.js"
export * as Compliance from "./compliance.js"
export * as Invariants from "./Invariants.js"
export * as MemoryTransport from "./MemoryTransport.js"
export * as Pair from "./Pair.js"
export * as EmissaryPeer from "./peers/EmissaryPeer.js"
export * as I2pdPeer from "./peers/I2pdPeer.js"
export * as JavaPeer from "./peers/JavaPeer.js"
export * as ModelSide from "./peers/ModelSide.js"
export * as Peer from "./peers/Peer.js"
export * as Senders from "./peers/Senders.js"
export * as Scenario from "./Scenario.js"
export * as Side from "./Side.js"
export * as SimulatedTime from "./SimulatedTime.js"
export * as SocketContract from "./SocketContract.js"
export * as Suite from "./Suite.js"
