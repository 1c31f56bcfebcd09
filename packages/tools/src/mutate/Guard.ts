/**
 * A guard of the code, and the tests that must notice when it is taken out.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import * as Path from "node:path"
import * as Graph from "../Graph.js"

/**
 * **Shape** `file` and `tests` below `packages/`. `code` stands in `file` exactly once; `without` stands there when the guard
 * is taken out. `noticedBy`: the test whose task it is, by a part of its full name; without it any test of the files may.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guard {
  readonly name: string
  readonly file: string
  readonly code: string
  readonly without: string
  readonly tests: ReadonlyArray<string>
  readonly noticedBy?: string
}

/**
 * Where something below `packages/` is.
 *
 * @category getters
 * @since 0.1.0
 */
export const pathOf = (file: string): string => Path.join(Graph.root, "packages", file)

/**
 * A source file with a guard taken out.
 *
 * **Errors** throws if the code of the guard is not there, or more than once: the list is out of date.
 *
 * @category running
 * @since 0.1.0
 */
export const takeOut = (guard: Guard, source = readFileSync(pathOf(guard.file), "utf8")): string => {
  const parts = source.split(guard.code)
  if (parts.length === 2) return parts.join(guard.without)
  throw new Error(`${guard.name}: its code is ${parts.length - 1} times in ${guard.file}:\n${guard.code}`)
}
