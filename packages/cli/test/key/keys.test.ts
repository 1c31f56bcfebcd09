import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as I2pEncoding from "@effect-i2p/wire/I2pEncoding"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Expiry from "../../src/key/Expiry.js"
import * as Facts from "../../src/key/Facts.js"
import * as Format from "../../src/output/Format.js"
import * as Style from "../../src/output/Style.js"
import { i2p, i2pOnTerminal, spawn } from "../harness.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-cli-keys-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

/** A folder with keys in it. */
const prepared = Effect.gen(function* () {
  const folder = yield* directory
  const file = (name: string) => Path.join(folder, name)
  yield* i2p(["keygen", file("site.dat")])
  return { folder, file, keys: keysIn(file("site.dat")) }
})

const keysIn = (path: string): DestinationKeys.DestinationKeys =>
  Either.getOrThrow(DestinationKeys.fromFile(new Uint8Array(Fs.readFileSync(path)))).keys

const refused = Effect.fnUntraced(function* (args: ReadonlyArray<string>, why: RegExp) {
  const { code, err, out } = yield* i2p(args)
  assert.match(err, why)
  assert.match(err, /^[^\n]+\n$/)
  assert.strictEqual(out, "")
  assert.strictEqual(code, 2)
})

describe("keygen", () => {
  it.scopedLive("writes SAM's Base64 when asked", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      const { out } = yield* i2p(["keygen", "--form", "base64", file("site.txt")])
      assert.match(Fs.readFileSync(file("site.txt"), "latin1"), /^[A-Za-z0-9~-]{906}==\n$/)
      assert.strictEqual(out, `${keysIn(file("site.txt")).destination.b32}\n`)
      assert.strictEqual(Fs.statSync(file("site.txt")).mode & 0o777, 0o600)
    })
  )

  it.scopedLive("tells a terminal all there is to know, and fits 80 columns", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      const { out } = yield* i2pOnTerminal(["keygen", file("new")])
      assert.match(Style.strip(out), / {2}b32 +[a-z2-7]{52}\.b32\.i2p\n/)
      assert.match(Style.strip(out), / {2}b33 +[a-z2-7]{56}\.b32\.i2p\n/)
      assert.match(Style.strip(out), / {2}signing +EdDSA_SHA512_Ed25519 \(7\)\n/)
      for (const line of Style.strip(out).split("\n").slice(1)) assert.isAtMost(line.length, 80)
    })
  )
})

describe("key show", () => {
  it.scopedLive("shows what is public, in either form, and nothing of what is not", () =>
    Effect.gen(function* () {
      const { file, keys } = yield* prepared
      yield* i2p(["key", "convert", file("site.dat"), file("site.txt")])
      yield* i2p(["key", "offline", file("site.dat"), file("off.dat"), "--expires", "30d"])
      for (const name of ["site.dat", "site.txt", "off.dat"]) {
        const secrets = Array.from(DestinationKeys.encode(keysIn(file(name))).subarray(391))
        const bytes = [Buffer.from(secrets.slice(256, 288)), Buffer.from(secrets.slice(-32))]
        for (const args of [[], ["--json"]]) {
          const { code, out } = yield* i2p(["key", "show", ...args, file(name)])
          assert.strictEqual(code, 0)
          assert.include(out, keys.destination.b32)
          assert.include(out, I2pEncoding.encodeBase64(keys.destination.hash))
          for (const secret of bytes.filter((part) => part.some((byte) => byte !== 0))) {
            assert.notInclude(out, secret.toString("hex"))
            // Whatever its offset in a Base64 text, the middle of it would be there.
            for (let at = 0; at < 3; at++) {
              const middle = I2pEncoding.encodeBase64(secret.subarray(at, at + 27))
              assert.notInclude(out, middle)
            }
          }
        }
      }
    })
  )

  it.scopedLive("shows the offline block and that it is over, in JSON too", () =>
    Effect.gen(function* () {
      const { file, keys } = yield* prepared
      const args = ["key", "offline", file("site.dat"), file("off.dat"), "--expires", "12h", "--type", "p256"]
      assert.strictEqual((yield* i2p(args)).out, `${keys.destination.b32}\n`)
      const json = JSON.parse((yield* i2p(["key", "show", "--json", file("off.dat")])).out)
      const { expires, ...rest } = json.offline
      assert.deepStrictEqual(rest, { type: "ECDSA_SHA256_P256 (1)", signing_type: 1, expired: false })
      const text = (now: number) =>
        Facts.render("t", Facts.ofKeys("f", keysIn(file("off.dat")), "dat", now, Style.make(false)), Style.make(false))
      assert.match(
        text(expires * 1000 - 1).join("\n"),
        /signs +ECDSA_SHA256_P256 \(1\) off line, until .* \(0 minutes left\)/
      )
      assert.match(text(expires * 1000).join("\n"), /expired .* UTC: make a new package with the destination's own key/)
    })
  )

  it.scopedLive("refuses what is no key file, is not there, or is for everybody to read", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      Fs.writeFileSync(file("text"), "hello", { mode: 0o600 })
      yield* refused(["key", "show", file("text")], /^cannot read key file .*text: Base64/)
      yield* refused(["key", "show", file("none")], /no such file or directory/)
      yield* refused(["key", "show"], /^show which keys\? give a file/)
      Fs.chmodSync(file("site.dat"), 0o644)
      yield* refused(["key", "show", file("site.dat")], /others may use it too \(mode 644\): chmod 600 it/)
    })
  )
})

