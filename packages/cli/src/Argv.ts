/**
 * Short options as every other command takes them: `-c3` and `-qc 3` for `-q -c 3`. The parser below wants each by itself.
 *
 * @since 0.1.0
 */

/** Short options that take a value, by command; all others are switches. */
const valued: Readonly<Record<string, string>> = { ping: "ciWws", nc: "lqw", router: "l" }

/**
 * Arguments, without interpreter and script, with clusters taken apart.
 *
 * @category conversions
 * @since 0.1.0
 */
export const expand = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const command = args.find((arg) => arg in valued)
  if (command === undefined) return args
  const expanded: Array<string> = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === "--") return [...expanded, ...args.slice(i)]
    if (!/^-[A-Za-z]./.test(arg)) {
      expanded.push(arg)
      // What follows is a value, even if it looks like an option.
      if (/^-[A-Za-z]$/.test(arg) && valued[command]!.includes(arg[1]!) && i + 1 < args.length)
        expanded.push(args[++i]!)
      continue
    }
    let at = 1
    while (at < arg.length) {
      const letter = arg[at++]!
      expanded.push(`-${letter}`)
      if (valued[command]!.includes(letter) && at < arg.length) {
        expanded.push(arg.slice(at).replace(/^=/, ""))
        break
      }
    }
  }
  return expanded
}
