/**
 * A bridge over the embedded router, and clients that talk to it, without a socket of the system: for simulated time.
 */
import { assert } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Sam from "../src/Sam.js"
import { DialFailed, SamDial } from "../src/SamDial.js"
import * as SamReply from "../src/SamReply.js"
import * as SamSessions from "../src/SamSessions.js"
import * as SamSocket from "../src/SamSocket.js"
import { type Endpoint, SamUdp } from "../src/SamUdp.js"
import type { SamUsers } from "../src/SamUsers.js"

/** What is at the other end of a socket of the bridge. */
export interface Peer {
  /** Sends bytes, or a line. */
  readonly send: (bytes: Uint8Array | string) => Effect.Effect<void>
  readonly say: (line: string) => Effect.Effect<void>
  /** The next line, or `(end)` when the bridge has ended the socket, `(reset)` when it broke it off. */
  readonly hear: Effect.Effect<string>
  /** Says a line and hears the answer. */
  readonly ask: (line: string) => Effect.Effect<string>
  /** The same, as a reply. */
  readonly reply: (line: string) => Effect.Effect<SamReply.SamReply>
  /** Exactly so many bytes, as text. */
  readonly bytes: (count: number) => Effect.Effect<string>
  /** Says nothing more. */
  readonly end: Effect.Effect<void>
  /** Takes nothing more of what the bridge writes, which waits; and again. */
  readonly stall: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** What has been heard and not been read: nothing waits for it. */
  readonly heard: Effect.Effect<string>
}

const encode = (text: Uint8Array | string): Uint8Array =>
  typeof text === "string" ? new TextEncoder().encode(text) : text

/** Both ends of a connection in memory. */
export const connection = Effect.gen(function* () {
  const toBridge = yield* Queue.unbounded<Option.Option<Uint8Array>>()
  const toPeer = yield* Queue.unbounded<Uint8Array | "(end)" | "(reset)">()
  let isOver = false
  const over = (how: "(end)" | "(reset)") =>
    Effect.suspend(() => {
      if (isOver) return Effect.void
      isOver = true
      return Effect.asVoid(toPeer.offer(how))
    })
  const flowing = yield* Effect.makeLatch(true)
  const socket = yield* SamSocket.make({
    read: Queue.take(toBridge),
    write: (bytes) =>
      Effect.zipRight(
        flowing.await,
        Effect.suspend(() =>
          isOver
            ? Effect.fail(new SamSocket.SocketBroken({ detail: "closed" }))
            : Effect.asVoid(toPeer.offer(encode(bytes)))
        )
      ),
    end: over("(end)"),
    reset: over("(reset)")
  })
  let buffer = ""
  let last: string | undefined
  const more = Effect.map(Queue.take(toPeer), (chunk) => {
    if (typeof chunk === "string") last = chunk
    else buffer += new TextDecoder("latin1").decode(chunk)
  })
  const hear: Effect.Effect<string> = Effect.suspend(() => {
    const at = buffer.indexOf("\n")
    if (at >= 0) {
      const line = buffer.slice(0, at)
      buffer = buffer.slice(at + 1)
      return Effect.succeed(line)
    }
    if (last !== undefined) return Effect.succeed(buffer === "" ? last : buffer)
    return Effect.zipRight(more, hear)
  })
  const bytes = (count: number): Effect.Effect<string> =>
    Effect.suspend(() => {
      if (buffer.length >= count || last !== undefined) {
        const taken = buffer.slice(0, count)
        buffer = buffer.slice(count)
        return Effect.succeed(taken)
      }
      return Effect.zipRight(more, bytes(count))
    })
  const send = (chunk: Uint8Array | string) => Effect.asVoid(toBridge.offer(Option.some(encode(chunk))))
  const say = (line: string) => send(`${line}\n`)
  const ask = (line: string) => Effect.zipRight(say(line), hear)
  const peer: Peer = {
    send,
    say,
    hear,
    ask,
    reply: (line) => Effect.map(ask(line), (answer) => Either.getOrThrow(SamReply.decode(answer))),
    bytes,
    end: Effect.asVoid(toBridge.offer(Option.none())),
    stall: Effect.asVoid(flowing.close),
    resume: Effect.asVoid(flowing.open),
    heard: Effect.map(Queue.takeAll(toPeer), (chunks) => {
      for (const chunk of chunks) if (typeof chunk !== "string") buffer += new TextDecoder("latin1").decode(chunk)
      return buffer
    })
  }
  return { socket, peer }
})

/** A datagram that the bridge sent. */
export interface Sent {
  readonly to: Endpoint
  readonly text: string
}

export interface World {
  readonly sam: Sam.Sam["Type"]
  /** A socket to the bridge. */
  readonly connect: Effect.Effect<Peer, never, Scope.Scope>
  /** The same, after HELLO. */
  readonly hello: (version?: string) => Effect.Effect<Peer, never, Scope.Scope>
  /** The same, with a session; resolves to the client and its destination. */
  readonly session: (
    id: string,
    options?: string,
    version?: string
  ) => Effect.Effect<Peer & { readonly destination: string }, never, Scope.Scope>
  /** What FORWARDs dial: ports that somebody listens on, and connections to them. */
  readonly dialled: Queue.Dequeue<{ readonly host: string; readonly port: number; readonly peer: Peer }>
  readonly sent: Queue.Dequeue<Sent>
  readonly faults: LocalRouter.Faults
  /** A datagram for the bridge's UDP port. */
  readonly datagram: (text: string, host?: string) => Effect.Effect<void>
}

