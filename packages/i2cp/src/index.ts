/**
 * @since 0.1.0
 */
export * as AddressBook from "./AddressBook.js"
export * as Compression from "./Compression.js"
export * as Fingerprint from "./core/Fingerprint.js"
export * as Framer from "./core/Framer.js"
export * as Session from "./core/Session.js"
export * as I2cpConfig from "./I2cpConfig.js"
export * as I2cpConnection from "./I2cpConnection.js"
export * as I2cpError from "./I2cpError.js"
export * as I2cpSession from "./I2cpSession.js"
export * as Ids from "./Ids.js"
export * as Message from "./Message.js"
export * as Payload from "./Payload.js"
export * as RouterProbe from "./RouterProbe.js"
export * as SessionConfig from "./SessionConfig.js"
export * as SessionState from "./SessionState.js"
