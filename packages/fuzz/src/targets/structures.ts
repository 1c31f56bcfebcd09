/**
 * The common structures: destinations, mappings, leases, lease sets of every type, key files.
 *
 * @since 0.1.0
 */
import * as AnyLeaseSet from "@effect-i2p/wire/AnyLeaseSet"
import * as Blinding from "@effect-i2p/wire/Blinding"
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as LeaseSet from "@effect-i2p/wire/LeaseSet"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { must, mustBePrecise, roundTrip, type Target } from "../Target.js"
import * as Samples from "./samples.js"

const lease = { gateway: Hash.unsafeFromBytes(new Uint8Array(32).fill(1)), tunnelId: 1, endDate: 601_000 }

const clear = (keys: DestinationKeys.DestinationKeys) =>
  Either.getOrThrow(
    LeaseSet2.make(
      keys,
      {
        published: 1,
        expires: 600,
        options: ServiceRecord.toOptions([ServiceRecord.here("http", 80)]).pipe(Either.getOrThrow),
        encryptionKeys: [
          { type: 4, publicKey: EncryptionKey.make(SecureRandom.makeSeeded("fuzz lease sets")).publicKey }
        ],
        leases: [lease, lease]
      },
      Signatures.noble
    )
  )

const meta = (keys: DestinationKeys.DestinationKeys) =>
  Either.getOrThrow(
    MetaLeaseSet.make(
      keys,
      {
        published: 1,
        expires: 600,
        entries: [{ hash: lease.gateway, storeType: 3, cost: 1, endDate: 601_000 }],
        revocations: [lease.gateway]
      },
      Signatures.noble
    )
  )

const legacy = () =>
  Either.getOrThrow(
    LeaseSet.make(Samples.keys, { encryptionKey: new Uint8Array(256).fill(3), leases: [lease] }, Signatures.noble)
  )

const outer = Either.getOrThrow(
  Blinding.offlineOuterKeys(Samples.keys, { seconds: 1, random: SecureRandom.makeSeeded("outer") })
)

const encrypted = (inner: EncryptedLeaseSet.Inner) =>
  EncryptedLeaseSet.make({ inner, outer, random: SecureRandom.makeSeeded("fuzz"), signatures: Signatures.noble })

const verified = (result: Either.Either<boolean, Signatures.SignatureError>): void =>
  must(Either.isRight(result) || result.left._tag === "SignatureError", "verifying answers or has a tagged error")

const types = AnyLeaseSet.descriptors

/** As `LeaseSet2.maxBytes`, with room for what others take. */
const maxLeaseSetBytes = 4_096

/** Which type, then the lease set. */
const checkLeaseSet = (input: Uint8Array): void => {
  if (input.length === 0) return
  const { decode, verify } = types[input[0]! % types.length]!
  const leaseSet = roundTrip(input.subarray(1), decode, ({ bytes }) => bytes)
  if (leaseSet === undefined) return
  verified(verify(leaseSet, Samples.credulous))
  if (leaseSet.storeType !== LeaseSet2.storeType) return
  must(ServiceRecord.fromOptions(leaseSet.options).length <= leaseSet.options.size, "a record for each option")
}

/** The bytes of a lease set, behind its place among the types. */
const seed = (leaseSet: AnyLeaseSet.AnyLeaseSet): Uint8Array =>
  Uint8Array.of(
    types.findIndex(({ storeType }) => storeType === leaseSet.storeType),
    ...leaseSet.bytes
  )

/**
 * @since 0.1.0
 * @category targets
 */
export const leaseSet: Target = {
  _tag: "Codec",
  name: "leaseSet",
  about: `lease sets of store types ${types.map(({ storeType }) => storeType).join(", ")}`,
  maxBytes: maxLeaseSetBytes,
  seeds: () => [
    seed(legacy()),
    ...Samples.allKeys().flatMap((keys) => [seed(clear(keys)), seed(meta(keys))]),
    seed(Either.getOrThrow(encrypted(clear(Samples.keys)))),
    ...types
      .flatMap(({ schema }) => Samples.some(Arbitrary.make(schema), 3))
      .map(seed)
      .filter(({ length }) => length <= maxLeaseSetBytes)
  ],
  check: checkLeaseSet
}

const credentials = {
  signingKey: Samples.keys.destination.signingKey,
  clientKey: Redacted.make(new Uint8Array(32).fill(9))
}

