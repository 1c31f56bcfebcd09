import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as SessionOptions from "../../src/internal/sessionOptions.js"

const parse = (options: Readonly<Record<string, string>>) => Either.getOrThrow(SessionOptions.parse(options, "me"))

describe("session options", () => {
  it("are fields where they are known, and passed on where not", () => {
    const { session, streaming } = parse({
      "inbound.length": "1",
      "outbound.quantity": "4",
      "i2cp.dontPublishLeaseSet": "true",
      "future.option": "x",
      "i2p.streaming.maxConcurrentStreams": "7"
    })
    assert.deepInclude(session, {
      nickname: "SAM me",
      inboundLength: 1,
      outboundQuantity: 4,
      published: false,
      options: { "future.option": "x" }
    })
    assert.strictEqual(streaming.maxConcurrentStreams, 7)
  })

  it("keep the name that the client gives", () => {
    assert.strictEqual(parse({ "inbound.nickname": "bit torrent" }).session.nickname, "bit torrent")
  })

  it("take encryption types, and pass over those of the future", () => {
    assert.deepStrictEqual(parse({ "i2cp.leaseSetEncType": "4,0" }).session.encryptionTypes, [4, 0])
    assert.deepStrictEqual(parse({ "i2cp.leaseSetEncType": "6, 4, 99" }).session.encryptionTypes, [6, 4])
  })

  it("encrypt the lease set, with a secret or without", () => {
    assert.deepStrictEqual(parse({ "i2cp.leaseSetType": "5" }).session.encryptedLeaseSet, {})
    const { encryptedLeaseSet } = parse({ "i2cp.leaseSetType": "5", "i2cp.leaseSetSecret": "cGFzcw==" }).session
    assert.strictEqual(encryptedLeaseSet?.secret && Redacted.value(encryptedLeaseSet.secret), "pass")
    assert.isUndefined(parse({ "i2cp.leaseSetType": "3", "i2cp.leaseSetSecret": "cGFzcw==" }).session.encryptedLeaseSet)
  })

  it("reduce and close what is idle, where that is on", () => {
    const times = { "i2cp.reduceIdleTime": "60000", "i2cp.reduceQuantity": "3" }
    assert.isUndefined(parse(times).session.reduceIdleTime)
    assert.deepInclude(parse({ ...times, "i2cp.reduceOnIdle": "true" }).session, {
      reduceIdleTime: 60_000,
      reduceIdleQuantity: 3
    })
    assert.strictEqual(parse({ "i2cp.closeOnIdle": "true" }).session.closeIdleTime, 1_800_000)
  })

  it("say what does nothing", () => {
    const { ignored } = parse({
      "i2cp.tcp.host": "10.0.0.1",
      "i2cp.messageReliability": "BestEffort",
      "sam.udp.port": "1"
    })
    assert.deepStrictEqual(
      ignored.map(({ name }) => name),
      ["i2cp.tcp.host", "i2cp.messageReliability", "sam.udp.port"]
    )
  })

  for (const [name, value] of [
    ["inbound.length", "8"],
    ["inbound.quantity", "many"],
    ["i2cp.leaseSetEncType", "5,6"],
    ["i2cp.leaseSetEncType", ""],
    ["i2cp.leaseSetType", "7"],
    ["i2cp.reduceQuantity", "0"],
    ["i2p.streaming.profile", "3"],
    ["future.option", "x".repeat(256)]
  ] as const) {
    it(`refuse ${name}=${value.slice(0, 8)}`, () => {
      const parsed = SessionOptions.parse({ [name]: value }, "me")
      assert.match(Either.getOrThrow(Either.flip(parsed)), new RegExp(`^${name}: `))
    })
  }

  it("do not open to everybody what was to be for a few", () => {
    const parsed = SessionOptions.parse({ "i2cp.leaseSetType": "5", "i2cp.leaseSetAuthType": "1" }, "me")
    assert.isTrue(Either.isLeft(parsed))
  })
})