describe("key convert", () => {
  it.scopedLive("goes there and back without a difference", () =>
    Effect.gen(function* () {
      const { file, keys } = yield* prepared
      for (const [from, to, ...options] of [
        ["site.dat", "a.txt"],
        ["a.txt", "b.dat"],
        ["b.dat", "c.dat", "--form", "dat"]
      ] as const) {
        const { code, out } = yield* i2p(["key", "convert", ...options, file(from), file(to)])
        assert.strictEqual(code, 0)
        assert.strictEqual(out, `${keys.destination.b32}\n`)
      }
      const original = Fs.readFileSync(file("site.dat"))
      assert.isTrue(Fs.readFileSync(file("b.dat")).equals(original))
      assert.isTrue(Fs.readFileSync(file("c.dat")).equals(original))
      yield* refused(
        ["key", "convert", file("site.dat"), file("b.dat")],
        /b\.dat exists, and keys are never overwritten/
      )
    })
  )
})

describe("key offline", () => {
  it.scopedLive("makes keys that a session can use, without the destination's own", () =>
    Effect.gen(function* () {
      const { file, keys } = yield* prepared
      yield* i2p(["key", "offline", file("site.dat"), file("off.dat"), "--expires", "30d"])
      const made = keysIn(file("off.dat"))
      assert.strictEqual(made.destination.b32, keys.destination.b32)
      assert.strictEqual(DestinationKeys.activePublicKey(made).type, KeyType.Ed25519)
      const own = Fs.readFileSync(file("site.dat")).subarray(-32)
      assert.isFalse(Fs.readFileSync(file("off.dat")).includes(own))
      const { code } = yield* i2p(["ping", "--router", "embedded", "--keys", file("off.dat"), "-c", "1"])
      assert.strictEqual(code, 0)
    })
  )

  it.scopedLive("refuses dates that make no sense, and to be made of itself", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      const offline = (expires: string, from = "site.dat") => [
        "key",
        "offline",
        file(from),
        file("off.dat"),
        "--expires",
        expires
      ]
      yield* refused(offline("soon"), /^--expires "soon" is not a valid date: write 30d/)
      yield* refused(offline("2001-01-01"), /^--expires "2001-01-01" is not in the future/)
      yield* refused(["key", "offline", file("site.dat"), file("x")], /--expires.*see i2p key offline --help/)
      yield* i2p(offline("30d"))
      yield* refused(offline("30d"), /off\.dat exists/)
      yield* refused(
        ["key", "offline", file("off.dat"), file("x"), "--expires", "1d"],
        /is an offline package itself; give the file with the destination's own key/
      )
      assert.isFalse(Fs.existsSync(file("x")))
    })
  )
})

