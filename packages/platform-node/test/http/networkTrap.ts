/**
 * Catches whatever would leave by another way than I2P: name look-ups, connections, datagrams, and ports opened on this
 * machine. What is caught is counted and fails, so that nothing leaves while the trap is set.
 */
import * as Dgram from "node:dgram"
import * as Dns from "node:dns"
import * as Module from "node:module"
import * as Net from "node:net"
import type * as Tls from "node:tls"
import { afterAll, assert, beforeAll } from "@effect/vitest"

type Holder = Record<string, unknown>

export interface Trap {
  /** What was called, since the trap was set or emptied. */
  readonly caught: Array<string>
  readonly remove: () => void
}

const isFunction = (value: unknown): value is (...args: ReadonlyArray<unknown>) => unknown =>
  typeof value === "function"

/** Names of an object's functions that ask a resolver. */
const resolvers = (holder: object): ReadonlyArray<string> =>
  Object.getOwnPropertyNames(holder).filter(
    (name) => /^(lookup|lookupService|reverse|resolve.*)$/.test(name) && isFunction((holder as Holder)[name])
  )

export const set = (): Trap => {
  const caught: Array<string> = []
  const undo: Array<() => void> = []
  const trap = (label: string, holder: object, name: string, isHarmless: (args: ReadonlyArray<unknown>) => boolean) => {
    const original = (holder as Holder)[name]
    if (!isFunction(original)) throw new Error(`${label} is no function`)
    const replacement = function (this: unknown, ...args: ReadonlyArray<unknown>): unknown {
      if (isHarmless(args)) return Reflect.apply(original, this, [...args])
      caught.push(label)
      throw new Error(`${label} was called`)
    }
    Object.assign(holder, { [name]: replacement })
    undo.push(() => Object.assign(holder, { [name]: original }))
  }
  const never = () => false
  for (const name of resolvers(Dns)) trap(`dns.${name}`, Module.createRequire(import.meta.url)("node:dns"), name, never)
  for (const name of resolvers(Dns.promises)) trap(`dns.promises.${name}`, Dns.promises, name, never)
  for (const name of resolvers(Dns.Resolver.prototype)) {
    trap(`dns.Resolver.${name}`, Dns.Resolver.prototype, name, never)
  }
  const net = Module.createRequire(import.meta.url)("node:net")
  for (const name of ["connect", "createConnection"]) trap(`net.${name}`, net, name, never)
  trap("net.Socket.connect", Net.Socket.prototype, "connect", never)
  trap("net.Server.listen", Net.Server.prototype, "listen", never)
  // TLS inside of something that exists already opens nothing.
  trap("tls.connect", Module.createRequire(import.meta.url)("node:tls"), "connect", ([options]) =>
    Boolean((options as Tls.ConnectionOptions | undefined)?.socket)
  )
  for (const name of ["send", "connect", "bind"]) trap(`dgram.Socket.${name}`, Dgram.Socket.prototype, name, never)
  // What was imported by name follows.
  Module.syncBuiltinESMExports()
  return {
    caught,
    remove: () => {
      for (const restore of undo.reverse()) restore()
      Module.syncBuiltinESMExports()
    }
  }
}

/** Sets the trap for a whole file, which fails at its end if anything was caught. */
export const guard = (): void => {
  let trap: Trap | undefined
  beforeAll(() => {
    trap = set()
  })
  afterAll(() => {
    trap?.remove()
    assert.deepStrictEqual(trap?.caught, [])
  })
}
