/**
 * One property over every exported Schema of `wire`, `i2cp` and `streaming`: it generates, what it generates it accepts,
 * encodes and decodes to the same, and it refuses its neighbours. The Schemas are found in the modules, so that a new one is
 * held to it without being named here.
 *
 * A Schema with a byte form is as wide as its codec and no wider: whatever it accepts is written and read back the same,
 * and whatever the codec reads it accepts.
 */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Destination from "@effect-i2p/wire/Destination"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

type AnySchema = Schema.Schema<unknown, unknown>

interface Exported {
  readonly name: string
  readonly schema: AnySchema
}

const packages = { wire: {}, i2cp: {}, streaming: { core: "unstable/core" } }

/** The modules that a package exports: all but `internal`. */
const modulesOf = (name: string, renamed: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const list = (folder: string): ReadonlyArray<string> =>
    readdirSync(fileURLToPath(new URL(`../../${name}/src/${folder}`, import.meta.url)), {
      withFileTypes: true
    }).flatMap((entry) => {
      const path = `${folder}${entry.name}`
      if (entry.isDirectory()) return entry.name === "internal" ? [] : list(`${path}/`)
      return path === "index.ts" ? [] : [path.replace(/\.ts$/, "")]
    })
  return list("").map((path) => {
    const [folder = "", ...rest] = path.split("/")
    return `@effect-i2p/${name}/${[renamed[folder] ?? folder, ...rest].join("/")}`
  })
}

const findSchemas = async (): Promise<ReadonlyArray<Exported>> => {
  const found = new Map<unknown, Exported>()
  for (const [name, renamed] of Object.entries(packages)) {
    for (const module of modulesOf(name, renamed)) {
      for (const [key, schema] of Object.entries(await import(/* @vite-ignore */ module))) {
        if (!Schema.isSchema(schema) || found.has(schema)) continue
        found.set(schema, { name: `${module.replace("@effect-i2p/", "")}.${key}`, schema: schema as AnySchema })
      }
    }
  }
  return [...found.values()]
}

const schemas = await findSchemas()
const cases = schemas.map((exported) => [exported.name, exported] as const)

/** Schemas that are not held to the property, each with the reason. */
const exceptions: Readonly<Record<string, string>> = {}

const held = cases.filter(([name]) => !(name in exceptions))

// --- codecs ------------------------------------------------------------------------------------------------------

/** A Schema whose other side is what goes over the wire: bytes, or an option of a lease set. */
interface Codec extends Exported {
  readonly ast: AST.Transformation
}

const isBytes = (ast: AST.AST): boolean => ast === Schema.Uint8ArrayFromSelf.ast

const codecs: ReadonlyArray<Codec> = schemas.flatMap(({ name, schema }) => {
  const { ast } = schema
  return AST.isTransformation(ast) && AST.isFinalTransformation(ast.transformation) && !/Error$/.test(name)
    ? isBytes(ast.from) || AST.isTupleType(ast.from)
      ? [{ name, schema, ast }]
      : []
    : []
})
const byteCodecs = codecs.filter(({ ast }) => isBytes(ast.from))

/** The codec of a type, also of the members of a union, such as one message. */
const codecOf = new Map<AST.AST, Codec>()
for (const codec of codecs) {
  const { to } = codec.ast
  for (const ast of [to, ...(AST.isUnion(to) ? to.types : [])]) codecOf.set(AST.typeAST(ast), codec)
}

/** What the hand-written decoder says, before the Schema has looked at it. */
const decodeRaw = ({ ast }: Codec, input: unknown): Either.Either<unknown, unknown> => {
  const { transformation } = ast
  if (!AST.isFinalTransformation(transformation)) throw new Error("no codec")
  return Effect.runSync(Effect.either(transformation.decode(input, {}, ast, input) as Effect.Effect<unknown, unknown>))
}

/**
 * Codecs that read more than one form of a value, each with the reason. What they read is written in one form, which is read
 * as the same value.
 */
const lenient: Readonly<Record<string, string>> = {
  "wire/Mapping.FromBytes": "i2pd does not sort what it sends; a mapping is written sorted",
  "i2cp/Payload.FromBytes": "a deflated payload is written stored; three values of XFL mean the same",
  "streaming/Packet.PacketFromBytes": "the specification has receivers ignore options behind those they know"
}

