/**
 * Sessions of ours on Java I2P's router: what it takes, what only it has, and what comes of its end.
 */
import { assert, layer } from "@effect/vitest"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import { SecureRandom, system } from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as JavaNetwork from "../../src/JavaNetwork.js"
import * as Sessions from "../../src/Sessions.js"
import * as Transfer from "../transfer.js"

type Session = Context.Tag.Service<I2cpSession.I2cpSession>

const open = (config: Partial<I2cpConfig.Service> = {}, options: I2cpSession.Options = {}) =>
  Effect.flatMap(JavaNetwork.JavaNetwork, ({ router }) => Sessions.open(router, options, config))

const protocol = 18

/** A message there, and one back. */
const meet = (one: Session, other: Session) =>
  Effect.forEach(
    [
      { from: one, to: other },
      { from: other, to: one }
    ],
    ({ from, to }) =>
      Effect.gen(function* () {
        const inbox = yield* to.subscribe(protocol)
        const payload = crypto.getRandomValues(new Uint8Array(1_000))
        yield* from.send({ to: to.destination, protocol, sourcePort: 1, destinationPort: 2, payload })
        const message = yield* Effect.timeout(Queue.take(inbox), "10 seconds")
        assert.deepStrictEqual(new Uint8Array(message.payload), payload)
        assert.deepStrictEqual([message.sourcePort, message.destinationPort], [1, 2])
      }).pipe(Effect.scoped),
    { discard: true }
  )

/** Java ends a session whose lease set it does not believe at once. */
const staysUp = (session: Session) =>
  Effect.gen(function* () {
    yield* Effect.sleep("2 seconds")
    assert.strictEqual((yield* session.state.get)._tag, "Ready")
    assert.strictEqual((yield* session.stats).connections, 1)
  })

/** One of those for whom a lease set is. */
const friend = EncryptionKey.make(system)

layer(JavaNetwork.layer, { excludeTestServices: true, timeout: "90 seconds" })("sessions of ours on Java I2P", (it) => {
  it.scoped.each<[string, Partial<I2cpConfig.Service>]>([
    ["X25519", {}],
    ["X25519 and ElGamal", { encryptionTypes: [4, 0] }],
    ["ElGamal alone", { encryptionTypes: [0] }],
    ["options", { services: [ServiceRecord.here("smtp", 25)], leaseSetOptions: { foo: "bar" } }],
    ["encryption of the whole", { encryptedLeaseSet: {} }],
    ["encryption, and a secret", { encryptedLeaseSet: { secret: Redacted.make("not for everybody") } }],
    [
      "encryption for some, by DH",
      { encryptedLeaseSet: { authorization: { _tag: "Dh", clients: [friend.publicKey] } } }
    ],
    [
      "encryption for some, by PSK",
      { encryptedLeaseSet: { authorization: { _tag: "Psk", clients: [friend.privateKey] } } }
    ]
  ])("give lease sets with %s, which it takes", ([, config]) =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.all([open(config), open()], { concurrency: 2 })
      yield* meet(one, other)
      yield* staysUp(one)
    })
  )

  it.scoped("name others in a meta lease set, which it takes", () =>
    Effect.gen(function* () {
      const named = yield* open()
      yield* staysUp(yield* open({ metaLeaseSet: { entries: [{ hash: named.destination.hash, expires: "2 hours" }] } }))
    })
  )

  it.scoped.each([KeyType.Ed25519, KeyType.EcdsaP256, KeyType.EcdsaP384, KeyType.EcdsaP521, KeyType.RedDsaEd25519])(
    "have a destination whose signing key is of type %i",
    (type) =>
      Effect.gen(function* () {
        const keys = DestinationKeys.generate(yield* SecureRandom, Signatures.noble, type)
        const [one, other] = yield* Effect.all([open({}, { keys }), open()], { concurrency: 2 })
        yield* meet(one, other)
        yield* staysUp(one)
      })
  )

  it.scoped("keep their master key at home, which i2pd does not let them", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom
      const now = yield* Clock.currentTimeMillis
      const master = DestinationKeys.generate(random)
      const keys = yield* DestinationKeys.makeOffline(master, { expires: Math.round(now / 1_000) + 3_600, random })
      const [one, other] = yield* Effect.all([open({}, { keys }), open()], { concurrency: 2 })
      assert.strictEqual(one.destination.b32, master.destination.b32)
      yield* meet(one, other)
      yield* staysUp(one)
    })
  )

  it.scoped("have others beside them on one connection, which i2pd has not", () =>
    Effect.gen(function* () {
      const [session, visitor] = yield* Effect.all([open(), open()], { concurrency: 2 })
      const keys = DestinationKeys.generateSubsession(session.destination, yield* SecureRandom)
      const second = yield* session.subsession({ keys })
      yield* second.ready
      assert.strictEqual(second.destination.b32, keys.destination.b32)
      yield* meet(second, visitor)
      yield* meet(session, visitor)
      yield* staysUp(session)
    })
  )

  it.scoped("are told of the router's bandwidth, and change their options as they run", () =>
    Effect.gen(function* () {
      const session = yield* open()
      assert.isAbove((yield* session.bandwidth).clientInbound, 0)
      yield* session.reconfigure({ inboundQuantity: 2 })
      yield* staysUp(session)
    })
  )

  it.scoped("hear that a message got to another client of it: 6, success, local", () =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.all([open(), open()], { concurrency: 2 })
      const status = yield* one.deliver({
        to: other.destination,
        protocol,
        sourcePort: 0,
        destinationPort: 0,
        payload: new Uint8Array(100)
      })
      assert.strictEqual(status, 6)
    })
  )

  it.scoped("live through its end in mid-transfer: it is killed and started again, and every byte arrives", () =>
    Effect.gen(function* () {
      const { router, signal, start } = yield* JavaNetwork.JavaNetwork
      const [near, far] = yield* Effect.all([Transfer.open(router), Transfer.open(router)], { concurrency: 2 })
      yield* Transfer.transfer(near, far, Effect.zipRight(signal("KILL"), start))
    })
  )
})
