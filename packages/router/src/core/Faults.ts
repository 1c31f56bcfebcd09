/**
 * What a router can be made to do wrong, for tests of its clients.
 *
 * @since 0.1.0
 */

/**
 * How a session is refused: with a Disconnect as Java I2P does, with a status as i2pd does, or not at all, as emissary.
 *
 * @category models
 * @since 0.1.0
 */
export type Refusal =
  | { readonly _tag: "Disconnect"; readonly reason: string }
  | { readonly _tag: "Status"; readonly status: "Invalid" | "Refused" }
  | { readonly _tag: "Silence" }

/**
 * The faults that are in force.
 *
 * **Shape** `refusal`: what new sessions get. `withholdTunnels`: sessions are created and never offered leases, nor new
 * ones. `destroyAfterMillis`: sessions end that long after they were created. `holdMillis`: a Destination counts as
 * connected that long after its connection has broken, as with a socket that is half open. `sendStatus`: what every send
 * is answered with; it goes its way only if that is a success. `readBytesPerSecond`: how fast clients are read.
 * `isSilent`: nothing is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faults {
  readonly refusal: Refusal | undefined
  readonly withholdTunnels: boolean
  readonly destroyAfterMillis: number | undefined
  readonly holdMillis: number
  readonly sendStatus: number | undefined
  readonly readBytesPerSecond: number
  readonly isSilent: boolean
}

/**
 * A router that does everything right.
 *
 * @category constants
 * @since 0.1.0
 */
export const none: Faults = {
  refusal: undefined,
  withholdTunnels: false,
  destroyAfterMillis: undefined,
  holdMillis: 0,
  sendStatus: undefined,
  readBytesPerSecond: Number.POSITIVE_INFINITY,
  isSilent: false
}
