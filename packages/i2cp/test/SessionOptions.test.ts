import { assert, describe, it } from "@effect/vitest"
import * as SessionOptions from "@effect-i2p/i2cp/SessionOptions"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"

const key = encodeBase64(new Uint8Array(32).fill(7))

const all: Partial<SessionOptions.SessionOptions> = {
  nickname: "näme",
  inboundLength: 0,
  outboundLength: 7,
  inboundLengthVariance: -7,
  outboundLengthVariance: 2,
  inboundQuantity: 16,
  outboundQuantity: 1,
  inboundBackupQuantity: 0,
  outboundBackupQuantity: 16,
  inboundAllowZeroHop: true,
  outboundAllowZeroHop: false,
  inboundIPRestriction: 0,
  outboundIPRestriction: 4,
  inboundRandomKey: key,
  outboundRandomKey: key,
  outboundPriority: -25,
  explicitPeers: [key, key],
  published: false,
  messageReliability: "BestEffort",
  bundleReplyInfo: false,
  tagsToSend: 40,
  lowTagThreshold: 30,
  ratchetInboundTags: 160,
  ratchetOutboundTags: 160,
  clientMessageTimeout: Duration.seconds(60),
  disableLoopback: true,
  latencyMin: Duration.millis(100),
  latencyMax: Duration.seconds(5)
}

describe("session options", () => {
  it("are written under their I2P names and read back", () => {
    const mapping = Either.getOrThrow(SessionOptions.toMapping(all))
    assert.strictEqual(Object.keys(mapping).length, 29)
    assert.strictEqual(mapping["inbound.lengthVariance"], "-7")
    assert.strictEqual(mapping["outbound.allowZeroHop"], "false")
    assert.strictEqual(mapping["i2cp.dontPublishLeaseSet"], "true")
    assert.strictEqual(mapping["latency.max"], "5000")
    assert.strictEqual(mapping["explicitPeers"], `${key},${key}`)
    const { options, rest } = Either.getOrThrow(SessionOptions.fromMapping(mapping))
    assert.deepStrictEqual(rest, {})
    assert.deepStrictEqual(Either.getOrThrow(SessionOptions.toMapping(options)), mapping)
  })

  it("are left out when routers know better, dontPublishLeaseSet of a published session too", () => {
    assert.deepStrictEqual(Either.getOrThrow(SessionOptions.toMapping(SessionOptions.defaults)), {
      "inbound.nickname": "effect-i2p",
      "outbound.nickname": "effect-i2p",
      "inbound.length": "3",
      "outbound.length": "3",
      "inbound.quantity": "2",
      "outbound.quantity": "2",
      "i2cp.messageReliability": "none"
    })
  })

  it("are checked, each against its own range, all at once", () => {
    const invalid = Either.flip(
      SessionOptions.toMapping({
        inboundLength: 8,
        outboundLength: 1.5,
        inboundQuantity: 0,
        outboundPriority: 26,
        explicitPeers: ["x"],
        inboundRandomKey: "short",
        clientMessageTimeout: "2 minutes",
        nickname: "x".repeat(256)
      })
    )
    assert.deepStrictEqual(
      Either.getOrThrow(invalid).issues.map(({ name }) => name),
      [
        "inbound.nickname",
        "outbound.nickname",
        "inbound.length",
        "outbound.length",
        "inbound.quantity",
        "inbound.randomKey",
        "outbound.priority",
        "explicitPeers",
        "clientMessageTimeout"
      ]
    )
  })

  it("that are unknown pass through, those that make no sense do not", () => {
    const { options, rest } = Either.getOrThrow(
      SessionOptions.fromMapping({ "inbound.length": " 2 ", "i2cp.messageReliability": "besteffort", some: "thing" })
    )
    assert.deepStrictEqual(options, { inboundLength: 2, messageReliability: "BestEffort" })
    assert.deepStrictEqual(rest, { some: "thing" })
    for (const [name, value] of [
      ["inbound.length", "two"],
      ["inbound.length", ""],
      ["inbound.length", "0x2"],
      ["inbound.allowZeroHop", "yes"],
      ["i2cp.messageReliability", "always"],
      ["explicitPeers", "abc"]
    ] as const) {
      const error = Either.getOrThrow(Either.flip(SessionOptions.fromMapping({ [name]: value })))
      assert.strictEqual(error.issues[0]!.name, name, value)
    }
  })
})
