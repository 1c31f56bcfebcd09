/**
 * Why a lookup failed, for whoever asked.
 */
import { shorten } from "@effect-i2p/wire/Text"
import { LookupFailed, sanitize } from "../../I2cpError.js"

export const failure = (address: string, reason: LookupFailed["reason"], detail: string): LookupFailed =>
  new LookupFailed({ address: shorten(sanitize(address), 80, 80), reason, detail: sanitize(detail) })

/** **Source** I2CP specification, HostReplyMessage. */
export const fromCode = (address: string, code: number): LookupFailed => {
  switch (code) {
    case 1:
      return failure(address, "NotFound", "the router does not know it, or it is off line")
    case 2:
      return failure(address, "SecretRequired", "its lease set is encrypted, and found with a secret only")
    case 3:
      return failure(address, "KeyRequired", "its lease set is encrypted, and read with a key of one's own only")
    case 4:
      return failure(address, "SecretAndKeyRequired", "its lease set is encrypted: it takes a secret and a key")
    case 5:
      return failure(address, "NotDecrypted", "its lease set could not be decrypted: the secret or the key is wrong")
    case 6:
      return failure(address, "LeaseSetNotFound", "the router knows it, but it is off line")
    case 7:
      return failure(address, "Unsupported", "the router does not support this kind of address")
    default:
      return failure(address, "Failed", `the router failed with the unknown code ${code}`)
  }
}
