/**
 * One control socket: reads lines, steps the machine with them, does what it asks for.
 *
 * A fiber per socket. What it has, session, subsessions, a place among those that accept, a forward, is in its scope and ends
 * with it.
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Control from "../core/Control.js"
import * as SamCommand from "../SamCommand.js"
import * as SamLine from "../SamLine.js"
import * as SamReply from "../SamReply.js"
import type * as SamSocket from "../SamSocket.js"
import * as Acceptor from "./acceptor.js"
import type { Bridge } from "./bridge.js"
import * as Create from "./create.js"
import { type Failed, failed, ofConnect, ofLookup } from "./failures.js"
import { frontOf } from "./front.js"
import { join } from "./join.js"
import * as Session from "./session.js"

/** Bytes that may wait behind a command that is not answered yet; the socket is not read any further. Ours. */
const aheadBytes = 65_536

/** Serves a socket until it ends. */
export const serve = (bridge: Bridge, socket: SamSocket.SamSocket, host: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { bounds, counters } = bridge
    if (counters.sockets >= bounds.maxSockets) {
      counters.socketsRefused++
      const message = `this bridge has ${bounds.maxSockets} clients, which is the limit`
      return Effect.ignore(say(socket, { _tag: "HelloReply", result: "I2P_ERROR", message }))
    }
    return Effect.acquireUseRelease(
      Effect.sync(() => counters.sockets++),
      () => Effect.scopedWith((scope) => Effect.flatMap(make(bridge, socket, host, scope), (client) => client.run)),
      () => Effect.sync(() => counters.sockets--)
    )
  }).pipe(
    // A mistake of ours ends this socket and what is on it, and nobody else's.
    Effect.catchAllDefect((defect) => Effect.logError("a control socket has failed", defect)),
    Effect.ensuring(socket.end),
    Effect.annotateLogs({ package: "sam", module: "Sam" })
  )

const say = (socket: SamSocket.SamSocket, reply: SamReply.SamReply): Effect.Effect<void, SamSocket.SocketBroken> =>
  socket.write(`${SamReply.encode(reply)}\n`)

const ended: Control.Input = { _tag: "Ended" }

const make = (bridge: Bridge, socket: SamSocket.SamSocket, host: string, scope: Scope.Scope) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const context = yield* Effect.context<never>()
    const lost = yield* Deferred.make<string>()
    const client = new Client(bridge, socket, host, scope, lost, () => clock.unsafeCurrentTimeMillis())
    return { run: Effect.provide(client.run, context) }
  })

class Client {
  readonly #bridge: Bridge
  readonly #socket: SamSocket.SamSocket
  readonly #host: string
  readonly #scope: Scope.Scope
  /** Done when the session on this socket is lost. */
  readonly #lost: Deferred.Deferred<string>
  readonly #now: () => number
  readonly #reader: SamLine.Reader
  #state: Control.State
  #hasEnded = false
  #version: 0 | 1 | 2 | 3 = 0
  #session: Session.Session | undefined
  readonly #subsessions = new Map<string, Scope.CloseableScope>()
  /** What CONNECT or ACCEPT got, and the scope it is in. */
  #stream: { readonly stream: StreamConnection; readonly scope: Scope.CloseableScope } | undefined

  constructor(
    bridge: Bridge,
    socket: SamSocket.SamSocket,
    host: string,
    scope: Scope.Scope,
    lost: Deferred.Deferred<string>,
    now: () => number
  ) {
    this.#bridge = bridge
    this.#socket = socket
    this.#host = host
    this.#scope = scope
    this.#lost = lost
    this.#now = now
    this.#reader = new SamLine.Reader(bridge.bounds.maxLineBytes)
    this.#state = Control.initial({ helloTimeout: Duration.toMillis(bridge.bounds.helloTimeout) }, now())
  }

