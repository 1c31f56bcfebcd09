/**
 * Inputs worth keeping, in files: one for each target, one input a line, in hex and sorted, so that a change is a line of a
 * diff. What was found is beside them, one file for each input, until it is mended and a test.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"

/** Longest input that is kept: a corpus is read by people and travels with the repository. */
const maxKeptBytes = 2_048

const folder = fileURLToPath(new URL("../corpus/", import.meta.url))

/**
 * Where findings go.
 *
 * @since 0.1.0
 * @category files
 */
export const findings: string = `${folder}findings/`

const fileOf = (target: string): string => `${folder}${target}.hex`

const fromLines = (text: string): ReadonlyArray<Uint8Array> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (line === "-" ? new Uint8Array(0) : new Uint8Array(Buffer.from(line, "hex"))))

/** An empty input is a dash: an empty line would be nothing. */
const toLine = (input: Uint8Array): string => (input.length === 0 ? "-" : Buffer.from(input).toString("hex"))

/**
 * The inputs kept for a target.
 *
 * @since 0.1.0
 * @category files
 */
export const read = (target: string): ReadonlyArray<Uint8Array> =>
  Fs.existsSync(fileOf(target)) ? fromLines(Fs.readFileSync(fileOf(target), "utf8")) : []

/**
 * Keeps these for a target, and no others.
 *
 * @since 0.1.0
 * @category files
 */
export const write = (target: string, inputs: ReadonlyArray<Uint8Array>): void => {
  const lines = new Set(inputs.filter((input) => input.length <= maxKeptBytes).map(toLine))
  Fs.mkdirSync(folder, { recursive: true })
  Fs.writeFileSync(fileOf(target), `${[...lines].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).join("\n")}\n`)
}

/**
 * Puts an input among the findings and says in which file. Synchronous: the process may be about to die.
 *
 * @since 0.1.0
 * @category files
 */
export const report = (target: string, input: Uint8Array): string => {
  const hash = createHash("sha256").update(input).digest("hex").slice(0, 12)
  const path = `${findings}${target}-${hash}.hex`
  Fs.mkdirSync(findings, { recursive: true })
  Fs.writeFileSync(path, `${toLine(input)}\n`)
  return path
}