/** The same for messages, by tag. */
const lenientMessages: Readonly<Record<string, string>> = {
  GetDate: "its options are a mapping",
  SetDate: "routers before 0.8.7 send no version",
  Disconnect: "some send no reason",
  HostReply: "routers append what was asked for with other types of look-up",
  BlindingInfo: "flags that nobody has defined are ignored"
}

const isLenient = ({ name }: Codec, value: unknown): boolean =>
  name in lenient ||
  (name === "i2cp/Message.MessageFromBytes" && (value as { readonly _tag: string })._tag in lenientMessages)

// --- equality ----------------------------------------------------------------------------------------------------

/** A value as plain data that compares structurally; without causes, whose encoded form only describes them. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`
  if (Redacted.isRedacted(value)) return { redacted: plain(Redacted.value(value)) }
  if (Destination.isDestination(value)) return `destination ${plain(value.bytes)}`
  if (value instanceof Map) return Object.fromEntries([...value].sort(([a], [b]) => (a < b ? -1 : 1)))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value === 0 ? 0 : value
  return Object.fromEntries(
    Object.keys(value)
      .filter((key) => !ofError.includes(key))
      .map((key) => [key, plain((value as Record<string, unknown>)[key])])
  )
}

const ofError = ["cause", "stack", "message", "span"]

const same = (a: unknown, b: unknown, what: string): void => assert.deepStrictEqual(plain(a), plain(b), what)

// --- neighbours --------------------------------------------------------------------------------------------------

/** A value with one part replaced. `isWrong`: by something that no field of this kind can be. */
interface Neighbour {
  readonly path: string
  readonly value: unknown
  readonly isWrong: boolean
}

const wrong = (...values: ReadonlyArray<unknown>): ReadonlyArray<Neighbour> =>
  values.map((value) => ({ path: ` = ${show(value)}`, value, isWrong: true }))

const doubtful = (...values: ReadonlyArray<unknown>): ReadonlyArray<Neighbour> =>
  values.map((value) => ({ path: ` = ${show(value)}`, value, isWrong: false }))

const show = (value: unknown): string =>
  value instanceof Uint8Array ? `${value.length} bytes` : String(JSON.stringify(value) ?? value).slice(0, 40)

const inside = (
  key: string,
  neighbours: ReadonlyArray<Neighbour>,
  put: (value: unknown) => unknown
): ReadonlyArray<Neighbour> =>
  neighbours.map(({ isWrong, path, value }) => ({ path: `.${key}${path}`, value: put(value), isWrong }))

const neighboursOf = (ast: AST.AST, value: unknown): ReadonlyArray<Neighbour> => {
  switch (ast._tag) {
    case "Refinement":
    case "Transformation":
      return neighboursOf(ast.from, value)
    case "Suspend":
      return neighboursOf(ast.f(), value)
    case "Literal":
      return wrong("nonsense", {}, ...(ast.literal === null ? [] : [null]))
    case "NumberKeyword":
      return [
        ...wrong(Number.NaN, -1, Number.NEGATIVE_INFINITY, "1", null, {}),
        ...doubtful(
          0,
          0.5,
          255,
          256,
          65_535,
          65_536,
          2 ** 32 - 1,
          2 ** 32,
          2 ** 48,
          2 ** 53,
          1e300,
          Number.POSITIVE_INFINITY
        )
      ]
    case "StringKeyword":
      return [
        ...wrong(7, null, {}),
        ...doubtful("", "\ud800", "x".repeat(255), "x".repeat(256), "é".repeat(128), " ", ",")
      ]
    case "BooleanKeyword":
      return wrong(1, null, "true")
    case "TypeLiteral":
      return ast.propertySignatures.flatMap(({ isOptional, name, type }) => {
        const key = String(name)
        const object = value as Record<string, unknown>
        const { [key]: _, ...others } = object
        const missing = { path: `.${key} missing`, value: others, isWrong: true }
        return [
          ...inside(key, key in object ? neighboursOf(type, object[key]) : [], (part) => ({ ...object, [key]: part })),
          ...(isOptional || accepts(type, undefined) ? [] : [missing])
        ]
      })
    case "TupleType": {
      const items = value as ReadonlyArray<unknown>
      const [first] = items
      if (items.length === 0) return wrong(null, {}, "x")
      const element = ast.elements[0]?.type ?? ast.rest[0]!.type
      return [
        ...wrong(null, {}, "x"),
        ...doubtful([], ...[2, 9, 17, 256].map((length) => Array.from({ length }, () => first))),
        ...inside("0", neighboursOf(element, first), (part) => items.with(0, part))
      ]
    }
    case "Union": {
      const member = ast.types.find((type) => accepts(type, value))
      return [...(member === undefined ? [] : neighboursOf(member, value)), ...wrong({ _tag: "Nonsense" })].map(
        (neighbour) => ({ ...neighbour, isWrong: neighbour.isWrong && !accepts(ast, neighbour.value) })
      )
    }
    case "Declaration":
      return [...wrong(null, 7, "x", {}, []), ...neighboursOfDeclared(ast, value)]
    default:
      return []
  }
}

