/**
 * Destinations as clients write them.
 */
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Destination from "@effect-i2p/wire/Destination"
import { decodeBase64, encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Either from "effect/Either"

/** Base64 of the shortest destination. **Source** I2P common structures: 387 bytes. */
const minBase64Length = 516

/**
 * The destination at the front of a Base64 text, whatever follows it; any other text as it is.
 *
 * What follows is a private key: SESSION STATUS carries one, and clients pass that on as the destination of their session
 * (yosemite does in all its examples). Java I2P and i2pd read the front as well. The rest goes no further than here.
 */
export const frontOf = (text: string): string => {
  if (text.length < minBase64Length || text.endsWith(".i2p")) return text
  return Either.match(decodeBase64(text), {
    onLeft: () => text,
    onRight: (bytes) => {
      const reader = new ByteReader("Destination", bytes)
      const front = Destination.read(reader)
      return front === undefined || reader.offset === bytes.length ? text : encodeBase64(front.bytes)
    }
  })
}
