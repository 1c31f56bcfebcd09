/** Encrypted and meta lease sets, as the hub sees them: what the driver found is told to it. */
import * as Message from "@effect-i2p/i2cp/Message"
import * as Address from "@effect-i2p/wire/Address"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { assert, describe, it } from "vitest"
import type * as HubState from "../src/core/HubState.js"
import { route } from "../src/core/Routing.js"
import * as SendFrame from "../src/core/SendFrame.js"
import { alice, assertDisconnected, Bench, bob, leases, lookup, NOW, sent } from "./bench.js"
import { createLeaseSet, createSession, identity } from "./identity.js"

describe("Hub, lease sets that are not plain", () => {
  const secret = Redacted.make("secret")
  const [friend, stranger] = [1, 2].map((seed) => EncryptionKey.make(SecureRandom.makeSeeded(seed)).privateKey)
  const { signingKey } = alice.keys.destination
  const right = Either.getOrThrow

  /** Alice's answer to a lease request, encrypted; what the driver found in it goes with it. */
  const encrypted = (
    options: {
      readonly secret?: Redacted.Redacted<string>
      readonly forFriend?: boolean
      readonly hidden?: boolean
    } = {}
  ) => {
    const { leaseSet, ...message } = createLeaseSet(alice, 1, leases(NOW + 600_000), NOW / 1000)
    assert(leaseSet.storeType === 3)
    const made = EncryptedLeaseSet.make({
      inner: leaseSet,
      outer: right(Blinding.outerKeys(alice.keys, leaseSet.published, options.secret)),
      authorization: options.forFriend ? { _tag: "Psk", clients: [friend!] } : undefined,
      unpublished: options.hidden,
      random: SecureRandom.makeSeeded("hub"),
      signatures: Signatures.noble
    })
    return { message: { ...message, leaseSet: right(made) }, inner: leaseSet }
  }

  const publish = (bench: Bench, made: ReturnType<typeof encrypted>) => {
    bench.open(1).receive(1, createSession(alice, NOW))
    assert.deepStrictEqual(bench.on({ _tag: "Received", connection: 1, ...made }), [])
    return bench
  }

  /** A session of Bob's that looks for Alice, having told the router what it knows. */
  const find = (
    bench: Bench,
    known: { readonly secret?: Redacted.Redacted<string>; readonly key?: Redacted.Redacted<Uint8Array> } = {},
    flags: { readonly secretRequired?: boolean; readonly authenticationRequired?: boolean } = {},
    as: Message.BlindingInfo["endpoint"] = { _tag: "Key", signingKey }
  ) => {
    if (!bench.state.connections.has(2)) bench.open(2).receive(2, createSession(bob, NOW))
    const info: Message.BlindingInfo = {
      _tag: "BlindingInfo",
      sessionId: bench.state.connections.get(2)!.session!,
      endpoint: as,
      blindedType: 11,
      expires: NOW / 1000 + 60,
      secret: known.secret,
      clientKey: known.key && { scheme: "Psk", key: known.key }
    }
    if (Object.keys(known).length > 0) assert.deepStrictEqual(bench.receive(2, info), [])
    const { name } = right(Address.fromSigningKey(signingKey, flags))
    const [reply] = sent(bench.receive(2, lookup({ _tag: "Name", name })))
    assert(reply?._tag === "HostReply")
    return reply.answer._tag === "Found" ? reply.answer.destination.b32 : reply.answer.code
  }
  const found = alice.keys.destination.b32

  it("finds an encrypted one by its b33 address and by nothing else, until it ends", () => {
    const bench = publish(new Bench(), encrypted())
    assert.strictEqual(find(bench), found)
    const [byHash] = sent(bench.receive(2, lookup({ _tag: "Hash", hash: alice.keys.destination.hash })))
    assert.deepInclude(byHash, { answer: { _tag: "NotFound", code: 1 } })
    bench.now += 600_000
    assert.strictEqual(find(bench), 1)
    assert.strictEqual(find(publish(new Bench(), encrypted({ hidden: true }))), 1)
  })

  it("asks for what the address says is needed, and no longer once it has been told", () => {
    const bench = publish(new Bench(), encrypted({ secret, forFriend: true }))
    const both = { secretRequired: true, authenticationRequired: true }
    assert.strictEqual(find(bench, {}, both), 4)
    assert.strictEqual(find(bench, {}, { secretRequired: true }), 2)
    assert.strictEqual(find(bench, {}, { authenticationRequired: true }), 3)
    assert.strictEqual(find(bench, { secret }, both), 3)
    assert.strictEqual(find(bench, { key: friend! }, both), 2)
    assert.strictEqual(find(bench, { secret, key: friend! }, both), found)
    bench.now += 60_000
    assert.strictEqual(find(bench, {}, both), 4, "it was told for a minute only")
  })

  it("finds nothing with another secret, cannot decrypt with another key, and says when a key is missing", () => {
    const bench = publish(new Bench(), encrypted({ secret, forFriend: true }))
    assert.strictEqual(find(bench), 1)
    assert.strictEqual(find(bench, { secret: Redacted.make("other") }), 1)
    assert.strictEqual(find(bench, { secret, key: stranger! }), 5)
    assert.strictEqual(find(bench, { secret }), 3)
    const { destination } = alice.keys
    assert.strictEqual(find(bench, { secret, key: friend! }, {}, { _tag: "Destination", destination }), found)
  })

  it("knows what one client told it for that client only, about so many destinations", () => {
    const bench = publish(new Bench(), encrypted({ secret }))
    assert.strictEqual(find(bench, { secret }), found)
    const { name } = right(Address.fromSigningKey(signingKey))
    const [reply] = sent(bench.open(3).receive(3, lookup({ _tag: "Name", name })))
    assert.deepInclude(reply, { answer: { _tag: "NotFound", code: 1 } })
    const { connections } = bench.state
    for (let n = 0; n < 5; n++) {
      const peer = identity(`blinded ${n}`).keys.destination
      find(bench, { secret }, {}, { _tag: "Destination", destination: peer })
    }
    assert.lengthOf(bench.state.connections.get(2)!.blindings, 2)
    assert.strictEqual(bench.state.connections.get(1), connections.get(1))
    assert.strictEqual(find(bench), 1)
  })

  it("does not believe one that does not open, belongs to another, or has ended", () => {
    const { inner, message } = encrypted()
    const refused = (
      event: Partial<Extract<HubState.Event, { readonly _tag: "Received" }>>,
      why: RegExp,
      later = 0
    ) => {
      const bench = new Bench().open(1)
      bench.receive(1, createSession(alice, NOW))
      bench.now += later
      assertDisconnected(bench, 1, bench.on({ _tag: "Received", connection: 1, message, ...event }), why)
    }
    refused({ problem: "x" }, /Error decrypting leaseset from client: x/)
    refused({ inner, problem: "keys" }, /Invalid leaseset: keys/)
    refused({ inner: { ...inner, destination: bob.keys.destination } }, /Different destination in LS/)
    refused({ inner, message: { ...message, privateKeys: [] } }, /key mismatch/)
    refused({ inner }, /all leases have ended/, 600_000)
  })

  it("finds a MetaLeaseSet by hash, and sends nothing to it", () => {
    const bench = new Bench().open(1)
    bench.receive(1, createSession(alice, NOW))
    const entries = [{ hash: bob.keys.destination.hash, storeType: 3, cost: 0, endDate: NOW + 60_000_000 }]
    const content = { published: NOW / 1000, expires: 60_000, entries }
    const leaseSet = right(MetaLeaseSet.make(alice.keys, content, Signatures.noble))
    const answer: Message.CreateLeaseSet2 = { _tag: "CreateLeaseSet2", sessionId: 1, leaseSet, privateKeys: [] }
    assert.deepStrictEqual(bench.receive(1, answer), [])
    bench.session(2, bob)
    const [byHash] = sent(bench.receive(2, lookup({ _tag: "Hash", hash: alice.keys.destination.hash })))
    assert.strictEqual(byHash?._tag === "HostReply" && byHash.answer._tag, "Found")
    const body = Message.encode({
      _tag: "SendMessage",
      sessionId: bench.state.connections.get(2)!.session!,
      destination: alice.keys.destination,
      payload: new Uint8Array(9),
      nonce: 1
    }).subarray(5)
    const send = SendFrame.parse(5, body)
    assert(typeof send !== "string")
    assert.strictEqual(route(bench.state, 2, body, send, NOW), 22)
  })
})
