import { assert, describe, it } from "@effect/vitest"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Address from "@effect-i2p/wire/Address"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import { decodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { createSession, inClear, leaseRequest } from "./ScriptedRouter.js"
import { NOW, settle, start, up } from "./session.js"
import { filled, keys, sha256, toHex } from "./vectors.js"

const { noble } = Signatures
const right = Either.getOrThrow
const { signingKey } = keys.destination
const clients = [1, 2].map((seed) => EncryptionKey.make(SecureRandom.makeSeeded(seed)))
const secret = Redacted.make("sécret")

/** Brings a session up; what it told the router to open its lease set with, and the lease set. */
const published = (config: Partial<I2cpConfig.Service>, as = keys) =>
  Effect.gen(function* () {
    const { router, session } = yield* start(config, undefined, as)
    const connection = yield* router.accept
    yield* Effect.addFinalizer(() => connection.hangUp)
    const { config: sent } = yield* createSession(connection, NOW)
    yield* connection.send(leaseRequest(NOW))
    const answer = yield* connection.expect("CreateLeaseSet2")
    yield* Fiber.join(session)
    return { connection, options: sent.options, answer }
  })

const opened = ({ leaseSet }: Message.CreateLeaseSet2, credentials: Partial<EncryptedLeaseSet.Credentials> = {}) => {
  assert(leaseSet.storeType === EncryptedLeaseSet.storeType)
  assert.deepStrictEqual(EncryptedLeaseSet.verify(leaseSet, noble), Either.right(true))
  return EncryptedLeaseSet.decrypt(leaseSet, { signingKey, ...credentials }, noble)
}

const base64 = (text: string | undefined) => right(decodeBase64(text ?? ""))

describe("a lease set", () => {
  it.scoped.each<[ReadonlyArray<number>, string]>([
    [[KeyType.ElGamal, KeyType.X25519], "4,0"],
    [[4, 6, 4], "6,4"],
    [[0], "0"],
    [[5], "5"],
    [[7, 4], "7,4"]
  ])("has a key of each type of %j, the newest first, in the order of its option", ([encryptionTypes, option]) =>
    Effect.gen(function* () {
      const { answer, options } = yield* published({ encryptionTypes })
      assert.strictEqual(options.get("i2cp.leaseSetEncType"), option)
      assert.strictEqual(options.get("i2cp.leaseSetType"), "3")
      const { encryptionKeys } = inClear(answer)
      assert.strictEqual(encryptionKeys.map(({ type }) => type).join(), option)
      assert.lengthOf(answer.privateKeys, encryptionKeys.length)
      for (const [at, { publicKey, type }] of encryptionKeys.entries()) {
        assert.strictEqual(answer.privateKeys[at]?.type, type)
        assert.isTrue(EncryptionKey.isPair(type, publicKey, answer.privateKeys[at]!.privateKey))
      }
      assert.strictEqual(new Set(encryptionKeys.map(({ publicKey }) => publicKey.join())).size, encryptionKeys.length)
    })
  )

  it.scoped("says which services are there, and whatever else it shall", () =>
    Effect.gen(function* () {
      const services = [ServiceRecord.here("smtp", 25), ServiceRecord.here("domain", 53, "udp")]
      const { answer } = yield* published({ services, leaseSetOptions: { foo: "bar" } })
      const { options } = inClear(answer)
      assert.deepStrictEqual(Object.fromEntries(options), {
        "_domain._udp": "0 86400 53",
        "_smtp._tcp": "0 86400 25",
        foo: "bar"
      })
      assert.deepStrictEqual(LeaseSet2.verify(inClear(answer), noble), Either.right(true))
    })
  )
})

describe("an encrypted lease set", () => {
  it.scoped("is for all who know the key, with the keys of what is inside", () =>
    Effect.gen(function* () {
      const { answer, options } = yield* published({ encryptedLeaseSet: {}, encryptionTypes: [4, 0] })
      assert.strictEqual(options.get("i2cp.leaseSetType"), "5")
      assert.strictEqual(options.get("i2cp.leaseSetAuthType"), "0")
      assert.isFalse(options.has("i2cp.leaseSetSecret") || options.has("i2cp.leaseSetPrivKey"))
      const inner = right(opened(answer))
      assert(inner.storeType === LeaseSet2.storeType)
      assert.isTrue(inner.unpublished && inner.blinded)
      for (const [at, { publicKey, type }] of inner.encryptionKeys.entries()) {
        assert.isTrue(EncryptionKey.isPair(type, publicKey, answer.privateKeys[at]!.privateKey))
      }
    })
  )

  it.scoped.each(["Dh", "Psk"] as const)(
    "is for clients with a key (%s) and for the router, under a secret",
    (scheme) =>
      Effect.gen(function* () {
        const authorization: EncryptedLeaseSet.Authorization =
          scheme === "Dh"
            ? { _tag: "Dh", clients: clients.map(({ publicKey }) => publicKey) }
            : { _tag: "Psk", clients: clients.map(({ privateKey }) => privateKey) }
        const { answer, options } = yield* published({ encryptedLeaseSet: { authorization, secret } })
        assert.strictEqual(options.get("i2cp.leaseSetAuthType"), scheme === "Dh" ? "1" : "2")
        assert.strictEqual(new TextDecoder().decode(base64(options.get("i2cp.leaseSetSecret"))), "sécret")
        const own = Redacted.make(base64(options.get("i2cp.leaseSetPrivKey")))
        for (const clientKey of [own, ...clients.map(({ privateKey }) => privateKey)]) {
          assert.isTrue(Either.isRight(opened(answer, { secret, clientKey })))
        }
        assert.isTrue(Either.isLeft(opened(answer, { secret })))
        assert.isTrue(Either.isLeft(opened(answer, { clientKey: own })))
      })
  )

  it.scoped("is made anew at midnight, under the name of the new day", () =>
    Effect.gen(function* () {
      const { answer, connection } = yield* published({ encryptedLeaseSet: {}, pingInterval: "3 hours" })
      // One hour, 46 minutes and 40 seconds before midnight. The router asks again shortly before, as routers do.
      yield* TestClock.adjust("6100 seconds")
      yield* connection.send(leaseRequest(NOW + 6_100_000))
      yield* settle
      yield* connection.waiting
      yield* TestClock.adjust("300 seconds")
      yield* settle
      const last = (yield* connection.waiting).filter((message) => message._tag === "CreateLeaseSet2").at(-1)
      assert(last?._tag === "CreateLeaseSet2")
      assert.isTrue(Either.isRight(opened(last)))
      assert.strictEqual(last.leaseSet.published, NOW / 1_000 + 6_400)
      assert(last.leaseSet.storeType === 5 && answer.leaseSet.storeType === 5)
      assert.notDeepEqual(last.leaseSet.blindedKey, answer.leaseSet.blindedKey)
    })
  )

  it.scoped("is signed offline with the keys of the day, and ends the session when the day has none", () =>
    Effect.gen(function* () {
      const random = SecureRandom.makeSeeded("days")
      const offline = right(DestinationKeys.makeOffline(keys, { expires: NOW / 1_000 + 864_000, random }))
      const day = right(Blinding.offlineOuterKeys(keys, { seconds: NOW / 1_000, random }))
      const { connection, leaseSet, session } = yield* up(
        { encryptedLeaseSet: { days: [day] }, pingInterval: "3 hours" },
        undefined,
        offline
      )
      assert.isTrue(Either.isRight(opened(leaseSet)))
      assert.deepStrictEqual(leaseSet.leaseSet.offline, day.offline)
      yield* TestClock.adjust("6390 seconds")
      yield* connection.send(leaseRequest(NOW + 6_390_000))
      yield* TestClock.adjust("10 seconds")
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Failed" && state.reason.message.includes("no blinded keys for 20231115"))
    })
  )
})

describe("a MetaLeaseSet", () => {
  const [near, far, gone] = [9, 10, 11].map((byte) => Hash.unsafeFromBytes(filled(byte)))
  const metaLeaseSet: I2cpConfig.MetaLeaseSetOptions = {
    entries: [
      { hash: near!, expires: "1 hour" },
      { hash: far!, storeType: 5, cost: 7, expires: "65535 seconds" }
    ],
    revocations: [gone!]
  }

  // Laid out and signed apart from this code: by a script over Python's struct and cryptography 48.0 (OpenSSL), after I2P's
  // common structures and I2CP specifications, for the keys of the vectors.
  it.scoped("names other destinations, without keys, to the byte", () =>
    Effect.gen(function* () {
      const { answer, options } = yield* published({ metaLeaseSet, leaseSetOptions: { a: "b" } })
      assert.strictEqual(options.get("i2cp.leaseSetType"), "7")
      const frame = Message.encode(answer)
      const entries = `${"09".repeat(32)}000003006553ff10${"0a".repeat(32)}000005076554f0ff01${"0b".repeat(32)}`
      assert.include(toHex(frame), `6553f100ffff0000000601613d01623b02${entries}`)
      assert.strictEqual(frame.length, 593)
      assert.strictEqual(sha256(frame), "7d037bbc873a17cd1e83d91a8da84da5724e4a85f9dc9028c56eaf5869ac11bf")
    })
  )

  it.scoped("has all its ends ahead after each request", () =>
    Effect.gen(function* () {
      const { answer, connection } = yield* published({ metaLeaseSet, pingInterval: "3 hours", published: false })
      yield* TestClock.adjust("590 seconds")
      yield* connection.send(leaseRequest(NOW + 590_000))
      const { leaseSet, privateKeys } = yield* connection.expect("CreateLeaseSet2")
      assert(leaseSet.storeType === MetaLeaseSet.storeType && answer.leaseSet.storeType === MetaLeaseSet.storeType)
      assert.deepStrictEqual(MetaLeaseSet.verify(leaseSet, noble), Either.right(true))
      assert.deepStrictEqual(
        leaseSet.entries.map(({ endDate }) => endDate - NOW),
        [590_000 + 3_600_000, 590_000 + 65_535_000]
      )
      assert.deepStrictEqual([leaseSet.published - answer.leaseSet.published, leaseSet.expires], [590, 65_535])
      assert.deepStrictEqual(leaseSet.revocations, [gone!])
      assert.isTrue(leaseSet.unpublished)
      assert.deepStrictEqual(privateKeys, [])
    })
  )

  it.scoped("is signed offline", () =>
    Effect.gen(function* () {
      const random = SecureRandom.makeSeeded("meta")
      const offline = right(DestinationKeys.makeOffline(keys, { expires: NOW / 1_000 + 864_000, random }))
      const { leaseSet } = (yield* published({ metaLeaseSet }, offline)).answer
      assert(leaseSet.storeType === MetaLeaseSet.storeType)
      assert.isDefined(leaseSet.offline)
      assert.deepStrictEqual(MetaLeaseSet.verify(leaseSet, noble), Either.right(true))
    })
  )
})

describe("a configuration no lease set can be made of", () => {
  const other = DestinationKeys.generate(SecureRandom.makeSeeded(3), noble, KeyType.EcdsaP256)
  const offline = right(
    DestinationKeys.makeOffline(keys, { expires: NOW / 1_000 + 9, random: SecureRandom.makeSeeded(5) })
  )
  const hash = Hash.unsafeFromBytes(filled(9))
  const meta = (
    entry: Partial<I2cpConfig.MetaLeaseSetEntry>,
    config: Partial<I2cpConfig.Service> = {},
    revocations?: ReadonlyArray<Hash.Hash>
  ): Partial<I2cpConfig.Service> => ({
    metaLeaseSet: { entries: [{ hash, expires: "1 hour", ...entry }], revocations },
    ...config
  })
  it.scoped.each<[Partial<I2cpConfig.Service>, RegExp, DestinationKeys.DestinationKeys?]>([
    [{ encryptionTypes: [] }, /encryptionTypes is empty/],
    [{ encryptionTypes: [1] }, /type 1 is not supported/],
    [{ encryptionTypes: [5, 6] }, /at most one of 5, 6/],
    [{ encryptionTypes: [6, 0] }, /no router takes ElGamal \(0\) together/],
    [{ options: { "i2cp.leaseSetEncType": "4,0" } }, /leaseSetEncType contradicts .* set encryptionTypes instead/],
    [{ options: { "i2cp.leaseSetType": "5" } }, /leaseSetType contradicts .* set encryptedLeaseSet instead/],
    [{ services: [ServiceRecord.here("SMTP", 25)] }, /is no service record/],
    [{ encryptedLeaseSet: {} }, /ECDSA_SHA256_P256 \(1\) cannot be encrypted/, other],
    [{ encryptedLeaseSet: {} }, /needs blinded keys for each day/, offline],
    [{ encryptedLeaseSet: { secret: Redacted.make("é".repeat(95)) } }, /more than 189 bytes/],
    [{ blindedAccess: [{ address: keys.destination.b32 }] }, /B32 is no b33 address/],
    [{ blindedAccess: [{ address: "example.com" }] }, /does not end in .i2p/],
    [
      {
        blindedAccess: [
          { address: right(Address.fromSigningKey(signingKey)).name, secret: Redacted.make("é".repeat(128)) }
        ]
      },
      /a secret has at most 255 bytes/
    ],
    [{ options: { "i2cp.leaseSetType": "7" } }, /leaseSetType contradicts .* set metaLeaseSet instead/],
    [meta({}, { options: { "i2cp.leaseSetType": "3" } }), /leaseSetType contradicts/],
    [meta({}, { encryptedLeaseSet: {} }), /metaLeaseSet and encryptedLeaseSet exclude each other/],
    [meta({}, { services: [ServiceRecord.here("smtp", 25)] }), /metaLeaseSet and services exclude each other/],
    [{ metaLeaseSet: { entries: [] } }, /has 0 entries, must be 1 to 255/],
    [{ metaLeaseSet: { entries: Array(256).fill({ hash, expires: "1 hour" }) } }, /has 256 entries/],
    [meta({}, {}, Array(256).fill(keys.destination.hash)), /has 256 revocations/],
    [meta({ hash: new Uint8Array(31) as Hash.Hash }), /a hash has 32 bytes/],
    [meta({ storeType: 2 }), /store type 2 is none of 1, 3, 5, 7/],
    [meta({ cost: 256 }), /cost 256, must be 0 to 255/],
    [meta({ expires: "14 minutes" }), /expires after 840 s, must be 900 to 65535/],
    [meta({ expires: "65536 seconds" }), /expires after 65536 s/],
    [meta({ expires: Number.NaN }), /expires after/],
    [meta({ hash: keys.destination.hash }), /names this destination itself/],
    [meta({}, {}, [hash]), /is an entry and revoked/]
  ])("is refused before any router hears of it: %j", ([config, expected, as]) =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ retryFirst: true, ...config }, undefined, as)
      const error = yield* Effect.flip(Fiber.join(session))
      assert(error._tag === "SessionRejected")
      assert.strictEqual(error.reason, "Misconfigured")
      assert.match(error.message, expected)
      assert.isFalse(yield* router.isConnected)
    })
  )
})

