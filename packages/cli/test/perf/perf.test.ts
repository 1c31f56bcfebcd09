import { assert, describe, it } from "@effect/vitest"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Protocol from "../../src/perf/PerfProtocol.js"
import * as PerfServer from "../../src/perf/PerfServer.js"
import { i2p, i2pSimulated, spawn } from "../harness.js"

interface Line {
  readonly [name: string]: unknown
  readonly type: string
  readonly streams: ReadonlyArray<unknown>
}

interface Sum {
  readonly [name: string]: number
}

const sumOf = (line: Line, name: string): Sum => line[name] as Sum

const json = (text: string): ReadonlyArray<Line> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("perf", () => {
  it.effect("measures for as long as it is told, with a line an interval, and agrees with the other side", () =>
    Effect.gen(function* () {
      // Slow: TestClock takes 10 ms of real time for each moment at which something happens, a packet for instance.
      const args = ["perf", "--router", "embedded:latency=25ms,loss=0.5%,rate=100kB/s", "-t", "4", "--json"]
      const { code, err, out } = yield* i2pSimulated(args)
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
      const lines = json(out)
      assert.deepInclude(lines[0], { type: "start", version: 1, num_streams: 1, duration: 4, reverse: false })
      const intervals = lines.filter(({ type }) => type === "interval")
      assert.isAtLeast(intervals.length, 4)
      assert.approximately(sumOf(intervals[1]!, "sum")["seconds"]!, 1, 0.1)
      const end = lines.at(-1)!
      assert.lengthOf(end.streams, 1)
      const [sent, received] = [sumOf(end, "sum_sent"), sumOf(end, "sum_received")]
      assert.strictEqual(sent["bytes"], received["bytes"])
      const sum = (name: string) => intervals.reduce((total, line) => total + sumOf(line, "sum")[name]!, 0)
      assert.strictEqual(sum("bytes"), sent["bytes"])
      assert.strictEqual(sum("retransmits"), sent["retransmits"])
      assert.isAbove(sent["bits_per_second"]!, 400_000)
      assert.isBelow(received["bits_per_second"]!, 810_000, "no more than the link carries")
      assert.isAtLeast(sent["min_rtt"]!, 50_000)
      assert.isAbove(sent["max_snd_cwnd"]!, 1812)
    })
  )

  it.effect("sends so many bytes over so many streams, to the byte, in each direction", () =>
    Effect.gen(function* () {
      const router = "embedded:latency=10ms,loss=1%"
      for (const [direction, sums] of [
        [[], ["sum"]],
        [["-R"], ["sum"]],
        [["--bidir"], ["sum", "sum_bidir_reverse"]]
      ] as const) {
        const args = ["perf", "--router", router, "-n", "1000001", "-P", "3", "--json", ...direction]
        const { code, err, out } = yield* i2pSimulated(args)
        assert.strictEqual(code, 0, err)
        const lines = json(out)
        const end = lines.at(-1)!
        assert.strictEqual(sumOf(end, "sum_sent")["bytes"], 1_000_001)
        assert.strictEqual(sumOf(end, "sum_received")["bytes"], 1_000_001)
        assert.deepInclude(end["sum_sent"], { sender: direction[0] !== "-R" })
        assert.lengthOf(end.streams, 3 * sums.length)
        if (sums.length === 2) {
          assert.deepInclude(end["sum_received_bidir_reverse"], { bytes: 1_000_001, sender: false })
        }
        for (const sum of sums) {
          const intervals = lines.filter(({ type }) => type === "interval")
          const bytes = intervals.reduce((total, interval) => total + sumOf(interval, sum)["bytes"]!, 0)
          assert.strictEqual(bytes, 1_000_001, `${direction} ${sum}`)
        }
      }
    })
  )

  it.effect("prints a table of 80 columns for people, and nothing else in a pipe", () =>
    Effect.gen(function* () {
      const { err, out } = yield* i2pSimulated([
        "perf",
        "--router",
        "embedded:latency=10ms,rate=300kB/s",
        "-t2",
        "-P2",
        "--bidir"
      ])
      assert.strictEqual(err, "")
      const lines = out.trimEnd().split("\n")
      assert.match(lines[0]!, /^PERF echo\.i2p, port 5201: both ways, 2 streams, 2 s$/)
      for (const line of lines) assert.isAtMost(line.length, 80)
      assert.match(out, /^up all +0\.0-1\.0 s +\S+ kB +\S+ kB\/s +\d+ +\d+ +\S+ ms$/m)
      assert.match(out, /^down all +0\.0-2\.\d s .*received$/m)
      assert.notInclude(out, "\u001b")
    })
  )

  it.live("exits with 1 when there is nobody, or somebody else", () =>
    Effect.gen(function* () {
      const elsewhere = yield* i2p(["perf", "--router", "embedded", "-p", "7", "-n", "1k"])
      assert.match(elsewhere.err, /^echo\.i2p, port 7, does not speak perf 1\n$/)
      assert.strictEqual(elsewhere.code, 1)
      const nobody = yield* i2p(["perf", "--router", "embedded:loss=100%", "-w", "0.3", "-n", "1k"])
      assert.match(nobody.err, /did not answer within 0\.3 s/)
      assert.strictEqual(nobody.code, 1)
    })
  )

  const refusals: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: RegExp]> = [
    [["perf"], /^measure whom\?/],
    [["perf", "--listen", "a.i2p"], /^either --listen or a destination/],
    [["perf", "-R", "--bidir", "a.i2p"], /^either -R or --bidir/],
    [["perf", "-t", "3", "-n", "1k", "a.i2p"], /^either -t or -n/],
    [["perf", "-t", "0", "a.i2p"], /^-t must be above 0/],
    [["perf", "-P", "0", "a.i2p"], /^-P must be from 1 to 128/],
    [["perf", "-n", "much", "a.i2p"], /^-n "much" is no size/],
    [["perf", "-i", "0", "a.i2p"], /^-i must be at least 0\.1/],
    [["perf", "-p", "70000", "a.i2p"], /^port 70000 does not exist/]
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

  it("serves one process and measures in another, and each says what it saw", { timeout: 120_000 }, async () => {
    const router = spawn(["router", "--listen", "0", "--latency", "5ms"])
    const [, port] = await router.says(/listening on 127\.0\.0\.1:(\d+)\n/)
    const I2P_ROUTER = `127.0.0.1:${port}`
    const server = spawn(["perf", "--listen", "-1", "--json"], { I2P_ROUTER })
    const [, b32] = await server.says(/"b32":"([^"]+)"/)
    const client = await spawn(["perf", "-n", "500k", "-P", "2", "--json", b32!], { I2P_ROUTER }).ended
    assert.strictEqual(client.err, "")
    assert.strictEqual(client.code, 0)
    const served = await server.ended
    assert.strictEqual(served.code, 0)
    const report = json(served.out.toString()).at(-1)!
    assert.deepInclude(report, { type: "test", direction: "upload", num_streams: 2, error: null, sent: null })
    assert.strictEqual(sumOf(report, "received")["bytes"], 500_000)

    const second = spawn(["perf", "--listen"], { I2P_ROUTER })
    const [, other] = await second.says(/listening on (\S+), port 5201/)
    const interrupted = spawn(["perf", "-t", "60", "-i", "0.2", other!], { I2P_ROUTER })
    // The second interval, whenever the first has ended.
    await interrupted.says(/^up 1 +(?!0\.0-)\d+\.\d-/m)
    interrupted.child.kill("SIGINT")
    const { code, err, out } = await interrupted.ended
    assert.strictEqual(err, "")
    assert.match(out.toString(), /interrupted\n$/)
    assert.strictEqual(code, 130)
    await second.says(/not finished/)
    second.child.kill("SIGINT")
    assert.strictEqual((await second.ended).code, 0)
    router.child.kill("SIGINT")
    await router.ended
  })
})

