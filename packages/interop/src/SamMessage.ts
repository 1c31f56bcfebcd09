/**
 * Lines of the SAM v3 bridge: `TOPIC VERB KEY=value KEY="quoted value"`.
 *
 * @since 0.1.0
 */

/**
 * One line, taken apart.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamMessage {
  readonly topic: string
  readonly verb: string
  readonly pairs: Readonly<Record<string, string>>
}

/** A key, then nothing, a bare value or a quoted one; the backslash escapes inside quotes. Source: SAM v3.2. */
const pair = /(?<key>[^\s=]+)(?:=(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<bare>\S*)))?/g

/**
 * Takes a line apart; what is not there is empty, for the bridge's answers are shown in errors as they came.
 *
 * A destination is Base64 that may end in `=`, so a value runs to the next space.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (line: string): SamMessage => {
  const [topic = "", verb = "", ...rest] = line.trim().split(/\s+/, 2)
  const after = line.trim().slice(line.trim().indexOf(verb, topic.length) + verb.length)
  const pairs: Record<string, string> = {}
  for (const { groups } of [...rest, after].join(" ").matchAll(pair)) {
    if (groups?.["key"] === undefined) continue
    pairs[groups["key"]] = groups["quoted"]?.replace(/\\(.)/g, "$1") ?? groups["bare"] ?? ""
  }
  return { topic, verb, pairs }
}

/**
 * Renders a command with its line feed; a value with a space is quoted.
 *
 * @category encoding
 * @since 0.1.0
 */
export const render = (command: string, pairs: Readonly<Record<string, string | number | undefined>>): string => {
  const words = Object.entries(pairs).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${/\s/.test(String(value)) ? JSON.stringify(value) : value}`]
  )
  return `${[command, ...words].join(" ")}\n`
}