describe("lookup of a b33 address", () => {
  const peer = DestinationKeys.generate(SecureRandom.makeSeeded("b33")).destination
  const { name } = right(Address.fromSigningKey(peer.signingKey, { secretRequired: true }))
  const clientKey = { scheme: "Psk", key: clients[0]!.privateKey } as const

  it.scoped("gives the router secret and key first, whatever the flags of the address", () =>
    Effect.gen(function* () {
      const { address } = { address: right(Address.fromSigningKey(peer.signingKey)).name }
      const { connection, session } = yield* up({ blindedAccess: [{ address, secret, clientKey }] })
      const fiber = yield* Effect.fork(session.lookup(name))
      const info = yield* connection.expect("BlindingInfo")
      assert.deepStrictEqual(info.endpoint, { _tag: "Key", signingKey: peer.signingKey })
      assert.strictEqual(info.blindedType, 11)
      assert.strictEqual(info.expires, NOW / 1_000 + 86_400)
      assert.strictEqual(Redacted.value(info.secret!), "sécret")
      assert.strictEqual(info.clientKey?.scheme, "Psk")
      const lookup = yield* connection.expect("HostLookup")
      assert.strictEqual(lookup.sessionId, info.sessionId)
      assert.deepStrictEqual(lookup.query, { _tag: "Name", name })
      const answer = { _tag: "Found", destination: peer } as const
      yield* connection.send({ _tag: "HostReply", sessionId: 0, requestId: lookup.requestId, answer })
      assert.strictEqual((yield* Fiber.join(fiber)).b32, peer.b32)
    })
  )

  it.scoped.each([
    [2, "SecretRequired"],
    [3, "KeyRequired"],
    [4, "SecretAndKeyRequired"],
    [5, "NotDecrypted"],
    [6, "LeaseSetNotFound"],
    [7, "Unsupported"]
  ] as const)("says what code %i means, and gives nothing away of others' secrets", ([code, reason]) =>
    Effect.gen(function* () {
      const address = right(Address.fromSigningKey(keys.destination.signingKey)).name
      const { connection, session } = yield* up({ blindedAccess: [{ address, secret }] })
      // Past the time in which a young session asks again.
      yield* TestClock.adjust("16 seconds")
      const fiber = yield* Effect.fork(Effect.flip(session.lookup(name)))
      const { requestId } = yield* connection.expect("HostLookup")
      yield* connection.send({ _tag: "HostReply", sessionId: 0, requestId, answer: { _tag: "NotFound", code } })
      assert.strictEqual((yield* Fiber.join(fiber)).reason, reason)
    })
  )

  it.scoped("does not believe a destination with another key", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(Effect.flip(session.lookup(name)))
      const { requestId } = yield* connection.expect("HostLookup")
      const answer = { _tag: "Found", destination: keys.destination } as const
      yield* connection.send({ _tag: "HostReply", sessionId: 0, requestId, answer })
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "WrongDestination")
    })
  )
})
