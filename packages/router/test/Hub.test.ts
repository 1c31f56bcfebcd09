import type * as Message from "@effect-i2p/i2cp/Message"
import { assert, describe, it } from "vitest"
import * as Hub from "../src/core/Hub.js"
import type * as HubState from "../src/core/HubState.js"
import { alice, assertDisconnected, Bench, bob, config, leases, lookup, NOW, sent } from "./bench.js"
import { createLeaseSet, createSession, type Identity, identity } from "./identity.js"

describe("Hub", () => {
  describe("a fresh connection", () => {
    it("is closed with a reason when it says nothing in time", () => {
      const bench = new Bench()
      bench.on({ _tag: "Connected", connection: 1 })
      assert.strictEqual(Hub.nextTimeout(bench.state), NOW + 5_000)
      assert.deepStrictEqual(bench.after(4_999), [])
      assertDisconnected(bench, 1, bench.after(1), /preamble/)
      assert.strictEqual(Hub.nextTimeout(bench.state), undefined)
    })

    it("may stay as long as it likes once it spoke", () => {
      const bench = new Bench().open(1)
      assert.deepStrictEqual(bench.after(3_600_000), [])
      assert.isTrue(bench.state.connections.has(1))
    })

    it("is refused beyond the limit, and the others stay", () => {
      const bench = new Bench().open(1).open(2).open(3).open(4)
      assertDisconnected(bench, 5, bench.on({ _tag: "Connected", connection: 5 }), /connection limit/)
      assert.strictEqual(bench.state.connections.size, 4)
    })

    it("is told why when its bytes are no I2CP, however long the reason", () => {
      const bench = new Bench().open(1)
      const reason = `message 1 ${"é".repeat(500)}`
      const actions = bench.on({ _tag: "Violated", connection: 1, reason })
      assertDisconnected(bench, 1, actions, /^message 1/)
      const [disconnect] = sent(actions)
      assert.isAtMost(new TextEncoder().encode((disconnect as Message.Disconnect).reason).length, 255)
    })

    it("gets nothing more done once it was told to go", () => {
      const bench = new Bench().open(1)
      bench.on({ _tag: "Violated", connection: 1, reason: "x" })
      assert.deepStrictEqual(bench.receive(1, { _tag: "GetDate", version: "0.9.67" }), [])
      assert.deepStrictEqual(bench.on({ _tag: "Disconnected", connection: 1 }), [])
    })
  })

  describe("where name and password are asked for", () => {
    const closed = { authorize: true }
    const hello = { _tag: "GetDate", version: "0.9.67" } as const

    it("does nothing for a client that has not given them", () => {
      const early = [{ _tag: "GetBandwidthLimits" }, createSession(alice, NOW), lookup({ _tag: "Name", name: "a.i2p" })]
      for (const message of early as ReadonlyArray<Message.Message>) {
        const bench = new Bench(closed).open(1)
        assertDisconnected(bench, 1, bench.receive(1, message), /^Authorization required/)
      }
    })

    it("tells the reason that the driver found, and answers once there is none", () => {
      const bench = new Bench(closed).open(1).open(2)
      assertDisconnected(bench, 1, bench.receive(1, hello, "Authorization failed"), /^Authorization failed$/)
      assert.strictEqual(sent(bench.receive(2, hello))[0]?._tag, "SetDate")
      assert.strictEqual(sent(bench.receive(2, createSession(alice, NOW)))[0]?._tag, "SessionStatus")
    })

    it("asks once: the date may be asked again without them", () => {
      const bench = new Bench(closed).open(1)
      bench.receive(1, hello)
      assert.strictEqual(sent(bench.receive(1, hello, "Authorization required"))[0]?._tag, "SetDate")
    })
  })

  describe("GetDate and GetBandwidthLimits", () => {
    it("answers with its clock and version, before and within a session", () => {
      const bench = new Bench().open(1)
      bench.now = NOW + 0.7
      const answer = [{ _tag: "SetDate", date: NOW, version: "0.9.67" }] as const
      assert.deepStrictEqual(sent(bench.receive(1, { _tag: "GetDate", version: "0.9.40" })), answer)
      bench.now = NOW
      bench.session(2, alice)
      assert.deepStrictEqual(sent(bench.receive(2, { _tag: "GetDate", version: "", options: new Map() })), answer)
    })

    it("answers with the rate of the link, 0 when there is none", () => {
      const bench = new Bench().open(1)
      const limits = () => (sent(bench.receive(1, { _tag: "GetBandwidthLimits" }))[0] as Message.BandwidthLimits).limits
      assert.deepStrictEqual(limits(), new Array(16).fill(0))
      bench.on({ _tag: "RateChanged", kilobytesPerSecond: 48 })
      assert.deepStrictEqual(limits(), [48, 48, ...new Array(14).fill(0)])
    })
  })

  describe("CreateSession", () => {
    it("creates a session and offers as many leases as inbound tunnels were asked for", () => {
      const bench = new Bench().open(1)
      const actions = bench.receive(1, createSession(alice, NOW, { "inbound.quantity": "3" }))
      assert.deepStrictEqual(sent(actions), [
        { _tag: "SessionStatus", sessionId: 1, status: "Created" },
        {
          _tag: "RequestVariableLeaseSet",
          sessionId: 1,
          leases: [1, 2, 3].map((tunnelId) => ({ gateway: config.gateway, tunnelId, endDate: NOW + 600_000 }))
        }
      ])
    })

    it("offers between 1 and 16 leases whatever is asked", () => {
      for (const [asked, offered] of [
        ["0", 1],
        ["999", 16],
        ["many", 2],
        ["-3", 1]
      ] as const) {
        const actions = new Bench().open(1).receive(1, createSession(alice, NOW, { "inbound.quantity": asked }))
        assert.lengthOf((sent(actions)[1] as Message.RequestVariableLeaseSet).leases, offered)
      }
    })

    it("offers leases only when the tunnels are built", () => {
      const bench = new Bench({ tunnelBuildMillis: 3_000 }).open(1)
      assert.lengthOf(bench.receive(1, createSession(alice, NOW)), 1)
      assert.deepStrictEqual(bench.after(2_999), [])
      assert.strictEqual(sent(bench.after(1))[0]?._tag, "RequestVariableLeaseSet")
    })

    const wrong: ReadonlyArray<readonly [string, (bench: Bench) => ReadonlyArray<HubState.Action>, RegExp]> = [
      [
        "a bad signature",
        (b) => b.receive(1, createSession(alice, NOW), "Invalid signature on x"),
        /Invalid signature/
      ],
      ["a date in the past", (b) => b.receive(1, createSession(alice, NOW - 180_001)), /clock skew of -180 s/],
      ["a date in the future", (b) => b.receive(1, createSession(alice, NOW + 180_001)), /clock skew of 180 s/],
      [
        "a second session on the connection",
        (b) => {
          b.receive(1, createSession(alice, NOW))
          return b.receive(1, createSession(bob, NOW))
        },
        /Already have session/
      ],
      [
        "a destination that has a session",
        (b) => {
          b.session(2, alice)
          return b.receive(1, createSession(alice, NOW))
        },
        /duplicate destination/
      ],
      [
        "one session too many",
        (b) => {
          b.session(2, bob)
          b.session(3, identity("carol"))
          return b.receive(1, createSession(alice, NOW))
        },
        /session limit exceeded: 2/
      ]
    ]
    for (const [what, act, why] of wrong) {
      it(`disconnects for ${what} and leaves other sessions alone`, () => {
        const bench = new Bench().open(1)
        const actions = act(bench)
        assertDisconnected(bench, 1, actions, why)
        assert.isTrue([...bench.state.sessions.values()].every((session) => session.leaseSet !== undefined))
      })
    }

    it("lets a destination come back once its connection is gone, under another id", () => {
      const bench = new Bench()
      const first = bench.session(1, alice)
      assert.deepStrictEqual(bench.on({ _tag: "Disconnected", connection: 1 }), [
        { _tag: "SessionEnded", session: first }
      ])
      assert.notStrictEqual(bench.session(2, alice), first)
    })
  })

  describe("the lease set", () => {
    const requested = () => {
      const bench = new Bench()
      bench.session(2, bob)
      bench.open(1).receive(1, createSession(alice, NOW))
      return bench
    }
    const seconds = NOW / 1000

    const wrong: ReadonlyArray<readonly [string, () => Message.CreateLeaseSet2, RegExp, string?]> = [
      ["another session's id", () => createLeaseSet(alice, 1, leases(NOW + 1e5), seconds), /invalid session/],
      ["another destination", () => createLeaseSet(bob, 2, leases(NOW + 1e5), seconds), /Different destination/],
      [
        "what the driver found",
        () => createLeaseSet(alice, 2, leases(NOW + 1e5), seconds),
        /bad signature/,
        "bad signature"
      ],
      [
        "no leases",
        () => {
          const message = createLeaseSet(alice, 2, leases(NOW + 1e5), seconds)
          return { ...message, leaseSet: { ...message.leaseSet, leases: [] } }
        },
        /0 leases/
      ],
      ["leases that have ended", () => createLeaseSet(alice, 2, leases(NOW - 1), seconds), /ended/],
      ["leases without end", () => createLeaseSet(alice, 2, leases(NOW + 1_081_000), seconds), /future/],
      [
        "private keys for other keys",
        () => ({ ...createLeaseSet(alice, 2, leases(NOW + 1e5), seconds), privateKeys: [] }),
        /key mismatch/
      ]
    ]
    for (const [what, message, why, problem] of wrong) {
      it(`disconnects for ${what}`, () => {
        const bench = requested()
        assertDisconnected(bench, 1, bench.receive(1, message(), problem), why)
        assert.strictEqual(bench.state.sessions.size, 1)
      })
    }

    it("must be newer than the one before", () => {
      const bench = new Bench()
      const id = bench.session(1, alice)
      const again = createLeaseSet(alice, id, leases(NOW + 1e5), seconds)
      assertDisconnected(bench, 1, bench.receive(1, again), /not newer/)
    })

    it("must come within the time to answer", () => {
      const bench = requested()
      assert.deepStrictEqual(bench.after(9_999), [])
      assertDisconnected(bench, 1, bench.after(1), /leaseset request fails/)
    })

    it("is renewed before the leases end, again and again", () => {
      const bench = new Bench()
      const id = bench.session(1, alice)
      for (let round = 0; round < 3; round++) {
        assert.strictEqual(Hub.nextTimeout(bench.state), bench.now + 480_000)
        const [request] = sent(bench.after(480_000))
        assert(request?._tag === "RequestVariableLeaseSet")
        assert.isTrue(request.leases.every((lease) => lease.endDate === bench.now + 600_000))
        const renewed = createLeaseSet(alice, id, request.leases, bench.now / 1000)
        assert.deepStrictEqual(bench.receive(1, renewed), [])
      }
    })

    it("is asked for at once on demand, but not while tunnels are building", () => {
      const bench = new Bench({ tunnelBuildMillis: 1_000 }).open(1)
      bench.receive(1, createSession(alice, NOW))
      assert.deepStrictEqual(bench.on({ _tag: "Renew" }), [])
      bench.after(1_000)
      assert.strictEqual(sent(bench.on({ _tag: "Renew" }))[0]?._tag, "RequestVariableLeaseSet")
    })
  })

  describe("HostLookup", () => {
    const ask = (bench: Bench, query: Message.HostLookup["query"]) => {
      const [reply] = sent(bench.open(3).receive(3, lookup(query)))
      assert(reply?._tag === "HostReply")
      assert.strictEqual(reply.requestId, 9)
      return reply.answer._tag === "Found" ? reply.answer.destination.b32 : reply.answer.code
    }
    const hash = alice.keys.destination.hash

    it("finds a destination by hash once its lease set is accepted, and until its leases end", () => {
      const bench = new Bench().open(1)
      bench.receive(1, createSession(alice, NOW))
      assert.strictEqual(ask(bench, { _tag: "Hash", hash }), 1)
      const published = createLeaseSet(alice, 1, leases(NOW + 100_000), NOW / 1000)
      bench.receive(1, published)
      assert.strictEqual(ask(bench, { _tag: "Hash", hash }), alice.keys.destination.b32)
      bench.now += 100_000
      assert.strictEqual(ask(bench, { _tag: "Hash", hash }), 1)
    })

    it("does not give away a destination that asked not to be published, except to itself", () => {
      const bench = new Bench().open(1)
      bench.receive(1, createSession(alice, NOW))
      bench.receive(1, createLeaseSet(alice, 1, leases(NOW + 1e5), NOW / 1000, { unpublished: true }))
      assert.strictEqual(ask(bench, { _tag: "Hash", hash }), 1)
      const [own] = sent(bench.receive(1, lookup({ _tag: "Hash", hash })))
      assert.strictEqual(own?._tag === "HostReply" && own.answer._tag, "Found")
    })

    it("finds names of its table in any case, b32 names, and Base64", () => {
      const bench = new Bench()
      bench.session(1, alice)
      assert.strictEqual(ask(bench, { _tag: "Name", name: "Bob.I2P" }), bob.keys.destination.b32)
      assert.strictEqual(ask(bench, { _tag: "Name", name: "nobody.i2p" }), 1)
      assert.strictEqual(ask(bench, { _tag: "Name", name: "not a name" }), 1)
      assert.strictEqual(ask(bench, { _tag: "Name", name: alice.keys.destination.b32 }), alice.keys.destination.b32)
      assert.strictEqual(ask(bench, { _tag: "Name", name: bob.keys.destination.b32 }), 1)
    })

    it("says which types it does not know", () => {
      assert.strictEqual(ask(new Bench(), { _tag: "Other", type: 2, key: hash }), 7)
    })

    it("takes its time when told to, fails at the client's timeout, and bounds what waits", () => {
      const bench = new Bench({ lookupMillis: 1_000 })
      bench.session(1, alice)
      bench.open(3)
      assert.deepStrictEqual(bench.receive(3, lookup({ _tag: "Hash", hash })), [])
      assert.deepStrictEqual(bench.receive(3, lookup({ _tag: "Hash", hash }, 400)), [])
      const [third] = sent(bench.receive(3, lookup({ _tag: "Hash", hash })))
      assert(third?._tag === "HostReply")
      assert.deepStrictEqual(third.answer, { _tag: "NotFound", code: 1 })
      const [timedOut, ...none] = sent(bench.after(400))
      assert(timedOut?._tag === "HostReply")
      assert.strictEqual(timedOut.answer._tag, "NotFound")
      assert.deepStrictEqual(none, [])
      const [found] = sent(bench.after(600))
      assert(found?._tag === "HostReply")
      assert.strictEqual(found.answer._tag, "Found")
    })
  })

  describe("ReconfigureSession", () => {
    const reconfigure = (who: Identity, sessionId: number): Message.ReconfigureSession => ({
      _tag: "ReconfigureSession",
      sessionId,
      config: createSession(who, NOW, { "inbound.quantity": "5" }).config
    })

    it("updates the session", () => {
      const bench = new Bench()
      const sessionId = bench.session(1, alice)
      const updated = { _tag: "SessionStatus", sessionId, status: "Updated" } as const
      assert.deepStrictEqual(sent(bench.receive(1, reconfigure(alice, sessionId))), [updated])
      assert.strictEqual(bench.state.sessions.get(sessionId)?.tunnels, 5)
    })

    it("changes nothing for a bad signature or another session's id", () => {
      const bench = new Bench()
      const sessionId = bench.session(1, alice)
      const other = bench.session(2, bob)
      const before = bench.state
      for (const [id, problem] of [
        [sessionId, "Invalid signature"],
        [other, undefined]
      ] as const) {
        const invalid = { _tag: "SessionStatus", sessionId: id, status: "Invalid" } as const
        assert.deepStrictEqual(sent(bench.receive(1, reconfigure(alice, id), problem)), [invalid])
        assert.strictEqual(bench.state, before)
      }
    })

    it("disconnects for another destination", () => {
      const bench = new Bench()
      const sessionId = bench.session(1, alice)
      assertDisconnected(bench, 1, bench.receive(1, reconfigure(bob, sessionId)), /Different destination/)
    })
  })

  describe("DestroySession and Disconnect", () => {
    it("says goodbye and closes", () => {
      const bench = new Bench()
      const sessionId = bench.session(1, alice)
      assert.deepStrictEqual(bench.receive(1, { _tag: "DestroySession", sessionId }), [
        { _tag: "Send", connection: 1, message: { _tag: "SessionStatus", sessionId, status: "Destroyed" } },
        { _tag: "SessionEnded", session: sessionId },
        { _tag: "Close", connection: 1 }
      ])
      assert.strictEqual(bench.state.byHash.size + bench.state.byFingerprint.size + bench.state.sessions.size, 0)
    })

    it("accepts the id that means none from a client that only looked something up", () => {
      const actions = new Bench().open(1).receive(1, { _tag: "DestroySession", sessionId: 0xffff })
      assert.deepInclude(actions, { _tag: "Close", connection: 1 })
    })

    it("does not end another client's session", () => {
      const bench = new Bench()
      const sessionId = bench.session(1, alice)
      const [status] = sent(bench.open(2).receive(2, { _tag: "DestroySession", sessionId }))
      assert.deepStrictEqual(status, { _tag: "SessionStatus", sessionId, status: "Invalid" })
      assert.isTrue(bench.state.sessions.has(sessionId))
    })

    it("takes a Disconnect from the client as a close", () => {
      const bench = new Bench()
      bench.session(1, alice)
      const actions = bench.receive(1, { _tag: "Disconnect", reason: "bye" })
      assert.deepInclude(actions, { _tag: "Close", connection: 1 })
      assert.strictEqual(bench.state.sessions.size, 0)
    })
  })

  it("ignores messages only a router sends", () => {
    const bench = new Bench()
    bench.session(1, alice)
    const before = bench.state
    const messages: ReadonlyArray<Message.Message> = [
      { _tag: "SetDate", date: 0, version: "" },
      { _tag: "SessionStatus", sessionId: 1, status: "Destroyed" },
      { _tag: "MessagePayload", sessionId: 1, messageId: 1, payload: new Uint8Array(0) },
      { _tag: "RequestVariableLeaseSet", sessionId: 1, leases: [] }
    ]
    for (const message of messages) assert.deepStrictEqual(bench.receive(1, message), [])
    assert.strictEqual(bench.state, before)
  })
})