describe("key vanity", () => {
  it.scopedLive("finds an address and stores its keys, which lead to the same address", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      const { code, err, out } = yield* i2p(["key", "vanity", "I2", file("v.dat"), "--threads", "1"])
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
      assert.match(out, /^i2[a-z2-7]{50}\.b32\.i2p\n$/)
      assert.strictEqual(`${keysIn(file("v.dat")).destination.b32}\n`, out)
    })
  )

  it.scopedLive("ends at Ctrl-C, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      // Years of work, so that it cannot be done by then.
      const search = spawn(["key", "vanity", "zzzzzzzzzz", Path.join(folder, "v.dat")], { I2P_LOG_LEVEL: "debug" })
      yield* Effect.promise(() => search.says(/searching for zzzzzzzzzz/))
      search.child.kill("SIGINT")
      const { code, err, out } = yield* Effect.promise(() => search.ended)
      assert.match(err, /^[^\n]*searching for zzzzzzzzzz\n$/)
      assert.deepStrictEqual([out.toString(), code], ["", 130])
      assert.deepStrictEqual(Fs.readdirSync(folder), [])
    })
  )

  it.scopedLive("refuses before it searches", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      yield* refused(["key", "vanity", "zzzzzzzzzz", file("site.dat")], /site\.dat exists/)
      yield* refused(["key", "vanity", "a1", file("v")], /letters a to z and digits 2 to 7 only/)
      yield* refused(["key", "vanity", "aaaaaaaaaaa", file("v")], /at most 10 letters/)
      yield* refused(["key", "vanity", "a"], /^store the keys where\?/)
      yield* refused(["key", "vanity", "a", file("v"), "--threads", "0"], /^--threads must be from 1 to 256/)
    })
  )
})

describe("key", () => {
  it.live("asks which of its commands, and lists them in its help", () =>
    Effect.gen(function* () {
      yield* refused(["key"], /^which of i2p key show, i2p key convert, i2p key offline, i2p key vanity\?/)
      yield* refused(["key", "shwo", "x"], /^which of i2p key show/)
      const { out } = yield* i2p(["key", "--help"])
      assert.match(out, /^Usage: i2p key COMMAND/)
      assert.match(
        (yield* i2p(["key", "offline", "--help"])).out,
        /^Usage: i2p key offline .*[\s\S]*\n {2}--expires date/
      )
      assert.notInclude((yield* i2p([])).out, "key show")
    })
  )
})

