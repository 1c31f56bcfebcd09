import { assert, describe, it } from "@effect/vitest"
import * as Tunnels from "@effect-i2p/i2cp/Tunnels"
import * as NodeI2pConfig from "@effect-i2p/platform-node/NodeI2pConfig"
import * as LinkOptions from "@effect-i2p/router/LinkOptions"
import * as Quantity from "@effect-i2p/router/Quantity"
import * as Either from "effect/Either"
import { tree } from "../../src/commands/tree.js"
import * as Argv from "../../src/shell/Argv.js"
import * as Tree from "../../src/shell/Tree.js"

const right = <A, E>(either: Either.Either<A, E>): A => Either.getOrThrowWith(either, (error) => new Error(`${error}`))
const wrong = <A>(either: Either.Either<A, string>): string =>
  Either.match(either, {
    onLeft: (why) => why,
    onRight: (value) => assert.fail(`was taken as ${JSON.stringify(value)}`)
  })

describe("Quantity", () => {
  it("reads times, in the unit of the option where none is given", () => {
    const millis = (text: string) => right(Quantity.duration(text, "ms"))
    assert.deepStrictEqual(
      ["50", "50ms", "1.5s", "2m", "250us", ".5s", "1 h"].map(millis),
      [50, 50, 1_500, 120_000, 0.25, 500, 3_600_000]
    )
    assert.strictEqual(right(Quantity.duration("3", "s")), 3_000)
  })

  it("reads shares", () => {
    assert.deepStrictEqual(
      ["0", "1", "5%", "0.05", "100%", "0.2 %"].map((text) => right(Quantity.share(text))),
      [0, 1, 0.05, 0.05, 1, 0.002]
    )
  })

  it("reads sizes, decimal and binary", () => {
    assert.deepStrictEqual(
      ["4096", "64k", "1MB", "8MiB", "2 kB"].map((text) => right(Quantity.bytes(text))),
      [4096, 64_000, 1e6, 8_388_608, 2000]
    )
  })

  it("reads rates in bytes and in bits", () => {
    assert.deepStrictEqual(
      ["500kB/s", "1M", "8Mbit/s", "8mbps", "1MiB/s"].map((text) => right(Quantity.rate(text))),
      [5e5, 1e6, 1e6, 1e6, 1_048_576]
    )
  })

  it("refuses what is no quantity, and says how to write one", () => {
    for (const text of ["", "fast", "-5", "1e3", "5 parsecs", "NaN"]) {
      assert.match(wrong(Quantity.duration(text, "ms")), /is no time: write/)
      assert.match(wrong(Quantity.bytes(text)), /is no size: write/)
      assert.match(wrong(Quantity.rate(text)), /is no rate: write/)
      assert.match(wrong(Quantity.share(text)), /is no share: write/)
    }
    assert.match(wrong(Quantity.share("101%")), /at most 100%/)
    assert.match(wrong(Quantity.rate("0")), /above 0/)
  })
})

