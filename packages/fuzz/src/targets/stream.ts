/**
 * The protocol core under packets that nobody should send, an application that does anything, and time that passes as it
 * likes. What must hold after each step is `Invariants` of testkit's, which `Scenario`'s machine asks for.
 *
 * @since 0.1.0
 */

import * as Packet from "@effect-i2p/streaming/Packet"
import type { Action } from "@effect-i2p/streaming/unstable/core/Action"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { must, type Target } from "../Target.js"

const states = [
  () => Scenario.synSent(),
  () => Scenario.synReceived(),
  () => Scenario.established(),
  () => Scenario.established({ role: "Responder" }),
  () => Scenario.finWait1(),
  () => Scenario.finWait2(),
  () => Scenario.closeWait(),
  () => Scenario.closing(),
  () => Scenario.lastAck(),
  () => Scenario.established({ config: { pacing: true, tailLossProbe: true } })
]

const flags = [
  0,
  0,
  0,
  Packet.CLOSE,
  Packet.NO_ACK,
  Packet.SYNCHRONIZE,
  Packet.SYNCHRONIZE | Packet.CLOSE,
  Packet.RESET,
  Packet.ECHO,
  0xf000
]
const delays = [undefined, undefined, 0, 1, 100, 60_000, 60_001, 65_535]
const sizes = [0, 1, 100, 1_812, 1_813, 32_768]

/** Takes numbers out of the input, zeros behind its end. */
class Cursor {
  at = 0
  constructor(readonly input: Uint8Array) {}
  get isAtEnd(): boolean {
    return this.at >= this.input.length
  }
  u8(): number {
    return this.input[this.at++] ?? 0
  }
  of<A>(list: ReadonlyArray<A>): A {
    return list[this.u8() % list.length]!
  }
  /** A sequence number: mostly small, as those of a young connection, sometimes at an end of the range. */
  number(): number {
    const kind = this.u8()
    return kind < 0xd0
      ? kind & 0x1f
      : kind < 0xf0
        ? ((kind & 0xf) << 8) | this.u8()
        : (0xffff_fff8 + (kind & 0xf)) >>> 0
  }
}

const packetOf = (cursor: Cursor): Packet.Packet =>
  Scenario.packet({
    flags: cursor.of(flags),
    sequenceNumber: cursor.number(),
    ackThrough: cursor.number(),
    nacks: Array.from({ length: cursor.u8() % 6 }, () => cursor.number()),
    requestedDelay: cursor.of(delays),
    payload: new Uint8Array(cursor.of(sizes))
  })

const eventOf = (cursor: Cursor, unread: number): Event.Event => {
  switch (cursor.u8() % 9) {
    case 0:
      return Event.write(new Uint8Array(1 + cursor.u8() * 64))
    case 1:
      return Event.consumed(Math.min(unread, cursor.u8() * 256))
    case 2:
      return Event.flush
    case 3:
      return Event.end
    case 4:
      return Event.close
    case 5:
      return cursor.u8() === 0 ? Event.abort : Event.received(packetOf(cursor))
    case 6:
      return Event.path(cursor.u8() % 2 === 0)
    default:
      return Event.received(packetOf(cursor))
  }
}

/** States in which the application has ended already. */
const endedStates: ReadonlyArray<string> = ["FinWait1", "FinWait2", "Closing", "LastAck"]

/** Longest time between two events, in ms: more than the longest timeout of a packet. */
const maxWait = 60_000

/** An application neither writes nor ends after it has ended. */
const isAllowed = (event: Event.Event, ended: boolean): boolean =>
  !ended || (event._tag !== "Write" && event._tag !== "End" && event._tag !== "Flush")

/** What an application sees of a connection. */
interface Seen {
  unread: number
  ends: number
  endsOfStream: number
}

const note = (seen: Seen, actions: ReadonlyArray<Action>): void => {
  for (const action of actions) {
    if (action._tag === "Deliver") {
      must(seen.endsOfStream === 0, "nothing is delivered behind the end of the stream")
      seen.unread += action.bytes.length
    }
    if (action._tag === "EndOfStream") seen.endsOfStream++
    if (action._tag === "Ended") seen.ends++
  }
  must(seen.ends <= 1 && seen.endsOfStream <= 1, "a connection and a stream end once")
}

const check = (input: Uint8Array): void => {
  const cursor = new Cursor(input)
  const machine = cursor.of(states)()
  const seen: Seen = { unread: 0, ends: 0, endsOfStream: 0 }
  let ended = endedStates.includes(machine.phase)
  for (;;) {
    note(seen, machine.actions.splice(0))
    if (cursor.isAtEnd || seen.ends > 0) return
    const event = eventOf(cursor, seen.unread)
    if (event._tag === "Consumed") seen.unread -= event.bytes
    if (isAllowed(event, ended)) machine.step(event)
    if (event._tag === "End" || event._tag === "Close") ended = true
    const wait = cursor.u8()
    if (wait >= 0x80) machine.advance(wait >= 0xf0 ? maxWait : (wait & 0x7f) * 10)
  }
}

/**
 * @since 0.1.0
 * @category targets
 */
export const stream: Target = {
  _tag: "Codec",
  name: "stream",
  about: "the streaming core: packets, applications and time, with its invariants after each step",
  maxBytes: 400,
  seeds: () =>
    states.flatMap((_, state) => [
      Uint8Array.of(state),
      Uint8Array.from({ length: 60 }, (_, n) => (n === 0 ? state : (n * 37) & 0xff)),
      Uint8Array.from({ length: 120 }, (_, n) => (n === 0 ? state : (n * n * 11) & 0xff))
    ]),
  check
}
