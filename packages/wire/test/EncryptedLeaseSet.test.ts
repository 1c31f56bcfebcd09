/**
 * Golden bytes: made by this code from the inputs of `vectors.ts` with salts, cookies and nonces of `filled` bytes. That
 * they are what the specification says is checked beside them with a reader of its own, on `node:crypto` instead of noble.
 */
import * as crypto from "node:crypto"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { assert, describe, it } from "vitest"
import { encryptionKey, filled, flipBit, keys, toHex, truncations } from "./vectors.js"

const { noble } = Signatures
const right = Either.getOrThrow
const seconds = 1_700_000_000
const { signingKey } = keys.destination
const constant: SecureRandom.Service = { bytes: (n) => filled(0x5a, n), u32: () => 0 }

const leaseSet = (as: DestinationKeys.DestinationKeys = keys, published = seconds, expires = 600) =>
  right(
    LeaseSet2.make(
      as,
      {
        published,
        expires,
        unpublished: true,
        blinded: true,
        encryptionKeys: [{ type: 4, publicKey: encryptionKey.publicKey }],
        leases: [{ gateway: Hash.unsafeFromBytes(filled(0xaa)), tunnelId: 0x0102_0304, endDate: seconds * 1000 }]
      },
      noble
    )
  )

const inner = leaseSet()

const make = (options: Partial<Parameters<typeof EncryptedLeaseSet.make>[0]> = {}) =>
  EncryptedLeaseSet.make({
    inner,
    outer: right(Blinding.outerKeys(keys, seconds)),
    random: SecureRandom.makeSeeded("salts"),
    signatures: noble,
    ...options
  })

const open = (bytes: Uint8Array, credentials: Partial<EncryptedLeaseSet.Credentials> = {}) =>
  Either.flatMap(EncryptedLeaseSet.decode(bytes), (decoded) =>
    EncryptedLeaseSet.decrypt(decoded, { signingKey, ...credentials }, noble)
  )

const reason = (result: ReturnType<typeof open>): string =>
  Either.match(result, {
    onLeft: (error) => (error._tag === "DecryptError" ? error.reason : error._tag),
    onRight: () => "opened"
  })

const clients = [1, 2, 3].map((n) => EncryptionKey.make(SecureRandom.makeSeeded(n)))
const dh: EncryptedLeaseSet.Authorization = { _tag: "Dh", clients: clients.map(({ publicKey }) => publicKey) }
const psk: EncryptedLeaseSet.Authorization = { _tag: "Psk", clients: clients.map(({ privateKey }) => privateKey) }
const stranger = EncryptionKey.make(SecureRandom.makeSeeded(4)).privateKey

describe("known bytes", () => {
  it("encrypts for everybody", () => {
    const made = right(make({ random: constant }))
    assert.lengthOf(made.bytes, 2 + 32 + 8 + 2 + (32 + 1 + 32 + 1 + 543) + 64)
    assert.strictEqual(
      toHex(made.bytes.subarray(0, 76)),
      `000b9fdb2001e979f74ebe8eb47646a4697bc1d59a766e9e35448538bf9aa5b84ad66553f100025800000261${"5a".repeat(32)}`
    )
    assert.strictEqual(toHex(Hash.of(made.bytes)), "53443998ac6ae6fa8488752a7b49a950eb0823bfb4316c6e60ab5949d37dc4a7")
    assert.strictEqual(
      toHex(EncryptedLeaseSet.storeHash(made)),
      "c789f29fe4a6a17f7a794df8f548b190743e57d8a3e8cdc2bc7d27ce7258980f"
    )
  })

  it("encrypts for owners of X25519 keys, and of pre-shared ones", () => {
    assert.strictEqual(
      toHex(Hash.of(right(make({ random: constant, authorization: dh })).bytes)),
      "cc1bfe538f7836f095259f0e83a26d430518bd0b75417c3348aecc201a9c8333"
    )
    assert.strictEqual(
      toHex(Hash.of(right(make({ random: constant, authorization: psk })).bytes)),
      "194d19e58ebb4019d974d847d60d6976b7c89587db1898fcde92a37fbe8d82a5"
    )
  })

  it("is what another reader of the specification expects", () => {
    for (const authorization of [undefined, dh, psk]) {
      const { bytes } = right(make({ authorization }))
      assert.strictEqual(toHex(naive(bytes, Redacted.value(clients[1]!.privateKey))), `03${toHex(inner.bytes)}`)
    }
  })
})

