import { assert, describe, it } from "@effect/vitest"
import { LiveSchedule } from "@effect-i2p/i2cp/LiveSchedule"
import * as AccessList from "@effect-i2p/streaming/AccessList"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as StreamingOptionsMap from "@effect-i2p/streaming/StreamingOptionsMap"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { alice, bob, mallory } from "./simulation.js"

const { fromMap, layerFromEnv, layerFromMap } = StreamingOptionsMap

/** All names of the streaming options that Java I2P 2.8.0 and i2pd know, each with its own default. */
const published: Readonly<Record<string, string>> = {
  answerPings: "true",
  blacklist: "",
  bufferSize: "65536",
  congestionAvoidanceGrowthRateFactor: "1",
  connectDelay: "-1",
  connectTimeout: "60000",
  disableRejectLogging: "false",
  dsalist: "",
  enforceProtocol: "true",
  inactivityAction: "2",
  inactivityTimeout: "90000",
  initialAckDelay: "500",
  initialReceiveWindow: "1",
  initialResendDelay: "1000",
  initialRTO: "9000",
  initialRTT: "8000",
  initialWindowSize: "3",
  limitAction: "reset",
  maxConcurrentStreams: "0",
  maxConnsPerMinute: "0",
  maxConnsPerHour: "0",
  maxConnsPerDay: "0",
  maxTotalConnsPerMinute: "0",
  maxTotalConnsPerHour: "0",
  maxTotalConnsPerDay: "0",
  maxMessageSize: "1730",
  maxResends: "8",
  maxWindowSize: "128",
  profile: "1",
  readTimeout: "-1",
  writeTimeout: "-1",
  slowStartGrowthRateFactor: "1",
  "tcbcache.rttDampening": "0.75",
  "tcbcache.rttdevDampening": "0.75",
  "tcbcache.wdwDampening": "0.75",
  pcap: "false",
  limitsManuallySet: "true",
  maxOutboundSpeed: "1730000000",
  maxInboundSpeed: "1730000000",
  dontSign: "false"
}

const one = (name: string, value: string) => fromMap({ [`i2p.streaming.${name}`]: value })

const permits = (parsed: StreamingOptionsMap.Parsed, peer: typeof alice): boolean => {
  const rules = parsed.options.accessList ?? AccessList.everybody
  return !AccessList.isAccessList(rules) && AccessList.permits(rules, peer.destination.hash)
}

