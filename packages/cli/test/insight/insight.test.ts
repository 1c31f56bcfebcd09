import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { Snapshot } from "@effect-i2p/platform-node/NodeInsight"
import * as Effect from "effect/Effect"
import * as TopScreen from "../../src/insight/TopScreen.js"
import * as Style from "../../src/output/Style.js"
import * as PingReport from "../../src/ping/PingReport.js"
import { i2p, i2pSimulated } from "../harness.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-cli-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const json = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const plain = Style.make(false)

describe("trace", () => {
  it.scopedLive("shows what perf wrote: streams, retransmissions and a sketch in 80 columns", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "trace")
      const run = yield* i2p(["perf", "--router", "embedded:latency=5ms,loss=2%,seed=9", "-n", "300k", "--trace", file])
      assert.strictEqual(run.code, 0, run.err)
      assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600)
      const { code, err, out } = yield* i2p(["trace", file])
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
      for (const line of out.split("\n")) assert.isAtMost(line.length, 80, line)
      assert.match(out, /^stream \d+ to \w{8}…, port 5201, at .* s, Finished$/m)
      assert.match(out, /· sent {2}R resent {2}- acknowledged/)
      const [control, data] = json((yield* i2p(["trace", "--json", file])).out)
      assert.strictEqual(control!["type"], "stream")
      const { bytes, retransmissions } = data!["out"] as { bytes: number; retransmissions: number }
      assert.isAtLeast(bytes, 300_000)
      assert.isBelow(bytes, 300_200, "retransmissions count once")
      assert.strictEqual(out.includes("R"), retransmissions > 0)

      const list = (yield* i2p(["trace", "-l", "-s", String(data!["stream"]), file])).out.split("\n")
      assert.match(list[0]!, /^ +0\.\d{6} \d+ +open SynSent initiator, \w{8}… port 5201$/)
      assert.match(list[1]!, /→ SYN {5}seq 0 /)
      assert.isTrue(list.every((line) => line === "" || line.includes(String(data!["stream"]))))
    })
  )

  it.scopedLive("refuses what is no trace, and reads on over half a line", () =>
    Effect.gen(function* () {
      const base = yield* directory
      const write = (name: string, text: string) => {
        const file = Path.join(base, name)
        Fs.writeFileSync(file, text)
        return file
      }
      const refused = Effect.fnUntraced(function* (args: ReadonlyArray<string>, why: RegExp) {
        const { code, err, out } = yield* i2p(["trace", ...args])
        assert.match(err, why)
        assert.match(err, /^[^\n]+\n$/)
        assert.strictEqual(out, "")
        assert.strictEqual(code, 2)
      })
      yield* refused([], /^show which trace\?/)
      yield* refused([Path.join(base, "none")], /^cannot read .*none: no such file$/m)
      yield* refused([write("empty", "")], /empty is empty$/m)
      yield* refused([write("text", "hello\n")], /text is not a packet trace/)
      yield* refused([write("huge", "x".repeat(100_000))], /huge is not a packet trace/)
      const ping = {
        ...{ type: "packet", time: 1000, stream: 7, dir: "out", kind: "PING", seq: 0, ack: null, nacks: 0, bytes: 32 },
        ...{ delay: null, again: false, dropped: false, cwnd: null, flight: null, rtt: null, rto: null }
      }
      const cut = write("cut", `${JSON.stringify(ping)}\n${JSON.stringify(ping).slice(0, 40)}`)
      const { code, out } = yield* i2p(["trace", cut])
      assert.match(out, /^ping 7, at 0 s, .*\n {2}out {2}1 packets/)
      assert.match(out, /^1 lines could not be read, the first is line 2$/m)
      assert.strictEqual(code, 0)
      yield* refused(["-s", "8", cut], /has no stream 8$/m)
    })
  )
})

describe("--trace and --insight", () => {
  it.scopedLive("say in one line that they cannot", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "nowhere", "x")
      for (const option of ["--trace", "--insight"]) {
        const { code, err } = yield* i2p(["ping", "--router", "embedded", "-c", "1", option, file])
        assert.match(err, /^cannot [^\n]*: no such directory\n$/)
        assert.strictEqual(code, 2)
      }
    })
  )

  it.scoped("trace pings", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "trace")
      yield* i2pSimulated(["ping", "--router", "embedded", "-c", "2", "--trace", file])
      const kinds = json(Fs.readFileSync(file, "utf8")).map(({ dir, kind }) => `${dir} ${kind}`)
      assert.deepStrictEqual(kinds, ["out PING", "in PONG", "out PING", "in PONG"])
    })
  )
})

