/**
 * The driver of the hub, still without fibers: bytes of clients in, frames into their outboxes, messages between
 * sessions through the links, one delay heap for all that is on its way.
 *
 * Everything here runs to completion in the caller's turn. The shell calls `receive` with each chunk and `tick` when
 * `nextTimeout` has passed; it is told through `wake` when that came nearer.
 */

import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import { DelayHeap } from "@effect-i2p/wire/DelayHeap"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Faults } from "../core/Faults.js"
import * as Hub from "../core/Hub.js"
import * as HubState from "../core/HubState.js"
import { route, Status } from "../core/Routing.js"
import * as SendFrame from "../core/SendFrame.js"
import type * as Netem from "../Netem.js"
import type { Links } from "./links.js"
import { Outbox } from "./outbox.js"
import { examine, type Users } from "./verify.js"

/** What clients send; other types are ignored and counted. */
const clientTypes: ReadonlySet<number> = new Set(
  Message.descriptors.filter(({ direction }) => direction !== "ToClient").map(({ type }) => type)
)

/** Deprecated CreateLeaseSet: told apart from other unknown types because a client waits for what follows it. */
const CREATE_LEASE_SET = 4

/** A quarter of the default outbox: at 1 ms a turn, still 250 MB/s. */
const TICK_BYTES = 262_144

/**
 * One write of an outbox. Each client has slabs of its own: its frames lie in a row, and what waits for a client that does
 * not read keeps nothing of what others got meanwhile.
 */
const SLAB_BYTES = 131_072

/** See `LocalRouter.Stats`. @internal */
export interface Stats extends Netem.Stats {
  readonly connections: number
  readonly sessions: number
  readonly delivered: number
  readonly dropped: number
  readonly refused: number
  readonly ignored: number
  readonly inFlight: number
}

/** @internal */
export interface Settings {
  readonly hub: HubState.Config
  readonly links: Links
  readonly signatures: Signatures.Service
  readonly users: Users
  readonly outboundBytes: number
  readonly inFlightBytes: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** @internal */
export class Client {
  readonly framer = new Framer.Framer("ToRouter")
  readonly outbox: Outbox
  /** What payloads for it are written to. */
  readonly slab = new ByteSlab(SLAB_BYTES)
  readonly onFrame: Framer.OnFrame
  /** Opened when the router is done with this client and only what is in the outbox is left to write. */
  readonly told = Effect.unsafeMakeLatch(false)
  greeted = false
  /** Nothing is read from it any more. */
  closed = false

  constructor(
    readonly id: number,
    outboundBytes: number,
    onFrame: (client: Client, type: number, body: Uint8Array) => void
  ) {
    this.outbox = new Outbox(outboundBytes, Effect.unsafeMakeLatch(false))
    this.onFrame = (type, body) => onFrame(this, type, body)
  }
}

interface InFlight {
  readonly session: number
  readonly frame: Uint8Array
}

/** @internal */
export class Switchboard {
  #state: HubState.State
  #hubTimeout = Number.POSITIVE_INFINITY
  #wakeAt = Number.POSITIVE_INFINITY
  #nextClient = 1
  #nextMessage = 0
  #inFlightBytes = 0
  readonly #clients = new Map<number, Client>()
  readonly #heap = new DelayHeap<InFlight>()
  readonly #counts = { delivered: 0, dropped: 0, refused: 0, ignored: 0 }

  constructor(
    readonly settings: Settings,
    /** Called when `nextTimeout` is earlier than it was when last read. */
    readonly wake: () => void
  ) {
    this.#state = HubState.make(settings.hub)
    this.#rateChanged()
  }

  // --- connections ---