/** The type and bytes of what is inside: sealed here, as its plain text could not be reached from outside. */
const checkSealed = (input: Uint8Array): void => {
  const storeType = input[0] === MetaLeaseSet.storeType ? MetaLeaseSet.storeType : LeaseSet2.storeType
  const inner = { ...sealedInner, storeType, bytes: input.subarray(1) } as EncryptedLeaseSet.Inner
  const sealed = encrypted(inner)
  if (Either.isLeft(sealed)) return must(sealed.left._tag === "EncodeError", String(sealed.left))
  const opened = EncryptedLeaseSet.decrypt(sealed.right, credentials, Samples.credulous)
  if (Either.isLeft(opened)) must(opened.left._tag === "DecryptError", String(opened.left))
  else must(Bytes.equals(opened.right.bytes, inner.bytes), "another lease set comes out")
}

const sealedInner = clear(Samples.keys)

/**
 * @since 0.1.0
 * @category targets
 */
export const sealed: Target = {
  _tag: "Codec",
  name: "sealed",
  about: "what is inside of encrypted lease sets",
  maxBytes: 2_048,
  seeds: () => [
    Uint8Array.of(LeaseSet2.storeType, ...sealedInner.bytes),
    Uint8Array.of(MetaLeaseSet.storeType, ...meta(Samples.keys).bytes)
  ],
  check: checkSealed
}

const reading =
  <A>(structure: string, read: (reader: ByteReader) => A | undefined) =>
  (bytes: Uint8Array) => {
    const reader = new ByteReader(structure, bytes)
    return Either.map(reader.finish(read(reader)), (value) => value!)
  }

/** Which structure, then its bytes. */
const checkStructure = (input: Uint8Array): void => {
  const bytes = input.subarray(1)
  switch (input[0]! % 3) {
    case 0: {
      const destination = roundTrip(bytes, Destination.decode, ({ bytes }) => bytes)
      if (destination === undefined) return
      const again = Destination.fromBase64(destination.base64)
      must(Either.isRight(again) && Destination.equals(again.right, destination), "its Base64 is another destination")
      must(destination.b32.length === 60, "its b32 address has 52 characters")
      return
    }
    case 1:
      return void roundTrip(bytes, Mapping.decode, (mapping) => Either.getOrThrow(Mapping.encode(mapping)))
    default:
      return void roundTrip(
        bytes,
        reading("OfflineSignature", (reader) => OfflineSignature.read(reader, 7)),
        OfflineSignature.encode
      )
  }
}

/**
 * @since 0.1.0
 * @category targets
 */
export const structure: Target = {
  _tag: "Codec",
  name: "structure",
  about: "destinations, mappings, offline signature blocks",
  maxBytes: 2_048,
  seeds: () => [
    ...Samples.allKeys().map(({ destination }) => Uint8Array.of(0, ...destination.bytes)),
    Uint8Array.of(1, ...Either.getOrThrow(Mapping.encode({ "inbound.length": "3", k: "é", z: "" }))),
    ...Samples.allKeys().flatMap(({ offline }) =>
      offline === undefined ? [] : [Uint8Array.of(2, ...OfflineSignature.encode(offline))]
    )
  ],
  check: checkStructure
}

const checkKeyFile = (input: Uint8Array): void => {
  const decoded = DestinationKeys.fromFile(input)
  if (Either.isLeft(decoded)) return mustBePrecise(decoded.left, Math.max(input.length, decoded.left.offset))
  const { form, keys } = decoded.right
  for (const written of ["dat", "base64"] as const) {
    const file = DestinationKeys.toFile(keys, written)
    const again = DestinationKeys.fromFile(file)
    must(Either.isRight(again) && again.right.form === written, `a ${written} file of these keys is not read again`)
    must(Bytes.equals(DestinationKeys.toFile(again.right.keys, written), file), `a ${written} file gives other keys`)
  }
  if (form === "dat") must(Bytes.equals(DestinationKeys.toFile(keys, form), input), "a .dat file has one form")
}

/**
 * @since 0.1.0
 * @category targets
 */
export const keyFile: Target = {
  _tag: "Codec",
  name: "keyFile",
  about: "key files, .dat and Base64, with and without offline keys",
  maxBytes: 4_096,
  seeds: () =>
    Samples.allKeys().flatMap((keys) => [DestinationKeys.toFile(keys, "dat"), DestinationKeys.toFile(keys, "base64")]),
  check: checkKeyFile
}
