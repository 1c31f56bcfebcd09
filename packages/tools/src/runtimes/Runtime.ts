/**
 * The runtimes beside Node, from the npm registry: the packages with the binaries, which need no install scripts.
 *
 * @since 0.1.0
 */

/**
 * A runtime.
 *
 * **Shape** `packages` name the npm package for each platform and processor; `binary` is the path inside of it; `args` come
 * before a program; `mayFail` are tests, by full name, that may fail there, each with the reason.
 *
 * @category models
 * @since 0.1.0
 */
export interface Runtime {
  readonly name: "bun" | "deno"
  readonly version: string
  readonly packages: Readonly<Record<string, string>>
  readonly binary: string
  readonly args: ReadonlyArray<string>
  readonly mayFail: Readonly<Record<string, string>>
  /** What `failClosed.ts` prints. */
  readonly failClosed: RegExp
}

const noCipher = "the test checks us with node:crypto's chacha20, which Bun does not have"
const otherHeap = "the bound is for V8; JavaScriptCore counts the same objects as more bytes"

/** The agent reaches our stack, or refuses; what came of `nobody.i2p` depends on how long the machine takes. */
const agent = String.raw`^agent nobody\.i2p: (?!refused|answered|E[A-Z]+$).+
fetch nobody\.i2p: %1
agent example\.invalid: refused
fetch example\.invalid: %2
$`

const refusing = (nobody: string, elsewhere: string): RegExp =>
  new RegExp(agent.replace("%1", nobody).replace("%2", elsewhere))

/**
 * Bun.
 *
 * @category constants
 * @since 0.1.0
 */
export const bun: Runtime = {
  name: "bun",
  version: "1.4.5",
  packages: {
    "linux-x64": "@oven/bun-linux-x64",
    "linux-arm64": "@oven/bun-linux-aarch64",
    "darwin-x64": "@oven/bun-darwin-x64",
    "darwin-arm64": "@oven/bun-darwin-aarch64"
  },
  binary: "bin/bun",
  args: ["--bun"],
  mayFail: {
    "known bytes is what another reader of the specification expects": noCipher,
    "EncryptedLeaseSet reads every layer 1 without throwing, whatever it says": noCipher,
    "what is unread of a hundred streams stays within the session's memory, and all that was acknowledged can be read":
      otherHeap,
    "the first packet of a stream keeps its payload, and not the frame around it": otherHeap
  },
  failClosed: refusing("I2pDispatcher: .+", "I2pDispatcher: .+")
}

/**
 * Deno.
 *
 * @category constants
 * @since 0.1.0
 */
export const deno: Runtime = {
  name: "deno",
  version: "2.9.6",
  packages: {
    "linux-x64": "@deno/linux-x64-glibc",
    "linux-arm64": "@deno/linux-arm64-glibc",
    "darwin-x64": "@deno/darwin-x64",
    "darwin-arm64": "@deno/darwin-arm64"
  },
  binary: "deno",
  args: ["run", "-A"],
  mayFail: {},
  failClosed: refusing("(?:DestinationNotFound|ConnectTimedOut)", "refused")
}
