/** A hub on a hand-cranked clock, and what its tests say to it. */
import type * as Message from "@effect-i2p/i2cp/Message"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Signatures from "@effect-i2p/wire/Signatures"
import { assert } from "vitest"
import * as Hub from "../src/core/Hub.js"
import * as HubState from "../src/core/HubState.js"
import { createLeaseSet, createSession, type Identity, identity } from "./identity.js"

export const NOW = 1_700_000_000_000
export const alice = identity("alice")
export const bob = identity("bob")

export const config: HubState.Config = {
  version: "0.9.67",
  names: new Map([["bob.i2p", bob.keys.destination]]),
  authorize: false,
  gateway: Hash.of(new Uint8Array(1)),
  maxConnections: 4,
  maxSessions: 2,
  maxLookups: 2,
  maxBlindings: 2,
  preambleMillis: 5_000,
  tunnelBuildMillis: 0,
  leaseMillis: 600_000,
  leaseRenewalMillis: 120_000,
  leaseAnswerMillis: 10_000,
  maxSubsessions: 0,
  lookupMillis: 0,
  clockSkewMillis: 180_000,
  decrypt: (leaseSet, credentials) => EncryptedLeaseSet.decrypt(leaseSet, credentials, Signatures.noble)
}

/** A hub on a hand-cranked clock that keeps what it was told to do. */
export class Bench {
  state: HubState.State
  now = NOW
  constructor(overrides: Partial<HubState.Config> = {}) {
    this.state = HubState.make({ ...config, ...overrides })
  }
  on(event: HubState.Event): ReadonlyArray<HubState.Action> {
    const [state, actions] = Hub.step(this.state, event, this.now)
    this.state = state
    return actions
  }
  /** A connection that said its first byte. */
  open(connection: number): this {
    this.on({ _tag: "Connected", connection })
    this.on({ _tag: "Greeted", connection })
    return this
  }
  receive(connection: number, message: Message.Message, problem?: string): ReadonlyArray<HubState.Action> {
    return this.on({ _tag: "Received", connection, message, problem })
  }
  /** Lets time pass and the deadline that then is due. */
  after(millis: number): ReadonlyArray<HubState.Action> {
    this.now += millis
    return this.on({ _tag: "Tick" })
  }
  /** A connection with a session and an accepted lease set. */
  session(connection: number, who: Identity): number {
    this.open(connection)
    const [created, request] = this.receive(connection, createSession(who, this.now))
    assert(created?._tag === "Send" && created.message._tag === "SessionStatus")
    assert(request?._tag === "Send" && request.message._tag === "RequestVariableLeaseSet")
    const { sessionId } = created.message
    const accepted = this.receive(
      connection,
      createLeaseSet(who, sessionId, request.message.leases, Math.floor(this.now / 1000))
    )
    assert.deepStrictEqual(accepted, [])
    return sessionId
  }
}

export const sent = (actions: ReadonlyArray<HubState.Action>): ReadonlyArray<Message.Message> =>
  actions.flatMap((action) => (action._tag === "Send" ? [action.message] : []))

export const assertDisconnected = (
  bench: Bench,
  connection: number,
  actions: ReadonlyArray<HubState.Action>,
  why: RegExp
) => {
  const [first] = sent(actions)
  assert(first?._tag === "Disconnect", `expected a Disconnect, got ${JSON.stringify(first)}`)
  assert.match(first.reason, why)
  assert.deepInclude(actions, { _tag: "Close", connection })
  assert.isFalse(bench.state.connections.has(connection))
  assert.isTrue([...bench.state.sessions.values()].every((session) => session.connection !== connection))
}

export const lookup = (query: Message.HostLookup["query"], timeout = 10_000): Message.HostLookup => ({
  _tag: "HostLookup",
  sessionId: 0xffff,
  requestId: 9,
  timeout,
  query
})

export const leases = (end: number, count = 1) =>
  Array.from({ length: count }, (_, i) => ({ gateway: config.gateway, tunnelId: i + 1, endDate: end }))
