/**
 * What people write: addresses, address books, tunnels.conf.
 *
 * @since 0.1.0
 */
import { isDeepStrictEqual } from "node:util"
import * as AddressBook from "@effect-i2p/i2cp/AddressBook"
import * as Ini from "@effect-i2p/platform/Ini"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import * as TunnelsConf from "@effect-i2p/platform/TunnelsConf"
import * as Address from "@effect-i2p/wire/Address"
import * as I2pEncoding from "@effect-i2p/wire/I2pEncoding"
import * as Either from "effect/Either"
import { must, type Target, toText, utf8 } from "../Target.js"
import * as Samples from "./samples.js"

const isOneLine = (text: string): boolean => !/[\p{Cc}]/u.test(text)

const checkAddress = (input: Uint8Array): void => {
  const text = toText(input)
  const parsed = Address.parse(text)
  if (Either.isRight(parsed)) {
    const said = Address.format(parsed.right)
    const again = Address.parse(said)
    must(Either.isRight(again) && isDeepStrictEqual(again.right, parsed.right), "an address is not read again")
    must(isOneLine(said), "an address is one line")
  } else {
    must(parsed.left._tag === "AddressError" && isOneLine(parsed.left.message), "an error is one line")
  }
  const base64 = I2pEncoding.decodeBase64(text)
  if (Either.isRight(base64)) {
    must(I2pEncoding.encodeBase64(base64.right).replace(/=+$/, "") === text.replace(/=+$/, ""), "Base64 is canonical")
  }
  const base32 = I2pEncoding.decodeBase32(text)
  if (Either.isRight(base32)) must(I2pEncoding.encodeBase32(base32.right) === text.toLowerCase(), "Base32 is canonical")
  const router = RouterAddress.parse(text)
  if (Either.isLeft(router)) return
  const again = RouterAddress.parse(RouterAddress.format(router.right))
  must(Either.isRight(again), `a router's address is not read again: ${RouterAddress.format(router.right)}`)
}

const { destination } = Samples.keys
const b33 = Either.getOrThrow(Address.fromSigningKey(destination.signingKey, { secretRequired: true })).name
const addresses = () => [
  destination.b32,
  b33,
  "example.i2p",
  destination.base64,
  I2pEncoding.encodeBase64(destination.hash),
  "127.0.0.1:7654",
  "tls://user@router.example:7654",
  "unix:/run/i2p.sock",
  "[::1]:7654"
]

/**
 * @since 0.1.0
 * @category targets
 */
export const address: Target = {
  _tag: "Codec",
  name: "address",
  about: "names, b32, b33 and Base64 of destinations; addresses of routers",
  maxBytes: 1_024,
  seeds: () => addresses().map(utf8),
  words: [".b32.i2p", ".i2p", "tls://", "unix:", "tcp://", "\u0085", "\u202e", "%", "İ", "ß"].map(utf8),
  check: checkAddress
}

const maxEntries = 20

const checkBook = (input: Uint8Array): void => {
  const text = toText(input)
  const { entries, problems, skipped } = AddressBook.parse(text, { maxEntries })
  must(entries.size <= maxEntries && problems.length <= 10 && problems.length <= skipped, "a book is bounded")
  const written = [...entries].map(([name, { base64 }]) => `${name}=${base64}\n`).join("")
  const again = AddressBook.parse(written)
  must(
    again.skipped === 0 && isDeepStrictEqual([...again.entries.keys()], [...entries.keys()]),
    "a book is not read again"
  )
}

/**
 * @since 0.1.0
 * @category targets
 */
export const book: Target = {
  _tag: "Codec",
  name: "book",
  about: "address books, hosts.txt",
  maxBytes: 4_096,
  seeds: () => [
    utf8(`# names\nexample.i2p=${destination.base64}\n`),
    utf8(`a.i2p=${destination.base64}#!date=1\r\n\r\nb.i2p = ${destination.base64}\nbad\n`)
  ],
  words: ["=", "#!", "\n", ".i2p", "\r\n", "\u2028"].map(utf8),
  check: checkBook
}

const checkTunnels = (input: Uint8Array): void => {
  const text = toText(input)
  const { problems, sections } = Ini.parse(text)
  must(sections.length + problems.length <= text.split(/\r\n|\n|\r/).length, "at most a problem or section a line")
  const { issues, tunnels } = TunnelsConf.fromSections(sections)
  must(tunnels.length <= sections.length, "at most a tunnel a section")
  for (const issue of issues) must(typeof TunnelsConf.format(issue) === "string", "an issue can be said")
}

const client = `[irc]
type = client
address = 127.0.0.1
port = 6668
destination = irc.example.i2p
destinationport = 6667
keys = irc.dat
inbound.length = 1
i2p.streaming.maxWindowSize = 64
`

const server = `; a comment
[web]
type = http
host = 127.0.0.1
port = 8080
keys = web.dat
signaturetype = 7
inport = 80
accesslist = ${destination.b32}
gzip = false
i2cp.leaseSetEncType = 4,0
[proxy]
type = httpproxy
port = 4444
[socks]
type = socks
port = 4447
connecttimeout = 5
`

/**
 * @since 0.1.0
 * @category targets
 */
export const tunnels: Target = {
  _tag: "Codec",
  name: "tunnels",
  about: "tunnels.conf",
  maxBytes: 2_048,
  seeds: () => [client, server, `${client}${server}`].map(utf8),
  words: ["[", "]\n", " = ", "\n", "type = ", "__proto__", "constructor", "keys = ", "-1", "99999999999", "i2cp."].map(
    utf8
  ),
  check: checkTunnels
}
