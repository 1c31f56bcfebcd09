/**
 * @since 0.1.0
 */
export * as CallerHeaders from "./CallerHeaders.js"
export * as HttpTarget from "./HttpTarget.js"
export * as I2pHttpError from "./I2pHttpError.js"
export * as Ini from "./Ini.js"
export * as ProxyHeaders from "./ProxyHeaders.js"
export * as ProxyPage from "./ProxyPage.js"
export * as RouterAddress from "./RouterAddress.js"
export * as Socks5 from "./Socks5.js"
export * as TunnelError from "./TunnelError.js"
export * as TunnelsConf from "./TunnelsConf.js"
