import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { i2p, i2pSimulated } from "../harness.js"

const parse = (out: string): ReadonlyArray<Record<string, unknown>> =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

const nobody = `${"a".repeat(51)}q.b32.i2p`

describe("ping on the embedded router", () => {
  it.effect("prints a line for each reply and a summary, and exits with 0", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* i2pSimulated(["ping", "--router", "embedded:latency=50ms", "-c", "3"])
      assert.strictEqual(code, 0)
      assert.strictEqual(err, "")
      const [head, ...rest] = out.split("\n")
      assert.match(head!, /^PING echo\.i2p \([a-z2-7]{52}\.b32\.i2p\): 32 data bytes$/)
      assert.deepStrictEqual(rest, [
        "32 bytes: seq=1 time=100 ms",
        "32 bytes: seq=2 time=100 ms",
        "32 bytes: seq=3 time=100 ms",
        "",
        "--- echo.i2p ping statistics ---",
        "3 sent, 3 received, 0% loss, 2.1 s",
        "rtt min/avg/max/mdev = 100/100/100/0.00 ms",
        "    p50/p95/p99 = 100/100/100 ms, jitter 0.00 ms",
        ""
      ])
    })
  )

  it.effect("prints a line for each timeout, and the summary also when all is lost; exits with 1", () =>
    Effect.gen(function* () {
      const args = ["ping", "--router", "embedded:loss=100%", "-c2", "-i", "0.5", "-W", "2"]
      const { code, err, out } = yield* i2pSimulated(args)
      assert.strictEqual(code, 1)
      assert.strictEqual(err, "")
      assert.deepStrictEqual(out.split("\n").slice(1), [
        "timeout: seq=1, no reply within 2 s",
        "timeout: seq=2, no reply within 2 s",
        "",
        "--- echo.i2p ping statistics ---",
        "2 sent, 0 received, 100% loss, 2.5 s",
        ""
      ])
    })
  )

  it.effect("as JSON has one object a line, with the documented fields", () =>
    Effect.gen(function* () {
      const { code, out } = yield* i2pSimulated(["ping", "--router", "embedded:latency=5", "-c", "2", "--json"])
      assert.strictEqual(code, 0)
      const [start, first, second, summary, ...more] = parse(out)
      assert.deepStrictEqual(
        { ...start, b32: typeof start?.["b32"] },
        {
          type: "start",
          destination: "echo.i2p",
          b32: "string",
          payload_bytes: 32,
          interval_ms: 1000,
          timeout_ms: 10_000
        }
      )
      assert.deepStrictEqual(
        { ...first, time: typeof first?.["time"] },
        { type: "reply", seq: 1, rtt_ms: 10, bytes: 32, intact: true, time: "string" }
      )
      assert.strictEqual(second?.["seq"], 2)
      assert.deepStrictEqual(summary, {
        type: "summary",
        destination: "echo.i2p",
        sent: 2,
        received: 2,
        lost: 0,
        loss: 0,
        duration_ms: 1010,
        rtt_ms: { min: 10, avg: 10, max: 10, mdev: 0, p50: 10, p95: 10, p99: 10, jitter: 0 }
      })
      assert.lengthOf(more, 0)
    })
  )

  it.effect("as JSON tells of timeouts, and of no round trips with null", () =>
    Effect.gen(function* () {
      const { code, out } = yield* i2pSimulated(["--json", "ping", "--router=embedded:loss=1", "-c1", "-W1", "-s", "0"])
      assert.strictEqual(code, 1)
      const [, timeout, summary] = parse(out)
      assert.deepStrictEqual({ ...timeout, time: "" }, { type: "timeout", seq: 1, after_ms: 1000, time: "" })
      assert.strictEqual(summary?.["loss"], 1)
      assert.isNull(summary?.["rtt_ms"])
    })
  )

  it.effect("prints only head and summary when quiet", () =>
    Effect.gen(function* () {
      const { out } = yield* i2pSimulated(["ping", "--router", "embedded", "-qc2"])
      assert.match(out, /^PING .*\n\n--- echo\.i2p ping statistics ---\n2 sent, 2 received, 0% loss, 1 s\nrtt /)
    })
  )

  it.effect("counts an address that nobody has as unreachable, ping by ping, and exits with 1", () =>
    Effect.gen(function* () {
      const { code, out } = yield* i2pSimulated(["ping", "--router", "embedded", "-c", "2", nobody])
      assert.strictEqual(code, 1)
      assert.match(out, /unreachable: seq=1, .*\nunreachable: seq=2, .*\n\n.*\n2 sent, 0 received, 100% loss/)
    })
  )

  it.effect("refuses a name that nobody has, with one line and 2", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* i2pSimulated(["ping", "--router", "embedded", "nobody.i2p"])
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      assert.match(err, /^nobody\.i2p: [^\n]+\n$/)
    })
  )

  it.effect("until up goes on while the name is unknown, and the deadline ends it with 1", () =>
    Effect.gen(function* () {
      const args = ["ping", "--router", "embedded", "--until-up", "-w", "3.5", "-i", "1", "nobody.i2p"]
      const { code, out } = yield* i2pSimulated(args)
      assert.strictEqual(code, 1)
      assert.match(out, /unreachable: seq=3, /)
      assert.match(out, / sent, 0 received, 100% loss/)
    })
  )

  it.effect("until up ends with the first reply", () =>
    Effect.gen(function* () {
      const { code, out } = yield* i2pSimulated(["ping", "--router", "embedded:latency=20", "--until-up"])
      assert.strictEqual(code, 0)
      assert.match(out, /1 sent, 1 received, 0% loss/)
    })
  )

  it.effect("counts what is still on its way at the deadline as lost", () =>
    Effect.gen(function* () {
      const { code, out } = yield* i2pSimulated(["ping", "--router", "embedded:latency=1s", "-w", "2.5"])
      assert.strictEqual(code, 0)
      assert.match(out, /3 sent, 1 received, 66.7% loss/)
    })
  )

  it.effect("takes its options from the environment, the command line first", () =>
    Effect.gen(function* () {
      const env = { I2P_ROUTER: "embedded:loss=100%", I2P_JSON: "1" }
      const lost = yield* i2pSimulated(["ping", "-c1", "-W1"], env)
      assert.strictEqual(lost.code, 1)
      assert.strictEqual(parse(lost.out)[1]?.["type"], "timeout")
      const answered = yield* i2pSimulated(["ping", "-c1", "-W1", "--router", "embedded"], env)
      assert.strictEqual(answered.code, 0)
    })
  )
})

