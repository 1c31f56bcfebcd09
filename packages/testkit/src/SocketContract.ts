/**
 * What a `Socket` and a `SocketServer` of @effect/platform do, clause by clause, as `NodeSocket` and `NodeSocketServer` do it
 * on TCP: one suite, run against those and against ours, and both must agree.
 *
 * Where they cannot, a trait says which way it is, and the clause holds each to its own way.
 *
 * Clauses are data, like those of `compliance`:
 *
 *     for (const { name, run } of SocketContract.clauses({ rig, traits })) it.live(name, () => run)
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import type * as SocketServer from "@effect/platform/SocketServer"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"

/**
 * A server, and sockets to it.
 *
 * **Shape** `client` makes a socket that connects to `server` when run, `nobody` one to where nothing listens. `reset`, run
 * in a handler of the server, ends its connection as a crash would.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rig {
  readonly server: SocketServer.SocketServer["Type"]
  readonly client: Effect.Effect<Socket.Socket>
  readonly nobody: Effect.Effect<Socket.Socket>
  readonly reset: Effect.Effect<void>
}

/**
 * Where implementations differ for a reason.
 *
 * **Shape** `maxHandlers`: how many handlers of a socket run at a time, undefined for any number. `lingers`: handlers that
 * run when the peer ends may finish. `endsUnrun`: a connection whose handler never ran its socket ends with the handler.
 * `failsLostWrites`: a write that was under way when the connection was closed here fails; node calls it back without an
 * error on TCP. `halfCloses`: the end of a client's writer is heard by the server while the client still runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Traits {
  readonly maxHandlers: number | undefined
  readonly lingers: boolean
  readonly endsUnrun: boolean
  readonly failsLostWrites: boolean
  readonly halfCloses: boolean
}

/**
 * What sockets on TCP do where the two may differ.
 *
 * @since 0.1.0
 * @category constants
 */
export const tcp: Traits = {
  maxHandlers: undefined,
  lingers: false,
  endsUnrun: false,
  failsLostWrites: false,
  halfCloses: true
}

/**
 * What the suite works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E, R> {
  /** Gives what a clause works with, for as long as the clause's scope lives or longer. */
  readonly rig: Effect.Effect<Rig, E, R>
  readonly traits: Traits
  /** Bytes of a large transfer, each way. Default 4 MiB. */
  readonly bulkBytes?: number | undefined
  /** Bytes that no connection takes while the peer does not read. Default 16 MiB, more than the buffers of TCP on loopback. */
  readonly stallBytes?: number | undefined
  /** How long a clause may take. Default 20 s. */
  readonly patience?: Duration.DurationInput | undefined
  /** How long nothing must happen to say that it does not. Default 300 ms. */
  readonly silence?: Duration.DurationInput | undefined
}

/**
 * A clause of the contract.
 *
 * @since 0.1.0
 * @category models
 */
export interface Clause<R> {
  /** A sentence. */
  readonly name: string
  readonly run: Effect.Effect<void, unknown, Exclude<R, Scope.Scope>>
}

