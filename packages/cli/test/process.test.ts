import * as Crypto from "node:crypto"
import * as Net from "node:net"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Process, spawn } from "./harness.js"

/** The real command in processes of its own: exit codes, signals, pipes, and two of them through a third. */
describe.concurrent("the i2p process", { timeout: 120_000 }, () => {
  let router: Process
  let address = ""

  beforeAll(async () => {
    router = spawn(["router", "--listen", "0", "--latency", "5ms", "--loss", "0.2%", "--seed", "3"])
    const [, port] = await router.says(/listening on 127\.0\.0\.1:(\d+)\n/)
    address = `127.0.0.1:${port}`
  }, 120_000)

  afterAll(async () => {
    router.child.kill("SIGINT")
    const { code, err } = await router.ended
    assert.strictEqual(err, "")
    assert.strictEqual(code, 0, "a router that is interrupted has done its work")
  })

  it("pings through a router on TCP, and exits with 0", async (test) => {
    const { code, err, out } = await spawn(["ping", "-c5", "-i.1", "-W20", "echo.i2p"], { I2P_ROUTER: address }, test)
      .ended
    assert.match(out.toString(), /5 sent, [1-5] received/)
    assert.strictEqual(err, "")
    assert.strictEqual(code, 0)
  })

  it("says in one line that there is no router and which switch to flip, and exits with 2", async (test) => {
    const { code, err, out } = await spawn(["ping", "--router", "127.0.0.1:1", "-c", "1", "a.i2p"], {}, test).ended
    assert.match(err, /^i2p: router unreachable [^\n]*ECONNREFUSED[^\n]*i2pd, \[i2cp\] enabled = true[^\n]*\n$/)
    assert.strictEqual(out.toString(), "")
    assert.strictEqual(code, 2)
  })

  it("prints the summary after Ctrl-C, with the exit code that the replies give", async (test) => {
    const answered = async () => {
      const ping = spawn(["ping", "--router", "embedded", "-i", "0.1"], {}, test)
      await ping.says(/seq=2 /)
      ping.child.kill("SIGINT")
      const { code, err, out } = await ping.ended
      assert.match(out.toString(), /--- echo\.i2p ping statistics ---\n\d+ sent, \d+ received, .*\nrtt /)
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
    }
    const lost = async () => {
      const ping = spawn(["ping", "--router", "embedded:loss=100%", "-i", "0.1"], {}, test)
      await ping.says(/^PING /)
      ping.child.kill("SIGINT")
      const { code, out } = await ping.ended
      assert.match(out.toString(), /0 received, 100% loss/)
      assert.strictEqual(code, 1)
    }
    await Promise.all([answered(), lost()])
  })

  it("ends without a word when its reader leaves", async (test) => {
    const ping = spawn(["ping", "--router", "embedded", "-i", "0.05"], {}, test)
    await ping.says(/seq=1 /)
    ping.child.stdout.destroy()
    const { code, err } = await ping.ended
    assert.strictEqual(err, "")
    assert.strictEqual(code, 141)
  })

  it("nc carries a file from one process to another over a lossy link, unharmed", async (test) => {
    const listener = spawn(["nc", "--router", address, "--listen", "5000"], {}, test)
    listener.child.stdin.end()
    const [, b32] = await listener.says(/listening on (\S+\.b32\.i2p), port 5000\n/)
    const sent = Crypto.randomBytes(600_000)
    const sender = spawn(["nc", "--router", address, "-q", "0", b32!, "5000"], {}, test)
    sender.child.stdin.end(sent)
    const [at, from] = await Promise.all([listener.ended, sender.ended])
    assert.strictEqual(from.err, "")
    assert.strictEqual(from.code, 0)
    assert.strictEqual(at.code, 0)
    assert.isTrue(at.out.equals(sent), `${at.out.length} bytes came of ${sent.length}`)
  })

  it("nc waits for the answer after the end of its input", async (test) => {
    const listener = spawn(["nc", "--router", address, "--listen", "7", "-q", "0.3", "--json"], {}, test)
    const [, b32] = await listener.says(/"b32":"([^"]+)"/)
    const asker = spawn(["nc", "--router", address, b32!, "7"], {}, test)
    asker.child.stdin.end("question\n")
    await listener.says(/question\n/)
    await new Promise((resolve) => setTimeout(resolve, 500))
    listener.child.stdin.end("answer\n")
    const { code, err, out } = await asker.ended
    assert.strictEqual(out.toString(), "answer\n")
    assert.strictEqual(err, "")
    assert.strictEqual(code, 0)
    assert.strictEqual((await listener.ended).code, 0)
  })

  it("knows garbage from a router", async (test) => {
    const server = Net.createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as Net.AddressInfo
    const { code, err } = await spawn(["nc", "--router", `127.0.0.1:${port}`, "a.i2p"], {}, test).ended
    server.close()
    assert.match(err, /^i2p: not an I2CP router [^\n]+\n$/)
    assert.strictEqual(code, 2)
  })
})
