import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import manifest from "../../package.json" with { type: "json" }
import * as Format from "../../src/output/Format.js"
import * as Output from "../../src/output/Output.js"
import * as Progress from "../../src/output/Progress.js"
import * as Style from "../../src/output/Style.js"
import * as Table from "../../src/output/Table.js"
import * as PingReport from "../../src/ping/PingReport.js"
import * as Help from "../../src/shell/Help.js"
import { version } from "../../src/shell/Version.js"

const plain = { style: Style.make(false), columns: 80 }
const at = Date.UTC(2026, 0, 2, 3, 4, 5)

describe("PingReport", () => {
  it("bars have a scale that lines share: full at 1, 2 or 5 times a power of ten", () => {
    const bar = (rtt: number, longest: number) =>
      (
        PingReport.text({ _tag: "Reply", seq: 1, rtt, bytes: 32, isIntact: true, at }, { ...plain, longest }).match(
          /▇/g
        ) ?? []
      ).length
    assert.strictEqual(bar(50, 50), 40)
    assert.strictEqual(bar(50, 51), 20)
    assert.strictEqual(bar(51, 100), 20)
    assert.strictEqual(bar(0.001, 900), 1)
  })

  it("a terminal too narrow for the b32 address gets its start", () => {
    const start = {
      _tag: "Start",
      destination: "echo.i2p",
      b32: `${"a".repeat(52)}.b32.i2p`,
      payloadBytes: 32,
      interval: 1000,
      timeout: 10_000
    } as const
    assert.strictEqual(PingReport.text(start, plain), "PING echo.i2p (aaaaaaaa….b32.i2p): 32 data bytes")
    assert.include(PingReport.text(start, { ...plain, columns: 200 }), `(${start.b32})`)
  })

  it("says so when other bytes came back", () => {
    const reply = { _tag: "Reply", seq: 3, rtt: 1234.5, bytes: 32, isIntact: false, at } as const
    assert.strictEqual(PingReport.text(reply, plain), "32 bytes: seq=3 time=1235 ms (other data came back)")
    assert.deepStrictEqual(JSON.parse(PingReport.json(reply)), {
      type: "reply",
      seq: 3,
      rtt_ms: 1234.5,
      bytes: 32,
      intact: false,
      time: "2026-01-02T03:04:05.000Z"
    })
  })

  it("draws a course from lowest to highest", () => {
    assert.strictEqual(PingReport.sparkline([1, 8, 4.5]), "▁█▅")
    assert.strictEqual(PingReport.sparkline([5, 5]), "▁▁")
  })
})

describe("Progress", () => {
  it("bars are as long as asked, and fuller the more is done", () => {
    assert.strictEqual(Progress.bar(0, 4), "░░░░")
    assert.strictEqual(Progress.bar(0.5, 4), "██░░")
    assert.strictEqual(Progress.bar(0.53125, 4), "██▏░")
    assert.strictEqual(Progress.bar(1, 4), "████")
    FastCheck.assert(
      FastCheck.property(FastCheck.double({ noNaN: true }), FastCheck.integer({ min: 1, max: 60 }), (share, width) => {
        assert.lengthOf(Progress.bar(share, width), width)
      })
    )
  })

  it("lines never wrap, whatever the width and the numbers", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(4e9),
        FastCheck.nat(4e9),
        FastCheck.nat(1e9),
        FastCheck.integer({ min: 20, max: 200 }),
        (done, total, elapsed, columns) => {
          assert.isBelow(Progress.line({ label: "    upload", done, total, elapsed }, columns).length, columns)
        }
      )
    )
  })
})

describe("Table and Style", () => {
  it("aligns by what is seen, not by escape sequences", () => {
    const style = Style.make(true)
    const lines = Table.render(
      [
        { title: "what", align: "left" },
        { title: "n", align: "right" }
      ],
      [
        [style.red("a"), "1"],
        ["bbbbb", style.green("10")]
      ],
      style
    )
    assert.deepStrictEqual(lines.map(Style.strip), ["what    n", "─────────", "a       1", "bbbbb  10"])
    assert.notStrictEqual(lines.join(""), lines.map(Style.strip).join(""))
  })

  it("colours only a terminal, and none with NO_COLOR", () => {
    assert.isTrue(Output.wantsColors(true, {}))
    assert.isFalse(Output.wantsColors(false, {}))
    assert.isFalse(Output.wantsColors(true, { NO_COLOR: "1" }))
    assert.isTrue(Output.wantsColors(true, { NO_COLOR: "" }))
    assert.isFalse(Output.wantsColors(true, { TERM: "dumb" }))
  })
})

describe("Format", () => {
  it("has three digits that matter", () => {
    assert.deepStrictEqual([0.123, 9.999, 12.34, 99.9999, 999.6].map(Format.millis), [
      "0.12",
      "10.0",
      "12.3",
      "100",
      "1000"
    ])
    assert.deepStrictEqual([999, 1000, 999_499, 1e6, 12.34e6, 2e9].map(Format.bytes), [
      "999 B",
      "1.00 kB",
      "999 kB",
      "1.00 MB",
      "12.3 MB",
      "2.00 GB"
    ])
    assert.deepStrictEqual([0, 0.001, 1 / 3, 1].map(Format.percent), ["0%", "0.1%", "33.3%", "100%"])
    assert.deepStrictEqual([100, 1000, 10_000, 12_340, 100_000].map(Format.seconds), [
      "0.1 s",
      "1 s",
      "10 s",
      "12.3 s",
      "100 s"
    ])
  })
})

describe("Help", () => {
  it("wraps at blanks and loses no word", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.stringMatching(/^[a-z]{1,12}$/)),
        FastCheck.integer({ min: 12, max: 80 }),
        (words, width) => {
          const lines = Help.wrap(words.join(" "), width)
          assert.isTrue(lines.every((line) => line.length <= width))
          assert.strictEqual(lines.join(" "), words.join(" "))
        }
      )
    )
  })
})

describe("Version", () => {
  it("is the package's", () => {
    assert.strictEqual(version, manifest.version)
  })
})
