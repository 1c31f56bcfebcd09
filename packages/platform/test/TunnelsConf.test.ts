import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Ini from "../src/Ini.js"
import * as TunnelsConf from "../src/TunnelsConf.js"

const b32 = `${"a".repeat(51)}q.b32.i2p`

const read = (text: string) => {
  const { problems, sections } = Ini.parse(text)
  assert.deepStrictEqual(problems, [])
  return TunnelsConf.fromSections(sections)
}

const only = (text: string) => {
  const { issues, tunnels } = read(text)
  assert.deepStrictEqual(issues, [])
  assert.lengthOf(tunnels, 1)
  return tunnels[0]!
}

const lines = (text: string) => read(text).issues.map(TunnelsConf.format)

const client = "[c]\ntype = client\nport = 6668\ndestination = irc.example.i2p\n"
const server = "[s]\ntype = server\nhost = 127.0.0.1\nport = 8080\nkeys = s.dat\n"

describe("an INI file", () => {
  it("has sections, options, comments, and blanks that do not count", () => {
    const text = "\uFEFF; first\r\n[ one ]\r\n a = 1 # not a comment \r\n#b = 2\r\n\r\n[two]\r\nc==\r\n"
    const { problems, sections } = Ini.parse(text)
    assert.deepStrictEqual(problems, [])
    assert.deepStrictEqual(
      sections.map(({ line, name, options }) => [name, line, Object.fromEntries(options)]),
      [
        ["one", 2, { a: "1 # not a comment" }],
        ["two", 6, { c: "=" }]
      ]
    )
  })

  it("names the line of each mistake", () => {
    const { problems } = Ini.parse("a = 1\n[one\n[]\n[x]\nwords\n= 2\nb = 1\nb = 2\n[x]\n")
    assert.deepStrictEqual(
      problems.map(({ line, reason }) => `${line} ${reason}`),
      [
        "1 option a stands before the first section",
        "2 a section is written [name]",
        "3 a section is written [name]",
        '5 neither a section nor an option: "words"',
        "6 an option without a name",
        "8 option b is there already",
        "9 section [x] is there already"
      ]
    )
  })

  it("never throws, and accounts for every line", () => {
    const line = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.constantFrom("[a]", "[b", "x = 1", "x=", "=", "# c", "; d", "", "[", "]", "\uFEFF[a]", "__proto__ = 1")
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(line), (lines) => {
        const { problems, sections } = Ini.parse(lines.join("\n"))
        const options = sections.reduce((sum, { options }) => sum + options.size, 0)
        const said = lines.join("\n").split(/\r\n|\n|\r/).length
        assert.isAtMost(problems.length + sections.length + options, said)
      })
    )
  })
})

describe("a client tunnel", () => {
  it("is what i2pd makes of it", () => {
    assert.deepInclude(only(client), {
      type: "client",
      name: "c",
      listen: { host: "127.0.0.1", port: 6668 },
      destination: "irc.example.i2p",
      destinationPort: 0,
      keys: { _tag: "Transient", name: "[c]" },
      signatureType: 7,
      connectTimeout: undefined
    })
  })

  it("hands options to session and streams", () => {
    const tunnel = only(
      `${client}inbound.length = 1\noutbound.quantity = 3\ni2cp.dontPublishLeaseSet = true\ni2p.streaming.profile=2\nkeys = irc.dat\ndestinationport = 6667\naddress = ::1\nconnecttimeout = 20\ngzip = true\ni2cp.leaseSetEncType = 6,4\n`
    )
    assert.deepStrictEqual(tunnel.session, {
      options: { "inbound.length": "1", "outbound.quantity": "3" },
      published: false,
      encryptionTypes: [6, 4]
    })
    assert.deepStrictEqual(tunnel.streaming, { profile: "interactive" })
    assert.deepInclude(tunnel, { keys: { _tag: "File", path: "irc.dat" }, connectTimeout: 20, destinationPort: 6667 })
    assert.deepInclude(tunnel, { listen: { host: "::1", port: 6668 } })
  })

  it("shares transient keys by their name, and only by that", () => {
    const keysOf = (keys: string) => only(`${client}keys = ${keys}\n`).keys
    assert.deepStrictEqual(keysOf("transient"), { _tag: "Transient", name: "[c]" })
    assert.deepStrictEqual(keysOf("transient-irc"), { _tag: "Transient", name: "transient-irc" })
    assert.deepStrictEqual(keysOf("shareddest"), { _tag: "Transient", name: "shareddest" })
  })
})