export interface Options extends Partial<Sam.Options> {
  readonly users?: SamUsers
  readonly router?: Partial<RouterOptions.RouterOptions>
  readonly udp?: boolean
  /** What every session has besides. */
  readonly session?: Partial<I2cpConfig.Service>
}

/** Where nobody listens. */
export const deadPort = 9

/** Where nobody answers. */
export const silentPort = 10

const layerSessions = (common: Partial<I2cpConfig.Service>) =>
  Layer.effect(
    SamSessions.SamSessions,
    Effect.map(LocalRouter.LocalRouter, (router) =>
      SamSessions.fromLayers(({ keys, session, streaming }) =>
        StreamManager.layerI2cp().pipe(
          Layer.provideMerge(I2cpSession.layer({ keys })),
          // It knows all there is from the start.
          Layer.provide([
            I2cpConfig.layer({ ...session, lookupRetryWindow: 0, ...common }),
            StreamingConfig.layer(streaming)
          ]),
          Layer.provide(LocalRouter.layerSocket()),
          Layer.provide(Layer.succeed(LocalRouter.LocalRouter, router)),
          Layer.fresh
        )
      )
    )
  )

/** Runs a program with a bridge on simulated time. */
export const simulate =
  (options: Options = {}) =>
  <A, E>(
    program: (world: World) => Effect.Effect<A, E, Scope.Scope | SamSessions.SamSessions>
  ): Effect.Effect<A, E> => {
    const { router, session: common = {}, udp: hasUdp = true, ...bounds } = options
    return Effect.gen(function* () {
      const dialled = yield* Queue.unbounded<{ readonly host: string; readonly port: number; readonly peer: Peer }>()
      const sent = yield* Queue.unbounded<Sent>()
      const inbound = yield* Queue.unbounded<{ readonly bytes: Uint8Array; readonly from: Endpoint }>()
      const sam = yield* Sam.make(bounds).pipe(
        Effect.provideService(SamDial, {
          connect: ({ host, port }) =>
            port === deadPort
              ? Effect.fail(new DialFailed({ host, port, detail: "refused" }))
              : port === silentPort
                ? Effect.never
                : Effect.flatMap(connection, ({ peer, socket }) =>
                    Effect.as(dialled.offer({ host, port, peer }), socket)
                  )
        }),
        Effect.provideService(SamUdp, {
          isOpen: hasUdp,
          send: (to, bytes) => Effect.asVoid(sent.offer({ to, text: new TextDecoder("latin1").decode(bytes) })),
          run: (onDatagram) =>
            Effect.forever(Effect.flatMap(Queue.take(inbound), ({ bytes, from }) => onDatagram(bytes, from)))
        })
      )
      const connect = Effect.flatMap(connection, ({ peer, socket }) =>
        Effect.as(Effect.forkScoped(sam.serve(socket, "127.0.0.1")), peer)
      )
      const hello = (version = "3.3") =>
        Effect.tap(connect, (peer) =>
          Effect.map(peer.ask(`HELLO VERSION MIN=3.0 MAX=${version}`), (answer) =>
            assert.strictEqual(answer, `HELLO REPLY RESULT=OK VERSION=${version}`)
          )
        )
      const session = (id: string, options = "STYLE=STREAM", version?: string) =>
        Effect.gen(function* () {
          const peer = yield* hello(version)
          const answer = yield* peer.ask(`SESSION CREATE ID=${id} DESTINATION=TRANSIENT SIGNATURE_TYPE=7 ${options}`)
          assert.match(answer, /^SESSION STATUS RESULT=OK DESTINATION=[A-Za-z0-9~-]+=*$/)
          const me = yield* peer.reply("NAMING LOOKUP NAME=ME")
          assert.strictEqual(me._tag, "NamingReply")
          return { ...peer, destination: me._tag === "NamingReply" ? (me.value ?? "") : "" }
        })
      return yield* program({
        sam,
        connect,
        hello,
        session,
        dialled,
        sent,
        faults: (yield* LocalRouter.LocalRouter).faults,
        datagram: (text, host = "127.0.0.1") =>
          Effect.asVoid(inbound.offer({ bytes: new TextEncoder().encode(text), from: { host, port: 5000 } }))
      })
    }).pipe(
      Effect.provide(layerSessions(common)),
      Effect.provide(LocalRouter.layer(router)),
      SimulatedTime.run
    ) as Effect.Effect<A, E>
  }

/** Two streams of one pair: who connected, and who accepted. */
export const pair = (world: World, near: string, far: string, destination: string) =>
  Effect.gen(function* () {
    const acceptor = yield* world.hello()
    assert.strictEqual(yield* acceptor.ask(`STREAM ACCEPT ID=${far}`), "STREAM STATUS RESULT=OK")
    const connector = yield* world.hello()
    assert.strictEqual(
      yield* connector.ask(`STREAM CONNECT ID=${near} DESTINATION=${destination}`),
      "STREAM STATUS RESULT=OK"
    )
    const line = yield* acceptor.hear
    return { connector, acceptor, line }
  })
