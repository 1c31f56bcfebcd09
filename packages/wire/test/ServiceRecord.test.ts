/** Examples: proposal 167, "Examples". */
import * as Mapping from "@effect-i2p/wire/Mapping"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"

const b = `${"b".repeat(52)}.b32.i2p`
const c = `${"c".repeat(52)}.b32.i2p`
const read = (value: string, key = "_smtp._tcp") => ServiceRecord.fromOption(key, value)
const right = Either.getOrThrow

const there = (target: string, priority: number, appOptions?: string) => ({
  ttl: 86_400,
  priority,
  weight: 0,
  port: 25,
  target,
  appOptions
})

describe("ServiceRecord", () => {
  it("writes and reads the proposal's examples", () => {
    const examples: ReadonlyArray<readonly [string, ServiceRecord.ServiceRecord["location"]]> = [
      ["0 999999 25", { _tag: "Here", ttl: 999_999, port: 25, appOptions: undefined }],
      [`1 86400 0 0 25 ${b}`, { _tag: "There", targets: [there(b, 0)] }],
      [
        "1 86400 0 0 25 smtp.postman.i2p example@mail.i2p",
        { _tag: "There", targets: [there("smtp.postman.i2p", 0, "example@mail.i2p")] }
      ],
      [`1 86400 0 0 25 ${b},1 86400 1 0 25 ${c}`, { _tag: "There", targets: [there(b, 0), there(c, 1)] }]
    ]
    for (const [value, location] of examples) {
      const record = { service: "smtp", protocol: "tcp", location }
      assert.deepStrictEqual(right(read(value)), record)
      assert.deepStrictEqual(right(ServiceRecord.toOptions([record])), { "_smtp._tcp": value })
    }
  })

  it("reads a list in which only the first record says that it points elsewhere", () => {
    const record = right(read(`1 86400 0 0 25 ${b},86400 1 0 25 ${c}`))
    assert.deepStrictEqual(record.location, { _tag: "There", targets: [there(b, 0), there(c, 1)] })
  })

  it("reads what it writes", () => {
    fc.assert(
      fc.property(Arbitrary.make(ServiceRecord.ServiceRecord), (record) => {
        const options = ServiceRecord.toOptions([record])
        const [[key, value] = ["", ""]] = Object.entries(right(options))
        assert.isTrue(Either.isRight(Mapping.encode(right(options))))
        assert.deepStrictEqual(right(read(value, key)), record)
        assert.deepStrictEqual(ServiceRecord.fromOptions(new Map([[key, value]])), [record])
      })
    )
  })

  it.each([
    "",
    "0",
    "0 1",
    "0 0 25",
    "0 -1 25",
    "0 1e3 25",
    "0 86400 65536",
    "0 86400 25 a b",
    "0  86400 25",
    "2 86400 0 0 25 a.i2p",
    "1 86400 0 0 25",
    "1 86400 0 0 25 A.i2p",
    "1 86400 0 0 25 a.com",
    "1 86400 0 0 25 a.i2p x y",
    "1 86400 0 0 25 a.i2p,",
    "1 86400 0 0 99999999999 a.i2p"
  ])("refuses %j", (value) => {
    assert.isTrue(Either.isLeft(read(value)))
  })

  it.each(["smtp._tcp", "_smtp", "_smtp._tcp.", "_SMTP._tcp", "_-smtp._tcp", "__tcp", "*._tcp"])(
    "refuses the key %j",
    (key) => {
      assert.isTrue(Either.isLeft(read("0 86400 25", key)))
    }
  )

  it("passes over options that are no service records", () => {
    const options = new Map([
      ["foo", "bar"],
      ["_smtp._tcp", "0 86400 25"],
      ["_pop3._tcp", "rubbish"]
    ])
    assert.deepStrictEqual(ServiceRecord.fromOptions(options), [ServiceRecord.here("smtp", 25)])
  })

  it("refuses a service named twice, names that are none, and too many targets", () => {
    const reason = (records: ReadonlyArray<ServiceRecord.ServiceRecord>) =>
      Either.match(ServiceRecord.toOptions(records), { onLeft: (error) => error.message, onRight: () => "made" })
    const smtp = ServiceRecord.here("smtp", 25)
    assert.match(reason([smtp, ServiceRecord.here("smtp", 26)]), /is there twice/)
    assert.strictEqual(reason([smtp, ServiceRecord.here("smtp", 26, "udp")]), "made")
    assert.match(reason([ServiceRecord.here("SMTP", 25)]), /is no service record/)
    const targets = [there(b, 0), there(b, 1), there(b, 2), there(b, 3)] as const
    assert.match(reason([{ ...smtp, location: { _tag: "There", targets } }]), /at most 255/)
  })

  it("counts bytes, not characters, and those of names too", () => {
    const smtp = ServiceRecord.here("smtp", 25)
    const withOptions = (appOptions: string) => ({ ...smtp, location: { ...smtp.location, appOptions } })
    const message = (record: ServiceRecord.ServiceRecord) =>
      Either.match(ServiceRecord.toOptions([record]), { onLeft: (error) => error.message, onRight: () => "made" })
    assert.strictEqual(message(withOptions("é".repeat(122))), "made")
    assert.match(message(withOptions("é".repeat(123))), /257 bytes, at most 255/)
    assert.match(message(ServiceRecord.here("x".repeat(250), 25)), /256 bytes, at most 255/)
    const is = Schema.is(ServiceRecord.ServiceRecord)
    assert.isTrue(is(withOptions("é".repeat(122))))
    assert.isFalse(is(withOptions("é".repeat(123))))
    assert.isFalse(is(ServiceRecord.here("x".repeat(250), 25)))
  })

  it("never throws", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (key, value) => Either.isEither(read(value, key))))
    const words = fc.array(fc.constantFrom("0", "1", "86400", " ", ",", b, "x"), { maxLength: 20 })
    fc.assert(fc.property(words, (parts) => Either.isEither(read(parts.join("")))))
  })
})
