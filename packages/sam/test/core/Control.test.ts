import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Control from "../../src/core/Control.js"
import * as SamCommand from "../../src/SamCommand.js"

const options: Control.Options = {
  helloTimeout: 60_000,
  commandTimeout: 180_000,
  pingInterval: undefined,
  pingTimeout: 30_000,
  needsPassword: false,
  commands: SamCommand.commands
}

const run = (inputs: ReadonlyArray<Control.Input>, changes: Partial<Control.Options> = {}) => {
  let state = Control.initial(options, 0)
  const actions: Array<Control.Action> = []
  for (const input of inputs) {
    const [next, more] = Control.step(state, input, 0, { ...options, ...changes })
    state = next
    actions.push(...more)
  }
  return { state, actions }
}

const command = (command: SamCommand.SamCommand): Control.Input => ({ _tag: "Command", command })

const hello = command({ _tag: "Hello" })
const create = command({ _tag: "SessionCreate", style: "STREAM", id: "a", destination: "TRANSIENT", options: {} })
const created: Control.Input = { _tag: "Created", privateKey: "key" }
const accept = command({ _tag: "StreamAccept", id: "a" })

const tags = (actions: ReadonlyArray<Control.Action>) =>
  actions.map((action) => (action._tag === "Say" ? action.reply._tag : action._tag))

const answers = FastCheck.constantFrom<Control.Input>(
  { _tag: "Failed", result: "TIMEOUT", message: "late" },
  { _tag: "Admitted" },
  created,
  { _tag: "Added" },
  { _tag: "Connected" },
  { _tag: "Accepting" },
  { _tag: "Accepted", destination: "d", fromPort: 1, toPort: 2 },
  { _tag: "Forwarding" },
  { _tag: "Found", destination: "d", options: {} },
  { _tag: "Generated", pub: "p", priv: "q" },
  { _tag: "Sent" },
  { _tag: "Changed" },
  { _tag: "Tick" },
  { _tag: "SessionLost", message: "gone" },
  { _tag: "LineTooLong" },
  { _tag: "Payload", payload: new Uint8Array(3) },
  { _tag: "BadCommand", error: { word: "STREAM", message: "wrong" } },
  { _tag: "Ended" }
)

const inputs = FastCheck.oneof(
  { weight: 2, arbitrary: answers },
  { weight: 3, arbitrary: Arbitrary.make(SamCommand.SamCommand).map(command) }
)

describe("Greeting", () => {
  it("takes HELLO, and waits for nothing else", () => {
    assert.deepStrictEqual(tags(run([hello]).actions), ["HelloReply"])
    assert.deepStrictEqual(tags(run([create]).actions), ["HelloReply", "Close"])
    assert.deepStrictEqual(tags(run([{ _tag: "Ended" }]).actions), ["Close"])
  })

  it("asks for the password before it says which version", () => {
    const { actions, state } = run([command({ _tag: "Hello", user: "u", password: "p" })], { needsPassword: true })
    assert.deepStrictEqual(actions, [{ _tag: "Admit", user: "u", password: "p" }])
    assert.isUndefined(Control.wants(state))
  })

  it("ends at its deadline and not before", () => {
    const state = Control.initial(options, 0)
    assert.strictEqual(Control.nextTimeout(state, options), 60_000)
    assert.deepStrictEqual(Control.step(state, { _tag: "Tick" }, 59_999, options), [state, []])
    assert.strictEqual(Control.step(state, { _tag: "Tick" }, 60_000, options)[0]._tag, "Closed")
  })
})

describe("Busy", () => {
  it("takes no command until the shell has answered", () => {
    const { state } = run([hello, create])
    assert.isUndefined(Control.wants(state))
    assert.deepStrictEqual(Control.step(state, create, 0, options), [state, []])
    assert.strictEqual(Control.wants(run([hello, create, created]).state), "Line")
  })

  it("says OK to an ACCEPT at once, and who came later", () => {
    const accepted: Control.Input = { _tag: "Accepted", destination: "d", fromPort: 1, toPort: 2 }
    const { actions, state } = run([hello, accept, { _tag: "Accepting" }, accepted])
    assert.deepStrictEqual(tags(actions), ["HelloReply", "Accept", "StreamStatus", "Peer", "Join"])
    assert.strictEqual(state._tag, "Joined")
  })

  it("ends the socket of a stream that failed, and no other", () => {
    const failed: Control.Input = { _tag: "Failed", result: "I2P_ERROR", message: "no" }
    assert.strictEqual(run([hello, accept, failed]).state._tag, "Closed")
    assert.strictEqual(run([hello, create, failed]).state._tag, "Open")
  })
})

describe("any state", () => {
  it("answers in the order of the commands, and never after its end", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(inputs, { maxLength: 40 }), FastCheck.boolean(), (all, needsPassword) => {
        let state = Control.initial(options, 0)
        let now = 0
        for (const input of [hello, ...all]) {
          now += 1000
          const before = state
          const [next, actions] = Control.step(state, input, now, { ...options, needsPassword })
          // No answer without a question, and one question at a time.
          const asked = actions.filter(({ _tag }) => !["Say", "Close", "Join", "Remove"].includes(_tag))
          assert.isAtMost(asked.length, 1)
          if (asked.length === 1) assert.strictEqual(next._tag, "Busy")
          if (before._tag === "Busy" && input._tag === "Command") assert.deepStrictEqual([next, actions], [before, []])
          if (before._tag === "Closed") assert.deepStrictEqual([next, actions], [before, []])
          // It closes once, and last.
          const at = actions.findIndex(({ _tag }) => _tag === "Close")
          assert.strictEqual(at >= 0, before._tag !== "Closed" && next._tag === "Closed")
          if (at >= 0) assert.strictEqual(at, actions.length - 1)
          if (input._tag === "Ended" && before._tag !== "Closed") assert.strictEqual(next._tag, "Closed")
          const due = Control.nextTimeout(next, options)
          if (due !== undefined) assert.isAbove(due, now)
          state = next
        }
      }),
      { numRuns: 500 }
    )
  })
})