/**
 * An implementation does not keep to a clause.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractBroken extends Schema.TaggedError<ContractBroken>(
  "@effect-i2p/testkit/SocketContract/ContractBroken"
)("ContractBroken", { what: Schema.String, expected: Schema.Unknown, actual: Schema.Unknown }) {
  override get message(): string {
    return `${this.what}: expected ${String(this.expected)}, got ${String(this.actual)}`
  }
}

/**
 * The suite.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clauses = <E, R>(options: Options<E, R>): ReadonlyArray<Clause<R>> => {
  const patience = options.patience ?? "20 seconds"
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    run: Effect.flatMap(options.rig, (rig) =>
      body({
        ...rig,
        traits: options.traits,
        bulkBytes: options.bulkBytes ?? 4 * 1024 * 1024,
        stallBytes: options.stallBytes ?? 16 * 1024 * 1024,
        silence: options.silence ?? "300 millis"
      })
    ).pipe(
      Effect.timeoutFail({
        duration: patience,
        onTimeout: () => broken("time", `at most ${Duration.format(Duration.decode(patience))}`, "more")
      }),
      Effect.scoped
    ) as Effect.Effect<void, unknown, Exclude<R, Scope.Scope>>
  }))
}

interface Context extends Rig {
  readonly traits: Traits
  readonly bulkBytes: number
  readonly stallBytes: number
  readonly silence: Duration.DurationInput
}

type Body = (context: Context) => Effect.Effect<void, unknown, Scope.Scope>

const broken = (what: string, expected: unknown, actual: unknown) => new ContractBroken({ what, expected, actual })

const expectEqual = <A>(what: string, actual: A, expected: A): Effect.Effect<void, ContractBroken> =>
  actual === expected ? Effect.void : Effect.fail(broken(what, expected, actual))

/** "success", or what it failed with, in words. */
const outcomeOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, never, R> =>
  Effect.match(effect, {
    onSuccess: () => "success",
    onFailure: (error) =>
      Socket.isSocketError(error) ? (error.reason === "Close" ? `Close ${error.code}` : error.reason) : String(error)
  })

const isSilent = <A, E, R>(effect: Effect.Effect<A, E, R>, silence: Duration.DurationInput) =>
  Effect.map(Effect.timeoutOption(effect, silence), Option.isNone)

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const digest = (bytes: Uint8Array) => Hash.toBase32(Hash.of(bytes))

/** Bytes in which nothing can be missing, doubled or out of order without changing the whole. */
const pattern = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = Math.imul(at, 2_654_435_761) >>> 24
  return bytes
}

const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** Runs the server with a handler until the clause is over. */
const serve = <A, E>(server: Rig["server"], handler: (socket: Socket.Socket) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.asVoid(Effect.forkScoped(server.run((socket) => Effect.scoped(handler(socket)))))

/** Sends back what it gets. */
const echo = (socket: Socket.Socket) => Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes)))

/** A socket that runs in the background: what it received so far, and how `run` ended. */
const start = Effect.fnUntraced(function* (socket: Socket.Socket) {
  const write = yield* socket.writer
  const opened = yield* Deferred.make<void>()
  const received = yield* Queue.unbounded<Uint8Array>()
  const running = yield* Effect.fork(
    socket.run((bytes) => Queue.offer(received, bytes), { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) })
  )
  const outcome = outcomeOf(Fiber.join(running))
  yield* Effect.raceFirst(Deferred.await(opened), outcome)
  /** Waits for so many bytes. */
  const take = Effect.fnUntraced(function* (length: number) {
    const chunks: Array<Uint8Array> = []
    for (let have = 0; have < length; have += chunks.at(-1)!.length) chunks.push(yield* Queue.take(received))
    return joined(chunks)
  })
  return { write, running, outcome, received, take }
})

