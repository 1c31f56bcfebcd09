import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Commands from "../src/Commands.js"
import { ran } from "./harness.js"

const site = Command.make("site").pipe(
  Command.withSubcommands([
    Commands.ping,
    Commands.nc,
    Commands.perf,
    Commands.lookup,
    Commands.keygen,
    Commands.key,
    Commands.tunnel,
    Commands.doctor,
    Commands.router,
    Commands.sam,
    Commands.top,
    Commands.trace
  ])
)

const run = (...args: ReadonlyArray<string>) =>
  ran(
    Command.run(site, { name: "site", version: "1.0.0" })(["node", "site", ...args]).pipe(
      Effect.provide(Commands.configLayer),
      Effect.provide(NodeContext.layer)
    )
  )

describe("the commands in a program of somebody else's", () => {
  it.live("ping, with their own options", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run("ping", "--router", "embedded", "-c", "2", "-i", "0.01", "-W", "5")
      assert.match(out, /2 .*sent.* 2 .*received/, err)
      assert.strictEqual(code, 0)
    })
  )

  it.live("say what is wrong", () =>
    Effect.gen(function* () {
      const { code, err } = yield* run("lookup", "--router", "nonsense://", "a.i2p")
      assert.strictEqual(code, 2)
      assert.include(err, "--router")
    })
  )
})
