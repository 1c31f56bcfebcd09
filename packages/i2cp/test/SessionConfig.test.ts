import { assert, describe, it } from "@effect/vitest"
import * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import { filled, keys, sha256, toHex } from "./vectors.js"

const options = {
  "outbound.quantity": "2",
  "i2cp.fastReceive": "true",
  "i2cp.leaseSetEncType": "4",
  "i2cp.leaseSetType": "3",
  "i2cp.messageReliability": "none",
  "inbound.length": "3",
  "inbound.nickname": "vector é",
  "inbound.quantity": "2",
  "outbound.length": "3"
}

const config = Either.getOrThrow(SessionConfig.sign(keys, options, 1_700_000_000_000, Signatures.noble))

const decode = (bytes: Uint8Array): Either.Either<Message.Message, unknown> => Message.decode(1, bytes)

describe("SessionConfig", () => {
  it("signs the reference bytes", () => {
    assert.strictEqual(config.bytes.length, 678)
    assert.strictEqual(sha256(config.bytes), "60ca0a2e36214286d3a5da2745398a5ae5d4d76f2318592913562ab408a714cc")
    assert.strictEqual(
      toHex(config.signature),
      "a5ba8f4d304b1fc11ffff5fcc6a3ee33230dca59fd5af1286cdf7764685cc4b5ead73c44056b1702748cfe65399496ba33ef32dfec4c0220b123cb89e31c3102"
    )
  })

  it("is read back from CreateSession and verifies", () => {
    const message = Either.getOrThrow(decode(config.bytes))
    assert.strictEqual(message._tag, "CreateSession")
    if (message._tag !== "CreateSession") return
    assert.strictEqual(message.config.options.get("inbound.nickname"), "vector é")
    assert.strictEqual(message.config.created, 1_700_000_000_000)
    assert.deepStrictEqual(SessionConfig.verify(message.config, Signatures.noble), Either.right(true))
  })

  it("does not verify with any byte changed", () => {
    for (const at of [10, 300, 400, 610, 677]) {
      const bytes = config.bytes.slice()
      bytes[at]! ^= 1
      const message = decode(bytes)
      if (Either.isRight(message) && message.right._tag === "CreateSession") {
        assert.deepStrictEqual(SessionConfig.verify(message.right.config, Signatures.noble), Either.right(false))
      }
    }
  })

  it("names the transient key of an offline-signed session and is signed by it", () => {
    const transient = SigningKey.makePrivate(KeyType.Ed25519, filled(5))
    const transientKey = Either.getOrThrow(Signatures.noble.publicKey(transient))
    const offline = Either.getOrThrow(
      OfflineSignature.make({
        expires: 1_800_000_000,
        transientKey,
        destinationKey: keys.signingKey,
        signatures: Signatures.noble
      })
    )
    const signed = Either.getOrThrow(
      SessionConfig.sign({ ...keys, signingKey: transient, offline }, options, 1_700_000_000_000, Signatures.noble)
    )
    assert.isTrue(signed.options.get("i2cp.leaseSetTransientPublicKey")?.startsWith("7:"))
    assert.strictEqual(signed.options.get("i2cp.leaseSetOfflineExpiration"), "1800000000")
    const message = Either.getOrThrow(decode(signed.bytes))
    assert.isTrue(
      message._tag === "CreateSession" && Either.getOrThrow(SessionConfig.verify(message.config, Signatures.noble))
    )
  })

  it("refuses an option that does not fit a String", () => {
    const long = SessionConfig.sign(keys, { "inbound.nickname": "x".repeat(256) }, 1, Signatures.noble)
    assert.isTrue(Either.isLeft(long))
    assert.isTrue(
      Either.isRight(SessionConfig.sign(keys, { "inbound.nickname": "x".repeat(255) }, 1, Signatures.noble))
    )
  })
})