const hkdf = (salt: Uint8Array, input: Uint8Array, info: string, length: number) =>
  Buffer.from(crypto.hkdfSync("sha256", input, salt, info, length))

const chacha = (okm: Buffer, data: Uint8Array) => {
  const iv = Buffer.concat([Buffer.of(1, 0, 0, 0), okm.subarray(32, 44)])
  return crypto.createDecipheriv("chacha20", okm.subarray(0, 32), iv).update(data)
}

const sha256 = (...parts: ReadonlyArray<Uint8Array>) =>
  crypto.createHash("sha256").update(Buffer.concat(parts)).digest()

/** Layer 2 in the clear, read straight down the specification. */
const naive = (bytes: Uint8Array, client: Uint8Array): Buffer => {
  const data = Buffer.from(bytes)
  const credential = sha256(Buffer.from("credential"), signingKey.bytes, Buffer.of(0, 7, 0, 11))
  const subcredential = sha256(Buffer.from("subcredential"), credential, data.subarray(2, 34))
  const input = Buffer.concat([subcredential, data.subarray(34, 38)])
  const outer = data.subarray(44, 44 + data.readUInt16BE(42))
  const plain = chacha(hkdf(outer.subarray(0, 32), input, "ELS2_L1K", 44), outer.subarray(32))
  const flags = plain[0]!
  let cookie: Uint8Array = new Uint8Array(0)
  let at = 1
  if (flags !== 0) {
    const head = plain.subarray(1, 33)
    const count = plain.readUInt16BE(33)
    const der = (prefix: string, key: Uint8Array) => Buffer.concat([Buffer.from(prefix, "hex"), key])
    const privateKey = crypto.createPrivateKey({
      key: der("302e020100300506032b656e04220420", client),
      format: "der",
      type: "pkcs8"
    })
    const ownPublic = crypto.createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32)
    const publicKey = crypto.createPublicKey({
      key: der("302a300506032b656e032100", head),
      format: "der",
      type: "spki"
    })
    const okm =
      flags === 1
        ? hkdf(head, Buffer.concat([crypto.diffieHellman({ privateKey, publicKey }), ownPublic, input]), "ELS2_XCA", 52)
        : hkdf(head, Buffer.concat([client, input]), "ELS2PSKA", 52)
    for (let n = 0; n < count; n++) {
      const entry = plain.subarray(35 + 40 * n, 75 + 40 * n)
      if (entry.subarray(0, 8).equals(okm.subarray(44))) cookie = chacha(okm, entry.subarray(8))
    }
    assert.lengthOf(cookie, 32)
    at = 35 + 40 * count
  }
  const salt = plain.subarray(at, at + 32)
  return chacha(hkdf(salt, Buffer.concat([cookie, input]), "ELS2_L2K", 44), plain.subarray(at + 32))
}