describe("top", () => {
  it.scopedLive("prints one snapshot in a pipe, as a table or as JSON", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "s")
      yield* Effect.fork(
        i2p(["perf", "--router", "embedded:rate=500kB/s", "-t", "20", "-P", "2", "--bidir", "--insight", path])
      )
      while (!Fs.existsSync(path)) yield* Effect.sleep(20)
      // The streams are there once both of data have measured a round trip.
      const look = Effect.map(i2p(["top", "--json", path]), ({ out }) => json(out))
      const [snapshot, ...rest] = yield* Effect.repeat(Effect.delay(look, "20 millis"), {
        until: ([snapshot]) =>
          snapshot!["stream_count"] === 3 &&
          (snapshot!["streams"] as Snapshot["streams"]).every((stream) => stream.rtt_ms !== null)
      })
      assert.lengthOf(rest, 0)
      assert.deepInclude(snapshot, { type: "snapshot", version: 1, program: "i2p perf", stream_count: 3 })
      const { code, err, out } = yield* i2p(["top", path])
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
      assert.match(out, /^i2p perf \(pid \d+\) {2}\w{8}… {2}ready {2}up /)
      const rows = out.trimEnd().split("\n")
      assert.lengthOf(rows, 8)
      assert.match(rows[5]!, /^\w{8} {2}5201 {2}EST[?!]? +[\d.]+ +\d+ +\d+ +\S+k? +\S+ +\S+k? +\S+ +\d+$/)
      for (const line of rows) assert.isAtMost(line.length, 80)
      assert.notInclude(out, "\u001b")
    })
  )

  it.scopedLive("says in one line why there is nothing to see", () =>
    Effect.gen(function* () {
      const base = yield* directory
      const file = Path.join(base, "file")
      Fs.writeFileSync(file, "")
      const none = yield* i2p(["top", Path.join(base, "none")])
      assert.match(none.err, /^\S+none does not exist: start the program with --insight \S+none\n$/)
      assert.strictEqual(none.code, 2)
      const noSocket = yield* i2p(["top", file])
      assert.match(noSocket.err, /file is not a socket\n$/)
      assert.match((yield* i2p(["top"])).err, /^watch what\?/)
    })
  )

  it("fits its lines into the terminal, and counts the streams that do not", () => {
    const stream = {
      id: 1,
      peer: "abcdefgh",
      port: 65_535,
      local_port: 49_152,
      status: "Established",
      rtt_ms: 1234.5,
      rto_ms: 45_000,
      cwnd: 192,
      in_flight: 192,
      bytes_acknowledged: 123_456_789_012,
      bytes_received: 123_456_789_012,
      bytes_unacknowledged: 0,
      bytes_unread: 0,
      packets_sent: 0,
      packets_received: 0,
      packets_dropped: 0,
      retransmissions: 123_456,
      retransmission_timeouts: 0,
      duplicates: 0,
      chokes: 0,
      choked: true,
      choking: false
    }
    const snapshot: Snapshot = {
      ...{ type: "snapshot", version: 1, time: 2_000, since: 0, program: "a program with a long name", pid: 4_194_304 },
      ...{ self: "abcdefgh", session: { state: "Lost", text: "router unreachable ".repeat(20) }, stream_count: 300 },
      streams: Array.from({ length: 200 }, (_, id) => ({ ...stream, id })),
      drops: { malformed: 3, replayed: 0 }
    }
    const lines = TopScreen.render(snapshot, undefined, 80, 23, plain)
    assert.lengthOf(lines, 24 - 1 + 1)
    for (const line of lines) assert.isAtMost(line.length, 80, line)
    assert.include(lines.join("\n"), "… and ")
    assert.include(lines[1]!, "dropped: malformed 3")
  })
})

describe("ping --graph", () => {
  it.effect("ends with a histogram once there is something to see", () =>
    Effect.gen(function* () {
      const args = ["ping", "--router", "embedded:latency=20ms,jitter=30ms", "-c", "30", "-i", "0.1", "-q", "--graph"]
      const { out } = yield* i2pSimulated(args)
      const bars = out.split("\n").filter((line) => / ms +\d+ ▇/.test(line) || / ms +0$/.test(line))
      assert.lengthOf(bars, 6)
      const counts = bars.map((line) => Number(/ ms +(\d+)/.exec(line)![1]))
      assert.strictEqual(
        counts.reduce((a, b) => a + b, 0),
        30
      )
      for (const line of bars) assert.isAtMost(line.length, 80)
    })
  )

  it("puts every value in one bin, also when all are the same", () => {
    assert.deepStrictEqual(PingReport.histogram([5, 5, 5], 80, plain), [`    5.00–5.00 ms 3 ${"▇".repeat(40)}`])
    const lines = PingReport.histogram([1, 2, 3, 4, 100], 80, plain)
    assert.lengthOf(lines, 3)
    assert.match(lines[0]!, / 4 ▇+$/)
    assert.match(lines[1]!, / 0$/)
    assert.match(lines[2]!, / 1 ▇+$/)
  })
})

describe("completions", () => {
  const script = (shell: string) => Effect.map(i2p(["--completions", shell]), ({ out }) => out)

  it.live("know every command in every shell, and which options take values", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"]) {
        const text = yield* script(shell)
        for (const name of ["demo", "ping", "nc", "perf", "top", "trace", "router"]) assert.include(text, name)
        assert.notInclude(text, "\u001b")
      }
      const zsh = yield* script("zsh")
      assert.match(zsh, /'--trace\[.*\]:file:_files'/)
      assert.match(zsh, /'-t\[.*\]:seconds:'/)
      assert.match(zsh, /'--reverse\[[^\]]*\]'/)
      // -l is a switch of perf and takes a value with nc.
      assert.match(zsh, /\(perf\)[\s\S]*'-l\[Serve[^\]]*\]'/)
      assert.match(zsh, /\(nc\)[\s\S]*'-l\[Wait[^\]]*\]:port:'/)
      assert.match(yield* script("fish"), /from perf" -l trace -r -F /)
    })
  )

  it.live("work in bash", () =>
    Effect.gen(function* () {
      const text = yield* script("bash")
      const completed = (...words: ReadonlyArray<string>) =>
        ChildProcess.execFileSync(
          "bash",
          [
            "-c",
            `${text}
COMP_WORDS=(i2p "$@"); COMP_CWORD=$#; _i2p_bash_completions i2p; echo "\${COMPREPLY[@]}"`,
            "bash",
            ...words
          ],
          { encoding: "utf8" }
        ).trim()
      assert.strictEqual(completed("pe"), "perf")
      assert.strictEqual(completed("perf", "--rev"), "--reverse")
      assert.strictEqual(completed("ping", "--router", "embedded", "--gr"), "--graph")
      assert.strictEqual(completed("tunnel", "client", "--half"), "--half-close")
      assert.strictEqual(completed("key", "van"), "vanity")
    })
  )
})
