/**
 * Where the frames of one connection go. Payloads and replies are handled where they arrive, synchronously; the few
 * messages that decide something are told to the driver.
 */
import * as Either from "effect/Either"
import * as Session from "../../core/Session.js"
import type { OnFrame } from "../../I2cpConnection.js"
import * as Message from "../../Message.js"
import type { RunningConnection } from "./currentConnection.js"
import type { Driver } from "./driver.js"
import type { Environment } from "./environment.js"

const MESSAGE_PAYLOAD = Message.typeOf("MessagePayload")

export class Receiver {
  readonly #env: Environment
  readonly #connection: RunningConnection
  readonly #driver: Driver
  #unknownInRow = 0

  constructor(env: Environment, connection: RunningConnection, driver: Driver) {
    this.#env = env
    this.#connection = connection
    this.#driver = driver
  }

  readonly onFrame: OnFrame = (type, body, now) => {
    this.#driver.lastHeard = now
    if (type === MESSAGE_PAYLOAD) {
      this.#unknownInRow = 0
      const { sessionId } = this.#connection
      // Before the session is up there is no id to compare with, and nobody who could have written to us.
      if (sessionId !== undefined) this.#env.inbox.deliver(body, sessionId)
    } else if (!Message.isKnown(type)) {
      this.#onUnknown(type)
    } else {
      this.#unknownInRow = 0
      // What only clients send is a sign of life at most.
      if (Message.addresseeOf(type) !== undefined) this.#onMessage(type, body, now)
    }
  }

  #onUnknown(type: number): void {
    this.#env.counters.unknownFrames++
    this.#unknownInRow++
    if (this.#unknownInRow > this.#env.config.maxUnknownInRow) {
      this.#driver.tell({ _tag: "Unknown", type, inRow: this.#unknownInRow })
    }
  }

  #onMessage(type: number, body: Uint8Array, now: number): void {
    const decoded = Message.decode(type, body)
    if (Either.isLeft(decoded)) {
      if (Session.decides(type)) this.#driver.tell({ _tag: "Malformed", type, reason: decoded.left.message })
      return
    }
    const message = decoded.right
    switch (message._tag) {
      case "MessageStatus":
        if (message.sessionId === this.#connection.sessionId) this.#env.statuses.onMessage(message, now)
        return
      case "HostReply":
        return this.#env.lookups.onReply(message)
      case "BandwidthLimits":
        this.#connection.limits = message.limits
        return this.#env.routerRequests.onBandwidth(message.limits)
      case "SetDate":
        this.#connection.routerVersion = message.version
    }
    if (Session.decides(type)) this.#driver.tell({ _tag: "Received", message })
  }
}
