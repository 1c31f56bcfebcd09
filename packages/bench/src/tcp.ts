/**
 * Bare TCP over the loopback address in this process: what our streams are measured against.
 *
 * @since 0.1.0
 */
import * as net from "node:net"
import * as Effect from "effect/Effect"

/** As in our own transfers. */
const chunk = new Uint8Array(65_536).fill(0x2a)

/**
 * Bytes a second of one connection in one direction, both ends in this process, until the last byte is there.
 *
 * @since 0.1.0
 * @category running
 */
export const goodput = (bytes: number): Effect.Effect<number> =>
  Effect.async((resume) => {
    const server = net.createServer((socket) => {
      let received = 0
      socket.on("data", (data) => {
        received += data.length
        if (received >= bytes) socket.end("done")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1")
      let start = 0
      let left = bytes
      const pump = () => {
        while (left > 0) {
          const next = chunk.subarray(0, left)
          left -= next.length
          if (!socket.write(next)) {
            socket.once("drain", pump)
            return
          }
        }
      }
      socket.once("connect", () => {
        start = performance.now()
        pump()
      })
      socket.once("data", () => {
        const rate = bytes / ((performance.now() - start) / 1000)
        socket.destroy()
        server.close(() => resume(Effect.succeed(rate)))
      })
    })
  })

/**
 * Milliseconds from dialling a listener in this process to the first byte of its answer to one byte.
 *
 * @since 0.1.0
 * @category running
 */
export const firstByte: Effect.Effect<number> = Effect.async((resume) => {
  const server = net.createServer((socket) => socket.once("data", (data) => socket.end(data)))
  server.listen(0, "127.0.0.1", () => {
    const start = performance.now()
    const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1", () => socket.write("?"))
    socket.once("data", () => {
      const millis = performance.now() - start
      socket.destroy()
      server.close(() => resume(Effect.succeed(millis)))
    })
  })
})