const neighboursOfDeclared = (ast: AST.Declaration, value: unknown): ReadonlyArray<Neighbour> => {
  if (value instanceof Uint8Array) {
    return doubtful(
      value.slice(1),
      Uint8Array.of(...value, 0),
      Uint8Array.from(value, (byte) => byte ^ 1),
      new Uint8Array(0),
      ...[32, 256, 65_535, 65_536, 70_000].map((length) => new Uint8Array(length))
    )
  }
  if (value instanceof Map) {
    const grown = (size: number) =>
      new Map(Array.from({ length: size }, (_, n) => [`${n}`.padStart(250), "v".repeat(250)]))
    return [
      ...wrong(new Map([["a", 1]]), new Map([["a", "\ud800"]]), new Map([["k".repeat(256), ""]]), grown(131)),
      ...doubtful(new Map(), grown(130), new Map([...value].reverse()))
    ]
  }
  if (Redacted.isRedacted(value)) {
    return inside("value", neighboursOf(ast.typeParameters[0]!, Redacted.value(value)), (part) => Redacted.make(part))
  }
  return []
}

/** One value with a field of another: what only fields together can get wrong. */
const crossed = (value: unknown, other: unknown): ReadonlyArray<Neighbour> => {
  if (Object.getPrototypeOf(value) !== Object.prototype || Object.getPrototypeOf(other) !== Object.prototype) return []
  return Object.entries(other as object).map(([key, part]) => ({
    path: `.${key} = that of another`,
    value: { ...(value as object), [key]: part },
    isWrong: false
  }))
}

/** By the side that is decoded, where a class is the struct it is made from. */
const accepts = (ast: AST.AST, value: unknown): boolean =>
  Either.isRight(Schema.decodeUnknownEither(Schema.make<unknown, unknown, never>(ast))(value))

// --- the property ------------------------------------------------------------------------------------------------

const hasCause = ({ schema }: Exported): boolean => {
  const { ast } = schema
  return (
    AST.isTransformation(ast) &&
    AST.isTypeLiteral(ast.from) &&
    ast.from.propertySignatures.some(({ name }) => name === "cause")
  )
}

const roundTrip = (schema: AnySchema, value: unknown, what: string): void => {
  const encoded = Either.getOrThrowWith(Schema.encodeEither(schema)(value), (error) => new Error(`${what}: ${error}`))
  const decoded = Either.getOrThrowWith(Schema.decodeEither(schema)(encoded), (error) => new Error(`${what}: ${error}`))
  same(decoded, value, what)
}