describe("ping with arguments that make no sense", () => {
  const refusals: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: RegExp]> = [
    [["ping"], /^ping whom\? give a destination/],
    [["ping", "example.com"], /"example\.com" is not an I2P address: does not end in \.i2p/],
    [["ping", "-c", "0", "a.i2p"], /^-c must be at least 1/],
    [["ping", "-i", "0", "a.i2p"], /^-i must be above 0/],
    [["ping", "-W", "-1", "a.i2p"], /^-W must be above 0/],
    [["ping", "-s", "4096", "a.i2p"], /^-s must be from 0 to 1024/],
    [["ping", "-i", "0.001", "-W", "100", "a.i2p"], /^at most 1000 pings may wait/],
    [["ping", "-c"], /^option -c does not exist, or has no value/],
    [["ping", "--nope", "a.i2p"], /see i2p ping --help/],
    [["ping", "-c", "many", "a.i2p"], /see i2p ping --help/],
    [["pnig"], /Invalid subcommand for i2p .* see i2p --help/],
    [["ping", "--router", "a:b", "a.i2p"], /^--router "a:b" is not a valid router address/],
    [["ping", "--tunnels", "9x9", "a.i2p"], /^--tunnels "9x9" is no tunnel option/]
  ]
  for (const [args, why] of refusals) {
    it.effect(`refuses ${args.join(" ")} with one line and 2`, () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* i2p(args)
        assert.match(err, why)
        assert.match(err, /^[^\n]+\n$/)
        assert.strictEqual(out, "")
        assert.strictEqual(code, 2)
      })
    )
  }

  it.effect("names the variable when the environment is to blame", () =>
    Effect.gen(function* () {
      const { code, err } = yield* i2p(["ping", "a.i2p"], { I2P_ROUTER: "a:b" })
      assert.match(err, /^I2P_ROUTER "a:b" is not a valid router address/)
      assert.strictEqual(code, 2)
    })
  )
})
