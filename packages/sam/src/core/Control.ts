/**
 * The machine of one control socket: what a client says, and what becomes of it.
 *
 * `step` takes a state, an input and the time, and returns the next state with the actions that it asks for. Everything else
 * is the shell's: sessions, streams, keys, secrets. It answers an action by an input of its own; until then the machine is
 * `Busy` and takes no further command, so that answers come in the order of the commands, however many a client sends without
 * waiting. Time is milliseconds of any clock.
 *
 * | state | on | goes to |
 * |---|---|---|
 * | Greeting | HELLO | Open, or Busy while a password is checked |
 * | Greeting | anything else, or nothing for `helloTimeout` | Closed |
 * | Open | a command that is answered at once | Open |
 * | Open | any other command | Busy |
 * | Open | DATAGRAM SEND, RAW SEND | Payload |
 * | Payload | its bytes | Busy |
 * | Busy | the shell's answer | Open; Joined for a stream; Closed for a stream that failed |
 * | Joined | | nothing is read as a line any more |
 * | any | the client's end, QUIT, a line that is too long | Closed |
 *
 * A control socket that has a session ends with it, and the session with the socket.
 *
 * @since 0.1.0
 */
import type * as SamCommand from "../SamCommand.js"
import type * as SamReply from "../SamReply.js"
import * as Version from "./Version.js"

type Command<Tag extends SamCommand.SamCommand["_tag"]> = SamCommand.Of<Tag>

/**
 * What a socket has: nothing, a session that carries something, or one that has subsessions.
 *
 * @category models
 * @since 0.1.0
 */
export type Holds = "Nothing" | "Session" | "Primary"

interface Known {
  readonly version: Version.Version
  readonly holds: Holds
  /** Subsessions, by id. */
  readonly subsessions: ReadonlyArray<string>
  /** When the client was heard last. */
  readonly heard: number
  /** The text of a PING of ours that is not answered, and when it was sent. */
  readonly ping: { readonly text: string; readonly at: number } | undefined
}

/**
 * A command that the shell works on.
 *
 * @category models
 * @since 0.1.0
 */
export type Pending = Exclude<
  SamCommand.SamCommand,
  { readonly _tag: "Ping" | "Pong" | "Quit" | "Help" | "SessionRemove" }
>

/**
 * Where a control socket is; see the table above.
 *
 * @category models
 * @since 0.1.0
 */
export type State =
  | { readonly _tag: "Greeting"; readonly deadline: number }
  | (Known & { readonly _tag: "Open"; readonly isNew: boolean })
  | (Known & { readonly _tag: "Payload"; readonly command: Command<"DatagramSend"> | Command<"RawSend"> })
  | (Known & { readonly _tag: "Busy"; readonly command: Pending })
  | { readonly _tag: "Joined" }
  | { readonly _tag: "Closed" }

/**
 * What happens to the machine.
 *
 * **Shape** `Failed` is the shell's answer to any action that asks for one, the others are those that went well.
 *
 * @category models
 * @since 0.1.0
 */
export type Input =
  | { readonly _tag: "Command"; readonly command: SamCommand.SamCommand }
  | { readonly _tag: "BadCommand"; readonly error: SamCommand.BadCommand }
  | { readonly _tag: "LineTooLong" }
  | { readonly _tag: "Payload"; readonly payload: Uint8Array }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Tick" }
  | { readonly _tag: "SessionLost"; readonly message: string }
  | Answer

