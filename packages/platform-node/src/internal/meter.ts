/**
 * What a tunnel counts. One object for each, written by whoever serves a connection of it.
 */
export interface Meter {
  opened: number
  active: number
  refused: number
  failed: number
  reset: number
  bytesSent: number
  bytesReceived: number
  lastFailure: string | undefined
}

export const make = (): Meter => ({
  opened: 0,
  active: 0,
  refused: 0,
  failed: 0,
  reset: 0,
  bytesSent: 0,
  bytesReceived: 0,
  lastFailure: undefined
})

/** A connection that came to nothing, and why. */
export const fail = (meter: Meter, error: { readonly message: string }): void => {
  meter.failed++
  meter.lastFailure = error.message
}
