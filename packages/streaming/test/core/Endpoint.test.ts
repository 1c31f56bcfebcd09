import * as Packet from "@effect-i2p/streaming/Packet"
import * as Endpoint from "@effect-i2p/streaming/unstable/core/Endpoint"
import { assert, describe, it } from "vitest"

const limits: Endpoint.Limits = {
  maxStreams: 4,
  maxFromPeers: 4,
  maxFromPeer: 4,
  timeWait: 1000,
  maxTimeWait: 3,
  earlyLifetime: 50,
  maxEarlyPerStream: 2,
  maxEarly: 4,
  maxPings: 2
}

const make = (): Endpoint.Endpoint<number, string> => Endpoint.make(limits)

const route = (self: Endpoint.Endpoint<number, string>, fields: Partial<Packet.Packet>, now = 0) =>
  Endpoint.route(self, Packet.make(fields), new Uint8Array(0), now)

const register = (self: Endpoint.Endpoint<number, string>, id: number, remoteStreamId: number, peer = "carol") =>
  Endpoint.register(self, id, { stream: id, peerName: peer, remoteStreamId })

const release = (
  self: Endpoint.Endpoint<number, string>,
  id: number,
  remoteStreamId: number,
  now = 0,
  ackThrough?: number
) => Endpoint.release(self, id, { peer: "carol", remoteStreamId, ackThrough, closeUnheard: false, now })

