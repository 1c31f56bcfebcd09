/**
 * Messages by which a router asks for a lease set and gets it.
 *
 * @since 0.1.0
 */
import * as Lease from "@effect-i2p/wire/Lease"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import type { Codec } from "../internal/codec.js"
import { Bytes } from "../internal/schemas.js"

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

/** @internal */
export const requestVariableLeaseSet: Codec<RequestVariableLeaseSet> = {
  type: 37,
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
  privateKey: Schema.RedactedFromSelf(Bytes)
})

/**
 * @category models
 * @since 0.1.0
 */
export type EncryptionPrivateKey = typeof EncryptionPrivateKey.Type

const LeaseSet2FromSelf: Schema.Schema<LeaseSet2.LeaseSet2> = Schema.declare(
  (u: unknown): u is LeaseSet2.LeaseSet2 =>
    typeof u === "object" && u !== null && "encryptionKeys" in u && "bytes" in u && u.bytes instanceof Uint8Array,
  { identifier: "LeaseSet2" }
)

/**
 * 41, client → router: a signed lease set and the private keys to its encryption keys. Only store type 3: encrypted
 * and meta lease sets are not written, and refused when read.
 *
 * **Source** I2CP specification "CreateLeaseSet2Message".
 *
 * @category messages
 * @since 0.1.0
 */
export const CreateLeaseSet2 = Schema.TaggedStruct("CreateLeaseSet2", {
  sessionId: Ids.SessionId,
  leaseSet: LeaseSet2FromSelf,
  privateKeys: Schema.Array(EncryptionPrivateKey).pipe(Schema.maxItems(255))
})

/**
 * @category messages
 * @since 0.1.0
 */
export type CreateLeaseSet2 = typeof CreateLeaseSet2.Type

/** @internal */
export const createLeaseSet2: Codec<CreateLeaseSet2> = {
  type: 41,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u8(LeaseSet2.storeType)
    writer.bytes(message.leaseSet.bytes)
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
    const storeType = reader.u8("storeType")
    if (storeType !== LeaseSet2.storeType) reader.fail("storeType", `store type ${storeType} is not supported`)
    const leaseSet = LeaseSet2.read(reader)
    const count = reader.u8("keyCount")
    const privateKeys: Array<EncryptionPrivateKey> = []
    for (let n = 0; n < count && !reader.failed; n++) {
      const type = reader.u16("keyType")
      privateKeys.push({ type, privateKey: Redacted.make(reader.copy(reader.u16("keyLength"), "privateKey")) })
    }
    return leaseSet === undefined ? undefined : { _tag: "CreateLeaseSet2", sessionId, leaseSet, privateKeys }
  }
}
