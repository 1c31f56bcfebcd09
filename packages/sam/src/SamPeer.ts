/**
 * Who is at the other end of a control socket, as far as the bridge has to know.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The IP address of the client. Set around the handler of a `SocketServer`; without one it is this machine.
 *
 * **Shape** where streams are forwarded and datagrams delivered to unless HOST says so, and the only address besides HOST
 * whose UDP datagrams a session takes.
 *
 * @category tags
 * @since 0.1.0
 */
export class SamPeer extends Context.Reference<SamPeer>()("@effect-i2p/sam/SamPeer", {
  defaultValue: (): { readonly host: string } => ({ host: "127.0.0.1" })
}) {}