  connect(): Client {
    const client = new Client(this.#nextClient++, this.settings.outboundBytes, this.#onFrame)
    this.#clients.set(client.id, client)
    this.#dispatch({ _tag: "Connected", connection: client.id })
    return client
  }

  receive(client: Client, chunk: Uint8Array): void {
    if (client.closed) return
    const error = client.framer.push(chunk, client.onFrame)
    if (error !== undefined) {
      this.#violated(client, describe(error))
    } else if (!client.greeted && chunk.length > 0) {
      client.greeted = true
      this.#dispatch({ _tag: "Greeted", connection: client.id })
    }
  }

  disconnected(client: Client): void {
    this.#close(client)
    this.#dispatch({ _tag: "Disconnected", connection: client.id })
  }

  // --- time ---

  /** When `tick` is due; from now on `wake` is called if that changes to something earlier. */
  nextTimeout(): number {
    this.#wakeAt = Math.min(this.#heap.nextTime ?? Number.POSITIVE_INFINITY, this.#hubTimeout)
    return this.#wakeAt
  }

  /**
   * Delivers what has arrived and lets the hub act on deadlines. Stops after `TICK_BYTES` and answers whether more is
   * due: a timer that fires late finds much at once, and an outbox must not overflow just because its writer has not
   * had a turn.
   */
  tick(): boolean {
    const now = this.settings.now()
    if (this.#hubTimeout <= now) this.#dispatch({ _tag: "Tick" })
    let budget = TICK_BYTES
    while (budget > 0) {
      const due = this.#heap.popDue(now)
      if (due === undefined) return false
      budget -= due.frame.length
      this.#inFlightBytes -= due.frame.length
      this.#deliver(due.session, due.frame)
    }
    return (this.#heap.nextTime ?? Number.POSITIVE_INFINITY) <= now
  }

  // --- faults and figures ---

  restart(): void {
    for (const client of [...this.#clients.values()]) this.disconnected(client)
    // A process that starts anew remembers nobody.
    this.#state = { ...this.#state, held: new Map() }
    this.#counts.dropped += this.#heap.size
    this.#heap.clear()
    this.#inFlightBytes = 0
  }

  get faults(): Faults {
    return this.#state.faults
  }

  setFaults(changes: Partial<Faults>): void {
    this.#dispatch({ _tag: "Fault", faults: { ...this.faults, ...changes } })
  }

  destroySessions(): void {
    this.#dispatch({ _tag: "Destroy" })
  }

  renew(): void {
    this.#dispatch({ _tag: "Renew" })
  }

  setLink(overrides: Partial<Netem.Config>): void {
    this.settings.links.setConfig(overrides)
    this.#rateChanged()
  }

  get stats(): Stats {
    return {
      ...this.settings.links.stats,
      ...this.#counts,
      connections: this.#state.connections.size,
      sessions: this.#state.sessions.size,
      inFlight: this.#heap.size
    }
  }

  // --- frames ---

  readonly #onFrame = (client: Client, type: number, body: Uint8Array): void => {
    if (client.closed) return
    if (type === SendFrame.SEND_MESSAGE_EXPIRES || type === SendFrame.SEND_MESSAGE) {
      this.#onSend(client, type, body)
    } else if (clientTypes.has(type)) {
      this.#onControl(client, type, body)
    } else if (type === CREATE_LEASE_SET) {
      this.#violated(client, "CreateLeaseSet is not supported, send CreateLeaseSet2")
    } else {
      this.#counts.ignored++
    }
  }

  #onControl(client: Client, type: number, body: Uint8Array): void {
    const decoded = Message.decode(type, body)
    if (Either.isLeft(decoded)) {
      this.#violated(client, decoded.left.message)
      return
    }
    const message = decoded.right
    const session = "sessionId" in message ? HubState.ownSession(this.#state, client.id, message.sessionId) : undefined
    const { signatures, users } = this.settings
    const finding = examine(message, { session, signatures, users, now: this.settings.now() })
    this.#dispatch({ _tag: "Received", connection: client.id, message, ...finding })
  }

  #onSend(client: Client, type: number, body: Uint8Array): void {
    const send = SendFrame.parse(type, body)
    if (typeof send === "string") {
      this.#violated(client, `malformed SendMessage: ${send}`)
      return
    }
    const now = this.settings.now()
    const target = this.#faulty ?? route(this.#state, client.id, body, send, now)
    const routed = typeof target === "number" ? target : this.#transmit(send, body, target, now)
    const status = this.faults.sendStatus ?? routed
    if (typeof target === "number") this.#counts.refused++
    if (send.nonce === 0) return
    if (typeof target !== "number" && this.#state.sessions.get(send.session)?.acceptedStatus === true) {
      this.#status(client, send, Status.Accepted)
    }
    this.#status(client, send, status)
  }

  /** The status that a fault gives every send instead of sending it. */
  get #faulty(): number | undefined {
    const { sendStatus } = this.faults
    return sendStatus === undefined || Message.isDelivered(sendStatus) ? undefined : sendStatus
  }

  #transmit(send: SendFrame.Send, body: Uint8Array, target: HubState.Session, now: number): number {
    const link = this.settings.links.between(send.session, target.id)
    const arrivals = link.transmit(now, send.payloadEnd - send.payloadStart)
    if (arrivals.length === 0) return Status.GuaranteedSuccess
    this.#nextMessage = (this.#nextMessage + 1) >>> 0
    const client = this.#clients.get(target.connection)
    if (client === undefined) return Status.GuaranteedSuccess
    const frame = SendFrame.payloadFrame(client.slab, target.id, this.#nextMessage, body, send)
    for (const at of arrivals) {
      if (at <= now) {
        this.#deliver(target.id, frame)
      } else if (this.#inFlightBytes + frame.length > this.settings.inFlightBytes) {
        this.#counts.dropped++
        return Status.Overflow
      } else {
        this.#inFlightBytes += frame.length
        this.#heap.push(at, { session: target.id, frame })
        if (at < this.#wakeAt) this.wake()
      }
    }
    return Status.GuaranteedSuccess
  }

  #deliver(sessionId: number, frame: Uint8Array): void {
    const session = this.#state.sessions.get(sessionId)
    const client = session === undefined ? undefined : this.#clients.get(session.connection)
    if (!this.faults.isSilent && client?.outbox.offer(frame) === true) this.#counts.delivered++
    else this.#counts.dropped++
  }

  #status(client: Client, send: SendFrame.Send, status: number): void {
    const size = send.payloadEnd - send.payloadStart
    const { nonce, session: sessionId } = send
    if (this.faults.isSilent) return
    client.outbox.offer(Message.encode({ _tag: "MessageStatus", sessionId, messageId: 0, status, size, nonce }))
  }

  // --- hub ---

  #violated(client: Client, reason: string): void {
    this.#dispatch({ _tag: "Violated", connection: client.id, reason })
  }