describe("a server tunnel", () => {
  it("is what i2pd makes of it", () => {
    const tunnel = only(`${server}accesslist = ${b32},${"b".repeat(51)}a\nenableuniquelocal = false\n`)
    assert.deepInclude(tunnel, { type: "server", target: { host: "127.0.0.1", port: 8080 }, port: 8080 })
    assert.deepInclude(tunnel, { uniqueLocal: false, keys: { _tag: "File", path: "s.dat" } })
    assert.strictEqual("accessList" in tunnel && tunnel.accessList?.allow?.size, 2)
  })

  it("of type http has its own options", () => {
    const tunnel = only(
      `${server.replace("type = server", "type = http")}hostoverride = a.i2p\ni2pheaders = false\ninport = 80\n`
    )
    assert.deepInclude(tunnel, { type: "http", hostOverride: "a.i2p", callerHeaders: false, port: 80 })
  })

  it("dials from the caller's address on Linux, unless told where from", () => {
    assert.deepInclude(only(server), { uniqueLocal: true, localAddress: undefined })
    assert.deepInclude(only(`${server}address = 127.0.0.9\n`), { uniqueLocal: false, localAddress: "127.0.0.9" })
  })
})

describe("what is not as the file has it", () => {
  it("is told in one line for a tunnel that is not run", () => {
    const types = ["irc", "udpclient", "udpserver", "websocks", "whatever"]
    const text = types.map((type) => `[${type}]\ntype = ${type}\nanything = 1\n`).join("")
    const { issues, tunnels } = read(text)
    assert.lengthOf(tunnels, 0)
    assert.deepStrictEqual(
      issues.map((issue) => issue.tunnel),
      types
    )
    for (const issue of issues) assert.match(TunnelsConf.format(issue), /^\[\w+\] is not run: [^\n]+$/)
    assert.match(lines(`${server}ssl = true\n`).join(), /^\[s\] is not run: ssl/)
  })

  it("is told for options that nobody knows or that do nothing", () => {
    assert.deepStrictEqual(lines(`${client}colour = blue\nkeepaliveinterval = 30\n`), [
      "[c] colour does nothing: no such option",
      "[c] keepaliveinterval does nothing: streams keep themselves alive, see i2p.streaming.inactivityAction"
    ])
    assert.match(
      lines(`${client}i2p.streaming.nonsense = 1\n`).join(),
      /i2p\.streaming\.nonsense does nothing: no such/
    )
  })

  it("keeps a tunnel from running where its value makes no sense", () => {
    const bad: ReadonlyArray<readonly [text: string, why: RegExp]> = [
      ["[c]\ntype = client\nport = 1\n", /\[c\] option destination is missing/],
      ["[c]\nport = 1\n", /\[c\] option type is missing/],
      [client.replace("6668", "70000"), /port: "70000" is not an integer/],
      [client.replace("irc.example.i2p", "irc.example.com"), /destination: .* does not end in \.i2p/],
      [`${client}inbound.length = 9\n`, /inbound\.length: "9" is not an integer from 0 to 7/],
      [`${client}i2p.streaming.profile = 9\n`, /i2p\.streaming\.profile: /],
      [`${client}signaturetype = 0\n`, /keys of type 0 are not made here/],
      [server.replace("keys = s.dat\n", ""), /option keys is missing/],
      [`${server}accesslist = friends\n`, /accesslist: /],
      [`${server}i2cp.leaseSetEncType = 9\n`, /i2cp\.leaseSetEncType: "9" is not a list/],
      [`${server}i2cp.leaseSetType = 5\n`, /i2cp\.leaseSetType: only type 3/],
      [`${server}i2cp.leaseSetAuthType = 2\n`, /i2cp\.leaseSetAuthType: /],
      [`${server}${server.replace("[s]", "[t]")}`, /\[t\] port 8080 of s\.dat is \[s\]'s already/]
    ]
    for (const [text, why] of bad) {
      const { issues } = read(text)
      assert.match(issues.map(TunnelsConf.format).join("\n"), why)
      assert.isTrue(
        issues.some(({ kind }) => kind === "Invalid"),
        text
      )
    }
  })

  it("never makes it throw", () => {
    const name = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.constantFrom(
        ...["port", "address", "destination", "host", "keys", "accesslist", "signaturetype", "inbound.length", "gzip"],
        ...["i2p.streaming.maxWindowSize", "constructor", "__proto__", "toString", "ssl", "inport", "inbound.toString"]
      )
    )
    const value = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.integer().map(String),
      FastCheck.constantFrom("true", b32)
    )
    const type = FastCheck.constantFrom("client", "server", "http", "httpproxy", "socks", "irc", "toString", "")
    FastCheck.assert(
      FastCheck.property(type, FastCheck.array(FastCheck.tuple(name, value)), (type, entries) => {
        const options = new Map([...entries, ["type", type] as const])
        const { issues, tunnel } = TunnelsConf.fromSection({ name: "x", options })
        const isWrong = issues.some(({ kind }) => kind === "Invalid" || kind === "NotRun")
        assert.strictEqual(tunnel === undefined, isWrong)
      })
    )
  })
})