describe("a map of options", () => {
  for (const [name, value] of Object.entries(published)) {
    it(`knows ${name}, and its value in Java I2P makes sense`, () => {
      assert.notInclude(["Unknown", "Invalid"], one(name, value).issues[0]?.kind)
      assert.strictEqual(one(name.toUpperCase(), value).issues[0]?.kind, "Unknown")
    })
  }

  it("knows no streaming option besides", () => {
    const others = StreamingOptionsMap.names.filter((name) => name.startsWith("i2p.streaming."))
    assert.deepStrictEqual(
      others.toSorted(),
      Object.keys(published)
        .map((name) => `i2p.streaming.${name}`)
        .toSorted()
    )
  })

  it("sets each option that has a counterpart", () => {
    for (const [name, value, expected] of [
      ["answerPings", "false", { answerPings: false }],
      ["bufferSize", "1000", { sendBufferBytes: 1000 }],
      ["connectTimeout", "300000", { connectTimeout: 300_000 }],
      ["connectTimeout", "-1", { connectTimeout: 2 ** 31 - 1 }],
      ["disableRejectLogging", "true", { logRejections: false }],
      ["inactivityAction", "0", { idleAction: "none" }],
      ["inactivityAction", "1", { idleAction: "disconnect" }],
      ["inactivityAction", "2", { idleAction: "keepalive" }],
      ["inactivityTimeout", "120000", { idleTimeout: 120_000 }],
      ["inactivityTimeout", "-1", { idleAction: "none" }],
      ["initialAckDelay", "750", { tuning: { maxAckDelay: 750 } }],
      ["initialRTO", "3000", { tuning: { initialRto: 3000 } }],
      ["initialWindowSize", "10", { tuning: { initialWindow: 10 } }],
      ["limitAction", "drop", { limitAction: "drop" }],
      ["limitAction", "http", { limitAction: "http" }],
      ["limitAction", "busy\\r\\nlater", { limitAction: { text: "busy\r\nlater" } }],
      ["maxConcurrentStreams", "50", { maxConcurrentStreams: 50 }],
      ["maxConcurrentStreams", "-1", {}],
      ["maxConnsPerMinute", "1", { connectionLimits: { perPeer: { minute: 1 }, total: {} } }],
      ["maxConnsPerHour", "2", { connectionLimits: { perPeer: { hour: 2 }, total: {} } }],
      ["maxConnsPerDay", "3", { connectionLimits: { perPeer: { day: 3 }, total: {} } }],
      ["maxTotalConnsPerMinute", "4", { connectionLimits: { perPeer: {}, total: { minute: 4 } } }],
      ["maxTotalConnsPerHour", "5", { connectionLimits: { perPeer: {}, total: { hour: 5 } } }],
      ["maxTotalConnsPerDay", "6", { connectionLimits: { perPeer: {}, total: { day: 6 } } }],
      ["maxMessageSize", "1000", { tuning: { maxPacketSize: 1000 } }],
      ["maxMessageSize", "1", { tuning: { maxPacketSize: 512 } }],
      ["maxWindowSize", "64", { tuning: { maxWindow: 64 } }],
      ["maxOutboundSpeed", "100000", { maxSendRate: 100_000 }],
      ["profile", "1", { profile: "bulk" }],
      ["profile", "2", { profile: "interactive" }],
      ["tcbcache.rttDampening", "0.5", { rttDampening: 0.5 }],
      ["tcbcache.rttdevDampening", "0.25", { rttDeviationDampening: 0.25 }],
      ["tcbcache.wdwDampening", "1", { windowDampening: 1 }]
    ] as const) {
      assert.deepStrictEqual(one(name, value), { options: expected, issues: [] }, name)
    }
  })

  it.effect("turns maxResends into as many retransmissions", () =>
    Effect.gen(function* () {
      const { options } = one("maxResends", "3")
      const live = new LiveSchedule(options.retransmit ?? StreamingConfig.defaults.retransmit)
      const said: Array<boolean> = []
      for (let attempt = 1; attempt <= 5; attempt++) {
        said.push(Option.isSome(yield* live.next({ attempt, backoff: attempt, rto: 100, cause: "Timeout" })))
      }
      assert.deepStrictEqual(said, [true, true, true, false, false])
    })
  )

  it("keeps the default and says so where a value makes no sense", () => {
    for (const [name, value] of [
      ["answerPings", "yes"],
      ["bufferSize", "0"],
      ["bufferSize", "64k"],
      ["inactivityAction", "3"],
      ["initialWindowSize", "0"],
      ["maxWindowSize", "1e3"],
      ["maxMessageSize", "40000"],
      ["maxResends", "-1"],
      ["maxConnsPerDay", ""],
      ["limitAction", ""],
      ["profile", "0"],
      ["blacklist", "stats.i2p"],
      ["tcbcache.wdwDampening", "2"],
      ["tcbcache.rttDampening", ""]
    ] as const) {
      const { issues, options } = one(name, value)
      assert.deepStrictEqual([options, issues.map(({ kind }) => kind)], [{}, ["Invalid"]], `${name}=${value}`)
    }
  })

  it("says what does nothing here, unless that is what happens anyway", () => {
    for (const [name, same, other] of [
      ["dontSign", "false", "true"],
      ["enforceProtocol", "true", "false"],
      ["readTimeout", "-1", "1000"],
      ["connectDelay", "-1", "500"],
      ["pcap", "false", "true"]
    ] as const) {
      assert.deepStrictEqual(one(name, same).issues, [])
      assert.deepStrictEqual(
        one(name, other).issues.map(({ kind }) => kind),
        ["Ignored"]
      )
    }
  })

  it("reports names that nobody knows, helps with the case and the prefix, and passes on those of the session", () => {
    const { issues } = fromMap({
      "i2p.streaming.maxconnsperminute": "1",
      answerPings: "true",
      "i2p.streaming.nonsense": "1",
      "i2cp.leaseSetEncType": "4",
      "inbound.length": "3",
      constructor: "1"
    })
    assert.deepStrictEqual(
      issues.map(({ kind, reason }) => [kind, /i2p\.streaming\.\w+/.exec(reason)?.[0]]),
      [
        ["Unknown", "i2p.streaming.maxConnsPerMinute"],
        ["Unknown", "i2p.streaming.answerPings"],
        ["Unknown", undefined],
        ["Ignored", undefined],
        ["Ignored", undefined],
        ["Unknown", undefined]
      ]
    )
  })

  it("never throws, and gives only options that a session takes, whatever the values", () => {
    const name = FastCheck.constantFrom(...StreamingOptionsMap.names)
    const value = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.integer().map(String),
      FastCheck.constantFrom("true", "")
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.dictionary(name, value), (map) => {
        const { issues, options } = fromMap(map)
        for (const key of Object.keys(options)) assert.property(StreamingConfig.defaults, key)
        for (const key of Object.keys(options.tuning ?? {})) assert.property(StreamingConfig.defaults.tuning, key)
        for (const issue of issues) assert.notStrictEqual(issue.kind, "Unknown")
      })
    )
  })
})

