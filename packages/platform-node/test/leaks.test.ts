import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeInsight from "../src/NodeInsight.js"
import * as NodeKeyStore from "../src/NodeKeyStore.js"
import * as NodePacketTrace from "../src/NodePacketTrace.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-leaks-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const payload = "the quick brown payload jumps over the lazy tunnel "

/** Every form in which bytes could be written down; Base64 as it is at each offset within something longer. */
const forms = (bytes: Uint8Array): ReadonlyArray<string> => {
  const buffer = Buffer.from(bytes)
  const base64 = [0, 1, 2].map((offset) => buffer.subarray(offset).toString("base64").replace(/=+$/, "").slice(0, -2))
  return [
    buffer.toString("latin1"),
    buffer.toString("utf8"),
    buffer.toString("hex"),
    buffer.toString("hex").toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "~")),
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    [...bytes.subarray(0, 16)].join(","),
    [...bytes.subarray(0, 16)].join(", ")
  ]
}

/** Random bytes, with a note of all that could be a key: those of lease sets are nowhere else to be had. */
const recording = () => {
  const drawn: Array<Uint8Array> = []
  const random: SecureRandom.Service = {
    ...SecureRandom.system,
    bytes: (length) => {
      const bytes = SecureRandom.system.bytes(length)
      if (length >= 32) drawn.push(bytes.slice(0, 32))
      return bytes
    }
  }
  return { drawn, random }
}

/** A busy run: what works, what is refused, what is not there, what breaks; and everything that is said meanwhile. */
const run = Effect.gen(function* () {
  const base = yield* directory
  const tracePath = Path.join(base, "trace")
  const insightPath = Path.join(base, "s")
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
            note(exit)
            if (exit._tag === "Failure") note(Cause.pretty(exit.cause))
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
          yield* stream.write(bytes)
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
    note({ name: span.name, attributes: [...span.attributes], status: span.status })
    if (span.status._tag === "Ended" && span.status.exit._tag === "Failure") note(Cause.pretty(span.status.exit.cause))
  }
  const trace = Fs.readFileSync(tracePath, "utf8")
  // As bytes: what is no text would come out of the line above as something else.
  said.push(Fs.readFileSync(tracePath, "latin1"))
  return { drawn, keys, siteKeys, said, trace, spans: spans.map(({ name }) => name) }
})

describe("what is said of a busy run", () => {
  it("would be found in any form, within something longer", () => {
    const secret = SecureRandom.makeSeeded("a secret").bytes(32)
    for (let offset = 0; offset < 3; offset++) {
      const longer = Buffer.concat([new Uint8Array(offset), secret, new Uint8Array(5)])
      for (const text of [
        longer.toString("hex"),
        longer.toString("base64"),
        longer.toString("base64url"),
        longer.toString("base64").replaceAll("+", "-").replaceAll("/", "~"),
        longer.toString("latin1"),
        JSON.stringify([...longer])
      ]) {
        assert.isTrue(forms(secret).some((form) => text.includes(form)))
      }
    }
  })

  it.scopedLive(
    "has no private key, no payload and no full destination in it",
    () =>
      Effect.gen(function* () {
        const { drawn, keys, said, siteKeys, spans, trace } = yield* run
        const all = [...said, trace].join("\n")
        // Or nothing would be proved.
        assert.isAbove(trace.split("\n").length, 100)
        assert.includeMembers(spans, ["StreamManager.connect", "StreamManager.lookup", "StreamManager.ping"])
        assert.include(spans, "StreamListener.run")
        for (const word of ["a handler that fails", "i2p_stream_bytes_sent_total", "snapshot", "i2p.peer", "refused"]) {
          assert.include(all, word)
        }
        for (const who of [keys, siteKeys]) {
          assert.include(all, who.destination.short, "eight characters are there")
          const secrets = [
            Redacted.value(DestinationKeys.toBase64(who)).slice(who.destination.base64.length + 8),
            ...forms(DestinationKeys.encode(who).subarray(who.destination.bytes.length)),
            ...forms(DestinationKeys.encode(who).slice(-32))
          ]
          for (const secret of secrets) assert.notInclude(all, secret, "a private key")
          for (const form of [who.destination.base64.slice(0, 100), ...forms(who.destination.bytes)]) {
            assert.notInclude(all, form.slice(0, 100), "a full destination")
          }
          // The whole hash is as good as the destination.
          assert.notInclude(trace, who.destination.b32)
          for (const form of forms(who.destination.hash)) assert.notInclude(all, form)
        }
        assert.isAbove(drawn.length, 1, "the keys of both lease sets")
        for (const bytes of drawn) for (const form of forms(bytes)) assert.notInclude(all, form, "something random")
        for (const form of [payload.slice(0, 20), ...forms(new TextEncoder().encode(payload.slice(0, 30)))]) {
          assert.notInclude(all, form, "payload")
        }
      }),
    30_000
  )
})
