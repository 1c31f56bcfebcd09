/**
 * What `--tunnels` takes: how many hops the tunnels have, and how many there are of them.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

/**
 * Hops and numbers of tunnels.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tunnels {
  readonly inboundLength: number
  readonly inboundQuantity: number
  readonly outboundLength: number
  readonly outboundQuantity: number
}

/**
 * Reads `HOPSxTUNNELS` for both directions, or `IN/OUT`: `3x2`, `1x3/2x4`.
 *
 * **Source** I2CP options `inbound.length` 0 to 7 and `inbound.quantity` 1 to 16.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Tunnels, string> => {
  const match = /^([0-7])x(\d{1,2})(?:\/([0-7])x(\d{1,2}))?$/.exec(text.trim())
  const inboundQuantity = Number(match?.[2] ?? 0)
  const outboundQuantity = Number(match?.[4] ?? inboundQuantity)
  const isPossible = [inboundQuantity, outboundQuantity].every((quantity) => quantity >= 1 && quantity <= 16)
  if (match === null || !isPossible) {
    return Either.left(
      `"${text}" is no tunnel option: write HOPSxTUNNELS (0-7 x 1-16) as in 3x2, or IN/OUT as in 3x2/2x4`
    )
  }
  const inboundLength = Number(match[1])
  return Either.right({
    inboundLength,
    inboundQuantity,
    outboundLength: Number(match[3] ?? inboundLength),
    outboundQuantity
  })
}
