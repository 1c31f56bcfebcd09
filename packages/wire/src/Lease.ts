/**
 * Leases: the tunnels by which a destination can be reached, and until when.
 *
 *     Lease  (44): gateway 32, tunnel u32, end u64 milliseconds   what a router offers in RequestVariableLeaseSet
 *     Lease2 (40): gateway 32, tunnel u32, end u32 seconds        what a LeaseSet2 publishes
 *
 * Both have the same value here, with the end in milliseconds; the 40-byte form rounds it down to seconds, as Java does.
 *
 * @since 0.1.0
 */
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import { ByteWriter } from "./ByteWriter.js"
import * as Hash from "./Hash.js"
import * as I2pDate from "./I2pDate.js"
import * as WireSchema from "./WireSchema.js"

/**
 * A lease.
 *
 * **Units** `endDate` in epoch milliseconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema = EffectSchema.Struct({
  gateway: Hash.Schema,
  tunnelId: WireSchema.Uint32,
  endDate: I2pDate.Schema
}).pipe(EffectSchema.annotations({ identifier: "Lease" }))

/**
 * A lease as a LeaseSet2 carries it, which ends with a second.
 *
 * **Units** `endDate` in epoch milliseconds, whole seconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Lease2 = EffectSchema.Struct({
  gateway: Hash.Schema,
  tunnelId: WireSchema.Uint32,
  endDate: I2pDate.Seconds
}).pipe(EffectSchema.annotations({ identifier: "Lease2" }))

/**
 * The entrance of a tunnel, and until when it is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  readonly gateway: Hash.Hash
  readonly tunnelId: number
  readonly endDate: I2pDate.I2pDate
}

/**
 * A Lease has 44 bytes, a Lease2 40. Source: I2P common structures.
 *
 * @category constants
 * @since 0.1.0
 */
export const leaseLength = 44
/** Bytes of a lease in a LeaseSet2. @since 0.1.0 @category constants */
export const lease2Length = 40

/**
 * Reads the 44-byte form.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readLease = (reader: ByteReader): Lease => ({
  gateway: Hash.read(reader, "lease gateway"),
  tunnelId: reader.u32("lease tunnel"),
  endDate: I2pDate.read(reader, "lease end")
})

/**
 * Writes the 44-byte form.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeLease = (writer: ByteWriter, lease: Lease): void => {
  writer.bytes(lease.gateway)
  writer.u32(lease.tunnelId)
  I2pDate.write(writer, lease.endDate)
}

/**
 * Reads the 40-byte form.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readLease2 = (reader: ByteReader): Lease => ({
  gateway: Hash.read(reader, "lease gateway"),
  tunnelId: reader.u32("lease tunnel"),
  endDate: I2pDate.fromSeconds(reader.u32("lease end"))
})

/**
 * Writes the 40-byte form; the end is rounded down to whole seconds.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeLease2 = (writer: ByteWriter, lease: Lease): void => {
  writer.bytes(lease.gateway)
  writer.u32(lease.tunnelId)
  writer.u32(I2pDate.toSeconds(lease.endDate))
}

/**
 * Leases from and to their 44 bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<Lease, Uint8Array> = WireSchema.fromBytes(Schema, {
  decode: (bytes) => {
    const reader = new ByteReader("Lease", bytes)
    return reader.finish(readLease(reader))
  },
  encode: (lease) => {
    const writer = new ByteWriter(leaseLength)
    writeLease(writer, lease)
    return writer.toBytes()
  }
})

/**
 * Leases of a LeaseSet2 from and to their 40 bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Lease2FromBytes: EffectSchema.Schema<Lease, Uint8Array> = WireSchema.fromBytes(Lease2, {
  decode: (bytes) => {
    const reader = new ByteReader("Lease2", bytes)
    return reader.finish(readLease2(reader))
  },
  encode: (lease) => {
    const writer = new ByteWriter(lease2Length)
    writeLease2(writer, lease)
    return writer.toBytes()
  }
})