const bodies: Record<string, Body> = {
  "the server says where it is": ({ server }) =>
    Effect.gen(function* () {
      yield* expectEqual("address", server.address._tag, "TcpAddress")
      if (server.address._tag !== "TcpAddress") return
      yield* expectEqual("port", server.address.port > 0, true)
      yield* expectEqual("host", server.address.hostname.length > 0, true)
    }),

  "run opens the connection, then runs onOpen, in which a write passes": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const answer = yield* Deferred.make<string>()
      const running = yield* Effect.fork(
        socket.run((bytes) => Deferred.succeed(answer, decode(bytes)), { onOpen: Effect.orDie(write("hello")) })
      )
      yield* expectEqual("answer", yield* Deferred.await(answer), "hello")
      yield* Fiber.interrupt(running)
    }),

  "a write before run waits until it has opened the connection": ({ client, server, silence }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const writing = yield* Effect.fork(write("early"))
      yield* expectEqual("the write waits", yield* isSilent(Fiber.join(writing), silence), true)
      const { take } = yield* start(socket)
      yield* Fiber.join(writing)
      yield* expectEqual("answer", decode(yield* take(5)), "early")
    }),

  "runRaw is run, and strings are written as UTF-8": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const answer = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        socket.runRaw((data) => Deferred.succeed(answer, typeof data === "string" ? "a string" : decode(data)))
      )
      yield* write("grüße ✓")
      yield* expectEqual("answer", yield* Deferred.await(answer), "grüße ✓")
    }),

  "a handler need not return an effect": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const answer = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        socket.run((bytes) => {
          Deferred.unsafeDone(answer, Effect.succeed(decode(bytes)))
        })
      )
      yield* write("plain")
      yield* expectEqual("answer", yield* Deferred.await(answer), "plain")
    }),

  "each run is a connection of its own": ({ client, server }) =>
    Effect.gen(function* () {
      let connections = 0
      yield* serve(server, (socket) => {
        connections += 1
        return echo(socket)
      })
      const socket = yield* client
      for (const words of ["one", "two"]) {
        const { running, take, write } = yield* start(socket)
        yield* write(words)
        yield* expectEqual("answer", decode(yield* take(3)), words)
        yield* Fiber.interrupt(running)
      }
      yield* expectEqual("connections", connections, 2)
    }),

  "a connection that cannot be opened fails with reason Open and a cause": ({ nobody }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* nobody).run(() => {}))
      yield* expectEqual("is a SocketError", Socket.isSocketError(error), true)
      yield* expectEqual("reason", error.reason, "Open")
      yield* expectEqual("has a cause", error.reason === "Open" && error.cause !== undefined, true)
    }),

  "the peer's end ends run without an error, after all it had written": ({ bulkBytes, client, server }) =>
    Effect.gen(function* () {
      const sent = pattern(bulkBytes)
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          const running = yield* Effect.fork(socket.run(() => {}))
          yield* write(sent)
          yield* Fiber.interrupt(running)
        })
      )
      const socket = yield* client
      const chunks: Array<Uint8Array> = []
      const outcome = yield* outcomeOf(
        socket.run((bytes) => {
          chunks.push(bytes.slice())
        })
      )
      yield* expectEqual("run", outcome, "success")
      yield* expectEqual("bytes", digest(joined(chunks)), digest(sent))
    }),

  "large transfers arrive whole and in order, both ways at once": ({ bulkBytes, client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const sent = pattern(bulkBytes)
      const { running, take, write } = yield* start(yield* client)
      const writing = yield* Effect.fork(
        Effect.gen(function* () {
          for (let at = 0; at < sent.length; at += 10_000) yield* write(sent.subarray(at, at + 10_000))
        })
      )
      yield* expectEqual("bytes", digest(yield* take(sent.length)), digest(sent))
      yield* Fiber.join(writing)
      yield* Fiber.interrupt(running)
    }),

  "a writer waits while the peer does not read, and goes on when it does": ({ client, server, silence }) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let received = 0
      const done = yield* Deferred.make<void>()
      yield* serve(server, (socket) =>
        Effect.zipRight(
          Deferred.await(gate),
          socket.run((bytes) => {
            received += bytes.length
            if (received === written) Deferred.unsafeDone(done, Effect.void)
          })
        )
      )
      const { running, write } = yield* start(yield* client)
      const chunk = pattern(65_536)
      let written = 0
      let waiting: Fiber.RuntimeFiber<void, Socket.SocketError> | undefined
      // Loopback takes some megabytes into its buffers.
      while (waiting === undefined && written < 64 * 1024 * 1024) {
        const writing = yield* Effect.fork(write(chunk))
        written += chunk.length
        if (yield* isSilent(Fiber.join(writing), silence)) waiting = writing
      }
      yield* expectEqual("the writer waits", waiting !== undefined, true)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(waiting!)
      yield* Deferred.await(done)
      yield* Fiber.interrupt(running)
    }),

  "a write that is interrupted when it has begun arrives whole": ({ client, server, silence, stallBytes }) =>
    Effect.gen(function* () {
      const large = pattern(stallBytes)
      const gate = yield* Deferred.make<void>()
      const done = yield* Deferred.make<string>()
      let received = 0
      yield* serve(server, (socket) =>
        Effect.zipRight(
          Deferred.await(gate),
          socket.run((bytes) => {
            received += bytes.length
            if (received === large.length + 3) Deferred.unsafeDone(done, Effect.succeed(decode(bytes.slice(-3))))
          })
        )
      )
      const { running, write } = yield* start(yield* client)
      const writing = yield* Effect.fork(write(large))
      yield* expectEqual("the writer waits", yield* isSilent(Fiber.join(writing), silence), true)
      yield* Fiber.interrupt(writing)
      const next = yield* Effect.fork(write("end"))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(next)
      yield* expectEqual("the last bytes", yield* Deferred.await(done), "end")
      yield* Fiber.interrupt(running)
    }),

  "a write under way when run ends fails with reason Write, or says nothing": ({
    client,
    server,
    silence,
    stallBytes,
    traits
  }) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      yield* serve(server, (socket) =>
        Deferred.await(gate).pipe(
          Effect.zipRight(socket.run(() => {})),
          Effect.ensuring(Deferred.succeed(ended, undefined))
        )
      )
      // A server over TCP waits at its end for connections that nobody runs.
      yield* Effect.addFinalizer(() => Effect.zipRight(Deferred.succeed(gate, undefined), Deferred.await(ended)))
      const { outcome, write } = yield* start(yield* client)
      const writing = yield* Effect.fork(outcomeOf(write(pattern(stallBytes))))
      yield* expectEqual("the writer waits", yield* isSilent(Fiber.join(writing), silence), true)
      yield* write(new Socket.CloseEvent(1000))
      yield* expectEqual("write", yield* Fiber.join(writing), traits.failsLostWrites ? "Write" : "success")
      yield* expectEqual("run", yield* outcome, "Close 1000")
    }),

  "the end of the writer's scope is the end for the peer, and what it has to say still comes": ({
    bulkBytes,
    client,
    server,
    silence,
    traits
  }) =>
    Effect.gen(function* () {
      const sent = pattern(bulkBytes)
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          const writing = yield* Deferred.make<void>()
          yield* Effect.forkScoped(Effect.zipRight(Deferred.await(writing), write(sent)))
          const outcome = yield* outcomeOf(socket.run(() => Deferred.succeed(writing, undefined)))
          yield* Deferred.succeed(ended, outcome)
        })
      )
      const socket = yield* client
      const scope = yield* Scope.make()
      const write = yield* Scope.extend(socket.writer, scope)
      let received = 0
      const all = yield* Deferred.make<void>()
      const running = yield* Effect.fork(
        socket.run((bytes) => {
          received += bytes.length
          if (received >= sent.length) Deferred.unsafeDone(all, Effect.void)
        })
      )
      yield* write("request")
      if (traits.halfCloses) {
        // The answer is under way when the end is said.
        while (received === 0) yield* Effect.sleep("1 millis")
        yield* Deferred.await(all)
        yield* Scope.close(scope, Exit.void)
        yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
        yield* expectEqual("run", yield* outcomeOf(Fiber.join(running)), "success")
        return
      }
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(all)
      yield* expectEqual("the end is not said", yield* isSilent(Deferred.await(ended), silence), true)
      yield* Fiber.interrupt(running)
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a write after the writer's end fails with reason Write": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const scope = yield* Scope.make()
      const write = yield* Scope.extend(socket.writer, scope)
      const running = yield* Effect.fork(socket.run(() => {}))
      yield* write("x")
      yield* Scope.close(scope, Exit.void)
      yield* expectEqual("write", yield* outcomeOf(write("y")), "Write")
      yield* Fiber.interrupt(running)
    }),

  "a write after run waits for the next run": ({ client, server, silence }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const first = yield* start(socket)
      yield* Fiber.interrupt(first.running)
      const writing = yield* Effect.fork(first.write("again"))
      yield* expectEqual("the write waits", yield* isSilent(Fiber.join(writing), silence), true)
      const second = yield* start(socket)
      yield* Fiber.join(writing)
      yield* expectEqual("answer", decode(yield* second.take(5)), "again")
    }),

  "interrupting run ends the connection for the peer without an error": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.flatMap(outcomeOf(socket.run(() => {})), (outcome) => Deferred.succeed(ended, outcome))
      )
      const { running, write } = yield* start(yield* client)
      yield* write("x")
      yield* Fiber.interrupt(running)
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a CloseEvent of code 1000 ends run with it, and is a plain end for the peer": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.flatMap(outcomeOf(socket.run(() => {})), (outcome) => Deferred.succeed(ended, outcome))
      )
      const { outcome, write } = yield* start(yield* client)
      yield* write(new Socket.CloseEvent(1000))
      yield* expectEqual("run", yield* outcome, "Close 1000")
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a CloseEvent of another code ends run with an error, and is a plain end for the peer": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.flatMap(outcomeOf(socket.run(() => {})), (outcome) => Deferred.succeed(ended, outcome))
      )
      const { outcome, write } = yield* start(yield* client)
      yield* write(new Socket.CloseEvent(1011, "trouble"))
      yield* expectEqual("run", yield* outcome, "Read")
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a connection that the peer resets fails run with reason Read": ({ client, reset, server }) =>
    Effect.gen(function* () {
      yield* serve(server, (socket) => socket.run(() => reset))
      const { outcome, write } = yield* start(yield* client)
      yield* write("x")
      yield* expectEqual("run", yield* outcome, "Read")
    }),

  "a handler that fails ends run with its error, and the connection": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          const outcome = yield* outcomeOf(socket.run(() => {}, { onOpen: Effect.orDie(write("x")) }))
          yield* Deferred.succeed(ended, outcome)
        })
      )
      const outcome = yield* outcomeOf((yield* client).run(() => Effect.fail("no good")))
      yield* expectEqual("run", outcome, "no good")
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "handlers run beside each other: one may wait for what a later one brings": ({ client, server }) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const done = yield* Deferred.make<void>()
      let calls = 0
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          yield* socket.run((bytes) => {
            calls += 1
            if (calls === 1) {
              return write("first").pipe(
                Effect.zipRight(Deferred.await(gate)),
                Effect.zipRight(Deferred.succeed(done, undefined))
              )
            }
            return decode(bytes) === "second" ? Deferred.succeed(gate, undefined) : Effect.void
          })
        })
      )
      const { take, write } = yield* start(yield* client)
      yield* write("x")
      yield* take(5)
      yield* write("second")
      yield* Deferred.await(done)
    }),

  "handlers that run hold the peer back from a number on, or never": ({ client, server, silence, traits }) =>
    Effect.gen(function* () {
      let calls = 0
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          yield* socket.run(() => {
            calls += 1
            return Effect.zipRight(write("."), Effect.never)
          })
        })
      )
      const { received, write } = yield* start(yield* client)
      const most = traits.maxHandlers ?? 200
      for (let i = 0; i < most; i++) {
        yield* write("x")
        yield* Queue.take(received)
      }
      yield* expectEqual("handlers", calls, most)
      yield* write("one more")
      yield* expectEqual(
        "the next one waits",
        yield* isSilent(Queue.take(received), silence),
        traits.maxHandlers !== undefined
      )
    }),

  "handlers that run at the peer's end may finish, or are interrupted": ({ client, server, traits }) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const finished = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        socket.run(() =>
          Deferred.succeed(started, undefined).pipe(
            Effect.zipRight(Deferred.await(gate)),
            Effect.onExit((exit) => Deferred.succeed(finished, exit._tag))
          )
        )
      )
      const { running, write } = yield* start(yield* client)
      yield* write("x")
      yield* Deferred.await(started)
      yield* Fiber.interrupt(running)
      if (traits.lingers) yield* Effect.sleep("50 millis")
      if (traits.lingers) yield* Deferred.succeed(gate, undefined)
      yield* expectEqual("the handler", yield* Deferred.await(finished), traits.lingers ? "Success" : "Failure")
    }),

  "a handler of the server that fails or dies ends its own connection only": ({ client, server }) =>
    Effect.gen(function* () {
      let connections = 0
      yield* serve(server, (socket) => {
        connections += 1
        const trouble = connections === 1 ? Effect.fail("no good") : Effect.dieMessage("worse")
        return connections < 3 ? socket.run(() => trouble) : echo(socket)
      }).pipe(Effect.withUnhandledErrorLogLevel(Option.none()))
      for (let i = 0; i < 2; i++) {
        const { outcome, write } = yield* start(yield* client)
        yield* write("x")
        yield* expectEqual("run", yield* outcome, "success")
      }
      const { take, write } = yield* start(yield* client)
      yield* write("fine")
      yield* expectEqual("answer", decode(yield* take(4)), "fine")
    }),

  "connections that come before the server runs are served when it does": ({ client, server, silence }) =>
    Effect.gen(function* () {
      const { received, write } = yield* start(yield* client)
      yield* write("early")
      yield* expectEqual("no answer yet", yield* isSilent(Queue.take(received), silence), true)
      yield* serve(server, echo)
      yield* expectEqual("answer", decode(yield* Queue.take(received)), "early")
    }),

  "interrupting the server's run ends its handlers and their connections": ({ client, server }) =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const serving = yield* Effect.fork(
        server.run((socket) =>
          Effect.onInterrupt(Effect.scoped(echo(socket)), () => Deferred.succeed(interrupted, undefined))
        )
      )
      const { outcome, take, write } = yield* start(yield* client)
      yield* write("x")
      yield* take(1)
      yield* Fiber.interrupt(serving)
      yield* Deferred.await(interrupted)
      yield* expectEqual("run", yield* outcome, "success")
      // And another run takes over.
      yield* serve(server, echo)
      const next = yield* start(yield* client)
      yield* next.write("y")
      yield* expectEqual("answer", decode(yield* next.take(1)), "y")
    }),

  "the socket of a server runs once": ({ client, server }) =>
    Effect.gen(function* () {
      const second = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          yield* socket.run(() => {})
          yield* Deferred.succeed(second, yield* outcomeOf(socket.run(() => {})))
        })
      )
      const { running, write } = yield* start(yield* client)
      yield* write("x")
      yield* Fiber.interrupt(running)
      yield* expectEqual("the second run", yield* Deferred.await(second), "Close 1000")
    }),

  "a connection whose handler never runs it ends with the handler, or stays": ({ client, server, silence, traits }) =>
    Effect.gen(function* () {
      yield* serve(server, () => Effect.void)
      const { outcome, running } = yield* start(yield* client)
      if (traits.endsUnrun) return yield* expectEqual("run", yield* outcome, "success")
      yield* expectEqual("it stays", yield* isSilent(Fiber.join(running), silence), true)
      yield* Fiber.interrupt(running)
    }),

  "many connections are served beside each other": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => `connection ${index}`),
        (words) =>
          Effect.gen(function* () {
            const { running, take, write } = yield* start(yield* client)
            yield* write(words)
            yield* expectEqual("answer", decode(yield* take(words.length)), words)
            yield* Fiber.interrupt(running)
          }),
        { concurrency: "unbounded", discard: true }
      )
    })
}