/**
 * What the shell says of what it was asked to do.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Failed"; readonly result: SamReply.Result; readonly message: string }
  | { readonly _tag: "Admitted" }
  | { readonly _tag: "Created"; readonly privateKey: string }
  | { readonly _tag: "Added" }
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Accepting" }
  | { readonly _tag: "Accepted"; readonly destination: string; readonly fromPort: number; readonly toPort: number }
  | { readonly _tag: "Forwarding" }
  | { readonly _tag: "Found"; readonly destination: string; readonly options: Readonly<Record<string, string>> }
  | { readonly _tag: "Generated"; readonly pub: string; readonly priv: string }
  | { readonly _tag: "Sent" }
  | { readonly _tag: "Changed" }

/**
 * What the shell is asked to do.
 *
 * **Shape** `Join` makes the socket the stream that was connected or accepted, `Close` ends the socket and what is on it.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  | { readonly _tag: "Say"; readonly reply: SamReply.SamReply }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Join" }
  | { readonly _tag: "Admit"; readonly user: string; readonly password: string }
  | { readonly _tag: "Create"; readonly command: Command<"SessionCreate"> }
  | { readonly _tag: "Add"; readonly command: Command<"SessionAdd"> }
  | { readonly _tag: "Remove"; readonly id: string }
  | { readonly _tag: "Connect"; readonly command: Command<"StreamConnect"> }
  | { readonly _tag: "Accept"; readonly command: Command<"StreamAccept"> }
  | { readonly _tag: "Forward"; readonly command: Command<"StreamForward"> }
  | { readonly _tag: "Lookup"; readonly command: Command<"NamingLookup"> }
  | { readonly _tag: "Generate"; readonly signatureType: number }
  | {
      readonly _tag: "Send"
      readonly command: Command<"DatagramSend"> | Command<"RawSend">
      readonly payload: Uint8Array
    }
  | {
      readonly _tag: "ChangeAuth"
      readonly command: Command<"AuthEnable"> | Command<"AuthDisable"> | Command<"AuthAdd"> | Command<"AuthRemove">
    }

/**
 * **Shape** `needsPassword` is asked at each HELLO, as AUTH ENABLE holds for connections that follow. Without `pingInterval`
 * the bridge sends no PING.
 * **Units** ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly helloTimeout: number
  readonly commandTimeout: number
  readonly pingInterval: number | undefined
  readonly pingTimeout: number
  readonly needsPassword: boolean
  readonly commands: ReadonlyArray<string>
}

/**
 * The next state, and what to do.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = readonly [State, ReadonlyArray<Action>]

/**
 * A socket that has just been opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (options: Pick<Options, "helloTimeout">, now: number): State => ({
  _tag: "Greeting",
  deadline: now + options.helloTimeout
})

/**
 * Whether the next line, or payload, may be given.
 *
 * @category queries
 * @since 0.1.0
 */
export const wants = (state: State): "Line" | { readonly size: number } | undefined => {
  switch (state._tag) {
    case "Greeting":
    case "Open":
      return "Line"
    case "Payload":
      return { size: state.command.size }
    default:
      return undefined
  }
}

/**
 * When to step with `Tick`, should nothing happen before.
 *
 * @category queries
 * @since 0.1.0
 */
export const nextTimeout = (state: State, options: Options): number | undefined => {
  switch (state._tag) {
    case "Greeting":
      return state.deadline
    case "Open":
      if (state.isNew) return state.heard + options.commandTimeout
      if (state.ping !== undefined) return state.ping.at + options.pingTimeout
      return options.pingInterval !== undefined && state.version >= 2 ? state.heard + options.pingInterval : undefined
    case "Payload":
      return state.heard + options.commandTimeout
    default:
      return undefined
  }
}

const closed: State = { _tag: "Closed" }
const close: Action = { _tag: "Close" }

const say = (reply: SamReply.SamReply): Action => ({ _tag: "Say", reply })

/** Says a last word. */
const leave = (...replies: ReadonlyArray<SamReply.SamReply>): Step => [closed, [...replies.map(say), close]]

