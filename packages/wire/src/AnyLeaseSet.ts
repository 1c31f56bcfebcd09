/**
 * Every type of lease set as what it consists of: store type, Schema, codec, verification. Whatever has to know all of them
 * reads this list: the message that publishes them, the embedded router, the fuzzing targets. A new type is a module of its
 * own and a line here.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import type { ByteReader } from "./ByteReader.js"
import * as EncryptedLeaseSet from "./EncryptedLeaseSet.js"
import * as LeaseSet from "./LeaseSet.js"
import * as LeaseSet2 from "./LeaseSet2.js"
import * as MetaLeaseSet from "./MetaLeaseSet.js"
import type { SignatureError } from "./SignatureError.js"
import type * as Signatures from "./Signatures.js"
import type { DecodeError } from "./WireError.js"

/**
 * A type of lease set.
 *
 * **Shape** `isPublishable`: I2CP's CreateLeaseSet2 carries it. `hasPrivateKeys`: it has encryption keys, or something
 * inside has, whose private halves the router needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Descriptor<A extends { readonly storeType: number; readonly bytes: Uint8Array }> {
  readonly name: string
  readonly storeType: A["storeType"]
  readonly schema: EffectSchema.Schema<A>
  readonly read: (reader: ByteReader) => A | undefined
  readonly decode: (bytes: Uint8Array) => Either.Either<A, DecodeError>
  readonly verify: (leaseSet: A, signatures: Signatures.Service) => Either.Either<boolean, SignatureError>
  readonly isPublishable: boolean
  readonly hasPrivateKeys: boolean
}

const leaseSet: Descriptor<LeaseSet.LeaseSet> = {
  name: "LeaseSet",
  storeType: LeaseSet.storeType,
  schema: LeaseSet.Schema,
  read: LeaseSet.read,
  decode: LeaseSet.decode,
  verify: LeaseSet.verify,
  isPublishable: false,
  hasPrivateKeys: true
}

const leaseSet2: Descriptor<LeaseSet2.LeaseSet2> = {
  name: "LeaseSet2",
  storeType: LeaseSet2.storeType,
  schema: LeaseSet2.Schema,
  read: LeaseSet2.read,
  decode: LeaseSet2.decode,
  verify: LeaseSet2.verify,
  isPublishable: true,
  hasPrivateKeys: true
}

const metaLeaseSet: Descriptor<MetaLeaseSet.MetaLeaseSet> = {
  name: "MetaLeaseSet",
  storeType: MetaLeaseSet.storeType,
  schema: MetaLeaseSet.Schema,
  read: MetaLeaseSet.read,
  decode: MetaLeaseSet.decode,
  verify: MetaLeaseSet.verify,
  isPublishable: true,
  hasPrivateKeys: false
}

const encryptedLeaseSet: Descriptor<EncryptedLeaseSet.EncryptedLeaseSet> = {
  name: "EncryptedLeaseSet",
  storeType: EncryptedLeaseSet.storeType,
  schema: EncryptedLeaseSet.Schema,
  read: EncryptedLeaseSet.read,
  decode: EncryptedLeaseSet.decode,
  verify: EncryptedLeaseSet.verify,
  isPublishable: true,
  hasPrivateKeys: true
}

const publishable = [leaseSet2, metaLeaseSet, encryptedLeaseSet] as const
const all = [leaseSet, ...publishable] as const

type ValueOf<D> = D extends Descriptor<infer A> ? A : never

/**
 * A lease set of any type.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyLeaseSet = ValueOf<(typeof all)[number]>

/**
 * A lease set that a client can have its router publish.
 *
 * @category models
 * @since 0.1.0
 */
export type Publishable = ValueOf<(typeof publishable)[number]>

/**
 * All types.
 *
 * @category descriptors
 * @since 0.1.0
 */
export const descriptors = all as unknown as ReadonlyArray<Descriptor<AnyLeaseSet>>

/**
 * Whole lease sets of any type that can be published.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PublishableSchema: EffectSchema.Schema<Publishable> = EffectSchema.Union(
  ...publishable.map(({ schema }) => schema as EffectSchema.Schema<Publishable>)
)

/**
 * The type with this number, if it is one.
 *
 * @category lookups
 * @since 0.1.0
 */
export const byStoreType = (storeType: number): Descriptor<AnyLeaseSet> | undefined =>
  descriptors.find((descriptor) => descriptor.storeType === storeType)

/**
 * Whether the owner, or the transient key it vouches for, signed this lease set. Says nothing about dates.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (leaseSet: AnyLeaseSet, signatures: Signatures.Service): Either.Either<boolean, SignatureError> =>
  byStoreType(leaseSet.storeType)!.verify(leaseSet, signatures)
