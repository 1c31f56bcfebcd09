/**
 * What `--router` takes: any address of `@effect-i2p/platform-node`'s `RouterAddress`, where the link behind `embedded:` is
 * in the words of {@link file://./LinkOptions.ts}.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-i2p/platform-node/RouterAddress"
import * as Either from "effect/Either"
import * as LinkOptions from "./LinkOptions.js"

/**
 * A router that is reached through a socket.
 *
 * @category models
 * @since 0.1.0
 */
export type Remote = Exclude<Address.RouterAddress, { readonly _tag: "Embedded" }>

/**
 * @category models
 * @since 0.1.0
 */
export type RouterAddress = { readonly _tag: "Embedded"; readonly link: LinkOptions.Link } | Remote

/**
 * **Source** I2CP specification: TCP 7654 on the loopback address.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: RouterAddress = {
  _tag: "Tcp",
  host: Address.DEFAULT_HOST,
  port: Address.DEFAULT_PORT,
  allowClearText: false
}

/**
 * Reads an address, `embedded:latency=50ms,loss=1%` included.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<RouterAddress, string> =>
  Either.flatMap(Address.parse(text), (address) =>
    address._tag === "Embedded"
      ? Either.map(LinkOptions.parse(address.link), (link): RouterAddress => ({ _tag: "Embedded", link }))
      : Either.right(address)
  )

/**
 * As the user would type it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (address: RouterAddress): string =>
  address._tag === "Embedded" ? "embedded" : Address.format(address)
