/**
 * @since 0.1.0
 */
export * as AccessList from "./AccessList.js"
export * as Packet from "./Packet.js"
export * as PacketTrace from "./PacketTrace.js"
export * as PacketTransport from "./PacketTransport.js"
export * as StreamConnection from "./StreamConnection.js"
export * as StreamError from "./StreamError.js"
export * as StreamingConfig from "./StreamingConfig.js"
export * as StreamingOptionsMap from "./StreamingOptionsMap.js"
export * as StreamListener from "./StreamListener.js"
export * as StreamManager from "./StreamManager.js"
export * as StreamMetrics from "./StreamMetrics.js"
export * as StreamPool from "./StreamPool.js"
export * as StreamSocket from "./StreamSocket.js"
