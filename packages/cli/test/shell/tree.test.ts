import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Descriptor from "@effect/cli/CommandDescriptor"
import type { Usage } from "@effect/cli/Usage"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { tree } from "../../src/commands/tree.js"
import * as Argv from "../../src/shell/Argv.js"
import * as Manual from "../../src/shell/Manual.js"
import { config } from "../../src/shell/root.js"
import * as Tree from "../../src/shell/Tree.js"
import { i2p } from "../harness.js"

const program = Tree.program(tree)
const commands = Tree.all(program)

/** What help calls the value of an option, and a text that it takes. */
const sample = (value: string): string =>
  value.includes("|")
    ? value.split("|").at(-1)!.trim()
    : /^(integer|float|seconds|port|bytes|id|streams)$/.test(value)
      ? "3"
      : "x3"

/** What the parser makes of the arguments of one command, its required options and arguments filled in. */
const parse = (node: Tree.Node, tested: Tree.Named, typed: ReadonlyArray<string>) => {
  const others = node.options
    .filter((option) => option !== tested && option.value !== undefined && isRequired(node, option))
    .flatMap(({ names, value }) => [names.at(-1)!, sample(value!)])
  const name = node.name.split(" ").filter((word) => word !== "")
  const args = [...name, ...typed, ...others, ...node.args.map(() => "3")]
  const expanded = Argv.expand(args, Tree.path(program, args)).slice(name.length)
  return Descriptor.parse(node.command.descriptor, [name.at(-1) ?? "i2p", ...expanded], config).pipe(
    Effect.provide(NodeContext.layer)
  )
}

const isRequired = ({ command }: Tree.Node, { names }: Tree.Named): boolean =>
  required(Command.getUsage(command)).includes(names[0]!)

const required = (usage: Usage): ReadonlyArray<string> =>
  usage._tag === "Named"
    ? usage.names
    : usage._tag === "Concat"
      ? [...required(usage.left), ...required(usage.right)]
      : []

describe("every option that takes a value", () => {
  const options = commands.flatMap((node) =>
    node.options.flatMap((option) => (option.value === undefined ? [] : [{ node, option, value: option.value }]))
  )

  it("is known", () => {
    assert.isAbove(options.length, 100)
  })

  for (const { node, option, value } of options) {
    it.effect(`is read in each form: i2p ${node.name} ${option.names.join(", ")}`, () =>
      Effect.gen(function* () {
        const text = sample(value)
        const forms = option.names.flatMap((name) =>
          name.startsWith("--")
            ? [[`${name}=${text}`], [name, text]]
            : [[`${name}${text}`], [`${name}=${text}`], [name, text]]
        )
        const [first, ...rest] = yield* Effect.forEach(forms, (form) => parse(node, option, form))
        assert.strictEqual(first?._tag, "UserDefined")
        for (const parsed of rest) assert.deepStrictEqual(parsed, first)
        assert.include(JSON.stringify(first), text)
      })
    )
  }
})

describe("an option that may be repeated", () => {
  it.live("is read behind an equals sign, too", () =>
    Effect.gen(function* () {
      const { code, err } = yield* i2p(["router", "--listen=127.0.0.1:0", "--fault=nonsense"])
      assert.match(err, /"nonsense"/)
      assert.strictEqual(code, 2)
    })
  )
})

describe("every command", () => {
  it.live("has help of its own, a summary, and a line in the help above it", () =>
    Effect.gen(function* () {
      for (const node of commands) {
        const words = node.name.split(" ").filter((word) => word !== "")
        const { out } = yield* i2p([...words, "--help"])
        assert.include(out, `Usage: i2p ${words.join(" ")}`)
        for (const { names } of node.options) {
          const isShared = program.options.some((shared) => shared.names[0] === names[0])
          // A group shows what only it takes; the options of all are in the help of the program and of each command.
          if (!isShared || node.children.length === 0) assert.include(out, names.join(", "))
        }
        for (const child of node.children) {
          assert.include(out, `\n  ${child.name} `)
          assert.notStrictEqual(Manual.summary(child), "")
        }
      }
    })
  )

  it.live("is in the completions of every shell", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { out } = yield* i2p(["--completions", shell])
        for (const { name } of commands) assert.include(out, name.split(" ").at(-1)!)
      }
    })
  )

  it("is in the README's table, which is written by this test with UPDATE=1", () => {
    const path = Path.resolve(import.meta.dirname, "../../README.md")
    const readme = Fs.readFileSync(path, "utf8")
    const rows = commands
      .filter(({ children, name }) => name !== "" && children.length === 0)
      .map((node) => [`\`i2p ${node.name}\``, Manual.summary(node)] as const)
    const width = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length))
    const line = (a: string, b: string, fill = " ") => `| ${a.padEnd(width(0), fill)} | ${b.padEnd(width(1), fill)} |`
    const table = [line("command", ""), line("", "", "-"), ...rows.map(([a, b]) => line(a, b))].join("\n")
    const block = /(<!-- commands -->\n\n)[\s\S]*?(\n\n<!-- end -->)/
    if (process.env["UPDATE"] === "1") Fs.writeFileSync(path, readme.replace(block, `$1${table}$2`))
    assert.strictEqual(block.exec(Fs.readFileSync(path, "utf8"))?.[0], `<!-- commands -->\n\n${table}\n\n<!-- end -->`)
  })
})
