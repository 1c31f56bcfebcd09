import { assert, describe, it } from "@effect/vitest"
import * as JavaRouter from "../src/JavaRouter.js"
import * as Topology from "../src/Topology.js"

const options = new Map(
  JavaRouter.config(Topology.java)
    .trim()
    .split("\n")
    .map((line): [string, string] => {
      const [key = "", value = ""] = line.split("=")
      return [key, value]
    })
)

describe("router.config", () => {
  it("reaches nothing outside", () => {
    assert.strictEqual(options.get("router.networkID"), "99")
    for (const name of ["router.reseedDisable", "router.updateDisabled", "time.disabled"]) {
      assert.strictEqual(options.get(name), "true", name)
    }
    for (const name of ["i2np.upnp.enable", "i2np.udp.enable", "i2np.ntcp.autoip", "i2np.ntcp.autoport"]) {
      assert.strictEqual(options.get(name), "false", name)
    }
  })

  it("takes clients on loopback only, where the suites look for it", () => {
    assert.strictEqual(options.get("i2cp.hostname"), "127.0.0.1")
    assert.strictEqual(options.get("i2cp.port"), String(Topology.java.i2cpPort))
    assert.strictEqual(options.get("i2np.ntcp.hostname"), Topology.java.address)
  })
})
