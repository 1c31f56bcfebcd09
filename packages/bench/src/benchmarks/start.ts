/**
 * What the command costs before it does anything: time and memory of one ping over the embedded router, against Node
 * itself, and the size of what `npm install @effect-i2p/cli` brings. Measured on what `npm run build` makes.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { type Benchmark, Lacks } from "../Benchmark.js"

const root = fileURLToPath(new URL("../../../../", import.meta.url))

const bin = path.join(root, "packages", "cli", "dist", "bin.js")

/** Runs in the child before anything else, and tells at its end what it took. Node knows no other way to ask. */
const reporter =
  'data:text/javascript,import fs from "node:fs";process.on("exit",()=>fs.writeSync(2,"maxRSS "+process.resourceUsage().maxRSS))'

interface Run {
  readonly millis: number
  readonly megabytes: number
}

const node = (...args: ReadonlyArray<string>): Effect.Effect<Run> =>
  Effect.async((resume) => {
    const start = performance.now()
    const child = execFile(
      process.execPath,
      ["--import", reporter, ...args],
      { cwd: root, timeout: 60_000 },
      (error, _, stderr) => {
        const millis = performance.now() - start
        const kilobytes = Number(/maxRSS (\d+)/.exec(stderr)?.[1])
        if (error === null) resume(Effect.succeed({ millis, megabytes: (kilobytes * 1024) / 1e6 }))
        else resume(Effect.die(error))
      }
    )
    return Effect.sync(() => child.kill())
  })

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Where Node finds a package from another one. */
const find = (name: string, from: string): string | undefined => {
  for (let at = from; ; at = path.dirname(at)) {
    const folder = path.join(at, "node_modules", name)
    if (existsSync(path.join(folder, "package.json"))) return folder
    if (at === path.dirname(at)) return undefined
  }
}

/** The folders of a package and of all that npm installs for it. */
const closure = (folder: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(folder)) return seen
  seen.add(folder)
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
    (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true
  )
  for (const name of [...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }), ...peers]) {
    const found = find(name, folder)
    if (found !== undefined) closure(found, seen)
  }
  return seen
}

const bytesOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const place = path.join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === "node_modules" ? sum : sum + bytesOf(place)
    return sum + statSync(place).size
  }, 0)

/** Of ours, what `files` of their package.json names. */
const published = (folder: string): number =>
  ["src", "dist"].reduce((sum, part) => sum + bytesOf(path.join(folder, part)), 0)

const size = Effect.sync(() => {
  const folders = [...closure(path.join(root, "packages", "cli"))]
  // The workspace links to its own packages.
  const isOurs = (folder: string) =>
    folder.includes(`${path.sep}@effect-i2p${path.sep}`) || folder.startsWith(path.join(root, "packages"))
  const ours = folders.filter(isOurs).reduce((sum, folder) => sum + published(folder), 0)
  const others = folders.filter((folder) => !isOurs(folder)).reduce((sum, folder) => sum + bytesOf(folder), 0)
  return { ours: ours / 1e6, all: (ours + others) / 1e6 }
})

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const start: Benchmark = {
  name: "start",
  rows: [
    {
      name: "start/time",
      unit: "ms",
      subject: "`i2p ping --router embedded -c 1`",
      against: "`node -e 0`",
      better: "less",
      target: null
    },
    {
      name: "start/memory",
      unit: "MB",
      subject: "the most memory it has, RSS",
      against: "`node -e 0`",
      better: "less",
      target: null
    },
    {
      name: "start/size",
      unit: "MB",
      subject: "what an installation of the command takes, all of it",
      against: null,
      better: "less",
      target: null
    },
    { name: "start/ours", unit: "MB", subject: "our part of it", against: null, better: "less", target: null }
  ],
  rounds: { full: 7, quick: 2 },
  warmUp: { full: 1, quick: 1 },
  measure: () =>
    Effect.gen(function* () {
      if (!existsSync(bin)) return yield* new Lacks({ what: "what `npm run build` makes" })
      const ping = yield* node(bin, "ping", "--router", "embedded", "-c", "1")
      const nothing = yield* node("-e", "0")
      const { all, ours } = yield* size
      return {
        samples: {
          "start/time": { value: ping.millis, reference: nothing.millis },
          "start/memory": { value: ping.megabytes, reference: nothing.megabytes },
          "start/size": { value: all },
          "start/ours": { value: ours }
        }
      }
    })
}