/**
 * The machine. Never throws on what a client says.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (state: State, input: Input, now: number, options: Options): Step => {
  switch (state._tag) {
    case "Closed":
      return [state, []]
    case "Joined":
      return input._tag === "Ended" || input._tag === "SessionLost" ? leave() : [state, []]
    case "Greeting":
      return greet(state, input, now, options)
    case "Open":
      return open(state, input, now, options)
    case "Payload":
      return payload(state, input, now, options)
    case "Busy":
      return busy(state, input, now)
  }
}

type Of<Tag extends State["_tag"]> = Extract<State, { readonly _tag: Tag }>

const refuseHello = (message: string): Step => leave({ _tag: "HelloReply", result: "I2P_ERROR", message })

const greet = (state: Of<"Greeting">, input: Input, now: number, options: Options): Step => {
  switch (input._tag) {
    case "Command":
      return input.command._tag === "Hello"
        ? hello(input.command, now, options)
        : input.command._tag === "Quit"
          ? leave()
          : refuseHello("the first command must be HELLO VERSION")
    case "BadCommand":
      return refuseHello(input.error.word === "HELLO" ? input.error.message : "the first command must be HELLO VERSION")
    case "LineTooLong":
      return refuseHello("the line is too long")
    case "Tick":
      return now < state.deadline
        ? [state, []]
        : refuseHello(`no HELLO VERSION within ${seconds(options.helloTimeout)}`)
    case "Ended":
      return leave()
    default:
      return [state, []]
  }
}

const seconds = (millis: number): string => `${millis / 1000} s`

const hello = (command: Command<"Hello">, now: number, options: Options): Step => {
  const version = Version.choose(command.min, command.max)
  if (version === undefined) {
    const message = "this bridge speaks 3.0 to 3.3: widen MIN and MAX"
    return leave({ _tag: "HelloReply", result: "NOVERSION", message })
  }
  const known: Known = { version, holds: "Nothing", subsessions: [], heard: now, ping: undefined }
  if (!options.needsPassword) return welcome(known)
  const { password, user } = command
  if (user === undefined || password === undefined) return refuseHello("this bridge asks for USER and PASSWORD")
  return [{ ...known, _tag: "Busy", command }, [{ _tag: "Admit", user, password }]]
}

const welcome = (known: Known): Step => [
  { ...known, _tag: "Open", isNew: true },
  [say({ _tag: "HelloReply", result: "OK", version: Version.format(known.version) })]
]

const knownOf = ({ heard, holds, ping, subsessions, version }: Known): Known => ({
  version,
  holds,
  subsessions,
  heard,
  ping
})

const open = (state: Of<"Open">, input: Input, now: number, options: Options): Step => {
  switch (input._tag) {
    case "Command":
      return obey({ ...knownOf(state), heard: now }, input.command, options)
    case "BadCommand": {
      // An empty line is no command; a terminal sends some.
      if (input.error.word === "") return [{ ...state, heard: now }, []]
      // A stream's socket is for one stream, and ends when that cannot be.
      if (input.error.word === "STREAM") return leave(complaint(input.error))
      const next: State = { ...knownOf(state), heard: now, _tag: "Open", isNew: false }
      return [next, [say(complaint(input.error))]]
    }
    case "LineTooLong":
      return leave({ _tag: "SessionStatus", result: "I2P_ERROR", message: "the line is too long" })
    case "SessionLost":
      return leave({ _tag: "SessionStatus", result: "I2P_ERROR", message: input.message })
    case "Ended":
      return leave()
    case "Tick":
      return tick(state, now, options)
    default:
      return [state, []]
  }
}

const tick = (state: Of<"Open">, now: number, options: Options): Step => {
  const due = nextTimeout(state, options)
  if (due === undefined || now < due) return [state, []]
  if (state.isNew) {
    const message = `no command within ${seconds(options.commandTimeout)} after HELLO`
    return leave({ _tag: "SessionStatus", result: "I2P_ERROR", message })
  }
  if (state.ping !== undefined) {
    return leave({ _tag: "SessionStatus", result: "I2P_ERROR", message: "no PONG: the client does not answer" })
  }
  const text = String(now)
  return [{ ...state, ping: { text, at: now } }, [say({ _tag: "Ping", text })]]
}

/** What a bad line is answered with: by the name that answers to its command have. */
const complaint = ({ message, word }: SamCommand.BadCommand): SamReply.SamReply => {
  const status = { result: "I2P_ERROR", message } as const
  switch (word) {
    case "HELLO":
      return { _tag: "HelloReply", ...status }
    case "SESSION":
      return { _tag: "SessionStatus", ...status }
    case "STREAM":
      return { _tag: "StreamStatus", ...status }
    case "NAMING":
      return { _tag: "NamingReply", ...status, result: "INVALID_KEY", options: {} }
    case "DEST":
      return { _tag: "DestReply", ...status }
    case "AUTH":
      return { _tag: "AuthStatus", ...status }
    case "DATAGRAM":
      return { _tag: "DatagramStatus", ...status }
    case "RAW":
      return { _tag: "RawStatus", ...status }
    default:
      // What is no word of SAM is not said again: it may be anything, and of any length.
      return { _tag: "Status", word: /^[A-Z]{1,16}$/.test(word) ? word : "COMMAND", ...status }
  }
}

