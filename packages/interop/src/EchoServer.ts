/**
 * A TCP server that sends back what it gets and ends when its peer ends: the service behind i2pd's server tunnels.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/**
 * @category errors
 * @since 0.1.0
 */
export class EchoServerFailed extends Schema.TaggedError<EchoServerFailed>()("EchoServerFailed", {
  cause: Schema.Defect
}) {}

/**
 * Listens on 127.0.0.1 for as long as the layer lives.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (port: number): Layer.Layer<never, EchoServerFailed> =>
  Layer.scopedDiscard(
    Effect.acquireRelease(
      Effect.async<{ readonly server: Net.Server; readonly sockets: ReadonlySet<Net.Socket> }, EchoServerFailed>(
        (resume) => {
          const sockets = new Set<Net.Socket>()
          const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
            sockets.add(socket)
            socket.on("error", () => socket.destroy())
            socket.on("close", () => sockets.delete(socket))
            socket.pipe(socket)
          })
          server.on("error", (cause) => resume(new EchoServerFailed({ cause })))
          server.listen(port, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
        }
      ),
      ({ server, sockets }) =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
  )
