/** `npm run grid` as a process: what it prints, and what it says to options that make no sense. */
import { execFile, execFileSync } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { parse } from "../src/grid/options.js"

const root = fileURLToPath(new URL("../../../", import.meta.url))

/** What is built starts in half the time of the source. */
const command = "packages/bench/dist/grid.js"
execFileSync("node_modules/.bin/tsc", ["-b", "packages/bench/tsconfig.src.json"], { cwd: root })

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

const grid = (...args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [command, ...args], { cwd: root }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err })
    )
  })

/** A cell that takes milliseconds, with a limit and without. */
const tiny = ["--mib", "0.25", "--seeds", "1", "--rtt", "20", "--loss", "0", "--reorder", "0"]

describe("npm run grid", { timeout: 60_000 }, () => {
  it("prints one JSON object a line for each cell, controller and sender, and nothing else", async () => {
    const everybody = ["ours", "java", "i2pd", "emissary"].flatMap((sender) => ["--sender", sender])
    const ours = ["--controller", "Veno", "--controller", "NewReno"]
    const { code, err, out } = await grid(...tiny, ...everybody, ...ours, "--json")
    assert.strictEqual(err, "")
    assert.strictEqual(code, 0)
    const lines = out.trimEnd().split("\n")
    const results = lines.map((line) => JSON.parse(line))
    const who = results.map(({ controller, rateBytesPerSecond, sender }) => [sender, controller, rateBytesPerSecond])
    assert.sameDeepMembers(
      who,
      [
        ["ours", "Veno"],
        ["ours", "NewReno"],
        ["java", "Westwood+"],
        ["i2pd", "delay"],
        ["emissary", "none"]
      ].flatMap((pair) => [
        [...pair, null],
        [...pair, 5_798_400]
      ])
    )
    for (const { controller: _, goodputShare, rateBytesPerSecond: __, sender: ___, ...rest } of results) {
      assert.deepStrictEqual(rest, { rttMs: 20, loss: 0, reorder: 0, seeds: 1 })
      assert.isAbove(goodputShare, 0)
      assert.isAtMost(goodputShare, 1)
    }
  })

  it("prints a table for each sender, with cells that are not in the grid", async () => {
    const { code, err, out } = await grid(
      "--mib",
      "0.1",
      "--seeds",
      "1",
      "--rtt",
      "7",
      "--loss",
      "0.5",
      "--sender",
      "java"
    )
    assert.strictEqual(err, "")
    assert.strictEqual(code, 0)
    const lines = out.split("\n").filter((line) => line !== "")
    assert.strictEqual(lines[0], "java, Westwood+, no rate limit:")
    assert.strictEqual(lines[1], "| RTT ms | reorder |    50% |")
    assert.match(lines[3]!, /^\| {6}7 \| {6}0% \| +\d+% \|$/)
    assert.match(lines[4]!, /^\| {6}7 \| {6}2% \| +\d+% \|$/)
    assert.match(lines[5]!, /^java, Westwood\+, rate limited to half/)
    assert.strictEqual(lines.length, 10)
  })

  const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
    [["--sender", "tor"], /--sender: there is no tor; there are ours, java, i2pd, emissary/],
    [["--controller", "BIC"], /--controller: there is no BIC; there are Veno, NewReno/],
    [["--sender", "java", "--controller", "Veno"], /--controller is for --sender ours/],
    [["--rtt", "fast"], /--rtt: "fast" is not a time in ms/],
    [["--rtt", "0"], /--rtt: "0" is not/],
    [["--loss", "1"], /--loss: "1" is not a share from 0 to below 1/],
    [["--reorder", "-1"], /--reorder/],
    [["--mib", ""], /--mib: "" is not a size/],
    [["--mib", "Infinity"], /--mib/],
    [["--seeds", "1.5"], /--seeds: "1.5" is not a number from 1 to 1000/],
    [["--speed", "1"], /--speed/],
    [["200"], /200/]
  ]

  it("says what is wrong with an option", () => {
    for (const [args, says] of wrong) {
      const message = Either.flip(parse(args)).pipe(Either.getOrThrow)
      assert.match(message, says)
      assert.notInclude(message, "\n")
    }
  })

  it("says so in one line, and exits with 2", async () => {
    const { code, err, out } = await grid("--seeds", "none")
    assert.match(err, /^grid: --seeds: [^\n]+\n$/)
    assert.strictEqual(out, "")
    assert.strictEqual(code, 2)
  })

  it("draws a line for each sender on each of two links, where it is told to", async () => {
    const directory = await mkdtemp(join(tmpdir(), "grid-"))
    const file = join(directory, "grid.svg")
    const { code } = await grid(...tiny, "--loss", "0.01", "--sender", "ours", "--sender", "java", "--svg", file)
    const picture = await readFile(file, "utf8")
    await rm(directory, { recursive: true })
    assert.strictEqual(code, 0)
    assert.match(picture, /^<svg [^>]*viewBox/)
    assert.lengthOf(picture.match(/<polyline points="[\d.]+,[\d.]+ [\d.]+,[\d.]+"/g) ?? [], 4)
    assert.lengthOf(picture.match(/>java \(model\)</g) ?? [], 2)
    assert.notInclude(picture, "NaN")
  })
})
