import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeInsight from "@effect-i2p/platform-node/NodeInsight"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as NodePacketTrace from "@effect-i2p/platform-node/NodePacketTrace"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { i2p } from "./harness.js"
import { heard, recording, tells } from "./secrets.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-leaks-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const payload = "the quick brown payload jumps over the lazy tunnel "

/** Everything that is said: what is noted, and what is logged. */
const listening = () => {
  const said: Array<string> = []
  const note = (value: unknown) => {
    const seen = new Set<unknown>()
    const text = JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner === "bigint") return String(inner)
      if (inner instanceof Error) return { ...inner, message: inner.message, stack: inner.stack, text: String(inner) }
      if (inner instanceof Map) return [...inner]
      if (typeof inner === "object" && inner !== null) {
        if (seen.has(inner)) return "…"
        seen.add(inner)
      }
      return inner
    })
    said.push(text ?? "", String(value))
  }
  const logger = Logger.make(({ annotations, cause, message, spans }) => {
    note({ message, annotations: [...annotations], spans: [...spans].map(({ label }) => label) })
    note(Cause.pretty(cause))
  })
  return { logger, note, said }
}

/** A busy run: what works, what is refused, what is not there, what breaks; and everything that is said meanwhile. */
const run = Effect.gen(function* () {
  const base = yield* directory
  const tracePath = Path.join(base, "trace")
  const insightPath = Path.join(base, "s")
  const { logger, note, said } = listening()
  const spans: Array<Tracer.Span> = []
  const native = yield* Effect.tracer
  const tracer = Tracer.make({
    span: (...args) => {
      const span = native.span(...args)
      spans.push(span)
      return span
    },
    context: (f, fiber) => native.context(f, fiber)
  })
  const { drawn, random } = recording()
  const keys = yield* NodeKeyStore.transient
  const siteKeys = yield* NodeKeyStore.transient

  yield* Effect.gen(function* () {
    const site = Context.get(
      yield* Layer.build(NodeI2p.layerOnLocalRouter({ keys: siteKeys, streaming: { shutdownTimeout: "100 millis" } })),
      StreamManager
    )
    const listener = yield* site.listen({ port: 7 })
    yield* Effect.forkScoped(
      listener.run((stream) =>
        Effect.flatMap(stream.read, (chunk) =>
          Effect.fail(new Error(`a handler that fails, after ${Option.getOrThrow(chunk).length} bytes`))
        )
      )
    )
    const sink = yield* site.listen({ port: 9 })
    yield* Effect.forkScoped(sink.run((stream) => Stream.runDrain(stream.readable)))

    const services = Layer.provideMerge(
      NodeInsight.layer({ path: insightPath, program: "busy" }),
      Layer.provide(
        NodeI2p.layerOnLocalRouter({
          keys,
          session: { lookupRetryWindow: 0 },
          streaming: { metricsInterval: "20 millis", connectTimeout: "1 second", shutdownTimeout: "100 millis" }
        }),
        NodePacketTrace.layerFile(tracePath)
      )
    )
    yield* Effect.gen(function* () {
      const streams = yield* StreamManager
      const failing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.flatMap(Effect.exit(effect), (exit) =>
          Effect.sync(() => {
            // What was asked for and came is the asker's: the payload of a pong.
            if (exit._tag === "Success") return
            note(exit)
            note(Cause.pretty(exit.cause))
          })
        )
      const bytes = new TextEncoder().encode(payload.repeat(2000))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* streams.connect({
            destination: site.destination.base64,
            port: 9,
            initialData: bytes.subarray(0, 500)
          })
          yield* Effect.replicateEffect(stream.write(bytes), 3)
          yield* stream.flush
          note(yield* stream.stats)
          note(stream)
          const snapshot = yield* Effect.async<string>((resume) => {
            const socket = Net.connect(insightPath)
            socket.once("data", (chunk) => {
              socket.destroy()
              resume(Effect.succeed(chunk.toString()))
            })
          })
          said.push(snapshot)
        })
      )
      yield* failing(streams.connect({ destination: site.destination, port: 81 }))
      yield* failing(
        Effect.gen(function* () {
          const stream = yield* streams.connect({ destination: site.destination, port: 7, initialData: bytes })
          yield* stream.write(bytes)
          yield* Stream.runDrain(stream.readable)
          yield* stream.flush
        })
      )
      yield* failing(streams.ping({ destination: site.destination, payload: bytes.subarray(0, 32) }))
      yield* site.accessList.deny(streams.destination)
      yield* failing(streams.connect({ destination: site.destination.base64, port: 9 }))
      yield* failing(streams.ping({ destination: site.destination.base64, timeout: "100 millis" }))
      yield* failing(streams.lookup("nobody.i2p"))
      yield* failing(streams.connect({ destination: `${site.destination.base64.slice(0, -4)}AAA=` }))
      yield* Effect.sleep("100 millis")
      note(yield* Metric.snapshot)
      note(yield* streams.active)
      note(yield* streams.drops)
      note(streams.destination)
    }).pipe(Effect.scoped, Effect.provide(services))
  }).pipe(
    Effect.scoped,
    Effect.provide(NodeI2p.layerLocalRouter({ link: { latencyMillis: 2, loss: 0.02 }, seed: 3 })),
    Effect.provideService(SecureRandom.SecureRandom, random),
    Effect.withTracer(tracer),
    Logger.withMinimumLogLevel(LogLevel.All),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger))
  )
  for (const span of spans) {
    note({ name: span.name, attributes: [...span.attributes], links: span.links })
    if (span.status._tag === "Ended" && span.status.exit._tag === "Failure") {
      note(span.status)
      note(Cause.pretty(span.status.exit.cause))
    }
  }
  const trace = Fs.readFileSync(tracePath, "utf8")
  // As bytes: what is no text would come out of the line above as something else.
  said.push(Fs.readFileSync(tracePath, "latin1"))
  return { drawn, keys, siteKeys, said, trace, spans: spans.map(({ name }) => name) }
})

