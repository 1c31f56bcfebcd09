/**
 * What clients of the SAM bridge say: lines on a control socket, and datagrams with a header line.
 *
 * @since 0.1.0
 */
import { isDeepStrictEqual } from "node:util"
import * as SamCommand from "@effect-i2p/sam/SamCommand"
import * as SamDatagram from "@effect-i2p/sam/SamDatagram"
import * as SamLine from "@effect-i2p/sam/SamLine"
import * as SamReply from "@effect-i2p/sam/SamReply"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Either from "effect/Either"
import { must, type Target, utf8 } from "../Target.js"
import * as Samples from "./samples.js"

const isOneLine = (text: string): boolean => !/[\r\n]/.test(text)

/** Bytes of a line here, so that inputs reach beyond. */
const maxLineBytes = 512

/** Lines as they come whole, and as they come in two pieces: the same. */
const linesOf = (pieces: ReadonlyArray<Uint8Array>): ReadonlyArray<string | SamLine.TooLong> => {
  const reader = new SamLine.Reader(maxLineBytes)
  const lines: Array<string | SamLine.TooLong> = []
  for (const piece of pieces) {
    reader.feed(piece)
    for (let line = reader.line(); line !== undefined; line = reader.line()) {
      lines.push(line)
      if (line === SamLine.tooLong) return lines
      must(line.length <= maxLineBytes, "a line is bounded")
    }
  }
  return lines
}

const checkCommand = (line: string): void => {
  const decoded = SamCommand.decode(line)
  if (Either.isLeft(decoded)) {
    must(isOneLine(decoded.left.message) && decoded.left.message.length < 300, "a message is one short line")
    return
  }
  const said = SamCommand.encode(decoded.right)
  must(isOneLine(said), "a command is one line")
  const again = SamCommand.decode(said)
  must(Either.isRight(again) && isDeepStrictEqual(again.right, decoded.right), "a command is not read again")
}

const checkReply = (line: string): void => {
  const decoded = SamReply.decode(line)
  if (Either.isLeft(decoded)) return
  const said = SamReply.encode(decoded.right)
  must(isOneLine(said), "a reply is one line")
  const again = SamReply.decode(said)
  must(Either.isRight(again) && isDeepStrictEqual(again.right, decoded.right), "a reply is not read again")
}

const checkLines = (input: Uint8Array): void => {
  const lines = linesOf([input])
  const half = input.length >> 1
  must(
    isDeepStrictEqual(lines, linesOf([input.subarray(0, half), input.subarray(half)])),
    "lines depend on how the bytes come"
  )
  for (const line of lines) {
    if (line === SamLine.tooLong) continue
    checkCommand(line)
    checkReply(line)
  }
}

const { destination } = Samples.keys

const commands = () => [
  'HELLO VERSION MIN=3.0 MAX=3.3 USER="a b" PASSWORD="\\""\r\n',
  "SESSION CREATE STYLE=STREAM ID=a DESTINATION=TRANSIENT SIGNATURE_TYPE=7 i2cp.leaseSetEncType=4,0\n",
  "SESSION ADD STYLE=RAW ID=b PORT=1 PROTOCOL=18 LISTEN_PORT=2 HEADER=true\nSESSION REMOVE ID=b\n",
  `STREAM CONNECT ID=a DESTINATION=${destination.b32} SILENT=false FROM_PORT=1 TO_PORT=2\n`,
  "STREAM ACCEPT ID=a\nSTREAM FORWARD ID=a PORT=80 HOST=127.0.0.1 SSL=true\n",
  "DATAGRAM SEND DESTINATION=a.i2p SIZE=5\nhello",
  "NAMING LOOKUP NAME=ME OPTIONS=true\nDEST GENERATE SIGNATURE_TYPE=EdDSA_SHA512_Ed25519\n",
  'AUTH ADD USER=a PASSWORD=b\nPING x="\nPONG\nQUIT\nHELP\n',
  'NAMING REPLY RESULT=OK NAME=a.i2p VALUE=b OPTION:_smtp._tcp="1 2 3"\nSESSION STATUS RESULT=I2P_ERROR MESSAGE=""\n'
]

/**
 * @since 0.1.0
 * @category targets
 */
export const samLine: Target = {
  _tag: "Codec",
  name: "samLine",
  about: "lines of SAM: commands of clients, replies of the bridge",
  maxBytes: 1_024,
  seeds: () => commands().map(utf8),
  words: ["=", '"', "\\", '\\"', " ", "\t", "\r\n", "RESULT=", "__proto__=", "\ufffd", "OPTION:", "FROM_PORT="].map(
    utf8
  ),
  check: checkLines
}

const checkDatagram = (input: Uint8Array): void => {
  const decoded = SamDatagram.decode(input)
  if (Either.isLeft(decoded)) {
    must(isOneLine(decoded.left), "an error is one line")
    return
  }
  const again = SamDatagram.decode(SamDatagram.encode(decoded.right))
  must(Either.isRight(again), "a datagram is not read again")
  must(isDeepStrictEqual(again.right.header, decoded.right.header), "a header changes")
  must(Bytes.equals(again.right.payload, decoded.right.payload), "a payload changes")
}

/**
 * @since 0.1.0
 * @category targets
 */
export const samDatagram: Target = {
  _tag: "Codec",
  name: "samDatagram",
  about: "datagrams of SAM clients by UDP: header line and payload",
  maxBytes: 1_024,
  seeds: () =>
    [
      `3.0 a ${destination.b32}\nhello`,
      `3.3 id ${destination.base64} FROM_PORT=1 TO_PORT=2 PROTOCOL=18\n\n\u0000`,
      "3 a b SEND_TAGS=40 TAG_THRESHOLD=30 EXPIRES=60 SEND_LEASESET=false\r\nx"
    ].map(utf8),
  words: ["3.", " ", "=", '"', "\n", "\r", "FROM_PORT=", "EXPIRES="].map(utf8),
  check: checkDatagram
}
