import { assert, describe, it } from "@effect/vitest"
import * as AccessList from "@effect-i2p/streaming/AccessList"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { alice, bob, mallory, sessions, simulate } from "./simulation.js"

const names = (destination: typeof alice.destination): ReadonlyArray<AccessList.Peer> => [
  destination,
  destination.hash,
  destination.b32,
  destination.b32.toUpperCase(),
  encodeBase64(destination.hash),
  destination.base64,
  ` ${destination.b32} `
]

const permits = (rules: AccessList.Rules, peer: typeof alice) => AccessList.permits(rules, peer.destination.hash)

describe("AccessList", () => {
  it("knows a peer by its destination, hash, b32 address, and the Base64 of either", () => {
    for (const name of names(alice.destination)) {
      const rules = Either.getOrThrow(AccessList.rules({ allow: [name] }))
      assert.deepStrictEqual([permits(rules, alice), permits(rules, bob)], [true, false], String(name))
    }
  })

  it("refuses what names no peer, and says why", () => {
    for (const [name, reason] of [
      ["stats.i2p", /look it up first/],
      ["example.com", /\.i2p/],
      ["A".repeat(44), /./],
      [alice.destination.b32.slice(1), /length/],
      ["", /./]
    ] as const) {
      const rules = AccessList.rules({ deny: [alice.destination, name] })
      assert.isTrue(Either.isLeft(rules), name)
      if (Either.isLeft(rules)) assert.match(rules.left.message, reason)
    }
  })

  it("lets everybody in without rules, nobody with an empty list of those allowed", () => {
    assert.isTrue(permits(AccessList.everybody, alice))
    assert.isFalse(permits(Either.getOrThrow(AccessList.rules({ allow: [] })), alice))
  })

  it("keeps out whoever is denied, even if allowed", () => {
    const rules = Either.getOrThrow(
      AccessList.rules({ allow: [alice.destination, bob.destination], deny: [bob.destination.b32] })
    )
    assert.deepStrictEqual(
      [alice, bob, mallory].map((peer) => permits(rules, peer)),
      [true, false, false]
    )
  })

  it.effect("can be changed while it is in use", () =>
    Effect.gen(function* () {
      const list = yield* AccessList.make()
      const state = Effect.forEach([alice, bob], (peer) => list.permits(peer.destination))
      assert.deepStrictEqual(yield* state, [true, true])
      yield* list.deny(alice.destination.b32)
      assert.deepStrictEqual(yield* state, [false, true])
      yield* list.remove(alice.destination)
      assert.deepStrictEqual(yield* state, [true, true])
      yield* list.allow(alice.destination.hash)
      assert.deepStrictEqual(yield* state, [true, false])
      yield* list.remove(alice.destination)
      assert.deepStrictEqual(yield* state, [false, false])
      assert.strictEqual((yield* Effect.flip(list.allow("stats.i2p")))._tag, "BadPeer")
    })
  )
})

describe("what is no access list", () => {
  it.effect("is a defect, and not a list that lets in everybody", () =>
    Effect.gen(function* () {
      const { b } = yield* sessions()
      const real = yield* AccessList.make()
      const impostors: ReadonlyArray<object> = [
        { permits: () => Effect.succeed(false) },
        { ...real, permits: () => Effect.succeed(false) },
        { allow: new Set(["alice.i2p"]), deny: new Set() },
        { ...AccessList.everybody, deny: new Set([alice.destination.b32]) }
      ]
      for (const impostor of impostors) {
        const exit = yield* Effect.exit(Effect.scoped(b.listen({ accessList: impostor as AccessList.AccessList })))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      }
    }).pipe(simulate())
  )
})
