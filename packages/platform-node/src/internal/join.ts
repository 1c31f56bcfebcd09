/**
 * Two sockets as one, for what was a request and is a WebSocket now: bytes both ways as fast as the slower side takes them,
 * and each kind of end as the other side has it.
 *
 * | one side                    | the other                                            |
 * | --------------------------- | ---------------------------------------------------- |
 * | has ended                   | ends, after all data; the other direction goes on    |
 * | one has ended, then silence | both close                                           |
 * | silence                     | both close                                           |
 * | breaks                      | is reset                                             |
 */
import type { Duplex } from "node:stream"
import * as Guard from "./guard.js"
import * as Timers from "./timers.js"

/** A `net.Socket`, or a `NodeDuplex`. */
export interface Socket extends Duplex {
  readonly resetAndDestroy: () => unknown
  readonly setTimeout: (millis: number) => unknown
}

/** **Units** milliseconds; Infinity is no limit. */
export interface Options {
  /** How long nothing may move. */
  readonly idleTimeout: number
  /** The same once one side has ended. */
  readonly endTimeout: number
  /** Called with what went from the first to the second, and with what went back. */
  readonly onForth: (bytes: number) => void
  readonly onBack: (bytes: number) => void
}

export const join = (first: Socket, second: Socket, options: Options): void => {
  let hasEnded = false
  const silence = new Timers.Timer(() => {
    first.destroy()
    second.destroy()
  })
  const wait = () => silence.arm(hasEnded ? options.endTimeout : options.idleTimeout)
  const connect = (from: Socket, to: Socket, count: (bytes: number) => void) => {
    const broke = () => {
      silence.stop()
      from.resetAndDestroy()
      to.resetAndDestroy()
    }
    // A service that has said everything may still be told something.
    from.allowHalfOpen = true
    // The limits of the HTTP that was spoken here before.
    from.setTimeout(0)
    from.on("error", broke)
    from.on(
      "data",
      Guard.guarded(broke, (bytes: Buffer) => {
        count(bytes.length)
        silence.refresh()
      })
    )
    from.on(
      "end",
      Guard.guarded(broke, () => {
        hasEnded = true
        wait()
      })
    )
    from.on(
      "drain",
      Guard.guarded(broke, () => silence.refresh())
    )
    from.on(
      "close",
      Guard.guarded(broke, () => {
        if (to.destroyed) return silence.stop()
        hasEnded = true
        wait()
        // Closed before its end, by a server that shuts down; one that was reset has said so by `error`.
        if (!from.readableEnded) to.end()
      })
    )
    from.pipe(to)
  }
  connect(first, second, options.onForth)
  connect(second, first, options.onBack)
  wait()
}
