import { assert, describe, it } from "@effect/vitest"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "../../ScriptedRouter.js"
import { type Connection, SESSION_ID } from "../../ScriptedRouter.js"
import { NOW, settle, up } from "../../session.js"

const to = DestinationKeys.generate(SecureRandom.makeSeeded("peer")).destination
const message = { to, protocol: 6, sourcePort: 0, destinationPort: 0, payload: new Uint8Array(3) }

const nonceOf = (connection: Connection) => Effect.map(connection.expect("SendMessageExpires"), ({ nonce }) => nonce)

const answer = (connection: Connection, nonce: number, status: number, sessionId = SESSION_ID) =>
  connection.send({ _tag: "MessageStatus", sessionId, messageId: 0, status, size: 0, nonce })

const tracked = (codes: Array<number>) => ({ ...message, onStatus: (status: number) => void codes.push(status) })

describe("the status of a send", () => {
  it.scoped("comes to who asked for it, up to the final code, and is counted", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const first: Array<number> = []
      const second: Array<number> = []
      yield* session.send(tracked(first))
      yield* session.send(tracked(second))
      yield* session.send(message)
      const nonces = [yield* nonceOf(connection), yield* nonceOf(connection), yield* nonceOf(connection)] as const
      assert.deepStrictEqual(nonces, [1, 2, 0])
      yield* answer(connection, nonces[1], 1)
      yield* answer(connection, nonces[1], 21)
      yield* answer(connection, nonces[1], 4)
      yield* answer(connection, nonces[0], 200)
      assert.deepStrictEqual([first, second], [[200], [1, 21]])
      const { statuses, unknownStatuses } = yield* session.stats
      assert.deepStrictEqual(statuses, { 1: 1, 21: 1, 200: 1 })
      assert.strictEqual(unknownStatuses, 1)
    })
  )

  it.scoped("is nobody's for an unknown nonce, another session, nonce 0, or code 0", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const codes: Array<number> = []
      yield* session.send(tracked(codes))
      const nonce = yield* nonceOf(connection)
      yield* answer(connection, nonce + 1, 4)
      yield* answer(connection, 0, 4)
      yield* answer(connection, nonce, 4, SESSION_ID + 1)
      yield* answer(connection, nonce, 0)
      assert.deepStrictEqual(codes, [])
      yield* answer(connection, nonce, 4)
      assert.deepStrictEqual(codes, [4])
    })
  )

  it.scoped("is waited for a minute", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ pingInterval: "10 minutes" })
      const codes: Array<number> = []
      yield* session.send(tracked(codes))
      const nonce = yield* nonceOf(connection)
      yield* TestClock.adjust("59 seconds")
      yield* answer(connection, nonce, 1)
      yield* TestClock.adjust("1 seconds")
      yield* answer(connection, nonce, 4)
      assert.deepStrictEqual(codes, [1])
    })
  )

  it.scoped("is not asked for beyond 1,024 at a time; a minute later it is again", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ pingInterval: "10 minutes" })
      const nonces: Array<number> = []
      for (let i = 0; i < 1_025; i++) {
        yield* session.send(tracked([]))
        nonces.push(yield* nonceOf(connection))
      }
      assert.deepStrictEqual(nonces.slice(-2), [1_024, 0])
      assert.strictEqual((yield* session.stats).untracked, 1)
      yield* TestClock.adjust("60 seconds")
      yield* session.send(tracked([]))
      assert.strictEqual(yield* nonceOf(connection), 1_025)
    })
  )

  it.scoped("never comes once the connection is lost", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      const codes: Array<number> = []
      yield* session.send(tracked(codes))
      const nonce = yield* nonceOf(connection)
      yield* connection.hangUp
      yield* settle
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* Effect.addFinalizer(() => again.hangUp)
      yield* ScriptedRouter.bringUp(again, NOW)
      yield* session.ready
      yield* answer(again, nonce, 4)
      assert.deepStrictEqual(codes, [])
      assert.strictEqual((yield* session.stats).unknownStatuses, 1)
    })
  )
})
