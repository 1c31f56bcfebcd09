import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { describe, it } from "@effect/vitest"
import * as KeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { assert } from "vitest"

const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-i2p-keys-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const failure = <A>(effect: Effect.Effect<A, KeyStore.KeyStoreError>) => Effect.flip(effect)

describe("NodeKeyStore", () => {
  it.scoped("creates the file once, for its owner only, and loads it afterwards", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "site.dat")
      const created = yield* KeyStore.file(path)
      const stat = Fs.statSync(path)
      assert.strictEqual(stat.size, 679)
      if (process.platform !== "win32") assert.strictEqual(stat.mode & 0o777, 0o600)
      const loaded = yield* KeyStore.file(path)
      assert.deepStrictEqual(DestinationKeys.encode(loaded), DestinationKeys.encode(created))
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(path)), ["site.dat"])
    })
  )

  it.scoped("gives everybody who creates the same file at once the same keys", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "site.dat")
      const all = yield* Effect.all(
        Array.from({ length: 8 }, () => KeyStore.file(path)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(all.map((keys) => keys.destination.b32)).size, 1)
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(path)), ["site.dat"])
    })
  )

  it.scoped("makes the keys the seed makes", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "site.dat")
      const keys = yield* KeyStore.file(path).pipe(Effect.provide(SecureRandom.layerSeeded(1)))
      const expected = DestinationKeys.generate(SecureRandom.makeSeeded(1))
      assert.strictEqual(keys.destination.b32, expected.destination.b32)
    })
  )

  it.scoped("does not replace a file when saving", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "site.dat")
      Fs.writeFileSync(path, "precious")
      const error = yield* failure(Effect.flatMap(KeyStore.transient, (keys) => KeyStore.save(path, keys)))
      assert.strictEqual(error.reason, "AlreadyExists")
      assert.strictEqual(Fs.readFileSync(path, "utf8"), "precious")
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(path)), ["site.dat"])
    })
  )

  it.scoped("leaves a malformed file alone and says what is wrong with it", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "site.dat")
      Fs.writeFileSync(path, new Uint8Array(100), { mode: 0o600 })
      const error = yield* failure(KeyStore.file(path))
      assert.strictEqual(error.reason, "Malformed")
      assert.include(error.message, path)
      assert.include(error.message, "needs 384 bytes, 100 left")
      assert.strictEqual(Fs.statSync(path).size, 100)
      Fs.writeFileSync(path, new Uint8Array(KeyStore.maxFileBytes + 1))
      assert.include((yield* failure(KeyStore.load(path))).message, "at most 65536")
    })
  )

  it.scoped("writes SAM's Base64 when asked, for the owner only, and reads either form", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const keys = yield* KeyStore.transient
      for (const form of ["dat", "base64"] as const) {
        const path = Path.join(root, form)
        yield* KeyStore.save(path, keys, form)
        if (process.platform !== "win32") assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
        const read = yield* KeyStore.read(path)
        assert.strictEqual(read.form, form)
        assert.deepStrictEqual(DestinationKeys.encode(read.keys), DestinationKeys.encode(keys))
      }
      assert.match(Fs.readFileSync(Path.join(root, "base64"), "latin1"), /^[A-Za-z0-9~-]{906}==\n$/)
    })
  )

  it.scoped("refuses a file that others may use, as ssh does", () =>
    Effect.gen(function* () {
      if (process.getuid === undefined) return
      const path = Path.join(yield* directory, "site.dat")
      yield* KeyStore.file(path)
      for (const mode of [0o644, 0o640, 0o620, 0o601]) {
        Fs.chmodSync(path, mode)
        const error = yield* failure(KeyStore.file(path))
        assert.strictEqual(error.reason, "Exposed")
        assert.include(error.message, `others may use it too (mode ${mode.toString(8)}): chmod 600 it`)
      }
      const logs: Array<unknown> = []
      const logged = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => logs.push(message))
      )
      yield* Effect.provide(KeyStore.load(path, { exposed: "warn" }), logged)
      assert.match(String(logs), /others may use key file .*site\.dat \(mode 601\)/)
      Fs.chmodSync(path, 0o400)
      yield* KeyStore.load(path)
    })
  )

  it.scoped("reads somebody else's file with a warning: its mode is not ours to set", () =>
    Effect.gen(function* () {
      if (process.getuid === undefined) return
      // Without the right to give a file away there is one of root's that everybody may read.
      let path = "/etc/passwd"
      if (process.getuid() === 0) {
        path = Path.join(yield* directory, "site.dat")
        Fs.writeFileSync(path, "no key", { mode: 0o644 })
        Fs.chownSync(path, 12_345, 12_345)
      }
      const logs: Array<unknown> = []
      const logged = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => logs.push(message))
      )
      assert.strictEqual((yield* failure(Effect.provide(KeyStore.load(path), logged))).reason, "Malformed")
      assert.match(String(logs), /others may use key file .* \(mode 644\)/)
    })
  )

  it.scoped("leaves nothing behind when it cannot write", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const path = Path.join(root, "taken")
      Fs.mkdirSync(path)
      assert.strictEqual(
        (yield* failure(Effect.flatMap(KeyStore.transient, (keys) => KeyStore.save(path, keys)))).reason,
        "AlreadyExists"
      )
      assert.deepStrictEqual(Fs.readdirSync(root), ["taken"])
    })
  )

  it.scoped("names path and reason when there is nothing to load and nowhere to create", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const missing = yield* failure(KeyStore.load(Path.join(root, "none.dat")))
      assert.strictEqual(missing.reason, "NotFound")
      assert.strictEqual(
        missing.message,
        `cannot read key file ${Path.join(root, "none.dat")}: no such file or directory`
      )
      const nowhere = yield* failure(KeyStore.file(Path.join(root, "no", "where.dat")))
      assert.deepStrictEqual([nowhere.reason, nowhere.operation], ["NotFound", "write"])
      assert.strictEqual((yield* failure(KeyStore.load(root))).reason, "Malformed")
    })
  )

  it.effect("keeps transient keys off the disk, different each time", () =>
    Effect.gen(function* () {
      const one = yield* KeyStore.transient
      const two = yield* KeyStore.transient
      assert.notStrictEqual(one.destination.b32, two.destination.b32)
    })
  )
})
