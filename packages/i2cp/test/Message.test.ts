import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as Hash from "@effect-i2p/wire/Hash"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { encryptionKey, filled, fromHex, keys, sha256, text, toHex } from "./vectors.js"

const leaseSet = Either.getOrThrow(
  LeaseSet2.make(
    keys,
    {
      published: 1_700_000_000,
      expires: 600,
      encryptionKeys: [{ type: encryptionKey.type, publicKey: encryptionKey.publicKey }],
      leases: [
        { gateway: Hash.unsafeFromBytes(filled(0xaa)), tunnelId: 0x01020304, endDate: 1_700_000_600_000 },
        { gateway: Hash.unsafeFromBytes(filled(0xbb)), tunnelId: 0xfffffffe, endDate: 1_700_000_500_000 }
      ]
    },
    Signatures.noble
  )
)

const createLeaseSet2: Message.CreateLeaseSet2 = {
  _tag: "CreateLeaseSet2",
  sessionId: 0x1234,
  leaseSet,
  privateKeys: [{ type: encryptionKey.type, privateKey: encryptionKey.privateKey }]
}

const random = SecureRandom.makeSeeded("messages")
const encrypted = Either.getOrThrow(
  EncryptedLeaseSet.make({
    inner: leaseSet,
    outer: Either.getOrThrow(Blinding.outerKeys(keys, leaseSet.published)),
    random,
    signatures: Signatures.noble
  })
)
const meta = Either.getOrThrow(
  MetaLeaseSet.make(
    keys,
    {
      published: 1_700_000_000,
      expires: 600,
      entries: [{ hash: Hash.unsafeFromBytes(filled(9)), storeType: 3, cost: 0, endDate: 1_700_000_600_000 }]
    },
    Signatures.noble
  )
)

const blindingInfo: Message.BlindingInfo = {
  _tag: "BlindingInfo",
  sessionId: 0x1234,
  endpoint: { _tag: "Key", signingKey: keys.destination.signingKey },
  blindedType: 11,
  expires: 1_800_000_000,
  clientKey: { scheme: "Psk", key: Redacted.make(filled(10)) },
  secret: Redacted.make("sécret")
}

const sendMessageExpires: Message.SendMessageExpires = {
  _tag: "SendMessageExpires",
  sessionId: 0x1234,
  destination: keys.destination,
  payload: Payload.encode(
    { protocol: 17, sourcePort: 0x1234, destinationPort: 0xabcd, payload: text("hello") },
    Compression.portable
  ),
  nonce: 0,
  flags: Message.DO_NOT_BUNDLE_LEASE_SET,
  expiration: 1_700_000_060_000
}

const bodyOf = (frame: Uint8Array): Uint8Array => frame.subarray(5)

