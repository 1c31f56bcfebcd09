import { assert, describe, it } from "@effect/vitest"
import * as I2pdConfig from "../src/I2pdConfig.js"
import * as Topology from "../src/Topology.js"

/** Sections of an INI file; what stands before the first is under the empty name. */
const read = (ini: string): Record<string, Record<string, string>> => {
  const sections: Record<string, Record<string, string>> = { "": {} }
  let name = ""
  for (const line of ini.split("\n")) {
    const header = /^\[(.*)\]$/.exec(line)
    if (header?.[1] !== undefined) {
      name = header[1]
      sections[name] = {}
    } else if (line !== "") {
      const [key = "", value = ""] = line.split(/ = ?/)
      sections[name]![key] = value
    }
  }
  return sections
}

const [floodfill, client] = Topology.i2pds("fab").map((spec) => read(I2pdConfig.router(spec, { logFile: "log" })))

describe("router", () => {
  it("keeps every router off the public network", () => {
    for (const conf of [floodfill!, client!]) {
      assert.notStrictEqual(conf[""]!["netid"], "2")
      assert.deepStrictEqual(conf["reseed"], { threshold: "0", urls: "", yggurls: "" })
      assert.deepStrictEqual(conf["addressbook"], { defaulturl: "http://nobody.i2p/", subscriptions: "" })
      assert.strictEqual(conf["nettime"]!["enabled"], "false")
      assert.strictEqual(conf["upnp"]!["enabled"], "false")
    }
  })

  it("publishes its transport at the router's own address", () => {
    assert.strictEqual(client![""]!["host"], "198.18.0.2")
    assert.strictEqual(client!["ntcp2"]!["port"], client![""]!["port"])
    assert.strictEqual(client!["ntcp2"]!["published"], "true")
  })

  it("opens I2CP, SAM and the HTTP proxy, on loopback, where clients are served and nowhere else", () => {
    assert.deepStrictEqual(client!["i2cp"], { enabled: "true", address: "127.0.0.1", port: "17602" })
    assert.strictEqual(client!["sam"]!["enabled"], "true")
    assert.include(client!["httpproxy"], { enabled: "true", address: "127.0.0.1", outproxy: "" })
    assert.strictEqual(floodfill!["httpproxy"]!["enabled"], "false")
    assert.strictEqual(floodfill!["i2cp"]!["enabled"], "false")
    assert.strictEqual(floodfill!["sam"]!["enabled"], "false")
    assert.strictEqual(floodfill![""]!["floodfill"], "true")
  })

  it("gives no two routers the same address or port", () => {
    const routers = Topology.i2pds("fab")
    const ports = routers.flatMap((spec) => [
      spec.port,
      spec.i2cpPort,
      spec.samPort,
      ...Object.values(spec.clientTunnelPorts),
      spec.httpProxyPort
    ])
    const all = [...ports, Topology.echoPort, Topology.httpPort, Topology.controlPort]
    assert.strictEqual(new Set(all).size, all.length)
    assert.strictEqual(new Set(routers.map((spec) => spec.address)).size, routers.length)
  })
})

describe("tunnels", () => {
  it("points a server tunnel at the service and a client tunnel at the destination, both without hops", () => {
    const conf = read(
      I2pdConfig.tunnels([
        { type: "server", name: "echo", keys: "echo.dat", port: 7 },
        { type: "client", name: "out", keys: "out.dat", port: 8, destination: "x.b32.i2p", destinationPort: 80 }
      ])
    )
    assert.include(conf["echo"], { type: "server", host: "127.0.0.1", port: "7", keys: "echo.dat" })
    assert.include(conf["out"], { type: "client", port: "8", destination: "x.b32.i2p", destinationport: "80" })
    for (const tunnel of [conf["echo"], conf["out"]]) {
      assert.include(tunnel, { "inbound.length": "0", "outbound.length": "0", "i2cp.leaseSetEncType": "4" })
    }
  })
})