const obey = (known: Known, command: SamCommand.SamCommand, options: Options): Step => {
  const opened = (...actions: ReadonlyArray<Action>): Step => [{ ...known, _tag: "Open", isNew: false }, actions]
  const busy = (pending: Pending, action: Action): Step => [{ ...known, _tag: "Busy", command: pending }, [action]]
  const refuse = (reply: SamReply.SamReply): Step => opened(say(reply))
  const sessionError = (message: string): Step => refuse({ _tag: "SessionStatus", result: "I2P_ERROR", message })
  switch (command._tag) {
    case "Hello":
      return refuse({ _tag: "HelloReply", result: "I2P_ERROR", message: "HELLO was said already" })
    case "Ping":
      return opened(say({ _tag: "Pong", text: command.text }))
    case "Pong":
      return known.ping?.text === command.text
        ? [{ ...known, ping: undefined, _tag: "Open", isNew: false }, []]
        : opened()
    case "Quit":
      return leave({ _tag: "Status", word: command.word, result: "OK", message: "bye" })
    case "Help":
      return refuse({ _tag: "Status", word: "HELP", result: "OK", message: options.commands.join(", ") })
    case "SessionCreate": {
      if (known.holds !== "Nothing") return sessionError("this socket has a session: use another for a second one")
      const problem = sessionProblem(command, known.version)
      return problem === undefined ? busy(command, { _tag: "Create", command }) : sessionError(problem)
    }
    case "SessionAdd": {
      if (known.holds !== "Primary") {
        return sessionError("SESSION ADD belongs on the socket of a session with STYLE=PRIMARY")
      }
      const problem = subsessionProblem(command)
      return problem === undefined ? busy(command, { _tag: "Add", command }) : sessionError(problem)
    }
    case "SessionRemove": {
      if (known.holds !== "Primary") {
        return sessionError("SESSION REMOVE belongs on the socket of a session with STYLE=PRIMARY")
      }
      if (!known.subsessions.includes(command.id)) {
        const message = "this session has no such subsession"
        return refuse({ _tag: "SessionStatus", result: "INVALID_ID", id: command.id, message })
      }
      const subsessions = known.subsessions.filter((id) => id !== command.id)
      return [
        { ...known, subsessions, _tag: "Open", isNew: false },
        [{ _tag: "Remove", id: command.id }, say({ _tag: "SessionStatus", result: "OK", id: command.id })]
      ]
    }
    case "StreamConnect":
    case "StreamAccept":
    case "StreamForward":
      if (known.holds !== "Nothing") {
        const message = "this socket has a session: streams need a socket of their own"
        return leave({ _tag: "StreamStatus", result: "I2P_ERROR", message })
      }
      return busy(command, streamAction(command))
    case "DatagramSend":
    case "RawSend": {
      // Its bytes follow, whatever becomes of it: they are no commands.
      return [{ ...known, _tag: "Payload", command }, []]
    }
    case "NamingLookup":
      return busy(command, { _tag: "Lookup", command })
    case "DestGenerate":
      return busy(command, { _tag: "Generate", signatureType: command.signatureType ?? defaultSignatureType })
    case "AuthEnable":
    case "AuthDisable":
    case "AuthAdd":
    case "AuthRemove":
      return busy(command, { _tag: "ChangeAuth", command })
  }
}