describe("the access list of a map", () => {
  const list = `${alice.destination.b32},${encodeBase64(bob.destination.hash)};${mallory.destination.base64}`

  it("is that of those allowed or that of those denied, as another option says", () => {
    const two = list.slice(0, list.indexOf(";"))
    const allow = fromMap({ "i2cp.accessList": two, "i2cp.enableAccessList": "true" })
    const deny = fromMap({ "i2cp.enableBlackList": "true", "i2cp.accessList": two })
    assert.deepStrictEqual(
      [alice, bob, mallory].map((peer) => permits(allow, peer)),
      [true, true, false]
    )
    assert.deepStrictEqual(
      [alice, bob, mallory].map((peer) => permits(deny, peer)),
      [false, false, true]
    )
  })

  it("takes hashes, b32 addresses and destinations, between commas, semicolons and blanks", () => {
    const parsed = fromMap({ "i2cp.accessList": list.replace(";", " ; "), "i2cp.enableBlackList": "true" })
    assert.deepStrictEqual(
      [alice, bob, mallory].map((peer) => permits(parsed, peer)),
      [false, false, false]
    )
  })

  it("does nothing unless enabled, and says so", () => {
    const parsed = fromMap({ "i2cp.accessList": list })
    assert.deepStrictEqual([parsed.options, parsed.issues.map(({ kind }) => kind)], [{}, ["Ignored"]])
  })

  it("allows nobody when it is enabled and empty", () => {
    assert.isFalse(permits(fromMap({ "i2cp.enableAccessList": "true" }), alice))
  })

  it("cannot be both", () => {
    const parsed = fromMap({
      "i2cp.accessList": list,
      "i2cp.enableAccessList": "true",
      "i2cp.enableBlackList": "true"
    })
    assert.deepStrictEqual(
      parsed.issues.map(({ kind }) => kind),
      ["Invalid"]
    )
  })

  it("goes together with the blacklist, which is always in force", () => {
    const parsed = fromMap({
      "i2p.streaming.blacklist": mallory.destination.b32,
      "i2cp.accessList": `${alice.destination.b32} ${mallory.destination.b32}`,
      "i2cp.enableAccessList": "true"
    })
    assert.deepStrictEqual(
      [alice, bob, mallory].map((peer) => permits(parsed, peer)),
      [true, false, false]
    )
  })
})

describe("layers", () => {
  const quiet = Logger.remove(Logger.defaultLogger)

  it.effect("take a map, and what is given beside it wins", () =>
    Effect.gen(function* () {
      const options = yield* StreamingConfig.StreamingConfig
      assert.deepStrictEqual([options.tuning.initialWindow, options.tuning.maxWindow, options.backlog], [10, 32, 64])
    }).pipe(
      Effect.provide(
        layerFromMap(
          { "i2p.streaming.initialWindowSize": "10", "i2p.streaming.maxWindowSize": "64" },
          { tuning: { maxWindow: 32 } }
        )
      )
    )
  )

  it.effect("warn of what does nothing, a line each", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => {
          lines.push(String(message))
        })
      )
      yield* StreamingConfig.StreamingConfig.pipe(
        Effect.provide(layerFromMap({ "i2p.streaming.pcap": "true", nonsense: "1" })),
        Effect.provide(logger)
      )
      assert.lengthOf(lines, 2)
      assert.include(lines[1]!, "nonsense")
    })
  )

  it.effect("fail where a value makes no sense: a limit that does not hold is worse than none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        StreamingConfig.StreamingConfig.pipe(
          Effect.provide(layerFromMap({ "i2p.streaming.maxConnsPerDay": "ten", "i2p.streaming.profile": "7" }))
        )
      )
      assert.strictEqual(error._tag, "InvalidOptions")
      assert.match(error.message, /maxConnsPerDay.*; .*profile/)
    })
  )

  it.effect("take the environment", () =>
    Effect.gen(function* () {
      const options = yield* StreamingConfig.StreamingConfig
      assert.deepStrictEqual(options.connectionLimits, { perPeer: { minute: 7 }, total: {} })
      assert.strictEqual(options.tuning.initialRto, 4000)
      assert.strictEqual(options.rttDampening, 0.5)
      assert.isFalse(AccessList.isAccessList(options.accessList))
      assert.isFalse(AccessList.permits(options.accessList as AccessList.Rules, alice.destination.hash))
    }).pipe(
      Effect.provide(layerFromEnv()),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map([
            ["I2P_STREAMING_MAX_CONNS_PER_MINUTE", "7"],
            ["I2P_STREAMING_INITIAL_RTO", "4000"],
            ["I2P_STREAMING_TCBCACHE_RTT_DAMPENING", "0.5"],
            ["I2CP_ENABLE_ACCESS_LIST", "true"]
          ]),
          { pathDelim: "_" }
        )
      ),
      Effect.provide(quiet)
    )
  )
})