describe("known bytes", () => {
  it("writes GetDate with a version only", () => {
    assert.strictEqual(toHex(Message.encode({ _tag: "GetDate", version: "0.9.66" })), "000000072006302e392e3636")
  })

  it("writes credentials into GetDate's mapping, sorted", () => {
    const options = new Map([
      ["i2cp.username", "u"],
      ["i2cp.password", "p"]
    ])
    assert.strictEqual(
      toHex(Message.encode({ _tag: "GetDate", version: "0.9.66", options })),
      "0000002d2006302e392e363600240d693263702e70617373776f72643d01703b0d693263702e757365726e616d653d01753b"
    )
  })

  it("writes CreateLeaseSet2", () => {
    const body = bodyOf(Message.encode(createLeaseSet2))
    assert.strictEqual(body.length, 623)
    assert.strictEqual(sha256(body), "9025285e97dc5d9efcec1bc61d347c77046b0aa9c9a796c75b46039fbaaafad8")
  })

  it("writes CreateLeaseSet2 around an encrypted lease set and a MetaLeaseSet, the latter without keys", () => {
    const body = bodyOf(Message.encode({ ...createLeaseSet2, leaseSet: encrypted }))
    const keyPart = `0100040020${toHex(filled(3))}`
    assert.strictEqual(toHex(body), `123405${toHex(encrypted.bytes)}${keyPart}`)
    const metaBody = bodyOf(Message.encode({ ...createLeaseSet2, leaseSet: meta, privateKeys: [] }))
    assert.strictEqual(toHex(metaBody), `123407${toHex(meta.bytes)}`)
  })

  it("writes BlindingInfo to the layout of the specification", () => {
    const key = toHex(keys.destination.signingKey.bytes)
    const head = "1234 31 03 000b 6b49d200 0007".replaceAll(" ", "")
    const body = (message: Message.BlindingInfo) => toHex(bodyOf(Message.encode(message)))
    const end = `${"0a".repeat(32)}0773c3a963726574`
    assert.strictEqual(body(blindingInfo), `${head.replace("123431", "123413")}${key}${end}`)
    const dh = { ...blindingInfo, clientKey: { ...blindingInfo.clientKey!, scheme: "Dh" as const } }
    assert.strictEqual(body(dh), `${head.replace("123431", "123411")}${key}${end}`)
    const secretOnly = { ...blindingInfo, clientKey: undefined }
    assert.strictEqual(body(secretOnly), `${head.replace("123431", "123410")}${key}${end.slice(64)}`)
    const nothing = { ...secretOnly, secret: undefined, endpoint: { _tag: "Name", name: "a.i2p" } as const }
    assert.strictEqual(body(nothing), "12340001000b6b49d20005612e693270")
  })

  it("writes SendMessageExpires", () => {
    const body = bodyOf(Message.encode(sendMessageExpires))
    assert.strictEqual(body.length, 437)
    assert.strictEqual(sha256(body), "1ccce8b4266e36e7f8b3a5d9cde30fa74a70722a189bab8ccf4dfd5b23963e3a")
    assert.strictEqual(toHex(body.subarray(-14)), "0000000000000100018bcfe65260")
  })

  it("accepts a SetDate without a version, as routers before 0.8.7 send", () => {
    assert.deepStrictEqual(
      Message.decode(33, fromHex("0000018bcfe56800")),
      Either.right({ _tag: "SetDate", date: 1_700_000_000_000, version: "" } as const)
    )
  })

  it("ignores what a router appends to a HostReply", () => {
    const reply = Message.decode(39, fromHex("ffff000000010200"))
    assert.deepStrictEqual(
      reply,
      Either.right({
        _tag: "HostReply",
        sessionId: 0xffff,
        requestId: 1,
        answer: { _tag: "NotFound", code: 2 }
      } as const)
    )
  })

  it("keeps a lookup type it does not know, so that a router can refuse it", () => {
    const body = fromHex("ffff00000001000003e80401ff")
    assert.deepStrictEqual(
      Message.decode(38, body),
      Either.right({
        _tag: "HostLookup",
        sessionId: 0xffff,
        requestId: 1,
        timeout: 1000,
        query: { _tag: "Other", type: 4, key: fromHex("01ff") }
      } as const)
    )
  })
})

describe("refusals", () => {
  it("refuses a session status it does not know", () => {
    assert.isTrue(Either.isLeft(Message.decode(20, fromHex("000105"))))
  })

  it("refuses surplus bytes", () => {
    assert.isTrue(Either.isRight(Message.decode(20, fromHex("000101"))))
    assert.isTrue(Either.isLeft(Message.decode(20, fromHex("00010100"))))
  })

  it.each([0, 1, 2, 4, 6, 8])("refuses lease sets of store type %i", (storeType) => {
    const body = bodyOf(Message.encode(createLeaseSet2)).slice()
    body[2] = storeType
    const decoded = Message.decode(41, body)
    assert.isTrue(Either.isLeft(decoded) && decoded.left.reason.includes(`store type ${storeType}`))
  })

  it("refuses what BlindingInfo does not know: endpoint, scheme, type of the key", () => {
    const body = bodyOf(Message.encode(blindingInfo)).slice()
    const changed = (at: number, value: number) => {
      const copy = body.slice()
      copy[at] = value
      return Message.decode(42, copy)
    }
    assert.isTrue(Either.isRight(Message.decode(42, body)))
    for (const flags of [0x15, 0x17, 0x02]) assert.isTrue(Either.isLeft(changed(2, flags)), `flags ${flags}`)
    assert.isTrue(Either.isLeft(changed(3, 4)))
    assert.isTrue(Either.isLeft(changed(11, 99)))
  })

  it("refuses a body above the cap of its type, which no frame carries", () => {
    const body = (size: number) => {
      const query = { _tag: "Other", type: 4, key: new Uint8Array(size - 11) } as const
      return bodyOf(Message.encode({ _tag: "HostLookup", sessionId: 1, requestId: 1, timeout: 1, query }))
    }
    assert.isTrue(Either.isRight(Message.decode(38, body(65_535))))
    const refused = Message.decode(38, body(65_536))
    assert.isTrue(Either.isLeft(refused) && refused.left.reason === "65536 bytes, at most 65535")
  })

  it("refuses frames that announce another length, and those that end in their header", () => {
    const frame = Message.encode({ _tag: "GetDate", version: "0.9.66" })
    assert.isTrue(Either.isRight(Message.decodeFrame(frame)))
    for (const bytes of [frame.subarray(0, -1), Uint8Array.of(...frame, 0), frame.subarray(0, 4), frame.subarray(5)]) {
      const refused = Message.decodeFrame(bytes)
      assert.isTrue(Either.isLeft(refused) && ["length", "type"].includes(refused.left.field), `${bytes.length} bytes`)
    }
  })

  it("says which type it does not know", () => {
    assert.isFalse(Message.isKnown(43))
    const result = Message.decode(43, new Uint8Array(0))
    assert.isTrue(Either.isLeft(result) && result.left.reason.includes("43"))
  })
})