/**
 * Ed25519, by number.
 *
 * **Source** ours. The specification's default is DSA-SHA1, "which is NOT what you want": no keys of that type are made here,
 * and a client that names no type has no use for it.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultSignatureType = 7

const streamAction = (
  command: Command<"StreamConnect"> | Command<"StreamAccept"> | Command<"StreamForward">
): Action => {
  switch (command._tag) {
    case "StreamConnect":
      return { _tag: "Connect", command }
    case "StreamAccept":
      return { _tag: "Accept", command }
    case "StreamForward":
      return { _tag: "Forward", command }
  }
}

/** Protocols that are for other styles. **Source** SAM V3 specification: "6, 17, 19, 20 not allowed". */
const takenProtocols = [6, 17, 19, 20]

/** What a session's command may not say. */
const sessionProblem = (command: Command<"SessionCreate">, version: Version.Version): string | undefined => {
  const { style } = command
  if (style !== "PRIMARY" && style !== "MASTER") return portProblem(command)
  if (version < 3) return `STYLE=${style} needs version 3.3: say HELLO VERSION MAX=3.3`
  const field = (
    ["port", "host", "fromPort", "toPort", "protocol", "header", "listenPort", "listenProtocol"] as const
  ).find((name) => command[name] !== undefined)
  return field === undefined ? undefined : `${upper(field)} is for subsessions: give it to SESSION ADD`
}

const subsessionProblem = (command: Command<"SessionAdd">): string | undefined => {
  const { fromPort = 0, listenPort, port, style } = command
  if (style === "STREAM" && listenPort !== undefined && listenPort !== 0 && listenPort !== fromPort) {
    return "LISTEN_PORT of a stream subsession is 0 or its FROM_PORT"
  }
  // The control socket of a session with subsessions carries no datagrams.
  if (style !== "STREAM" && port === undefined) return "PORT is missing: datagrams of subsessions are delivered by UDP"
  return portProblem(command)
}

const portProblem = (command: Command<"SessionCreate"> | Command<"SessionAdd">): string | undefined => {
  const { header, host, listenProtocol, port, protocol, style } = command
  if (style === "STREAM" && (port !== undefined || host !== undefined)) {
    return "HOST and PORT are for datagrams: use STREAM FORWARD for streams"
  }
  if (host !== undefined && port === undefined) return "HOST needs PORT"
  if (style !== "RAW" && (protocol !== undefined || listenProtocol !== undefined || header !== undefined)) {
    return "PROTOCOL, LISTEN_PROTOCOL and HEADER are for STYLE=RAW"
  }
  if (protocol !== undefined && takenProtocols.includes(protocol)) return `PROTOCOL ${protocol} is for another style`
  if (listenProtocol === 6) return "LISTEN_PROTOCOL 6 is for streams"
  return undefined
}

const upper = (field: string): string => field.replaceAll(/[A-Z]/g, "_$&").toUpperCase()

const payload = (state: Of<"Payload">, input: Input, now: number, options: Options): Step => {
  switch (input._tag) {
    case "Payload":
      return [
        { ...knownOf(state), heard: now, _tag: "Busy", command: state.command },
        [{ _tag: "Send", command: state.command, payload: input.payload }]
      ]
    case "Tick":
      return now < state.heard + options.commandTimeout
        ? [state, []]
        : leave({ ...statusOf(state.command), result: "I2P_ERROR", message: "fewer bytes came than SIZE says" })
    case "SessionLost":
      return leave({ _tag: "SessionStatus", result: "I2P_ERROR", message: input.message })
    case "Ended":
      return leave()
    default:
      return [state, []]
  }
}

const statusOf = (command: { readonly _tag: "DatagramSend" | "RawSend" }) =>
  ({ _tag: command._tag === "RawSend" ? "RawStatus" : "DatagramStatus" }) as const

