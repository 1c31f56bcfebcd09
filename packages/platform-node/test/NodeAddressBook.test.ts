import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as AddressBook from "@effect-i2p/i2cp/AddressBook"
import * as NodeAddressBook from "@effect-i2p/platform-node/NodeAddressBook"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"

const random = SecureRandom.makeSeeded("hosts")
const one = DestinationKeys.generate(random).destination
const two = DestinationKeys.generate(random).destination

const hosts = Effect.acquireRelease(
  Effect.sync(() => Path.join(Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-i2p-hosts-")), "hosts.txt")),
  (path) => Effect.sync(() => Fs.rmSync(Path.dirname(path), { recursive: true, force: true }))
)

const logs: Array<string> = []
const logged = Logger.replace(
  Logger.defaultLogger,
  Logger.make(({ message }) => logs.push(String(message)))
)

describe("NodeAddressBook", () => {
  it.scopedLive("reads a file, and again when told to", () =>
    Effect.gen(function* () {
      const path = yield* hosts
      Fs.writeFileSync(path, `a.i2p=${one.base64}\n`)
      const book = yield* NodeAddressBook.make(path, { interval: "never" })
      assert.strictEqual(Option.getOrThrow(yield* book.lookup("a.i2p")).b32, one.b32)
      assert.isTrue(Option.isNone(yield* book.lookup("b.i2p")))
      Fs.writeFileSync(path, `b.i2p=${two.base64}\n`)
      assert.isTrue(Option.isNone(yield* book.lookup("b.i2p")))
      yield* book.reload
      assert.strictEqual(Option.getOrThrow(yield* book.lookup("b.i2p")).b32, two.b32)
      assert.strictEqual(yield* book.size, 1)
      Fs.rmSync(path)
      assert.strictEqual((yield* Effect.flip(book.reload)).reason, "NotFound")
      assert.strictEqual(Option.getOrThrow(yield* book.lookup("b.i2p")).b32, two.b32)
    })
  )

  it.scopedLive("notices a change, keeps what it has when the file goes, and says so once", () =>
    Effect.gen(function* () {
      const path = yield* hosts
      Fs.writeFileSync(path, `a.i2p=${one.base64}\nbad line\n`)
      logs.length = 0
      const book = yield* NodeAddressBook.make(path, { interval: "5 millis" })
      assert.deepStrictEqual(logs, [`address book ${path}: 1 lines left out, the first is line 2: no name=destination`])
      const until = (condition: Effect.Effect<boolean>) =>
        Effect.repeat(Effect.zipLeft(condition, Effect.sleep("5 millis")), { until: (done) => done }).pipe(
          Effect.timeout("10 seconds")
        )
      const next = `${path}.new`
      Fs.writeFileSync(next, `a.i2p=${two.base64}\n`)
      Fs.renameSync(next, path)
      yield* until(Effect.map(book.lookup("a.i2p"), (found) => Option.getOrThrow(found).b32 === two.b32))
      Fs.rmSync(path)
      yield* until(Effect.sync(() => logs.length > 1))
      yield* Effect.sleep("50 millis")
      assert.deepStrictEqual(logs.slice(1), [
        `cannot read address book ${path}: no such file; the names read before stay`
      ])
      assert.isTrue(Option.isSome(yield* book.lookup("a.i2p")))
    }).pipe(Effect.provide(logged))
  )

  it.scopedLive("fails in one line that names the file when there is none, or one far too large", () =>
    Effect.gen(function* () {
      const path = yield* hosts
      const failure = Effect.flip(NodeAddressBook.make(path))
      assert.strictEqual((yield* failure).message, `cannot read address book ${path}: no such file`)
      Fs.closeSync(Fs.openSync(path, "w"))
      Fs.truncateSync(path, NodeAddressBook.maxFileBytes + 1)
      assert.strictEqual((yield* failure).reason, "TooLarge")
      assert.strictEqual((yield* Effect.flip(NodeAddressBook.make(Path.dirname(path)))).reason, "Io")
    })
  )

  it.scopedLive("is asked by the sessions below it, before their router", () =>
    Effect.gen(function* () {
      const path = yield* hosts
      Fs.writeFileSync(path, `only-ours.i2p=${one.base64}\n`)
      const find = Effect.flatMap(StreamManager, (streams) => streams.lookup("Only-Ours.i2p"))
      const without = yield* Effect.flip(
        Effect.provide(find, NodeI2p.layerEmbedded({ session: { lookupRetryWindow: 0 } }))
      )
      assert.strictEqual(without._tag, "DestinationNotFound")
      const withBook = NodeI2p.layerEmbedded().pipe(Layer.provide(NodeAddressBook.layer(path)))
      assert.strictEqual((yield* Effect.provide(find, withBook)).b32, one.b32)
      assert.strictEqual(yield* AddressBook.AddressBook, AddressBook.empty)
    })
  )
})