describe("lookup", () => {
  const name = ["lookup", "--router", "embedded"]

  it.scopedLive("prints the destination behind a name, alone in a pipe, with everything on a terminal", () =>
    Effect.gen(function* () {
      const found = JSON.parse((yield* i2p([...name, "--json", "echo.i2p"])).out)
      assert.strictEqual(found.address, "echo.i2p")
      assert.isTrue(found.found)
      assert.match(found.b32, /^[a-z2-7]{52}\.b32\.i2p$/)
      assert.strictEqual(found.signing_type, 7)
      const { code, err, out } = yield* i2p([...name, "echo.i2p"])
      assert.match(out, /^[A-Za-z0-9~-]{520,}=*\n$/)
      assert.deepStrictEqual([code, err], [0, ""])
      assert.match(Style.strip((yield* i2pOnTerminal(name)).out), /^echo\.i2p\n {2}b32 +[a-z2-7]{52}/)
    })
  )

  it.scopedLive("needs no router for a whole destination, or for a name in our own address book", () =>
    Effect.gen(function* () {
      const { file, keys } = yield* prepared
      const { base64 } = keys.destination
      Fs.writeFileSync(file("hosts.txt"), `# ours\nmine.i2p=${base64}\n`)
      const router = ["--router", "127.0.0.1:1"]
      assert.strictEqual((yield* i2p(["lookup", ...router, base64])).out, `${base64}\n`)
      const hosts = ["--hosts", file("hosts.txt")]
      assert.strictEqual((yield* i2p(["lookup", ...router, ...hosts, "Mine.i2p"])).out, `${base64}\n`)
      const json = JSON.parse((yield* i2p(["lookup", "--json", ...router, "mine.i2p"], { I2P_HOSTS: hosts[1]! })).out)
      assert.strictEqual(json.b32, keys.destination.b32)
      assert.match((yield* i2p(["lookup", ...router, ...hosts, "other.i2p"])).err, /^router unreachable/)
      yield* refused(["lookup", "--hosts", file("none"), "a.i2p"], /^cannot read address book .*none: no such file/)
    })
  )

  it.scopedLive("takes a destination whose Base64 begins with a minus, as one in 64 does, or with two or more", () =>
    Effect.gen(function* () {
      const { keys } = yield* prepared
      for (const start of ["-A", "-c", "--", "--A", "---"]) {
        // The first bytes are padding: nobody reads them.
        const base64 = `${start}${encodeBase64(keys.destination.bytes).slice(start.length)}`
        assert.strictEqual((yield* i2p(["lookup", "--router", "127.0.0.1:1", base64])).out, `${base64}\n`)
        assert.match((yield* i2p(["ping", "--router", "127.0.0.1:1", "-c1", base64])).err, /^router unreachable/)
      }
    })
  )

  it.live("exits with 1 when there is none, and says so in JSON too", () =>
    Effect.gen(function* () {
      const nobody = yield* i2p([...name, "nobody.i2p"])
      assert.deepStrictEqual([nobody.out, nobody.code], ["", 1])
      assert.match(nobody.err, /^nobody\.i2p: the router does not know it, or it is off line\n$/)
      const json = yield* i2p([...name, "--json", `${"a".repeat(51)}q.b32.i2p`])
      assert.strictEqual(JSON.parse(json.out).reason, "NotFound")
      assert.isFalse(JSON.parse(json.out).found)
      assert.strictEqual(json.code, 1)
      const b33 = "6bab3cui4poxicprsx6vfwznhs5f24wkm4e36hmucin7g5eiag2a6324.b32.i2p"
      assert.match((yield* i2p([...name, b33])).err, /only Java I2P can follow a b33 address/)
    })
  )

  it.live("exits with 2 when it cannot be looked up, and asks nobody about names of other networks", () =>
    Effect.gen(function* () {
      yield* refused(["lookup"], /^look up what\?/)
      yield* refused(["lookup", "example.com"], /"example\.com" is not an I2P address: does not end in \.i2p/)
      yield* refused(["lookup", "-w", "0", "a.i2p"], /^-w must be above 0 seconds/)
      yield* refused(["lookup", "--router", "127.0.0.1:1", "a.i2p"], /^router unreachable/)
    })
  )
})

describe("Expiry", () => {
  const now = Date.UTC(2026, 0, 1)
  const at = (text: string) => Either.getOrElse(Expiry.parse(text, now), (why) => why)

  it("reads spans and dates, in seconds", () => {
    assert.strictEqual(at("12h"), now / 1000 + 43_200)
    assert.strictEqual(at("30d"), now / 1000 + 2_592_000)
    assert.strictEqual(at("2w"), now / 1000 + 1_209_600)
    assert.strictEqual(at("2027-01-15"), Date.UTC(2027, 0, 15) / 1000)
    assert.strictEqual(at("2027-01-15T08:00Z"), Date.UTC(2027, 0, 15, 8) / 1000)
    assert.strictEqual(at("2106-02-07"), Date.UTC(2106, 1, 7) / 1000)
  })

  it("refuses the past, what does not fit 32 bits, and what is no date", () => {
    for (const text of ["", "0x10", "-1d", "1.5d", "2027", "2027-13-01", "2027-02-30x", "2027-01-15T08:00", "NaN"]) {
      assert.match(String(at(text)), /is not a valid date: write 30d/)
    }
    for (const text of ["0d", "2026-01-01", "1969-01-01"]) assert.match(String(at(text)), /is not in the future/)
    for (const text of ["81y", "2106-02-08", "99999999999d"]) assert.match(String(at(text)), /is after 2106-02-07/)
  })
})

describe("Format", () => {
  it("shortens large numbers and long times", () => {
    assert.deepStrictEqual([0, 999, 999.6, 33_554_432, 1.1e15].map(Format.count), [
      "0",
      "999",
      "1.00 k",
      "33.6 M",
      "1.10 P"
    ])
    const hour = 3_600_000
    assert.deepStrictEqual([10, 99_000, 600_000, 3 * hour, 72 * hour, 1e6 * hour].map(Format.span), [
      "1 s",
      "99 s",
      "10 min",
      "3 h",
      "3 days",
      "114 years"
    ])
  })
})
