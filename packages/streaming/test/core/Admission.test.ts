import * as Admission from "@effect-i2p/streaming/unstable/core/Admission"
import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"

const minute = 60_000
const hour = 60 * minute
const whole = { minute: 0, hour: 0, day: 0 }

const make = (options: Partial<Parameters<typeof Admission.make>[0]> = {}) =>
  Admission.make({ now: 0, chances: whole, maxPeers: 100, ...options })

/** Decides about one visit after another; every verdict in a word. */
const visits = (
  self: Admission.Admission,
  limits: Admission.Limits,
  peers: string | ReadonlyArray<string>,
  now = 0,
  lack?: Admission.Lack
): ReadonlyArray<string> =>
  [...peers].map((peer) => {
    const verdict = Admission.decide(self, limits, { peer, lack }, now)
    return verdict._tag === "Admit" ? "Admit" : `${verdict._tag} ${verdict.reason}`
  })

describe("Admission", () => {
  it("lets everybody in and remembers nobody where there are no limits", () => {
    const self = make()
    assert.deepStrictEqual(new Set(visits(self, {}, "a".repeat(1000))), new Set(["Admit"]))
    assert.deepStrictEqual(new Set(visits(self, { perPeer: { minute: 0 } }, "b".repeat(10))), new Set(["Admit"]))
    for (const table of Object.values(self.tables)) assert.strictEqual(table.peers.size, 0)
  })

  it("lets a peer in as often as its limit says, tells it three times that it is too often, then says nothing", () => {
    const self = make()
    const limits = { perPeer: { minute: 2 } }
    assert.deepStrictEqual(visits(self, limits, "aaaaaaa"), [
      "Admit",
      "Admit",
      "Refuse PeerLimit",
      "Refuse PeerLimit",
      "Refuse PeerLimit",
      "Drop PeerLimit",
      "Drop PeerLimit"
    ])
    assert.deepStrictEqual(visits(self, limits, "b"), ["Admit"])
  })

  for (const [period, length] of [
    ["minute", minute],
    ["hour", hour],
    ["day", 24 * hour]
  ] as const) {
    it(`counts anew with the next ${period}`, () => {
      const self = make()
      const limits = { perPeer: { [period]: 1 } }
      assert.deepStrictEqual(visits(self, limits, "aa", length - 1), ["Admit", "Refuse PeerLimit"])
      assert.deepStrictEqual(visits(self, limits, "aa", length), ["Admit", "Refuse PeerLimit"])
      // After a long silence the period still ends at a multiple of its length.
      assert.deepStrictEqual(visits(self, limits, "a", 10 * length + 5), ["Admit"])
      assert.deepStrictEqual(visits(self, limits, "a", 11 * length - 1), ["Refuse PeerLimit"])
      assert.deepStrictEqual(visits(self, limits, "a", 11 * length), ["Admit"])
    })
  }

  it("shortens the first period by chance, up to a half, and only that", () => {
    const limits = { total: { hour: 1 } }
    for (const [chance, first] of [
      [0, hour],
      [0.5, 0.75 * hour],
      [1, 0.5 * hour]
    ] as const) {
      const self = make({ chances: { ...whole, hour: chance } })
      assert.deepStrictEqual(visits(self, limits, "ab", first - 1), ["Admit", "Refuse TotalLimit"])
      assert.deepStrictEqual(visits(self, limits, "c", first), ["Admit"])
      assert.deepStrictEqual(visits(self, limits, "d", first + hour - 1), ["Refuse TotalLimit"])
      assert.deepStrictEqual(visits(self, limits, "d", first + hour), ["Admit"])
    }
  })

  it("limits all peers together, and does not let refused ones use that up", () => {
    const self = make()
    const limits = { perPeer: { minute: 1 }, total: { minute: 3 } }
    assert.strictEqual(visits(self, limits, "a".repeat(50)).filter((verdict) => verdict === "Admit").length, 1)
    assert.deepStrictEqual(visits(self, limits, "bcd"), ["Admit", "Admit", "Refuse TotalLimit"])
    assert.deepStrictEqual(visits(self, limits, "dddd"), [
      "Refuse TotalLimit",
      "Refuse TotalLimit",
      "Drop TotalLimit",
      "Drop TotalLimit"
    ])
  })

  it("does not take refusals of this minute from the quota of the day", () => {
    const self = make()
    const limits = { perPeer: { minute: 1, day: 3 } }
    visits(self, limits, "a".repeat(20))
    assert.deepStrictEqual(visits(self, limits, "a", minute), ["Admit"])
    assert.deepStrictEqual(visits(self, limits, "a", 2 * minute), ["Admit"])
    assert.deepStrictEqual(visits(self, limits, "a", 3 * minute), ["Refuse PeerLimit"])
  })

  it("counts nothing against anybody for whom there was no room, and tells each three times a minute", () => {
    const self = make()
    const limits = { perPeer: { minute: 1 }, total: { minute: 1 } }
    assert.deepStrictEqual(visits(self, limits, "aaaab", 0, "Concurrent"), [
      "Refuse Concurrent",
      "Refuse Concurrent",
      "Refuse Concurrent",
      "Drop Concurrent",
      "Refuse Concurrent"
    ])
    assert.deepStrictEqual(visits(self, limits, "a"), ["Admit"])
  })

  it("says when the limit that was hit starts anew, the longest first", () => {
    const self = make()
    const limits = { perPeer: { minute: 1, hour: 1 } }
    visits(self, limits, "a", 10)
    assert.deepStrictEqual(Admission.decide(self, limits, { peer: "a" }, 20), {
      _tag: "Refuse",
      reason: "PeerLimit",
      retryAfter: hour - 20
    })
  })

  it("obeys a limit that changes on the way", () => {
    const self = make()
    assert.deepStrictEqual(visits(self, { perPeer: { minute: 1 } }, "aa"), ["Admit", "Refuse PeerLimit"])
    assert.deepStrictEqual(visits(self, { perPeer: { minute: 2 } }, "aa"), ["Admit", "Refuse PeerLimit"])
    assert.deepStrictEqual(visits(self, {}, "a"), ["Admit"])
  })

  it("counts a bounded number of peers and forgets the one that it has not seen for longest", () => {
    const self = make({ maxPeers: 3 })
    const limits = { perPeer: { minute: 2 } }
    visits(self, limits, "aabbcc")
    // Seen again, though not let in: now b is the oldest.
    assert.deepStrictEqual(visits(self, limits, "ad"), ["Refuse PeerLimit", "Admit"])
    assert.deepStrictEqual(visits(self, limits, "ca"), ["Refuse PeerLimit", "Refuse PeerLimit"])
    assert.deepStrictEqual(visits(self, limits, "b"), ["Admit"])
    for (let i = 0; i < 10_000; i++) visits(self, limits, [`peer ${i}`])
    for (const table of Object.values(self.tables)) assert.isAtMost(table.peers.size, 3)
  })

  it("never admits more than a limit within a period, whatever comes when", () => {
    const visit = FastCheck.tuple(FastCheck.constantFrom("a", "b", "c", "d"), FastCheck.nat(20_000))
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(visit, { maxLength: 200 }),
        FastCheck.integer({ min: 1, max: 4 }),
        FastCheck.integer({ min: 1, max: 6 }),
        (sequence, perPeer, total) => {
          const self = make()
          const limits = { perPeer: { minute: perPeer }, total: { minute: total } }
          const admitted = new Map<string, number>()
          let now = 0
          for (const [peer, pause] of sequence) {
            now += pause
            const period = Math.floor(now / minute)
            if (Admission.decide(self, limits, { peer }, now)._tag !== "Admit") continue
            for (const key of [`${period} ${peer}`, `${period}`]) admitted.set(key, (admitted.get(key) ?? 0) + 1)
          }
          for (const [key, count] of admitted) assert.isAtMost(count, key.includes(" ") ? perPeer : total)
        }
      )
    )
  })
})
