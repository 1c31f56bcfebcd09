/**
 * Messages by which a router asks for a lease set and gets it.
 *
 * @since 0.1.0
 */
import * as AnyLeaseSet from "@effect-i2p/wire/AnyLeaseSet"
import type { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Lease from "@effect-i2p/wire/Lease"
import { bytes } from "@effect-i2p/wire/WireSchema"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import { type Descriptor, fitsRouter } from "../internal/message/descriptor.js"

/**
 * 37, router → client: sign a lease set with these leases. Every request needs an answer, at once: i2pd closes the
 * connection after 10 s without one.
 *
 * **Source** I2CP specification "RequestVariableLeaseSetMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const RequestVariableLeaseSet = Schema.TaggedStruct("RequestVariableLeaseSet", {
  sessionId: Ids.SessionId,
  leases: Schema.Array(Lease.Schema).pipe(Schema.maxItems(255))
})

/**
 * @category messages
 * @since 0.1.0
 */
export type RequestVariableLeaseSet = typeof RequestVariableLeaseSet.Type

const requestVariableLeaseSet: Descriptor<typeof RequestVariableLeaseSet, "ToClient"> = {
  schema: RequestVariableLeaseSet,
  direction: "ToClient",
  cap: 11_223,
  tag: "RequestVariableLeaseSet",
  type: 37,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u8(message.leases.length)
    for (const lease of message.leases) Lease.writeLease(writer, lease)
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const count = reader.u8("count")
    const leases: Array<Lease.Lease> = []
    for (let n = 0; n < count && !reader.failed; n++) leases.push(Lease.readLease(reader))
    return { _tag: "RequestVariableLeaseSet", sessionId, leases }
  }
}

/**
 * An encryption private key on its way to the router, which decrypts for us.
 *
 * **Shape** of the same type, and at the same place in the list, as the public key in the lease set.
 *
 * @category models
 * @since 0.1.0
 */
export const EncryptionPrivateKey = Schema.Struct({
  type: Ids.Uint16,
  privateKey: Schema.RedactedFromSelf(bytes(0, 0xffff))
})

/**
 * @category models
 * @since 0.1.0
 */
export type EncryptionPrivateKey = typeof EncryptionPrivateKey.Type

/**
 * What a client can publish: in clear (3), encrypted (5), or a list of others (7).
 *
 * @category models
 * @since 0.1.0
 */
export type LeaseSet = AnyLeaseSet.Publishable

/** Whether keys, or at least their count, follow the lease set. */
const hasKeys = ({ storeType }: LeaseSet): boolean => AnyLeaseSet.byStoreType(storeType)!.hasPrivateKeys

const bodyLength = (message: {
  readonly leaseSet: LeaseSet
  readonly privateKeys: ReadonlyArray<EncryptionPrivateKey>
}): number => {
  const keys = message.privateKeys.reduce((sum, { privateKey }) => sum + 4 + Redacted.value(privateKey).length, 1)
  return 3 + message.leaseSet.bytes.length + (hasKeys(message.leaseSet) ? keys : 0)
}

/**
 * 41, client → router: a signed lease set and the private keys to its encryption keys.
 *
 * **Shape** of an encrypted lease set the keys are those of the one inside; a MetaLeaseSet has none, and not even a count
 * of them. Store type 1, which the specification once allowed here, is refused: Java and i2pd read it differently.
 * **Source** I2CP specification "CreateLeaseSet2Message".
 *
 * @category messages
 * @since 0.1.0
 */
export const CreateLeaseSet2 = fitsRouter(
  Schema.TaggedStruct("CreateLeaseSet2", {
    sessionId: Ids.SessionId,
    leaseSet: AnyLeaseSet.PublishableSchema,
    privateKeys: Schema.Array(EncryptionPrivateKey).pipe(Schema.maxItems(255))
  }).pipe(
    Schema.filter(
      ({ leaseSet, privateKeys }) =>
        hasKeys(leaseSet) || privateKeys.length === 0 || "a MetaLeaseSet has no private keys",
      {
        arbitrary: (from) => (fc) =>
          from(fc).map((message) => (hasKeys(message.leaseSet) ? message : { ...message, privateKeys: [] }))
      }
    )
  ),
  bodyLength
)

/**
 * @category messages
 * @since 0.1.0
 */
export type CreateLeaseSet2 = typeof CreateLeaseSet2.Type

const createLeaseSet2: Descriptor<typeof CreateLeaseSet2, "ToRouter"> = {
  schema: CreateLeaseSet2,
  direction: "ToRouter",
  tag: "CreateLeaseSet2",
  type: 41,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u8(message.leaseSet.storeType)
    writer.bytes(message.leaseSet.bytes)
    if (!hasKeys(message.leaseSet)) return
    writer.u8(message.privateKeys.length)
    for (const { privateKey, type } of message.privateKeys) {
      const bytes = Redacted.value(privateKey)
      writer.u16(type)
      writer.u16(bytes.length)
      writer.bytes(bytes)
    }
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const leaseSet = readLeaseSet(reader)
    const privateKeys: Array<EncryptionPrivateKey> = []
    const count = leaseSet === undefined || !hasKeys(leaseSet) ? 0 : reader.u8("keyCount")
    for (let n = 0; n < count && !reader.failed; n++) {
      const type = reader.u16("keyType")
      privateKeys.push({ type, privateKey: Redacted.make(reader.copy(reader.u16("keyLength"), "privateKey")) })
    }
    return leaseSet === undefined ? undefined : { _tag: "CreateLeaseSet2", sessionId, leaseSet, privateKeys }
  }
}

const readLeaseSet = (reader: ByteReader): LeaseSet | undefined => {
  const storeType = reader.u8("storeType")
  const descriptor = AnyLeaseSet.byStoreType(storeType)
  if (descriptor?.isPublishable === true) return descriptor.read(reader) as LeaseSet | undefined
  reader.fail("storeType", `store type ${storeType} is not supported`)
  return undefined
}

/** @internal */
export const leaseSetMessages = [requestVariableLeaseSet, createLeaseSet2] as const