  #rateChanged(): void {
    const { bytesPerSecond } = this.settings.links.config
    const kilobytesPerSecond =
      bytesPerSecond === Number.POSITIVE_INFINITY ? 0 : Math.min(Math.ceil(bytesPerSecond / 1024), 0xffff_ffff)
    this.#dispatch({ _tag: "RateChanged", kilobytesPerSecond })
  }

  #dispatch(event: HubState.Event): void {
    const [state, actions] = Hub.step(this.#state, event, this.settings.now())
    this.#state = state
    this.#hubTimeout = Hub.nextTimeout(state) ?? Number.POSITIVE_INFINITY
    for (const action of actions) this.#apply(action)
    if (this.#hubTimeout < this.#wakeAt) this.wake()
  }

  #apply(action: HubState.Action): void {
    switch (action._tag) {
      case "Send": {
        if (this.faults.isSilent) return
        const client = this.#clients.get(action.connection)
        // A client that lets even replies pile up is not reading; waiting for it would only hold memory.
        if (client !== undefined && !client.outbox.force(Message.encode(action.message))) this.#abandon(client)
        return
      }
      case "Close": {
        const client = this.#clients.get(action.connection)
        if (client !== undefined) this.#close(client)
        return
      }
      case "SessionEnded":
        this.settings.links.retire(action.session)
    }
  }

  #close(client: Client): void {
    client.closed = true
    client.outbox.end()
    client.told.unsafeOpen()
    this.#clients.delete(client.id)
  }

  #abandon(client: Client): void {
    client.outbox.abort()
    this.disconnected(client)
  }
}

const describe = (error: Framer.FrameError): string =>
  error.reason === "BadPreamble"
    ? "not I2CP: the first byte is not 0x2a"
    : `message ${error.type} has ${error.length} bytes, more than ${error.limit}`