describe("Endpoint", () => {
  describe("route", () => {
    it("finds a stream by our id alone, whatever else the packet says", () => {
      const self = make()
      register(self, 7, 9)
      for (const fields of [{}, { receiveStreamId: 9 }, { receiveStreamId: 8 }, { flags: Packet.RESET }]) {
        assert.deepStrictEqual(route(self, { sendStreamId: 7, ...fields }), { _tag: "Connection", stream: 7 })
      }
      assert.strictEqual(route(self, { sendStreamId: 8, receiveStreamId: 9 })._tag, "Unknown")
    })

    it("takes a SYN to nobody for a first one, if it has the number 0 and resets nothing", () => {
      const self = make()
      assert.strictEqual(route(self, { receiveStreamId: 9, flags: Packet.SYNCHRONIZE })._tag, "FirstSyn")
      assert.strictEqual(
        route(self, { receiveStreamId: 9, flags: Packet.SYNCHRONIZE, sequenceNumber: 1 })._tag,
        "Unknown"
      )
      assert.strictEqual(route(self, { receiveStreamId: 9, flags: Packet.SYNCHRONIZE | Packet.RESET })._tag, "Unknown")
    })

    it("gives data without our id to the one stream that the peer's id can mean", () => {
      const self = make()
      register(self, 7, 9)
      assert.deepStrictEqual(route(self, { receiveStreamId: 9, sequenceNumber: 1 }), {
        _tag: "Connection",
        stream: 7
      })
    })

    it("does not guess between two peers who chose the same id", () => {
      const self = make()
      register(self, 7, 9, "carol")
      register(self, 8, 9, "dave")
      assert.strictEqual(route(self, { receiveStreamId: 9, sequenceNumber: 1 })._tag, "Early")
      release(self, 8, 9)
      assert.deepStrictEqual(route(self, { receiveStreamId: 9, sequenceNumber: 1 }), {
        _tag: "Connection",
        stream: 7
      })
    })

    it("does not give data without our id to a stream that we opened", () => {
      const self = make()
      register(self, 7, 0)
      assert.strictEqual(route(self, { receiveStreamId: 0, sequenceNumber: 1 })._tag, "Early")
    })

    it("drops a RESET that names no stream", () => {
      const self = make()
      register(self, 7, 9)
      assert.strictEqual(route(self, { receiveStreamId: 9, flags: Packet.RESET })._tag, "Unknown")
    })

    it("tells pings, pongs of ours and pongs of nobody", () => {
      const self = make()
      assert.isTrue(Endpoint.registerPing(self, 77))
      assert.strictEqual(route(self, { sendStreamId: 5, flags: Packet.ECHO })._tag, "Ping")
      assert.deepStrictEqual(route(self, { receiveStreamId: 77, flags: Packet.ECHO }), { _tag: "Pong", id: 77 })
      assert.strictEqual(route(self, { receiveStreamId: 78, flags: Packet.ECHO })._tag, "Unknown")
      assert.strictEqual(route(self, { flags: Packet.ECHO })._tag, "Unknown")
      Endpoint.releasePing(self, 77)
      assert.strictEqual(route(self, { receiveStreamId: 77, flags: Packet.ECHO })._tag, "Unknown")
    })
  })

  describe("packets before their SYN", () => {
    const early = (receiveStreamId: number) => ({ receiveStreamId, sequenceNumber: 1 })

    it("are kept for the stream they announce, and handed over once", () => {
      const self = make()
      assert.strictEqual(route(self, early(9))._tag, "Early")
      assert.strictEqual(Endpoint.takeEarly(self, 9, 49).length, 1)
      assert.strictEqual(Endpoint.takeEarly(self, 9, 49).length, 0)
    })

    it("are bounded for each stream and in total", () => {
      const self = make()
      assert.deepStrictEqual(
        [9, 9, 9, 10, 10, 11].map((id) => route(self, early(id))._tag),
        ["Early", "Early", "Unknown", "Early", "Early", "Unknown"]
      )
    })

    it("are forgotten after their time", () => {
      const self = make()
      route(self, early(9), 0)
      assert.strictEqual(Endpoint.takeEarly(self, 9, 50).length, 0)
      for (const id of [9, 9, 10, 10]) route(self, early(id), 0)
      assert.strictEqual(route(self, early(11), 49)._tag, "Unknown")
      assert.strictEqual(route(self, early(11), 50)._tag, "Early")
      assert.strictEqual(Endpoint.takeEarly(self, 9, 50).length, 0)
    })

    it("hold a hundred thousand random ids to the bound", () => {
      const self = make()
      for (let id = 1; id <= 100_000; id++) route(self, early(id), id % 7)
      assert.isAtMost(self.early.size, limits.maxEarly)
    })
  })

  describe("admission", () => {
    it("knows the same SYN again, and tells it from the same id of another peer", () => {
      const self = make()
      assert.strictEqual(Endpoint.admit(self, "carol", 9, 0)._tag, "New")
      register(self, 7, 9, "carol")
      assert.deepStrictEqual(Endpoint.admit(self, "carol", 9, 0), { _tag: "Repeated", stream: 7 })
      assert.strictEqual(Endpoint.admit(self, "dave", 9, 0)._tag, "New")
      assert.strictEqual(Endpoint.admit(self, "carol", 10, 0)._tag, "New")
    })

    it("takes a SYN of a finished stream for stale until its time is over", () => {
      const self = make()
      register(self, 7, 9, "carol")
      release(self, 7, 9, 100)
      assert.strictEqual(Endpoint.admit(self, "carol", 9, 1099)._tag, "Stale")
      assert.strictEqual(Endpoint.admit(self, "carol", 9, 1100)._tag, "New")
    })

    it("keeps room for streams of our own", () => {
      const self: Endpoint.Endpoint<number, string> = Endpoint.make({ ...limits, maxFromPeers: 2 })
      register(self, 1, 1, "carol")
      assert.strictEqual(Endpoint.admit(self, "dave", 2, 0)._tag, "New")
      register(self, 2, 2, "dave")
      assert.deepStrictEqual(Endpoint.admit(self, "erin", 3, 0), { _tag: "Full", lack: "Concurrent" })
      assert.isTrue(Endpoint.hasRoom(self))
    })

    it("refuses what is more than its limit, but not a repetition", () => {
      const self = make()
      for (let id = 1; id <= limits.maxStreams; id++) register(self, id, id)
      assert.isFalse(Endpoint.hasRoom(self))
      assert.strictEqual(Endpoint.admit(self, "dave", 1, 0)._tag, "Full")
      assert.strictEqual(Endpoint.admit(self, "carol", 1, 0)._tag, "Repeated")
      release(self, 1, 1)
      assert.isTrue(Endpoint.hasRoom(self))
      assert.strictEqual(Endpoint.admit(self, "dave", 1, 0)._tag, "New")
    })
  })

  describe("TIME-WAIT", () => {
    const finished = () => {
      const self = make()
      register(self, 7, 9, "carol")
      release(self, 7, 9, 0, 12)
      return self
    }
    const closeAgain = { sendStreamId: 7, receiveStreamId: 9, sequenceNumber: 12, flags: Packet.CLOSE }

    it("repeats the last acknowledgment to a peer that did not hear it", () => {
      const reply = route(finished(), closeAgain, 999)
      assert.deepStrictEqual(reply, {
        _tag: "TimeWait",
        peer: "carol",
        reply: Packet.make({ sendStreamId: 9, receiveStreamId: 7, ackThrough: 12 }),
        signing: "none"
      })
    })

    it("says our CLOSE again if that was never acknowledged, without a number, and not for ever", () => {
      const self = make()
      register(self, 7, 9, "carol")
      Endpoint.release(self, 7, { peer: "carol", remoteStreamId: 9, ackThrough: 12, closeUnheard: true, now: 0 })
      const replies = Array.from({ length: 20 }, () => route(self, closeAgain))
      const close = replies.filter((reply) => reply._tag === "TimeWait" && reply.signing === "signature")
      assert.strictEqual(close.length, 9)
      assert.deepStrictEqual(close[0], {
        _tag: "TimeWait",
        peer: "carol",
        reply: Packet.make({ sendStreamId: 9, receiveStreamId: 7, ackThrough: 12, flags: Packet.CLOSE }),
        signing: "signature"
      })
      // Two that have both ended so do not answer one another.
      assert.strictEqual(route(self, { ...closeAgain, sequenceNumber: 0 })._tag, "Unknown")
    })

    it("answers only what must be acknowledged: no acknowledgment, no RESET, no stranger", () => {
      for (const odd of [
        { sequenceNumber: 0, flags: 0 },
        { flags: Packet.RESET },
        { flags: Packet.ECHO, sequenceNumber: 3 },
        { receiveStreamId: 8 }
      ]) {
        assert.notStrictEqual(route(finished(), { ...closeAgain, ...odd })._tag, "TimeWait")
      }
    })

    it("ends after its time", () => {
      assert.strictEqual(route(finished(), closeAgain, 1000)._tag, "Unknown")
    })

    it("says nothing for a stream that was reset, but keeps its ids", () => {
      const self = make()
      register(self, 7, 9, "carol")
      release(self, 7, 9, 0)
      assert.strictEqual(route(self, closeAgain)._tag, "Unknown")
      assert.isFalse(Endpoint.isFree(self, 7))
      assert.strictEqual(Endpoint.admit(self, "carol", 9, 1)._tag, "Stale")
    })

    it("works for a stream that we opened, whose remote id came with the SYN-ACK", () => {
      const self = make()
      register(self, 7, 0, "carol")
      release(self, 7, 9, 0, 3)
      assert.strictEqual(route(self, closeAgain)._tag, "TimeWait")
    })

    it("tells a peer whose SYN-ACK comes after we gave up, some times", () => {
      const self = make()
      register(self, 7, 0, "carol")
      release(self, 7, 0, 0)
      const synAck = { sendStreamId: 7, receiveStreamId: 9, flags: Packet.SYNCHRONIZE }
      assert.deepStrictEqual(route(self, synAck), {
        _tag: "GivenUp",
        peer: "carol",
        reply: Packet.make({ sendStreamId: 9, receiveStreamId: 7, sequenceNumber: 1, flags: Packet.RESET })
      })
      assert.strictEqual(route(self, { ...synAck, flags: 0, sequenceNumber: 1 })._tag, "Unknown")
      assert.deepStrictEqual(
        [1, 2, 3].map(() => route(self, synAck)._tag),
        ["GivenUp", "GivenUp", "Unknown"]
      )
      assert.strictEqual(route(self, synAck, 1000)._tag, "Unknown")
    })

    it("remembers a bounded number of streams, the latest", () => {
      const self = make()
      for (let id = 1; id <= 5; id++) {
        register(self, id, 100 + id, "carol")
        release(self, id, 100 + id, id, 0)
      }
      assert.strictEqual(self.finished.size, limits.maxTimeWait)
      assert.strictEqual(Endpoint.admit(self, "carol", 101, 6)._tag, "New")
      assert.strictEqual(Endpoint.admit(self, "carol", 105, 6)._tag, "Stale")
      assert.strictEqual(self.byPeer.size, limits.maxTimeWait)
    })

    it("leaves no trace of any stream once all of them are over", () => {
      const self = make()
      for (let id = 1; id <= 4; id++) register(self, id, 9, `peer ${id}`)
      for (let id = 1; id <= 4; id++) release(self, id, 9, 0, 0)
      Endpoint.admit(self, "nobody", 1, 5000)
      for (const table of [self.live, self.finished, self.byPeer, self.byRemoteId]) assert.strictEqual(table.size, 0)
    })

    it("does not lose a live stream's entry to the end of an older one with the same ids", () => {
      const self = make()
      register(self, 7, 9, "carol")
      release(self, 7, 9, 0, 0)
      register(self, 8, 9, "carol")
      Endpoint.admit(self, "carol", 9, 3000)
      assert.deepStrictEqual(Endpoint.admit(self, "carol", 9, 3000), { _tag: "Repeated", stream: 8 })
    })
  })

  describe("ids", () => {
    it("are free unless 0, in use, recently used or of a ping", () => {
      const self = make()
      register(self, 1, 9)
      register(self, 2, 10)
      release(self, 2, 10)
      Endpoint.registerPing(self, 3)
      assert.deepStrictEqual(
        [0, 1, 2, 3, 4].map((id) => Endpoint.isFree(self, id)),
        [false, false, false, false, true]
      )
    })

    it("are given to a bounded number of pings", () => {
      const self = make()
      assert.deepStrictEqual(
        [1, 2, 3].map((id) => Endpoint.registerPing(self, id)),
        [true, true, false]
      )
      Endpoint.releasePing(self, 1)
      assert.isTrue(Endpoint.registerPing(self, 3))
    })

    it("of a stream that is not there can be released without harm", () => {
      const self = make()
      release(self, 1, 1)
      assert.strictEqual(self.finished.size, 0)
    })
  })
})

