/**
 * The packages of this repository and which may import which: one way only, from what their `package.json` files declare.
 *
 * The linter reads those files too (`noUndeclaredDependencies`): what a package does not declare it cannot import. This
 * checks what it does not: that what is declared has no circles, that nothing published needs what is private, and that the
 * compiler, the linter and the scripts know every package.
 *
 * @since 0.1.0
 */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/**
 * The repository's folder.
 *
 * @category constants
 * @since 0.1.0
 */
export const root = fileURLToPath(new URL("../../../", import.meta.url))

/**
 * The parts of a `package.json` that are looked at.
 *
 * @category models
 * @since 0.1.0
 */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/**
 * A package.
 *
 * **Shape** `name` is that of its folder; `references` are the folders that its `tsconfig.src.json` refers to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Package {
  readonly name: string
  readonly manifest: Manifest
  readonly references: ReadonlyArray<string>
}

/**
 * What the repository says of its packages elsewhere.
 *
 * **Shape** folders: `compiled` are those in the root's `tsconfig.json`, `mayUseNode` those that the linter lets import
 * `node:` modules.
 *
 * @category models
 * @since 0.1.0
 */
export interface House {
  readonly packages: ReadonlyArray<Package>
  readonly compiled: ReadonlyArray<string>
  readonly mayUseNode: ReadonlyArray<string>
}

const scope = "@effect-i2p/"

/** A package that declares this runs on Node, so `node:` modules are there; no other may use them. */
const onNode = "@effect/platform-node"

const declaredBy = ({ dependencies, peerDependencies }: Manifest): Readonly<Record<string, string>> => ({
  ...dependencies,
  ...peerDependencies
})

/**
 * The packages of ours that a package declares, by folder.
 *
 * @category getters
 * @since 0.1.0
 */
export const dependenciesOf = ({ manifest }: Package): ReadonlyArray<string> =>
  Object.keys(declaredBy(manifest))
    .filter((name) => name.startsWith(scope))
    .map((name) => name.slice(scope.length))

/**
 * The packages in an order in which each comes after those it depends on; in a circle, in any order.
 *
 * @category getters
 * @since 0.1.0
 */
export const sorted = (packages: ReadonlyArray<Package>): ReadonlyArray<Package> => {
  const byName = new Map(packages.map((it) => [it.name, it]))
  const done = new Set<Package>()
  const visit = (it: Package, above: ReadonlySet<Package>): void => {
    if (done.has(it) || above.has(it)) return
    for (const name of dependenciesOf(it)) {
      const next = byName.get(name)
      if (next !== undefined) visit(next, new Set([...above, it]))
    }
    done.add(it)
  }
  for (const it of packages) visit(it, new Set())
  return [...done]
}

/**
 * What is wrong with the house, one line each.
 *
 * @category queries
 * @since 0.1.0
 */
export const problems = ({ compiled, mayUseNode, packages }: House): ReadonlyArray<string> => {
  const byName = new Map(packages.map((it) => [it.name, it]))
  return [
    ...packages.flatMap((it) => problemsOf(it, byName)),
    ...difference("tsconfig.json", compiled, "packages", [...byName.keys()]),
    ...difference(
      ".biome.json",
      mayUseNode,
      `packages that depend on ${onNode}`,
      packages.filter(({ manifest }) => onNode in declaredBy(manifest)).map(({ name }) => name)
    )
  ]
}

const problemsOf = (it: Package, byName: ReadonlyMap<string, Package>): ReadonlyArray<string> => {
  const dependencies = dependenciesOf(it)
  const path = circle(it, byName)
  return [
    ...(it.manifest.name === scope + it.name ? [] : [`${it.name}: its name is not ${scope}${it.name}`]),
    ...(path === undefined ? [] : [`${it.name}: depends on itself: ${path.join(" -> ")}`]),
    ...dependencies.flatMap((name) => {
      const dependency = byName.get(name)?.manifest
      if (dependency === undefined) return [`${it.name}: there is no package ${name}`]
      const declared = declaredBy(it.manifest)[scope + name]
      return [
        ...(dependency.private === true && it.manifest.private !== true
          ? [`${it.name}: is published and depends on ${name}, which is private`]
          : []),
        ...(declared === dependency.version
          ? []
          : [`${it.name}: wants ${name} ${declared}, which is ${dependency.version}`])
      ]
    }),
    ...difference(`${it.name}: its tsconfig.src.json`, it.references, "its dependencies", dependencies)
  ]
}

const circle = (
  from: Package,
  byName: ReadonlyMap<string, Package>,
  path: ReadonlyArray<string> = [from.name]
): ReadonlyArray<string> | undefined => {
  for (const name of dependenciesOf(byName.get(path.at(-1)!) ?? from)) {
    if (name === from.name) return [...path, name]
    if (path.includes(name) || !byName.has(name)) continue
    const found = circle(from, byName, [...path, name])
    if (found !== undefined) return found
  }
  return undefined
}

const difference = (
  place: string,
  listed: ReadonlyArray<string>,
  what: string,
  wanted: ReadonlyArray<string>
): ReadonlyArray<string> => [
  ...wanted.filter((name) => !listed.includes(name)).map((name) => `${place} does not list ${name} (${what})`),
  ...listed.filter((name) => !wanted.includes(name)).map((name) => `${place} lists ${name}, which is not of ${what}`)
]

const json = (file: string): unknown => JSON.parse(readFileSync(`${root}${file}`, "utf8"))

interface References {
  readonly references: ReadonlyArray<{ readonly path: string }>
}

interface Biome {
  readonly overrides: ReadonlyArray<{ readonly includes: ReadonlyArray<string> }>
}

/**
 * Reads the packages of the repository.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (): ReadonlyArray<Package> =>
  readdirSync(`${root}packages`).map((name) => ({
    name,
    manifest: json(`packages/${name}/package.json`) as Manifest,
    references: (json(`packages/${name}/tsconfig.src.json`) as References).references.map(({ path }) =>
      path.replace(/^\.\.\/|\/tsconfig\.src\.json$/g, "")
    )
  }))

/**
 * Reads the whole house.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readHouse = (): House => ({
  packages: read(),
  compiled: (json("tsconfig.json") as References).references.map(({ path }) => path.replace(/^packages\//, "")),
  // The override that names packages is the one that lets them use `node:` modules.
  mayUseNode: (json(".biome.json") as Biome).overrides.flatMap(({ includes }) =>
    includes.flatMap((glob) => /^packages\/\{(.+)\}\/src\/\*\*$/.exec(glob)?.[1]?.split(",") ?? [])
  )
})

/**
 * The folders of the packages that are published, each after those it depends on.
 *
 * @category getters
 * @since 0.1.0
 */
export const published = (): ReadonlyArray<string> =>
  sorted(read())
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ name }) => name)