describe("the perf server", () => {
  const destination = Effect.map(Layer.build(NodeI2p.layerOnLocalRouter()), Context.get(StreamManager))

  const served = <A, E, R>(
    use: (
      client: StreamManager["Type"],
      server: StreamManager["Type"],
      reports: ReadonlyArray<PerfServer.Report>
    ) => Effect.Effect<A, E, R>
  ) =>
    Effect.gen(function* () {
      const server = yield* destination
      const client = yield* destination
      const reports: Array<PerfServer.Report> = []
      const listener = yield* server.listen({ port: Protocol.port })
      yield* Effect.forkScoped(PerfServer.run(listener, (report) => Effect.sync(() => reports.push(report))))
      return yield* use(client, server, reports)
    }).pipe(Effect.scoped, Effect.provide(NodeI2p.layerLocalRouter()))

  const control: Protocol.Control = {
    perf: 1,
    type: "control",
    test: "0123456789abcdef",
    direction: "upload",
    streams: 1,
    seconds: null,
    bytes: 1000
  }

  const say = (client: StreamManager["Type"], server: StreamManager["Type"], text: string | Uint8Array) =>
    Effect.map(
      client.connect({
        destination: server.destination,
        port: Protocol.port,
        initialData: typeof text === "string" ? new TextEncoder().encode(text) : text
      }),
      (stream) => ({ stream, lines: Protocol.lines(stream) })
    )

  const answerOf = (lines: Protocol.Lines) =>
    Effect.map(lines.line(5), (line) => Either.getOrThrow(Protocol.decode(Protocol.Answer)(line)))

  it.scopedLive("refuses what it does not understand, other versions, and a second test", () =>
    served((client, server) =>
      Effect.gen(function* () {
        for (const text of [
          "GET / HTTP/1.1\n",
          "{}\n",
          `${JSON.stringify({ ...control, perf: 2 })}\n`,
          `${JSON.stringify({ ...control, streams: 129 })}\n`,
          `${JSON.stringify({ ...control, seconds: 1e9 })}\n`
        ]) {
          const { lines } = yield* say(client, server, text)
          assert.strictEqual((yield* answerOf(lines)).type, "refused", text)
        }
        const first = yield* say(client, server, Protocol.encode(control))
        assert.deepStrictEqual(yield* answerOf(first.lines), { type: "ready" })
        const second = yield* say(client, server, Protocol.encode(control))
        assert.deepStrictEqual(yield* answerOf(second.lines), {
          type: "refused",
          reason: "another test is running"
        })
      })
    )
  )

  it.scopedLive("lets nobody else into a test, and is free again when a client leaves", () =>
    served((client, server, reports) =>
      Effect.gen(function* () {
        const stranger = yield* destination
        const first = yield* say(client, server, Protocol.encode(control))
        yield* answerOf(first.lines)
        const data = (test: string, stream: number) => Protocol.encode({ perf: 1, type: "data", test, stream })
        for (const [who, line] of [
          [stranger, data(control.test, 1)],
          [client, data("fedcba9876543210", 1)],
          [client, data(control.test, 2)]
        ] as const) {
          const error = yield* Effect.flip(Effect.flatMap(say(who, server, line), ({ stream }) => stream.read))
          assert.include(["ConnectRefused", "StreamReset"], error._tag)
        }
        yield* first.stream.close
        while (reports.length === 0) yield* Effect.sleep(10)
        assert.match(reports[0]!.error!, /closed the control stream/)
        const next = yield* say(client, server, Protocol.encode({ ...control, test: "0".repeat(16) }))
        assert.deepStrictEqual(yield* answerOf(next.lines), { type: "ready" })
      })
    )
  )

  it("shares bytes out to the last one", () => {
    for (const [total, streams] of [
      [10, 3],
      [1, 2],
      [1_000_001, 128]
    ] as const) {
      const shares = Array.from({ length: streams }, (_, i) => Protocol.shareOf(total, i + 1, streams))
      assert.strictEqual(
        shares.reduce((a, b) => a + b, 0),
        total
      )
      assert.isAtMost(Math.max(...shares) - Math.min(...shares), 1)
    }
  })
})