describe("Endpoint, a stream that we reset", () => {
  const reset = () => {
    const self = Endpoint.make<string, string>({ ...limits, timeWait: 300_000 })
    Endpoint.register(self, 7, { stream: "s", peerName: "carol", remoteStreamId: 9 })
    Endpoint.release(self, 7, {
      peer: "carol",
      remoteStreamId: 9,
      ackThrough: undefined,
      closeUnheard: false,
      resetNumber: 5,
      now: 0
    })
    return self
  }
  const hear = (self: Endpoint.Endpoint<string, string>, fields: Partial<Packet.Packet>, now: number) => {
    const packet = Packet.make({ sendStreamId: 7, receiveStreamId: 9, ...fields })
    const route = Endpoint.route(self, packet, new Uint8Array(), now)
    return route._tag === "GivenUp" ? Packet.format(route.reply) : route._tag
  }

  it("is reset again by the number that the peer expects: i2pd heeds no other", () => {
    const self = reset()
    assert.strictEqual(hear(self, { ackThrough: 2 }, 10), "RESET seq=3 ack=0")
    assert.strictEqual(hear(self, { ackThrough: 4, nacks: [2, 3] }, 20), "RESET seq=2 ack=0")
  })

  it("is not reset again by the same number within a second, nor by more than four", () => {
    const self = reset()
    assert.strictEqual(hear(self, { ackThrough: 4 }, 999), "Unknown")
    for (const now of [1000, 2000, 3000, 4000]) {
      assert.strictEqual(hear(self, { ackThrough: 4 }, now), "RESET seq=5 ack=0")
    }
    assert.strictEqual(hear(self, { ackThrough: 4 }, 5000), "Unknown")
  })

  it("answers no RESET, nobody else's packet, and nothing without an acknowledgment", () => {
    const self = reset()
    assert.strictEqual(hear(self, { flags: Packet.RESET }, 10), "Unknown")
    assert.strictEqual(hear(self, { receiveStreamId: 8 }, 10), "Unknown")
    assert.strictEqual(hear(self, { flags: Packet.NO_ACK }, 10), "Unknown")
  })
})