describe("EncryptedLeaseSet", () => {
  it("opens to the lease set that was put in, and verifies outside", () => {
    const decoded = right(EncryptedLeaseSet.decode(right(make()).bytes))
    assert.deepStrictEqual(EncryptedLeaseSet.verify(decoded, noble), Either.right(true))
    assert.deepStrictEqual(toHex(right(open(decoded.bytes)).bytes), toHex(inner.bytes))
    assert.deepStrictEqual(right(make()), decoded)
  })

  it("holds a MetaLeaseSet too", () => {
    const entries = [{ hash: Hash.unsafeFromBytes(filled(2)), storeType: 3, cost: 1, endDate: seconds * 1000 }]
    const meta = right(MetaLeaseSet.make(keys, { published: seconds, expires: 9, entries }, noble))
    assert.deepStrictEqual(right(open(right(make({ inner: meta })).bytes)).bytes, meta.bytes)
  })

  it("opens with the secret only", () => {
    const secret = Redacted.make("sécret")
    const { bytes } = right(make({ outer: right(Blinding.outerKeys(keys, seconds, secret)) }))
    assert.strictEqual(reason(open(bytes, { secret })), "opened")
    assert.strictEqual(reason(open(bytes)), "WrongKey")
    assert.strictEqual(reason(open(bytes, { secret: Redacted.make("secret") })), "WrongKey")
    assert.strictEqual(reason(open(right(make()).bytes, { secret })), "WrongKey")
  })

  it.each([
    ["X25519", dh],
    ["pre-shared", psk]
  ])("opens for each owner of %s keys, and for nobody else", (_, authorization) => {
    const { bytes } = right(make({ authorization }))
    for (const { privateKey } of clients) assert.strictEqual(reason(open(bytes, { clientKey: privateKey })), "opened")
    assert.strictEqual(reason(open(bytes)), "AuthorizationRequired")
    assert.strictEqual(reason(open(bytes, { clientKey: stranger })), "NotAuthorized")
    assert.strictEqual(reason(open(bytes, { clientKey: Redacted.make(filled(1, 31)) })), "NotAuthorized")
  })

  it("does not keep the order of clients", () => {
    const orders = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const random = SecureRandom.makeSeeded(seed)
      const made = right(make({ authorization: psk, random: { ...constant, u32: random.u32 } }))
      orders.add(toHex(made.ciphertext))
    }
    assert.strictEqual(orders.size, 6)
  })

  it("opens for the owner of a RedDSA destination", () => {
    const own = DestinationKeys.generate(SecureRandom.makeSeeded(11), noble, KeyType.RedDsaEd25519)
    const { bytes } = right(make({ inner: leaseSet(own), outer: right(Blinding.outerKeys(own, seconds)) }))
    assert.strictEqual(reason(open(bytes, { signingKey: own.destination.signingKey })), "opened")
    assert.strictEqual(reason(open(bytes)), "WrongKey")
  })

  it("is signed offline, outside and inside", () => {
    const random = SecureRandom.makeSeeded("offline")
    const outer = right(Blinding.offlineOuterKeys(keys, { seconds, random }))
    const offline = right(DestinationKeys.makeOffline(keys, { expires: seconds + 9, random }))
    const decoded = right(EncryptedLeaseSet.decode(right(make({ inner: leaseSet(offline), outer })).bytes))
    assert.deepStrictEqual(decoded.offline, outer.offline)
    assert.deepStrictEqual(EncryptedLeaseSet.verify(decoded, noble), Either.right(true))
    assert.strictEqual(reason(open(decoded.bytes)), "opened")
    for (const at of [40, 50, 100, 200]) {
      const changed = EncryptedLeaseSet.decode(flipBit(decoded.bytes, at * 8))
      const verified = Either.flatMap(changed, (one) => EncryptedLeaseSet.verify(one, noble))
      assert.isFalse(
        Either.getOrElse(verified, () => false),
        `byte ${at}`
      )
    }
  })

  it("expires with its key, at midnight, and is not made with the key of another day", () => {
    const midnight = Blinding.nextMidnight(seconds)
    const outer = right(Blinding.outerKeys(keys, seconds))
    assert.strictEqual(right(make({ inner: leaseSet(keys, midnight - 1) })).expires, 1)
    assert.strictEqual(right(make({ inner: leaseSet(keys, midnight - 600) })).expires, 600)
    const late = make({ inner: leaseSet(keys, midnight), outer })
    assert.match(right(Either.flip(late)).message, /is on 20231115, the blinded key is of 20231114/)
  })

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])("keeps published %i unsigned, in its keys as well", (published) => {
    const at = { inner: leaseSet(keys, published, 1), outer: right(Blinding.outerKeys(keys, published)) }
    const { bytes } = right(make({ ...at, authorization: dh }))
    const opened = right(open(bytes, { clientKey: clients[0]!.privateKey }))
    assert.strictEqual(opened.published, published)
    assert.strictEqual(right(EncryptedLeaseSet.decode(bytes)).published, published)
  })

  it("refuses clients that are none, and more than fit", () => {
    const message = (authorization: EncryptedLeaseSet.Authorization) =>
      Either.match(make({ authorization }), { onLeft: (error) => error.message, onRight: () => "made" })
    const many = (count: number) => Array.from({ length: count }, () => stranger)
    assert.match(message({ _tag: "Dh", clients: [] }), /clients: 0, must be 1 to 102/)
    assert.match(message({ _tag: "Psk", clients: many(103) }), /clients: 103/)
    assert.match(message({ _tag: "Psk", clients: many(87) }), /ciphertext: 4123 bytes, at most 4096/)
    assert.strictEqual(message({ _tag: "Psk", clients: many(86) }), "made")
    assert.match(message({ _tag: "Dh", clients: [filled(1, 31)] }), /a key is not 32 bytes/)
    // Of small order: whoever sees the ephemeral key could work out the shared secret.
    assert.match(message({ _tag: "Dh", clients: [filled(0)] }), /is no X25519 public key/)
  })

  it("knows a lease set that the destination did not sign", () => {
    const forged = { ...inner, bytes: flipBit(inner.bytes, inner.bytes.length * 8 - 20) }
    assert.strictEqual(reason(open(right(make({ inner: forged })).bytes)), "BadSignature")
    const other = DestinationKeys.generate(SecureRandom.makeSeeded(9))
    const foreign = { ...leaseSet(other), destination: keys.destination }
    assert.strictEqual(reason(open(right(make({ inner: foreign })).bytes)), "WrongKey")
    const noLeaseSet = { ...inner, bytes: inner.bytes.subarray(0, 500) }
    assert.strictEqual(reason(open(right(make({ inner: noLeaseSet })).bytes)), "Malformed")
  })

  it("never opens, and never throws, once a bit is flipped or a byte missing", () => {
    const clientKey = clients[0]!.privateKey
    for (const authorization of [undefined, dh, psk]) {
      const { bytes } = right(make({ authorization }))
      // The signature of the outside has its own check.
      const bits = (bytes.length - 64) * 8
      fc.assert(
        fc.property(fc.nat(bits - 1), (bit) => {
          const changed = flipBit(bytes, bit)
          const decoded = EncryptedLeaseSet.decode(changed)
          const verified = Either.flatMap(decoded, (one) => EncryptedLeaseSet.verify(one, noble))
          assert.isFalse(Either.getOrElse(verified, () => false))
          assert.isTrue(Either.isEither(open(changed, { clientKey })))
        }),
        { numRuns: 60 }
      )
    }
    const { bytes } = right(make({ authorization: dh }))
    for (const part of truncations(bytes))
      assert.isTrue(Either.isLeft(EncryptedLeaseSet.decode(part)), `${part.length}`)
  })

  it("never throws on noise in place of a ciphertext", () => {
    const decoded = right(make())
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (ciphertext) => {
        const result = EncryptedLeaseSet.decrypt({ ...decoded, ciphertext }, { signingKey, clientKey: stranger }, noble)
        assert.isTrue(Either.isLeft(result))
      })
    )
  })

  it("reads every layer 1 without throwing, whatever it says", () => {
    // Encrypted with the right keys, so that what is inside gets read.
    const input = Buffer.concat([
      Blinding.subcredential(signingKey, right(make()).blindedKey),
      Buffer.of(0x65, 0x53, 0xf1, 0)
    ])
    const salt = filled(1)
    const sealed = (plain: Uint8Array) => Buffer.concat([salt, chacha(hkdf(salt, input, "ELS2_L1K", 44), plain)])
    const plain = fc.tuple(fc.constantFrom(0, 1, 3, 2, 5, 0x11, 0xff), fc.uint8Array({ maxLength: 200 }))
    fc.assert(
      fc.property(plain, ([flags, rest]) => {
        const ciphertext = sealed(Uint8Array.of(flags, ...rest))
        for (const clientKey of [undefined, stranger]) {
          const result = EncryptedLeaseSet.decrypt({ ...right(make()), ciphertext }, { signingKey, clientKey }, noble)
          assert.isTrue(Either.isLeft(result) && result.left._tag === "DecryptError")
        }
      }),
      { numRuns: 50 }
    )
  })
})