const generated: FastCheck.Arbitrary<Message.Message> = FastCheck.oneof(
  Arbitrary.make(Message.Message),
  FastCheck.constantFrom<Array<Message.Message>>(
    createLeaseSet2,
    { ...createLeaseSet2, leaseSet: encrypted },
    { ...createLeaseSet2, leaseSet: meta, privateKeys: [] },
    sendMessageExpires
  )
)
const equivalence = Schema.equivalence(Message.Message)

describe("descriptors", () => {
  it("have type numbers and tags of their own", () => {
    const { descriptors } = Message
    assert.strictEqual(new Set(descriptors.map(({ type }) => type)).size, descriptors.length)
    assert.strictEqual(new Set(descriptors.map(({ tag }) => tag)).size, descriptors.length)
  })

  it.each(Message.descriptors.map((descriptor) => [descriptor.tag, descriptor] as const))(
    "%s: what it says is what its codec writes",
    (tag, { cap, direction, isAddressed, schema, type }) => {
      const largest = cap ?? Framer.capOf("ToRouter", type)
      FastCheck.assert(
        FastCheck.property(Arbitrary.make(schema), (message) => {
          const body = bodyOf(Message.encode(message))
          assert.strictEqual(message._tag, tag)
          assert.isAtMost(body.length, largest)
          assert.strictEqual("sessionId" in message, isAddressed)
          if ("sessionId" in message) assert.strictEqual((body[0]! << 8) | body[1]!, message.sessionId)
        }),
        { numRuns: 50 }
      )
      const addressee = direction === "ToRouter" ? undefined : isAddressed ? "Session" : "Connection"
      assert.strictEqual(Message.addresseeOf(type), addressee)
    }
  )
})

describe("round trips", () => {
  it("decodes every message it encodes", () => {
    FastCheck.assert(
      FastCheck.property(generated, (message) => {
        const decoded = Either.getOrThrow(Message.decodeFrame(Message.encode(message)))
        assert.isTrue(equivalence(decoded, message), JSON.stringify([message, decoded]))
      }),
      { numRuns: 500 }
    )
  })

  it("states the length of the body in every frame", () => {
    FastCheck.assert(
      FastCheck.property(generated, (message) => {
        const frame = Message.encode(message)
        assert.strictEqual(new DataView(frame.buffer, frame.byteOffset).getUint32(0), frame.length - 5)
        assert.strictEqual(frame[4], Message.typeOf(message._tag))
      })
    )
  })
})

describe("hostile bytes", () => {
  it("never throws on random bodies of any type", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 0, max: 255 }),
        FastCheck.uint8Array({ maxLength: 1_000 }),
        (type, body) => {
          assert.isTrue(Either.isEither(Message.decode(type, body)))
        }
      ),
      { numRuns: 2_000 }
    )
  })

  it("refuses every truncation of every message", () => {
    FastCheck.assert(
      FastCheck.property(generated, FastCheck.nat(), (message, cut) => {
        const body = bodyOf(Message.encode(message))
        const length = cut % Math.max(1, body.length)
        if (length === body.length || body.length === 0) return
        const decoded = Message.decode(Message.typeOf(message._tag), body.subarray(0, length))
        // These end in something optional or unframed, so a shorter one can be a message of its own.
        if (["GetDate", "SetDate", "Disconnect", "HostLookup"].includes(message._tag)) return
        assert.isTrue(Either.isLeft(decoded), message._tag)
      }),
      { numRuns: 1_000 }
    )
  })

  it("never throws on flipped bits", () => {
    FastCheck.assert(
      FastCheck.property(generated, FastCheck.nat(), (message, bit) => {
        const frame = Message.encode(message).slice()
        if (frame.length === 5) return
        const at = 5 + ((bit >>> 3) % (frame.length - 5))
        frame[at]! ^= 1 << (bit & 7)
        assert.isTrue(Either.isEither(Message.decodeFrame(frame)))
      }),
      { numRuns: 1_000 }
    )
  })
})
