/**
 * What a published package may hold, and what must hold together inside it, as far as `Lint` does not see it. Pure: files in,
 * complaints out.
 *
 * @since 0.1.0
 */
import * as path from "node:path/posix"

/**
 * A package as its users get it.
 *
 * **Shape** `files` maps paths relative to the package to their text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Contents {
  readonly manifest: Manifest
  readonly files: ReadonlyMap<string, string>
}

/**
 * The parts of a package.json that are looked at.
 *
 * @category models
 * @since 0.1.0
 */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, Target>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/**
 * Where an entry of `exports` leads: a file, by condition or for all, or nowhere.
 *
 * @category models
 * @since 0.1.0
 */
export type Target = string | null | { readonly default: string }

/**
 * Everything that is wrong with a package, one line each; none for a good one.
 *
 * @category queries
 * @since 0.1.0
 */
export const problems = (contents: Contents): ReadonlyArray<string> => [
  ...missing(contents),
  ...[...contents.files].flatMap(([file, text]) => [
    ...surplus(contents, file),
    ...(file.endsWith(".map") ? brokenMap(contents, file, text) : []),
    ...(isCompiled(file) ? [...unmapped(contents, file, text), ...undeclared(contents, file, text)] : [])
  ])
]

/**
 * The modules that users may import, by specifier, and the file that each leads to.
 *
 * @category queries
 * @since 0.1.0
 */
export const publicModules = (contents: Contents): ReadonlyMap<string, string> => {
  const modules = new Map<string, string>()
  for (const file of compiledModules(contents)) {
    for (const key of Object.keys(contents.manifest.exports ?? {})) {
      const subpath = subpathFor(contents.manifest, key, file)
      if (subpath !== undefined) modules.set(contents.manifest.name + subpath.slice(1), file)
    }
  }
  return new Map([...modules].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * The modules that users must not be able to import, by the specifier that one would try; the programs of `bin`, which run when
 * imported, are among neither.
 *
 * @category queries
 * @since 0.1.0
 */
export const internalModules = (contents: Contents): ReadonlyArray<string> => {
  const exported = new Set(publicModules(contents).values())
  return compiledModules(contents)
    .filter((file) => !exported.has(file))
    .map((file) => `${contents.manifest.name}/${file.slice("dist/".length, -".js".length)}`)
    .sort()
}

const compiledModules = ({ files, manifest }: Contents): ReadonlyArray<string> => {
  const programs = new Set(Object.values(manifest.bin ?? {}).map((program) => path.normalize(program)))
  return [...files.keys()].filter((file) => file.startsWith("dist/") && file.endsWith(".js") && !programs.has(file))
}

const fileOf = (target: Target | undefined): string | undefined =>
  target === null || target === undefined ? undefined : typeof target === "string" ? target : target.default

/** What stands for the star of a pattern in a text, or undefined if the text does not match. */
const starOf = (pattern: string, text: string): string | undefined => {
  const [start, end] = pattern.split("*")
  if (end === undefined) return pattern === text ? "" : undefined
  return text.startsWith(start!) && text.endsWith(end) && text.length > start!.length + end.length
    ? text.slice(start!.length, text.length - end.length)
    : undefined
}

/** The subpath by which an entry of `exports` leads to a file, unless a more exact entry has that subpath. */
const subpathFor = ({ exports = {} }: Manifest, key: string, file: string): string | undefined => {
  const target = fileOf(exports[key])
  const star = target === undefined ? undefined : starOf(target, `./${file}`)
  if (star === undefined) return undefined
  const subpath = key.replace("*", star)
  // Source: Node, "Package exports resolution": no pattern first, then the longest text before the star.
  const weight = (it: string) => (it.includes("*") ? it.indexOf("*") : Number.POSITIVE_INFINITY)
  const isShadowed = Object.keys(exports).some(
    (other) => weight(other) > weight(key) && starOf(other, subpath) !== undefined
  )
  return isShadowed ? undefined : subpath
}

const isCompiled = (file: string): boolean =>
  file.startsWith("dist/") && (file.endsWith(".js") || file.endsWith(".d.ts"))

const missing = ({ files }: Contents): ReadonlyArray<string> =>
  [
    ...["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"].filter((file) => !files.has(file)),
    ...[...files.keys()].filter(
      (file) => file.startsWith("src/") && file.endsWith(".ts") && !files.has(compiledOf(file))
    )
  ].map((file) => (file.startsWith("src/") ? `${file} was not built` : `${file} is missing`))

const compiledOf = (source: string): string => source.replace(/^src\//, "dist/").replace(/\.ts$/, ".js")

const allowed = /^(package\.json|README\.md|LICENSE|src\/.+\.ts|dist\/.+\.(js|d\.ts)(\.map)?)$/

const surplus = ({ files }: Contents, file: string): ReadonlyArray<string> => {
  if (!allowed.test(file)) return [`${file} does not belong into a package`]
  if (/\.test\.|(^|\/)test\//.test(file)) return [`${file} is a test`]
  const source = file.replace(/^dist\//, "src/").replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts")
  return files.has(source) || !file.startsWith("dist/") ? [] : [`${file} has no source: remove dist and build again`]
}

const brokenMap = ({ files }: Contents, file: string, text: string): ReadonlyArray<string> => {
  const { sourceRoot, sources } = JSON.parse(text) as { sourceRoot?: string; sources: ReadonlyArray<string> }
  return sources
    .map((source) => path.join(path.dirname(file), sourceRoot ?? "", source))
    .filter((source) => !files.has(source))
    .map((source) => `${file} leads to ${source}, which is not shipped`)
}

const unmapped = ({ files }: Contents, file: string, text: string): ReadonlyArray<string> =>
  text.includes(`//# sourceMappingURL=${path.basename(file)}.map`) && files.has(`${file}.map`)
    ? []
    : [`${file} has no source map`]

/** Specifiers of `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`. */
const specifiers = /(?:^(?:import|export)\s[\w$*{}\s,]+\bfrom\s*|^import\s*|\bimport\(\s*)"([^"]+)"/gm

const undeclared = ({ manifest }: Contents, file: string, text: string): ReadonlyArray<string> => {
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
  return [...text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "").matchAll(specifiers)]
    .map((match) => match[1]!)
    .filter((specifier) => !/^(\.|node:)/.test(specifier) && declared[packageOf(specifier)] === undefined)
    .map((specifier) => `${file} imports ${specifier}, which is not a dependency`)
}

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")