describe("router addresses", () => {
  it("reads hosts with and without a port", () => {
    const tcp = (text: string) => NodeI2pConfig.formatRouter(right(NodeI2pConfig.parseRouter(text)))
    assert.deepStrictEqual(["127.0.0.1:7655", "router.lan", ":7000", "[::1]:7654", "tcp://a:1", "[fe80::1]"].map(tcp), [
      "127.0.0.1:7655",
      "router.lan:7654",
      "127.0.0.1:7000",
      "[::1]:7654",
      "a:1",
      "[fe80::1]:7654"
    ])
  })

  it("reads the embedded router and its link", () => {
    assert.deepStrictEqual(right(NodeI2pConfig.parseRouter("embedded")), {
      _tag: "Embedded",
      link: LinkOptions.perfect
    })
    assert.deepStrictEqual(right(NodeI2pConfig.parseRouter("embedded:latency=50ms,loss=2%,seed=7")), {
      _tag: "Embedded",
      link: { config: { latencyMillis: 50, loss: 0.02 }, seed: 7 }
    })
  })

  it("reads several routers, to take one that is there", () => {
    const several = NodeI2pConfig.parseRouter("127.0.0.1:7654, unix:/run/i2cp.sock")
    assert.deepInclude(right(several), { _tag: "Several" })
    assert.strictEqual(NodeI2pConfig.formatRouter(right(several)), "127.0.0.1:7654,unix:/run/i2cp.sock")
    assert.match(wrong(NodeI2pConfig.parseRouter("127.0.0.1:7654,embedded")), /cannot stand in a list/)
    assert.match(wrong(NodeI2pConfig.parseRouter("127.0.0.1:7654,host:0")), /"host:0" is not a valid router address/)
  })

  it("refuses what is no address", () => {
    for (const text of ["", "a b", "host:0", "host:65536", "host:port", "::1", "a:1:2"]) {
      assert.match(wrong(NodeI2pConfig.parseRouter(text)), /is not a valid router address: use host:port/)
    }
    assert.match(wrong(NodeI2pConfig.parseRouter("http://host")), /http is not supported/)
    assert.match(wrong(NodeI2pConfig.parseRouter("embedded:speed=9")), /"speed" is no link option: use latency, /)
    assert.match(wrong(NodeI2pConfig.parseRouter("embedded:loss=2")), /loss: "2" is no share/)
    assert.match(wrong(NodeI2pConfig.parseRouter("embedded:seed=-1")), /is no seed/)
  })
})

describe("Tunnels", () => {
  it("reads hops and tunnels, for both directions or each", () => {
    assert.deepStrictEqual(right(Tunnels.parse("0x1")), {
      inboundLength: 0,
      inboundQuantity: 1,
      outboundLength: 0,
      outboundQuantity: 1
    })
    assert.deepStrictEqual(right(Tunnels.parse("1x3/2x16")), {
      inboundLength: 1,
      inboundQuantity: 3,
      outboundLength: 2,
      outboundQuantity: 16
    })
  })

  it("refuses what routers refuse", () => {
    for (const text of ["", "3", "8x2", "3x0", "3x17", "3x2/", "3x2/8x1", "-1x2"]) {
      assert.match(wrong(Tunnels.parse(text)), /is no tunnel option: write HOPSxTUNNELS/)
    }
  })
})

const program = Tree.program(tree)
const expand = (args: ReadonlyArray<string>) => Argv.expand(args, Tree.path(program, args))

describe("Argv", () => {
  it("takes clusters of short options apart", () => {
    assert.deepStrictEqual(expand(["ping", "-qc3", "-i.2", "a.i2p"]), ["ping", "-q", "-c", "3", "-i", ".2", "a.i2p"])
    assert.deepStrictEqual(expand(["nc", "-Nq", "0", "-l=80"]), ["nc", "-N", "-q", "0", "-l", "80"])
  })

  it("leaves values alone, even such that look like options", () => {
    const args = ["nc", "-q", "-1", "--keys", "-x", "a.i2p"]
    assert.deepStrictEqual(expand(args), args)
    const long = ["nc", "--keys", "-qN", "a.i2p"]
    assert.deepStrictEqual(expand(long), long)
    assert.deepStrictEqual(expand(["ping", "--", "-qc3"]), ["ping", "--", "-qc3"])
    assert.deepStrictEqual(expand(["keygen", "-qc3"]), ["keygen", "-qc3"])
    assert.deepStrictEqual(expand(["keygen", "toString", "-qc3"]), ["keygen", "toString", "-qc3"])
  })

  it("takes no option's value for the name of a command", () => {
    assert.deepStrictEqual(expand(["--keys", "nc", "ping", "-qc3"]), ["--keys", "nc", "ping", "-q", "-c", "3"])
  })

  it("takes the log level from wherever it stands", () => {
    const { level, rest } = right(Argv.logLevel(["ping", "--log-level", "Debug", "-c", "1", "--log-level=error"]))
    assert.deepStrictEqual(rest, ["ping", "-c", "1"])
    assert.strictEqual(level?._tag, "Error")
    assert.isTrue(Either.isLeft(Argv.logLevel(["--log-level", "loud"])))
    assert.isTrue(Either.isLeft(Argv.logLevel(["ping", "--log-level"])))
  })
})
