import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { i2p } from "./harness.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-cli-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

describe("keygen", () => {
  it.scopedLive("makes a key file that only its owner may read, and prints its address", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "site.dat")
      const { code, err, out } = yield* i2p(["keygen", file])
      assert.strictEqual(code, 0)
      assert.strictEqual(err, "")
      assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600)
      const keys = Either.getOrThrow(DestinationKeys.decode(new Uint8Array(Fs.readFileSync(file))))
      assert.strictEqual(out, `${keys.destination.b32}\n`)
    })
  )

  it.scopedLive("never overwrites a file", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "site.dat")
      Fs.writeFileSync(file, "precious")
      const { code, err, out } = yield* i2p(["keygen", file])
      assert.match(err, /^[^\n]*site\.dat exists, and keys are never overwritten[^\n]*\n$/)
      assert.strictEqual(out, "")
      assert.strictEqual(code, 2)
      assert.strictEqual(Fs.readFileSync(file, "utf8"), "precious")
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["site.dat"])
    })
  )

  it.scopedLive("makes every type it offers, and describes it in JSON", () =>
    Effect.gen(function* () {
      const path = yield* directory
      for (const type of ["ed25519", "p256", "p384", "p521", "reddsa", "mldsa44", "mldsa65", "mldsa87"]) {
        const file = Path.join(path, type)
        const { code, out } = yield* i2p(["keygen", "--type", type, "--json", file])
        assert.strictEqual(code, 0)
        const keys = Either.getOrThrow(DestinationKeys.decode(new Uint8Array(Fs.readFileSync(file))))
        const { b32, b33, destination, offline, ...rest } = JSON.parse(out)
        if (type === "ed25519" || type === "reddsa") assert.match(b33, /^[a-z2-7]{56}\.b32\.i2p$/)
        else assert.isUndefined(b33)
        assert.strictEqual(b32, keys.destination.b32)
        assert.strictEqual(destination, keys.destination.base64)
        assert.isNull(offline)
        assert.deepStrictEqual(Object.keys(rest), [
          "file",
          "hash",
          "type",
          "signing_type",
          "encryption_type",
          "bytes",
          "form"
        ])
      }
    })
  )

  it.scopedLive("keys it made are used by --keys", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "p256.dat")
      yield* i2p(["keygen", "--type", "p256", file])
      const { code } = yield* i2p(["ping", "--router", "embedded", "--keys", file, "-c", "1"])
      assert.strictEqual(code, 0)
    })
  )

  it.live("asks where to", () =>
    Effect.gen(function* () {
      const { code, err } = yield* i2p(["keygen"])
      assert.match(err, /^store the keys where\? [^\n]+\n$/)
      assert.strictEqual(code, 2)
    })
  )
})

describe("a wrong key file", () => {
  it.scopedLive("is refused in one line that names it", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "wrong.dat")
      Fs.writeFileSync(file, "not a key", { mode: 0o600 })
      const { code, err } = yield* i2p(["ping", "--router", "embedded", "--keys", file, "-c", "1"])
      assert.match(err, /^cannot read key file [^\n]*wrong\.dat: [^\n]+\n$/)
      assert.strictEqual(code, 2)
    })
  )
})

describe("nc", () => {
  it.live("says in one line that nobody answers, and exits with 1", () =>
    Effect.gen(function* () {
      const { code, err } = yield* i2p(["nc", "--router", "embedded:loss=100%", "-w", "0.3"])
      assert.match(err, /^[^\n]*did not answer within 0\.3 s[^\n]*\n$/)
      assert.strictEqual(code, 1)
    })
  )

  it.live("tells a destination that is off line, 1, from a name that does not exist, 2", () =>
    Effect.gen(function* () {
      const offLine = yield* i2p(["nc", "--router", "embedded", `${"a".repeat(51)}q.b32.i2p`])
      assert.match(offLine.err, /^a{51}q\.b32\.i2p: [^\n]+\n$/)
      assert.strictEqual(offLine.code, 1)
      assert.strictEqual((yield* i2p(["nc", "--router", "embedded", "nobody.i2p"])).code, 2)
    })
  )

  const refusals: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: RegExp]> = [
    [["nc"], /^connect to whom\?/],
    [["nc", "a.i2p", "70000"], /^port 70000 does not exist/],
    [["nc", "--listen", "80", "a.i2p"], /^either --listen or a destination, not both/],
    [["nc", "-w", "0", "a.i2p"], /^-w must be above 0/]
  ]
  for (const [args, why] of refusals) {
    it.live(`refuses ${args.join(" ")} with one line and 2`, () =>
      Effect.gen(function* () {
        const { code, err } = yield* i2p(args)
        assert.match(err, why)
        assert.match(err, /^[^\n]+\n$/)
        assert.strictEqual(code, 2)
      })
    )
  }
})

describe("router", () => {
  it.live("says in one line that its port is taken", () =>
    Effect.gen(function* () {
      const server = Net.createServer().listen(0, "127.0.0.1")
      yield* Effect.promise(() => new Promise((resolve) => server.once("listening", resolve)))
      const { port } = server.address() as Net.AddressInfo
      const { code, err } = yield* i2p(["router", "--listen", `127.0.0.1:${port}`])
      server.close()
      assert.match(err, /^cannot listen on [^\n]*the port is taken[^\n]*\n$/)
      assert.strictEqual(code, 2)
    })
  )

  it.live("refuses a link that cannot be, naming the option", () =>
    Effect.gen(function* () {
      assert.match((yield* i2p(["router", "--loss", "7"])).err, /^--loss: "7" is no share/)
      assert.match((yield* i2p(["router", "--listen", "nowhere"])).err, /^--listen "nowhere" is no place to listen/)
    })
  )
})

describe("demo", () => {
  it.live("ends by itself with a table, 80 columns wide and without an escape sequence in a pipe", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* i2p(["demo"])
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
      assert.match(out, /what +bytes +time +throughput +of link +rtt +packets +resent/)
      assert.match(out, /\n {2}upload +4\.00 MB +[0-9.]+ s +[0-9.]+ [kM]B\/s +\d+%/)
      assert.notInclude(out, "\u001b")
      for (const line of out.split("\n")) assert.isAtMost(line.length, 80)
    })
  )
})

describe("help", () => {
  it.live("is what a bare i2p prints, and fits 80 columns", () =>
    Effect.gen(function* () {
      for (const args of [[], ["--help"], ["ping", "-h"], ["router", "--help"]]) {
        const { code, out } = yield* i2p(args)
        assert.strictEqual(code, 0)
        assert.match(out, /^Usage: i2p /)
        for (const line of out.split("\n")) assert.isAtMost(line.length, 80)
      }
      assert.match((yield* i2p([])).out, /Commands\n {2}demo .*\n {2}ping /)
      assert.match((yield* i2p(["ping", "--help"])).out, / {2}-c, --count integer +Stop after this many pings/)
    })
  )

  it.live("--version prints the version", () =>
    Effect.gen(function* () {
      assert.match((yield* i2p(["--version"])).out, /^\d+\.\d+\.\d+\n/)
    })
  )
})