describe("every exported Schema", () => {
  it("is found, and no exception is out of date", () => {
    assert.isAbove(schemas.length, 80)
    assert.isAbove(byteCodecs.length, 10)
    const names = new Set(schemas.map(({ name }) => name))
    for (const name of [...Object.keys(exceptions), ...Object.keys(lenient)]) assert.isTrue(names.has(name), name)
  })

  it.each(held)("%s generates what it accepts, encodes and decodes to the same", (name, exported) => {
    const { schema } = exported
    const validate = Schema.validateEither(schema)
    const isSame = hasCause(exported) ? undefined : Schema.equivalence(schema)
    const codec = codecOf.get(AST.typeAST(schema.ast))
    fc.assert(
      fc.property(Arbitrary.make(schema), (value) => {
        const validated = validate(value)
        if (Either.isLeft(validated)) assert.fail(`${name}: ${validated.left}`)
        roundTrip(schema, value, name)
        if (codec !== undefined) roundTrip(codec.schema, value, `${name} by ${codec.name}`)
        if (isSame === undefined) return
        const again = Either.getOrThrow(
          Schema.decodeEither(schema)(Either.getOrThrow(Schema.encodeEither(schema)(value)))
        )
        assert.isTrue(isSame(again, value), `${name} by its equivalence`)
      }),
      { numRuns: 25 }
    )
    // Also of the type's side, and under a struct of the user's.
    assert.isNotEmpty(fc.sample(Arbitrary.make(Schema.Struct({ it: Schema.typeSchema(schema) })), 1))
  })

  it.each(held.filter(([, { schema }]) => !codecs.some((codec) => codec.schema === schema)))(
    "%s refuses its neighbours, or they are values too",
    (name, { schema }) => {
      const codec = codecOf.get(AST.typeAST(schema.ast))
      const decode = Schema.decodeUnknownEither(schema)
      fc.assert(
        fc.property(Arbitrary.make(schema), Arbitrary.make(schema), (value, another) => {
          const [encoded, other] = [value, another].map((one) => Either.getOrThrow(Schema.encodeEither(schema)(one)))
          for (const neighbour of [...neighboursOf(schema.ast, encoded), ...crossed(encoded, other)]) {
            const what = `${name}${neighbour.path}`
            const decoded = decode(neighbour.value)
            if (Either.isLeft(decoded)) continue
            assert.isFalse(neighbour.isWrong, `${what} is accepted`)
            roundTrip(codec?.schema ?? schema, decoded.right, what)
            // What an error says is made of its fields.
            if (decoded.right instanceof Error) assert.isString(decoded.right.message, what)
          }
        }),
        { numRuns: 6 }
      )
    }
  )
})

/** Bytes of a value with something wrong, and bytes of nobody. */
const mutated = ({ schema }: Codec): fc.Arbitrary<Uint8Array> => {
  const bytes = Arbitrary.make(schema).map((value) => Schema.encodeSync(schema)(value) as Uint8Array)
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) },
    { weight: 2, arbitrary: fc.tuple(bytes, fc.nat()).map(([whole, cut]) => whole.slice(0, cut % (whole.length + 1))) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(bytes, fc.uint8Array({ minLength: 1, maxLength: 40 }))
        .map(([whole, more]) => Uint8Array.from([...whole, ...more]))
    },
    {
      // A few bytes of one value: what lengths, counts and codes are wrong by.
      weight: 4,
      arbitrary: fc
        .tuple(bytes, fc.nat(), fc.integer({ min: 1, max: 4 }), fc.constantFrom(0, 1, 3, 0x7f, 0xff))
        .map(([whole, at, length, byte]) =>
          whole.slice().fill(byte, at % (whole.length + 1), (at % (whole.length + 1)) + length)
        )
    },
    {
      weight: 4,
      arbitrary: fc.tuple(bytes, fc.array(fc.nat(), { minLength: 1, maxLength: 4 })).map(([whole, flips]) => {
        const flipped = whole.slice()
        for (const flip of flips) if (flipped.length > 0) flipped[(flip >>> 3) % flipped.length]! ^= 1 << (flip & 7)
        return flipped
      })
    }
  )
}

describe("every Schema of bytes", () => {
  it.each(byteCodecs.map((codec) => [codec.name, codec] as const))(
    "%s reads what its type accepts, and each value from one form only",
    (name, codec) => {
      const { schema } = codec
      const refuses = Schema.validateEither(schema)
      fc.assert(
        fc.property(mutated(codec), (bytes) => {
          const raw = decodeRaw(codec, bytes)
          const decoded = Schema.decodeUnknownEither(schema)(bytes)
          if (Either.isLeft(raw)) return assert.isTrue(Either.isLeft(decoded), name)
          const refused = Option.getOrUndefined(Either.getLeft(refuses(raw.right)))
          assert.isUndefined(refused, `${name}: the decoder reads what the Schema refuses: ${refused}`)
          const again = Schema.encodeSync(schema)(raw.right)
          if (!isLenient(codec, raw.right)) same(again, bytes, `${name}: another form of the same value`)
          same(Schema.decodeUnknownSync(schema)(again), raw.right, name)
        }),
        { numRuns: 400 }
      )
    }
  )
})
