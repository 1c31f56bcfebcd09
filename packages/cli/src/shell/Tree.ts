/**
 * The commands as a tree, and what each one takes, read from the parser's own descriptions.
 *
 * The parser answers for the children of a command in no order, and not for their children (`Command.getSubcommands`), so a
 * group keeps the list that it was made from.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import type { Usage } from "@effect/cli/Usage"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

// biome-ignore lint/suspicious/noExplicitAny: a command is invariant in what it needs, fails with and parses to.
type Whatever = any

type AnyCommand = Command.Command<Whatever, Whatever, Whatever, Whatever>

type CommandOf<C> = C extends Group<infer G> ? G : C extends AnyCommand ? C : never

type Handled<C> = ReturnType<CommandOf<C>["handler"]>

/**
 * A command with subcommands. `command` runs; `parent` is the same without its children.
 *
 * @category models
 * @since 0.1.0
 */
export interface Group<C extends AnyCommand = AnyCommand> {
  readonly parent: AnyCommand
  readonly children: ReadonlyArray<AnyCommand | Group>
  readonly command: C
}

/**
 * An option: its names as typed, and what help calls its value; a switch has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Named {
  readonly names: ReadonlyArray<string>
  readonly value: string | undefined
}

/**
 * A command as everything but the parser sees it.
 *
 * **Shape** `name` is the whole path without `i2p`, such as `key show`; empty for the root. `args` are the names of the
 * arguments, without the brackets that help puts around them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node {
  readonly name: string
  readonly command: AnyCommand
  readonly options: ReadonlyArray<Named>
  readonly args: ReadonlyArray<string>
  readonly children: ReadonlyArray<Node>
}

/**
 * A command and its subcommands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const group = <
  Name extends string,
  R,
  E,
  A,
  const Children extends readonly [AnyCommand | Group, ...ReadonlyArray<AnyCommand | Group>]
>(
  parent: Command.Command<Name, R, E, A>,
  children: Children
): Group<
  Command.Command<
    Name,
    R | Exclude<Effect.Effect.Context<Handled<Children[number]>>, Command.Command.Context<Name>>,
    E | Effect.Effect.Error<Handled<Children[number]>>,
    Whatever
  >
> => {
  const [first, ...rest] = children
  return {
    parent,
    children,
    command: Command.withSubcommands(parent, [commandOf(first), ...rest.map(commandOf)])
  }
}

/**
 * The tree under the program itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const program = (entry: Group): Node => node(entry, [])

const node = (entry: AnyCommand | Group, path: ReadonlyArray<string>): Node => {
  const { children, parent } = isGroup(entry) ? entry : { parent: entry, children: [] }
  const [, ...named] = leaves(Command.getUsage(parent))
  const isOption = ({ names }: Named): boolean => names[0]!.startsWith("-")
  return {
    name: path.join(" "),
    command: parent,
    options: named.filter(isOption),
    args: named.filter((it) => !isOption(it)).map(({ names }) => names[0]!.replace(/^<(.*)>$/, "$1")),
    children: children.map((child) => node(child, [...path, nameOf(child)]))
  }
}

/** A command has one name: the parser gives names as a set because others have aliases. */
const nameOf = (entry: AnyCommand | Group): string => {
  const [self] = leaves(Command.getUsage(isGroup(entry) ? entry.parent : entry))
  return self!.names[0]!
}

/**
 * A command and all commands under it, in the order of the help.
 *
 * @category getters
 * @since 0.1.0
 */
export const all = (self: Node): ReadonlyArray<Node> => [self, ...self.children.flatMap(all)]

/**
 * The commands that arguments name, from the program itself to the innermost. Values of options are skipped, so that
 * `--keys ping nc` names `nc`.
 *
 * @category getters
 * @since 0.1.0
 */
export const path = (self: Node, args: ReadonlyArray<string>): readonly [Node, ...ReadonlyArray<Node>] => {
  const found: [Node, ...Array<Node>] = [self]
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    const inner = found.at(-1)!
    if (arg === "--" || inner.children.length === 0) break
    if (arg.startsWith("-")) {
      if (arg === "--log-level" || takesValue(found, arg)) i++
      continue
    }
    const child = inner.children.find(({ name }) => name.split(" ").at(-1) === arg)
    if (child !== undefined) found.push(child)
  }
  return found
}

/**
 * Whether an option of any of the commands, `-c` or `--count`, takes a value.
 *
 * @category predicates
 * @since 0.1.0
 */
export const takesValue = (nodes: ReadonlyArray<Node>, option: string): boolean =>
  nodes.some(({ options }) => options.some(({ names, value }) => value !== undefined && names.includes(option)))

const isGroup = (entry: AnyCommand | Group): entry is Group => "children" in entry && "parent" in entry

const commandOf = (entry: AnyCommand | Group): AnyCommand => (isGroup(entry) ? entry.command : entry)

/** Everything with a name in a usage, in its order. */
const leaves = (usage: Usage): ReadonlyArray<Named> => {
  switch (usage._tag) {
    case "Empty":
    case "Mixed":
      return []
    case "Named":
      return [{ names: usage.names, value: Option.getOrUndefined(usage.acceptedValues) }]
    case "Optional":
    case "Repeated":
      return leaves(usage.usage)
    case "Alternation":
    case "Concat":
      return [...leaves(usage.left), ...leaves(usage.right)]
  }
}
