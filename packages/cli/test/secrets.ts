/** How bytes look when somebody writes them down, and the bytes that nobody may: for tests of what is said. */
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"

const base64 = (bytes: Buffer): ReadonlyArray<string> =>
  // As it is at each offset within something longer.
  [0, 1, 2].map((offset) => bytes.subarray(offset).toString("base64").replace(/=+$/, "").slice(0, -2))

/** Every form in which bytes could be written down: raw, hex, Base64 in its three alphabets, decimal. */
const forms = (bytes: Uint8Array): ReadonlyArray<string> => {
  const buffer = Buffer.from(bytes)
  const encoded = base64(buffer)
  return [
    buffer.toString("latin1"),
    buffer.toString("utf8"),
    buffer.toString("hex"),
    ...encoded,
    ...encoded.map((text) => text.replaceAll("+", "-").replaceAll("/", "~")),
    ...encoded.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    [...bytes.subarray(0, 16)].join(",")
  ]
}

/** What was said, as it is and without what JSON, `inspect` and people put between bytes: keys, blanks, colons. */
export const heard = (said: string): ReadonlyArray<string> => [
  said,
  said.replaceAll(/"\d+":/g, "").replaceAll(/\s*,\s*/g, ","),
  said.toLowerCase().replaceAll(/(?<=\b[0-9a-f]{2})[ :,](?=[0-9a-f]{2}\b)/g, "")
]

/** Whether bytes are in there in any form. */
export const tells = (texts: ReadonlyArray<string>, bytes: Uint8Array): boolean =>
  forms(bytes).some((form) => texts.some((text) => text.includes(form)))

/** Random bytes, with a note of all that could be a key: those of lease sets are nowhere else to be had. */
export const recording = () => {
  const drawn: Array<Uint8Array> = []
  const random: SecureRandom.Service = {
    ...SecureRandom.system,
    bytes: (length) => {
      const bytes = SecureRandom.system.bytes(length)
      if (length >= 32) drawn.push(bytes.slice(0, 32))
      return bytes
    }
  }
  return { drawn, random }
}