/** What is the owner's alone in a key file: the whole private part, and its signing key. */
const secretsOf = (keys: DestinationKeys.DestinationKeys): ReadonlyArray<Uint8Array> => {
  const bytes = DestinationKeys.encode(keys)
  return [bytes.subarray(keys.destination.bytes.length), bytes.slice(-32)]
}

const payloadBytes = new TextEncoder().encode(payload.slice(0, 30))

describe("bytes", () => {
  it("are found in any form, within something longer", () => {
    const secret = SecureRandom.makeSeeded("a secret").bytes(32)
    for (let offset = 0; offset < 3; offset++) {
      const longer = Buffer.concat([new Uint8Array(offset), secret, new Uint8Array(5)])
      for (const text of [
        longer.toString("hex"),
        longer.toString("hex").toUpperCase(),
        longer.toString("hex").replace(/..(?!$)/g, "$&:"),
        longer.toString("base64"),
        longer.toString("base64url"),
        longer.toString("base64").replaceAll("+", "-").replaceAll("/", "~"),
        longer.toString("latin1"),
        JSON.stringify(longer),
        JSON.stringify(Uint8Array.from(longer)),
        JSON.stringify(Uint8Array.from(longer), null, 2),
        inspect(longer),
        inspect(Uint8Array.from(longer))
      ]) {
        assert.isTrue(tells(heard(`so: ${text}.`), secret), text)
        assert.isFalse(tells(heard(`so: ${text}.`), SecureRandom.makeSeeded("another").bytes(32)), text)
      }
    }
  })
})

describe("what is said of a busy run", () => {
  it.scopedLive(
    "has no private key, no payload and no full destination in it",
    () =>
      Effect.gen(function* () {
        const { drawn, keys, said, siteKeys, spans, trace } = yield* run
        const all = [...said, trace].join("\n")
        const texts = heard(all)
        // Or nothing would be proved.
        assert.isAbove(trace.split("\n").length, 100)
        assert.includeMembers(spans, ["StreamManager.connect", "StreamManager.lookup", "StreamManager.ping"])
        assert.include(spans, "StreamListener.run")
        for (const word of ["a handler that fails", "i2p_stream_bytes_sent_total", "snapshot", "i2p.peer", "refused"]) {
          assert.include(all, word)
        }
        for (const who of [keys, siteKeys]) {
          assert.include(all, who.destination.short, "eight characters are there")
          for (const secret of secretsOf(who)) assert.isFalse(tells(texts, secret), "a private key")
          assert.isFalse(tells(texts, who.destination.bytes.slice(0, 75)), "a full destination")
          // The whole hash is as good as the destination.
          assert.notInclude(trace, who.destination.b32)
          assert.isFalse(tells(texts, who.destination.hash), "a hash")
        }
        assert.isAbove(drawn.length, 1, "the keys of both lease sets")
        for (const bytes of drawn) assert.isFalse(tells(texts, bytes), "something random")
        assert.isFalse(tells(texts, payloadBytes), "payload")
      }),
    30_000
  )
})

describe("what the command says", () => {
  it.scopedLive("has no private key and no payload in it, as JSON with all of its log", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "site.dat")
      const broken = Path.join(yield* directory, "broken.dat")
      const tracePath = Path.join(yield* directory, "trace")
      const made = yield* i2p(["keygen", "--json", file])
      const bytes = new Uint8Array(Fs.readFileSync(file))
      const keys = Either.getOrThrow(DestinationKeys.decode(bytes))
      // All of it, and some bytes too many.
      Fs.writeFileSync(broken, Buffer.concat([bytes, bytes.subarray(0, 5)]), { mode: 0o600 })

      const { logger, said } = listening()
      const { drawn, random } = recording()
      const all = ["--json", "--log-level", "all"]
      const embedded = ["--router", "embedded:latency=2ms", "--keys", file, ...all]
      const codes: Array<number> = []
      const runs: ReadonlyArray<ReadonlyArray<string>> = [
        ["key", "show", file, ...all],
        ["key", "show", broken, ...all],
        ["ping", "-c", "3", "-i", "0.02", "--trace", tracePath, ...embedded],
        ["perf", "-n", "100000", ...embedded],
        ["doctor", ...embedded],
        ["lookup", "nobody.i2p", ...embedded],
        ["nc", keys.destination.b32, "7", "-w", "0.3", ...embedded],
        ["trace", tracePath, ...all],
        ["ping", "-c", "1", "--router", "embedded", "--keys", broken, ...all]
      ]
      for (const args of runs) {
        const { code, err, out } = yield* i2p(args).pipe(
          Effect.provideService(SecureRandom.SecureRandom, random),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        said.push(out, err)
        codes.push(code)
      }
      said.push(made.out, made.err)
      assert.deepStrictEqual(codes, [0, 2, 0, 0, 0, 1, 1, 0, 2])
      const text = said.join("\n")
      for (const word of ["signing_type", '"type":"reply"', "sum_sent", "nobody.i2p", "I2cpSession"]) {
        assert.include(text, word)
      }
      const texts = heard(text)
      for (const secret of secretsOf(keys)) assert.isFalse(tells(texts, secret), "a private key")
      assert.isAbove(drawn.length, 1, "keys of lease sets")
      for (const random of drawn) assert.isFalse(tells(texts, random), "something random")
    })
  )
})
