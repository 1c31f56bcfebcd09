/**
 * @since 0.1.0
 */
export * as Compression from "./Compression.js"
export * as Framer from "./core/Framer.js"
export * as Ids from "./Ids.js"
export * as Message from "./Message.js"
export * as Payload from "./Payload.js"
export * as SessionConfig from "./SessionConfig.js"