  get run(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      while (this.#state._tag !== "Closed") {
        const input = yield* this.#next
        yield* this.#step(input)
      }
    }).pipe(Effect.catchAll(() => Effect.void))
  }

  /** Waits for the next input. */
  get #next(): Effect.Effect<Control.Input, SamSocket.SocketBroken> {
    return Effect.gen(this, function* () {
      for (;;) {
        const input = this.#buffered
        if (input !== undefined) return input
        if (this.#hasEnded) return ended
        const event = yield* this.#wait
        if (event !== undefined) return event
        yield* this.#take
      }
    })
  }

  /** What the bytes that are there already make. */
  get #buffered(): Control.Input | undefined {
    const wanted = Control.wants(this.#state)
    if (wanted === undefined) return undefined
    if (wanted === "Line") {
      const line = this.#reader.line()
      if (line === undefined) return undefined
      if (line === SamLine.tooLong) return { _tag: "LineTooLong" }
      return Either.match(SamCommand.decode(line), {
        onLeft: (error) => ({ _tag: "BadCommand", error }),
        onRight: (command) => ({ _tag: "Command", command })
      })
    }
    const payload = this.#reader.payload(wanted.size)
    return payload === undefined ? undefined : { _tag: "Payload", payload: payload.slice() }
  }

  /** Takes what has come; nothing of it is lost, whatever else happens meanwhile. */
  get #take(): Effect.Effect<void, SamSocket.SocketBroken> {
    return Effect.suspend(() => {
      const taken = this.#socket.take()
      if (taken === undefined) return Effect.void
      if (Either.isLeft(taken)) return Effect.fail(taken.left)
      if (Option.isNone(taken.right)) this.#hasEnded = true
      else this.#reader.feed(taken.right.value)
      return Effect.void
    })
  }

  /** Waits for bytes, or for what ends the wait for them. */
  get #wait(): Effect.Effect<Control.Input | undefined> {
    const due = Control.nextTimeout(this.#state, this.#options(false))
    const racing: Array<Effect.Effect<Control.Input | undefined>> = [
      Effect.as(this.#socket.readable, undefined),
      Effect.map(Deferred.await(this.#lost), (message) => ({ _tag: "SessionLost", message }))
    ]
    if (due !== undefined) racing.push(Effect.as(Effect.sleep(Math.max(0, due - this.#now())), { _tag: "Tick" }))
    return racing.reduce((all, one) => Effect.raceFirst(all, one))
  }

  #options(needsPassword: boolean): Control.Options {
    const { commandTimeout, helloTimeout, pingInterval, pingTimeout } = this.#bridge.bounds
    return {
      helloTimeout: Duration.toMillis(helloTimeout),
      commandTimeout: Duration.toMillis(commandTimeout),
      pingInterval: pingInterval === undefined ? undefined : Duration.toMillis(pingInterval),
      pingTimeout: Duration.toMillis(pingTimeout),
      needsPassword,
      commands: SamCommand.commands
    }
  }

  #step(input: Control.Input): Effect.Effect<void, SamSocket.SocketBroken> {
    return Effect.gen(this, function* () {
      const needsPassword = this.#state._tag === "Greeting" && (yield* this.#bridge.users.isEnabled)
      const inputs: Array<Control.Input> = [input]
      for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
        const [state, actions] = Control.step(this.#state, next, this.#now(), this.#options(needsPassword))
        this.#state = state
        if ("version" in state) this.#version = state.version
        for (const action of actions) {
          const answer = yield* this.#act(action)
          if (answer !== undefined) inputs.push(answer)
        }
      }
    })
  }

  #act(action: Control.Action): Effect.Effect<Control.Input | undefined, SamSocket.SocketBroken> {
    switch (action._tag) {
      case "Say":
        return Effect.as(say(this.#socket, action.reply), undefined)
      case "Close":
        return Effect.succeed(undefined)
      case "Join":
        return Effect.as(this.#join, ended)
      case "Admit":
        return Effect.map(this.#bridge.users.check(action.user, action.password), (isKnown) =>
          isKnown ? { _tag: "Admitted" } : failed("I2P_ERROR", "USER or PASSWORD is wrong")
        )
      case "Create":
        return this.#unlessEnded(this.#create(action.command))
      case "Add":
        return this.#unlessEnded(this.#add(action.command))
      case "Remove":
        return Effect.as(this.#remove(action.id), undefined)
      case "Connect":
        return this.#unlessEnded(this.#connect(action.command))
      case "Accept":
        return this.#accept(action.command)
      case "Forward":
        return answered(this.#forward(action.command))
      case "Lookup":
        return answered(this.#lookup(action.command))
      case "Generate":
        return Effect.sync(() => this.#generate(action.signatureType))
      case "Send":
        return answered(this.#send(action.command, action.payload))
      case "ChangeAuth":
        return answered(this.#changeAuth(action.command))
    }
  }

  /** Work that is for nobody once the client has gone. */
  #unlessEnded(work: Effect.Effect<Control.Input, Failed>): Effect.Effect<Control.Input> {
    const gone = Effect.as(this.#socket.ended, ended)
    const lost = Effect.map(Deferred.await(this.#lost), (message): Control.Input => ({ _tag: "SessionLost", message }))
    return Effect.raceFirst(answered(work), Effect.raceFirst(gone, lost))
  }

  /** A scope that ends with this socket, or with what fails in it. */
  #inScope<A, E>(use: (scope: Scope.CloseableScope) => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.fork(this.#scope, ExecutionStrategy.sequential), (scope) =>
        Effect.onExit(restore(use(scope)), (exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit)))
      )
    )
  }

  get #creator(): Create.Client {
    return {
      host: this.#host,
      version: this.#version,
      say: (bytes) => Effect.ignore(this.#socket.write(bytes))
    }
  }

  #create(command: SamCommand.Of<"SessionCreate">): Effect.Effect<Control.Input, Failed> {
    return this.#inScope((scope) => Create.create(this.#bridge, this.#creator, command, scope)).pipe(
      Effect.tap(({ session }) => {
        this.#session = session
        // Nothing else than being lost ends a session before its socket.
        return Effect.forkIn(
          Effect.flatMap(Deferred.await(session.ended), (why) =>
            why === undefined ? Effect.void : Deferred.succeed(this.#lost, why)
          ),
          this.#scope
        )
      }),
      Effect.map(({ privateKey }): Control.Input => ({ _tag: "Created", privateKey }))
    )
  }

  #add(command: SamCommand.Of<"SessionAdd">): Effect.Effect<Control.Input, Failed> {
    const session = this.#session
    if (session?._tag !== "Primary") return Effect.fail(failed("I2P_ERROR", "this socket has no session"))
    return this.#inScope((scope) =>
      Effect.tap(Create.add(this.#bridge, this.#creator, session, command, scope), () =>
        Effect.sync(() => this.#subsessions.set(command.id, scope))
      )
    ).pipe(Effect.as<Control.Input>({ _tag: "Added" }))
  }

  #remove(id: string): Effect.Effect<void> {
    const scope = this.#subsessions.get(id)
    this.#subsessions.delete(id)
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  }

  /** The stream session that a command names. */
  #streamsOf(id: string): Either.Either<Session.StreamSession, Failed> {
    const session = this.#bridge.registry.get(id)
    if (session === undefined)
      return Either.left(failed("INVALID_ID", "no session has this ID: SESSION CREATE makes one"))
    if (session._tag === "Primary") {
      return Either.left(failed("I2P_ERROR", "streams need the ID of a subsession: SESSION ADD STYLE=STREAM"))
    }
    return session._tag === "Stream"
      ? Either.right(session)
      : Either.left(failed("I2P_ERROR", "the session with this ID has another style than STREAM"))
  }

  #connect(command: SamCommand.Of<"StreamConnect">): Effect.Effect<Control.Input, Failed> {
    const { fromPort, toPort } = command
    const destination = frontOf(command.destination)
    return Effect.flatMap(this.#streamsOf(command.id), ({ ports, streams }) =>
      this.#inScope((scope) =>
        streams.connect({ destination, port: toPort ?? ports.toPort, localPort: fromPort ?? ports.fromPort }).pipe(
          Scope.extend(scope),
          Effect.tap((stream) => {
            this.#stream = { stream, scope }
            return Effect.void
          }),
          Effect.mapError((error) => ofConnect(destination, error)),
          Effect.tapError(() => Effect.sync(() => this.#bridge.counters.streamsFailed++))
        )
      ).pipe(Effect.as<Control.Input>({ _tag: "Connected" }))
    )
  }

  #accept(command: SamCommand.Of<"StreamAccept">): Effect.Effect<Control.Input, SamSocket.SocketBroken> {
    return Effect.gen(this, function* () {
      const session = yield* this.#streamsOf(command.id)
      const place = yield* Scope.fork(this.#scope, ExecutionStrategy.sequential)
      const listener = yield* Scope.extend(session.acceptor.accepting, place)
      yield* this.#step({ _tag: "Accepting" })
      const over = Effect.flatMap(Deferred.await(session.ended), (why) =>
        Effect.fail(failed("I2P_ERROR", why ?? "the session has ended"))
      )
      const accept = this.#inScope((scope) =>
        Effect.tap(Scope.extend(listener.accept, scope), (stream) => {
          this.#stream = { stream, scope }
          return Effect.void
        })
      ).pipe(
        // A listener that closes interrupts whoever waits at it.
        Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? over : Effect.failCause(cause))),
        Effect.raceFirst(over)
      )
      const stream = yield* Effect.ensuring(
        Effect.raceFirst(
          Effect.map(accept, (stream) => stream as StreamConnection | undefined),
          Effect.as(this.#gone, undefined)
        ),
        Scope.close(place, Exit.void)
      )
      if (stream === undefined) return ended
      return {
        _tag: "Accepted",
        destination: stream.remote.base64,
        fromPort: stream.remotePort,
        toPort: stream.localPort
      } as Control.Input
    }).pipe(Effect.catchTag("Failed", (error) => Effect.succeed<Control.Input>(error)))
  }

  /** Done when the client has gone; meanwhile takes what it sends ahead, as much as may wait. */
  get #gone(): Effect.Effect<void> {
    return Effect.raceFirst(
      this.#socket.ended,
      Effect.ignore(
        Effect.gen(this, function* () {
          while (!this.#hasEnded && this.#reader.length < aheadBytes) {
            yield* this.#socket.readable
            yield* this.#take
          }
          if (!this.#hasEnded) yield* Effect.never
        })
      )
    )
  }

  get #join(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const held = this.#stream
      if (held === undefined) return Effect.void
      return joined(this.#bridge, this.#socket, held.stream, this.#reader.rest().slice()).pipe(
        Effect.onExit((exit) => Scope.close(held.scope, exit)),
        Effect.ignore
      )
    })
  }

  #forward(command: SamCommand.Of<"StreamForward">): Effect.Effect<Control.Input, Failed> {
    const { bounds, counters, dial } = this.#bridge
    const { host = this.#host, port, silent = false, ssl = false } = command
    return Effect.gen(this, function* () {
      const session = yield* this.#streamsOf(command.id)
      if (counters.forwards >= bounds.maxForwards) {
        const message = `this bridge has ${bounds.maxForwards} STREAM FORWARDs, which is the limit`
        return yield* Effect.fail(failed("I2P_ERROR", message))
      }
      const listener = yield* this.#inScope((scope) => Scope.extend(session.acceptor.forwarding, scope))
      yield* Effect.acquireRelease(
        Effect.sync(() => counters.forwards++),
        () => Effect.sync(() => counters.forwards--)
      ).pipe(Scope.extend(this.#scope))
      // Streams that are there go on when the forward ends, and end with the session.
      const fibers = yield* Scope.extend(FiberSet.make<void, never>(), session.scope)
      const handle = (stream: StreamConnection) =>
        Effect.scoped(
          Effect.gen(this, function* () {
            const target = yield* Effect.timeoutFail(dial.connect({ host, port, ssl }), {
              duration: bounds.dialTimeout,
              onTimeout: () => failed("TIMEOUT", `${host}:${port} does not answer`)
            }).pipe(
              Effect.tapError((error) => {
                counters.streamsFailed++
                return Effect.logDebug(`a stream cannot be forwarded: ${error.message}`)
              })
            )
            if (!silent) {
              const ports = this.#version >= 2 ? { fromPort: stream.remotePort, toPort: stream.localPort } : {}
              yield* say(target, { _tag: "Peer", destination: stream.remote.base64, ...ports })
            }
            yield* joined(this.#bridge, target, stream, new Uint8Array(0))
          })
        )
      yield* Effect.forkIn(
        Effect.forever(Acceptor.takeInto(listener, (effect) => FiberSet.run(fibers, effect), handle)),
        this.#scope
      )
      // A forward ends with its session, too.
      yield* Effect.forkIn(
        Effect.flatMap(Deferred.await(session.ended), (why) =>
          Deferred.succeed(this.#lost, why ?? "the session has ended")
        ),
        this.#scope
      )
      return { _tag: "Forwarding" } as Control.Input
    })
  }

  #lookup({ name }: SamCommand.Of<"NamingLookup">): Effect.Effect<Control.Input, Failed> {
    const session = this.#session
    const found: Effect.Effect<Destination, Failed> =
      name === "ME"
        ? session === undefined
          ? Effect.fail(failed("INVALID_KEY", "ME needs a session on this socket"))
          : Effect.succeed(session.destination)
        : session === undefined
          ? Effect.scoped(
              Effect.flatMap(this.#bridge.lookups, ({ session }) => Effect.mapError(session.lookup(name), ofLookup))
            )
          : session.lookup(name)
    return Effect.map(found, ({ base64 }): Control.Input => ({ _tag: "Found", destination: base64, options: {} }))
  }

  #generate(signatureType: number): Control.Input {
    return Either.match(Create.generate(this.#bridge, signatureType), {
      onLeft: (message): Control.Input => failed("I2P_ERROR", message),
      onRight: (keys): Control.Input => ({
        _tag: "Generated",
        pub: keys.destination.base64,
        priv: Redacted.value(DestinationKeys.toBase64(keys))
      })
    })
  }

  #send(
    command: SamCommand.Of<"DatagramSend"> | SamCommand.Of<"RawSend">,
    payload: Uint8Array
  ): Effect.Effect<Control.Input, Failed> {
    const session = this.#session
    const isRaw = command._tag === "RawSend"
    if (session?._tag !== "Datagram" || (session.style === "RAW") !== isRaw) {
      const style = isRaw ? "STYLE=RAW" : "STYLE=DATAGRAM"
      return Effect.fail(failed("I2P_ERROR", `this socket has no session with ${style}`))
    }
    return Effect.map(Session.send(session, command, payload), (): Control.Input => {
      this.#bridge.counters.datagramsSent++
      return { _tag: "Sent" }
    })
  }

  #changeAuth(
    command: Extract<Control.Action, { readonly _tag: "ChangeAuth" }>["command"]
  ): Effect.Effect<Control.Input, Failed> {
    const { users } = this.#bridge
    const change = () => {
      switch (command._tag) {
        case "AuthEnable":
          return users.setEnabled(true)
        case "AuthDisable":
          return users.setEnabled(false)
        case "AuthAdd":
          return users.add(command.user, command.password)
        case "AuthRemove":
          return users.remove(command.user)
      }
    }
    return Effect.mapBoth(change(), {
      onFailure: ({ message }) => failed("I2P_ERROR", message),
      onSuccess: (): Control.Input => ({ _tag: "Changed" })
    })
  }
}

/** A failure is an answer, too. */
const answered = (work: Effect.Effect<Control.Input, Failed>): Effect.Effect<Control.Input> =>
  Effect.catchAll(work, (error) => Effect.succeed<Control.Input>(error))

const joined = (bridge: Bridge, socket: SamSocket.SamSocket, stream: StreamConnection, ahead: Uint8Array) => {
  const { bounds, counters } = bridge
  return Effect.acquireUseRelease(
    Effect.sync(() => {
      counters.streams++
      counters.streamsOpened++
    }),
    () =>
      join(socket, stream, {
        endTimeout: bounds.endTimeout,
        ahead,
        onSent: (bytes) => {
          counters.bytesSent += bytes
        },
        onReceived: (bytes) => {
          counters.bytesReceived += bytes
        }
      }),
    () => Effect.sync(() => counters.streams--)
  )
}
