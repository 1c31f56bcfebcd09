/**
 * @since 0.1.0
 */
export * as Sam from "./Sam.js"
export * as SamCommand from "./SamCommand.js"
export * as SamDatagram from "./SamDatagram.js"
export * as SamDial from "./SamDial.js"
export * as SamLine from "./SamLine.js"
export * as SamMetrics from "./SamMetrics.js"
export * as SamPeer from "./SamPeer.js"
export * as SamReply from "./SamReply.js"
export * as SamSessions from "./SamSessions.js"
export * as SamSocket from "./SamSocket.js"
export * as SamUdp from "./SamUdp.js"
export * as SamUsers from "./SamUsers.js"
