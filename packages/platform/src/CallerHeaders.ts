/**
 * The headers by which a site on I2P learns which destination sends a request: `X-I2P-DestHash`, `X-I2P-DestB32` and
 * `X-I2P-DestB64`. Pure.
 *
 * Whoever forwards a request removes those that came with it before it adds its own: see {@link isCallerHeader}.
 *
 * **Source** i2pd and Java I2P, HTTP server tunnels.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"

/**
 * The destination at the other end of a stream, as the streaming layer verified it.
 *
 * **Shape** `port` is the caller's own port, 0 from most clients; `localPort` is the port of ours that was called.
 *
 * @category models
 * @since 0.1.0
 */
export interface Caller {
  readonly destination: Destination
  readonly port: number
  readonly localPort: number
}

/**
 * The headers that name a caller.
 *
 * @category encoding
 * @since 0.1.0
 */
export const headersOf = ({
  destination
}: Pick<Caller, "destination">): ReadonlyArray<readonly [name: string, value: string]> => [
  ["X-I2P-DestHash", encodeBase64(destination.hash)],
  ["X-I2P-DestB32", destination.b32],
  ["X-I2P-DestB64", destination.base64]
]

/**
 * Whether a header claims to name the caller.
 *
 * CGI gateways write `_` for `-`, some for every character that is neither a letter nor a digit, so any such character
 * counts as `-`: `X_I2P_DestB32` must not reach a service as `X-I2P-DestB32`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCallerHeader = (name: string): boolean => /^x[^a-z0-9]i2p[^a-z0-9]/.test(name.toLowerCase())

/**
 * The value of a `Connection` header without the names of caller headers: the next server would obey it and remove ours.
 *
 * @category conversions
 * @since 0.1.0
 */
export const withoutCallers = (connection: string): string =>
  connection
    .split(",")
    .filter((token) => !isCallerHeader(token.trim()))
    .join(",")
