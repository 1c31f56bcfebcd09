/**
 * Attacks of a router, or of whoever poses as one, on a session: the rows of the abuse table in i2cp's README that leave
 * the connection as it is. Frames are put into Bob's connection beside those of his real router.
 *
 * @since 0.1.0
 */
import * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import { zlib } from "@effect-i2p/platform-node/NodeCompression"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Effect from "effect/Effect"
import type { Attack } from "./Trial.js"
import type { World } from "./World.js"

/** The n-th frame for Bob's client. */
const frames =
  (frame: (world: World, n: number) => Uint8Array): Attack["arm"] =>
  (world) =>
    Effect.succeed((n) =>
      Effect.sync(() => {
        const bytes = frame(world, n)
        if (world.mallory.isMuted) return
        world.mallory.sent.packets += 1
        world.mallory.sent.bytes += bytes.length
        world.bobTap.toClient(bytes)
      })
    )

const raw = (type: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(5 + body.length)
  new DataView(bytes.buffer).setUint32(0, body.length)
  bytes[4] = type
  bytes.set(body, 5)
  return bytes
}

const payload = (sessionId: number, protocol: number, size: number) =>
  Message.encode({
    _tag: "MessagePayload",
    sessionId,
    messageId: 1,
    payload: Payload.encode({ protocol, sourcePort: 0, destinationPort: 0, payload: new Uint8Array(size) }, zlib)
  })

const unknownTypes: Attack = {
  name: "frames of unknown types, requests of the first kind among them",
  arm: frames((_, n) => raw(n % 2 === 0 ? 21 : 100 + (n % 100), new Uint8Array(20)))
}

const truncated: Attack = {
  name: "bodies too short or too long",
  arm: frames((_, n) => raw([22, 23, 31, 39][n % 4]!, new Uint8Array([0, 1, 5, 9, 14][n % 5]!)))
}

const foreign: Attack = {
  name: "statuses and lease requests for other sessions",
  arm: frames(({ bobTap }, n) =>
    Message.encode(
      n % 2 === 0
        ? { _tag: "SessionStatus", sessionId: bobTap.sessionId() ^ 1, status: n % 4 === 0 ? "Destroyed" : "Invalid" }
        : { _tag: "RequestVariableLeaseSet", sessionId: bobTap.sessionId() ^ 1, leases: [] }
    )
  )
}

const contradictions: Attack = {
  name: "the session created again and again",
  arm: frames(({ bobTap }, n) =>
    Message.encode({
      _tag: "SessionStatus",
      sessionId: bobTap.sessionId(),
      status: n % 2 === 0 ? "Created" : "Updated"
    })
  )
}

const dates: Attack = {
  name: "dates that jump by years",
  arm: frames((_, n) => Message.encode({ _tag: "SetDate", date: (n % 7) * 1e11, version: "9.9.9" }))
}

const lease = (tunnelId: number, endDate: number) => ({ gateway: Hash.of(Uint8Array.of(tunnelId)), tunnelId, endDate })

const leaseFlood: Attack = {
  name: "lease requests without end",
  bound: { leaseSets: 6 },
  arm: frames(({ bobTap, now }, n) =>
    Message.encode({
      _tag: "RequestVariableLeaseSet",
      sessionId: bobTap.sessionId(),
      leases: [lease(1 + (n % 100), now() + 600_000)]
    })
  )
}

const hopeless = Array.from({ length: 255 }, (_, i) =>
  i % 3 === 0 ? lease(0, 1e12) : lease(1, i % 2 === 0 ? 1 : 1e13)
)

const hostileLeases: Attack = {
  name: "lease requests with none, 255, ended, far or tunnelless leases",
  arm: frames(({ bobTap }, n) =>
    Message.encode({
      _tag: "RequestVariableLeaseSet",
      sessionId: bobTap.sessionId(),
      leases: n % 2 === 0 ? [] : hopeless
    })
  )
}

const replies: Attack = {
  name: "look-up replies that nobody asked for",
  arm: frames(({ alice, bobTap }, n) =>
    Message.encode({
      _tag: "HostReply",
      sessionId: bobTap.sessionId(),
      requestId: n,
      answer: n % 2 === 0 ? { _tag: "NotFound", code: n % 8 } : { _tag: "Found", destination: alice.destination }
    })
  )
}

const statuses: Attack = {
  name: "message statuses of nothing that was sent",
  arm: frames(({ bobTap }, n) =>
    Message.encode({
      _tag: "MessageStatus",
      sessionId: bobTap.sessionId(),
      messageId: n,
      status: n % 256,
      size: 0,
      nonce: n + 1
    })
  )
}

const unclaimed: Attack = {
  name: "payloads of protocols without a listener, or for another session",
  arm: frames(({ bobTap }, n) => payload(bobTap.sessionId() ^ (n % 2), 18, 30_000))
}

const streamPayloads: Attack = {
  name: "payloads for streams, large and empty",
  arm: frames(({ bobTap }, n) => payload(bobTap.sessionId(), 6, n % 2 === 0 ? 60_000 : 0))
}

const bandwidth: Attack = {
  name: "bandwidth limits that make no sense",
  arm: frames((_, n) =>
    Message.encode({ _tag: "BandwidthLimits", limits: new Array<number>(16).fill(n % 2 === 0 ? 0 : 0xffff_ffff) })
  )
}

const clients: Attack = {
  name: "messages that only clients send",
  arm: frames(({ bobTap }, n) =>
    Message.encode(
      n % 2 === 0 ? { _tag: "GetBandwidthLimits" } : { _tag: "DestroySession", sessionId: bobTap.sessionId() }
    )
  )
}

/**
 * Every attack of a router that leaves the connection.
 *
 * @since 0.1.0
 * @category attacks
 */
export const attacks: ReadonlyArray<Attack> = [
  unknownTypes,
  truncated,
  foreign,
  contradictions,
  dates,
  leaseFlood,
  hostileLeases,
  replies,
  statuses,
  unclaimed,
  streamPayloads,
  bandwidth,
  clients
]
