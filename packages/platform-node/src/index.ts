/**
 * @since 0.1.0
 */
export * as NodeAddressBook from "./NodeAddressBook.js"
export * as NodeCompression from "./NodeCompression.js"
export * as NodeDuplex from "./NodeDuplex.js"
export * as NodeI2cp from "./NodeI2cp.js"
export * as NodeI2p from "./NodeI2p.js"
export * as NodeKeyStore from "./NodeKeyStore.js"
export * as NodeLocalRouter from "./NodeLocalRouter.js"
export * as NodeSignatures from "./NodeSignatures.js"
export * as NodeStreamServer from "./NodeStreamServer.js"
export * as NodeSystemError from "./NodeSystemError.js"
export * as NodeVanity from "./NodeVanity.js"
export * as RouterAddress from "./RouterAddress.js"
