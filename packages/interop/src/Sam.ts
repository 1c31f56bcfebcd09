/**
 * A small SAM v3 client: i2pd's own streams, as the peer of ours and as the reference they are measured against.
 *
 * A session is one TCP connection that must stay open; each stream is a further connection that turns into the
 * stream's bytes once the bridge has answered.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as I2pdConfig from "./I2pdConfig.js"
import * as SamMessage from "./SamMessage.js"
import * as Tcp from "./Tcp.js"

/**
 * The bridge refused a command: `result` is its word for why (`CANT_REACH_PEER`, `DUPLICATED_DEST`, …).
 *
 * @category errors
 * @since 0.1.0
 */
export class SamRefused extends Schema.TaggedError<SamRefused>()("SamRefused", {
  command: Schema.String,
  result: Schema.String,
  answer: Schema.String
}) {
  override get message(): string {
    return `SAM ${this.command} answered ${this.result}: ${this.answer}`
  }
}

/**
 * @category errors
 * @since 0.1.0
 */
export type SamError = SamRefused | Tcp.TcpError

/**
 * A stream of i2pd; `remote` is the peer's destination in I2P Base64.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamStream extends Tcp.TcpConnection {
  readonly remote: string
}

/**
 * What can be done with a session from anywhere, by its id, as long as its owner keeps it open.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamStreams {
  readonly id: string
  /** Our destination, in I2P Base64. */
  readonly destination: string
  /**
   * Opens a stream to a destination (Base64) or a `.b32.i2p` address. i2pd answers before the peer has, and always
   * dials port 0: 2.45.1 knows no `TO_PORT`.
   */
  readonly connect: (destination: string) => Effect.Effect<SamStream, SamError, Scope.Scope>
  /** Waits for the next stream. */
  readonly accept: Effect.Effect<SamStream, SamError, Scope.Scope>
}

/**
 * A session with a destination of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamSession extends SamStreams {
  /** The destination with its private keys, in I2P Base64: what a later session needs to be the same peer. */
  readonly privateKeys: string
  /** Destination (Base64) of a name, a `.b32.i2p` address, or `ME`. */
  readonly lookup: (name: string) => Effect.Effect<string, SamError>
}

/**
 * Where a bridge listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamAddress {
  readonly host?: string | undefined
  readonly port: number
}

/**
 * Asks for something, and fails unless the answer is `RESULT=OK`.
 *
 * @category asking
 * @since 0.1.0
 */
export const ask = (
  connection: Tcp.TcpConnection,
  command: string,
  pairs: Readonly<Record<string, string | number | undefined>>
): Effect.Effect<SamMessage.SamMessage, SamError> =>
  Effect.gen(function* () {
    yield* connection.write(SamMessage.render(command, pairs))
    const answer = yield* connection.readLine
    const message = SamMessage.parse(answer)
    const result = message.pairs["RESULT"] ?? "nothing"
    if (result !== "OK") return yield* new SamRefused({ command, result, answer })
    return message
  })

/**
 * A connection to the bridge. 3.1 is all we need, and all that 2.45.1 and later agree on word for word.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hello = (address: SamAddress) =>
  Tcp.connect(address).pipe(Effect.tap((connection) => ask(connection, "HELLO VERSION", { MIN: "3.1", MAX: "3.1" })))

const findable = Schedule.spaced("500 millis").pipe(Schedule.upTo("20 seconds"))

/**
 * Uses a session that somebody else keeps open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = (address: SamAddress, id: string, destination: string): SamStreams => ({
  id,
  destination,
  connect: (remote) =>
    Effect.gen(function* () {
      const connection = yield* hello(address)
      yield* ask(connection, "STREAM CONNECT", { ID: id, DESTINATION: remote, SILENT: "false" })
      return { ...connection, remote }
    }).pipe(
      // A lease set can be unfindable for some seconds after its session is ready (seen on 2.45.1).
      Effect.retry({ schedule: findable, while: (error) => "result" in error && error.result === "CANT_REACH_PEER" })
    ),
  accept: Effect.gen(function* () {
    const connection = yield* hello(address)
    yield* ask(connection, "STREAM ACCEPT", { ID: id, SILENT: "false" })
    const [remote = ""] = (yield* connection.readLine).split(" ")
    return { ...connection, remote }
  })
})

/**
 * Opens a session; ready to connect and accept when this returns: 20 s, because 2.45.1 looks every 20 s whether its
 * tunnels are up.
 *
 * Without `privateKeys` the destination is a fresh Ed25519 one. `options` are added to the test network's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const session = (
  address: SamAddress,
  options: {
    readonly id?: string | undefined
    readonly privateKeys?: string | undefined
    readonly options?: Readonly<Record<string, string>> | undefined
  } = {}
): Effect.Effect<SamSession, SamError, Scope.Scope> =>
  Effect.gen(function* () {
    const id = options.id ?? `effect-i2p-${randomBytes(6).toString("hex")}`
    const control = yield* hello(address)
    const created = yield* ask(control, "SESSION CREATE", {
      STYLE: "STREAM",
      ID: id,
      DESTINATION: options.privateKeys ?? "TRANSIENT",
      SIGNATURE_TYPE: 7,
      ...I2pdConfig.sessionOptions,
      ...options.options
    })
    // On any other connection i2pd looks up, and answers ME, with its shared destination, whose three-hop tunnels
    // cannot exist on a network this small.
    const oneAtATime = yield* Effect.makeSemaphore(1)
    const lookup = (name: string) =>
      ask(control, "NAMING LOOKUP", { NAME: name }).pipe(
        Effect.map((answer) => answer.pairs["VALUE"] ?? ""),
        oneAtATime.withPermits(1)
      )
    return {
      ...attach(address, id, yield* lookup("ME")),
      privateKeys: created.pairs["DESTINATION"] ?? "",
      lookup
    }
  })