const isSilent = (command: Pending): boolean =>
  (command._tag === "StreamConnect" || command._tag === "StreamAccept") && command.silent === true

const busy = (state: Of<"Busy">, input: Input, now: number): Step => {
  const { command } = state
  const known: Known = { ...knownOf(state), heard: now }
  const opened = (changes: Partial<Known>, ...replies: ReadonlyArray<SamReply.SamReply>): Step => [
    { ...known, ...changes, _tag: "Open", isNew: false },
    replies.map(say)
  ]
  switch (input._tag) {
    case "Ended":
      return leave()
    case "SessionLost":
      return leave({ _tag: "SessionStatus", result: "I2P_ERROR", message: input.message })
    case "Failed":
      return failed(state, known, input)
    case "Admitted":
      return welcome(known)
    case "Created": {
      const isPrimary = command._tag === "SessionCreate" && (command.style === "PRIMARY" || command.style === "MASTER")
      return opened(
        { holds: isPrimary ? "Primary" : "Session" },
        { _tag: "SessionStatus", result: "OK", destination: input.privateKey }
      )
    }
    case "Added": {
      const id = command._tag === "SessionAdd" ? command.id : ""
      // Without DESTINATION, as Java I2P has it: yosemite tells the answer to ADD from the one to CREATE by that.
      return opened(
        { subsessions: [...known.subsessions, id] },
        { _tag: "SessionStatus", result: "OK", id, message: `ADD ${id}` }
      )
    }
    case "Connected":
      return [
        { _tag: "Joined" },
        [...(isSilent(command) ? [] : [say({ _tag: "StreamStatus", result: "OK" })]), { _tag: "Join" }]
      ]
    case "Accepting":
      return [state, isSilent(command) ? [] : [say({ _tag: "StreamStatus", result: "OK" })]]
    case "Accepted": {
      const { destination, fromPort, toPort } = input
      const peer: SamReply.SamReply =
        known.version >= 2 ? { _tag: "Peer", destination, fromPort, toPort } : { _tag: "Peer", destination }
      return [{ _tag: "Joined" }, [...(isSilent(command) ? [] : [say(peer)]), { _tag: "Join" }]]
    }
    case "Forwarding":
      // Whatever SILENT says.
      return opened({}, { _tag: "StreamStatus", result: "OK" })
    case "Found": {
      const name = command._tag === "NamingLookup" ? command.name : ""
      const { destination, options } = input
      return opened({}, { _tag: "NamingReply", result: "OK", name, value: destination, options })
    }
    case "Generated":
      return opened({}, { _tag: "DestReply", pub: input.pub, priv: input.priv })
    case "Sent":
      return opened({})
    case "Changed":
      return opened({}, { _tag: "AuthStatus", result: "OK" })
    default:
      return [state, []]
  }
}

/** A stream's socket ends when the stream cannot be; others go on. */
const failed = (state: Of<"Busy">, known: Known, { message, result }: Extract<Answer, { _tag: "Failed" }>): Step => {
  const { command } = state
  const opened = (reply: SamReply.SamReply): Step => [{ ...known, _tag: "Open", isNew: false }, [say(reply)]]
  switch (command._tag) {
    case "Hello":
      return leave({ _tag: "HelloReply", result, message })
    case "SessionCreate":
    case "SessionAdd":
      return opened({ _tag: "SessionStatus", result, message })
    case "StreamConnect":
    case "StreamAccept":
      return isSilent(command) ? leave() : leave({ _tag: "StreamStatus", result, message })
    case "StreamForward":
      return leave({ _tag: "StreamStatus", result, message })
    case "NamingLookup":
      return opened({ _tag: "NamingReply", result, name: command.name, message, options: {} })
    case "DestGenerate":
      return opened({ _tag: "DestReply", result, message })
    case "DatagramSend":
    case "RawSend":
      return opened({ ...statusOf(command), result, message })
    case "AuthEnable":
    case "AuthDisable":
    case "AuthAdd":
    case "AuthRemove":
      return opened({ _tag: "AuthStatus", result, message })
  }
}
