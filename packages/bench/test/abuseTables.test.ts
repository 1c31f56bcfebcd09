/** The tables of abuse in the READMEs: every row has a figure and a test that is there, every attack has a row. */
import { readdirSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import * as Router from "../src/abuse/router.js"
import * as Streaming from "../src/abuse/streaming.js"

const root = fileURLToPath(new URL("../../../", import.meta.url))

const tests = readdirSync(`${root}packages`)
  .flatMap((name) => readdirSync(`${root}packages/${name}`).map((folder) => ({ name, folder })))
  .filter(({ folder }) => folder === "test")
  .flatMap(({ name }) => {
    const home = `${root}packages/${name}/test`
    return readdirSync(home, { recursive: true, encoding: "utf8" }).map((file) => `${home}/${file}`)
  })

/** The rows of all tables of a README's section, as their cells. */
const rowsOf = (name: string): ReadonlyArray<ReadonlyArray<string>> => {
  const readme = readFileSync(`${root}packages/${name}/README.md`, "utf8")
  const section = /^## Abuse\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? ""
  return [...section.matchAll(/^\| (.*) \|$/gm)]
    .map(([, row]) => row!.split(" | ").map((cell) => cell.trim()))
    .filter(([first]) => first !== "abuse" && !first!.startsWith("---"))
}

const names = (attacks: ReadonlyArray<{ readonly name: string }>) => attacks.map(({ name }) => name)

for (const [readme, attacks, least] of [
  ["streaming", names(Streaming.attacks), 20],
  ["i2cp", names(Router.attacks), 30]
] as const) {
  describe(`the table of abuse of ${readme}`, () => {
    const rows = rowsOf(readme)

    it("has a figure and a test, which is there, in each row", () => {
      assert.isAtLeast(rows.length, least)
      const known = new Set([...names(Streaming.attacks), ...names(Router.attacks)])
      for (const [abuse, gets, figure, micros, shown, ...more] of rows) {
        assert.isTrue(gets !== "" && figure !== "" && more.length === 0, abuse)
        const [, file, title] = /^`([^`]+)`(?:: (.+))?$/.exec(shown!) ?? assert.fail(`${abuse}: ${shown}`)
        if (title === undefined) {
          assert.strictEqual(file, "abuse.test.ts", abuse)
          assert.isTrue(known.has(abuse!), `${abuse} is no attack`)
          assert.match(micros!, /^<?\d+$/, abuse)
          continue
        }
        const found = tests.filter((path) => basename(path) === basename(file!))
        assert.isTrue(
          found.some((path) => readFileSync(path, "utf8").includes(title)),
          `${file} has no test "${title}"`
        )
      }
    })

    it("has a row for every attack", () => {
      // What is only sent to see what a packet costs at the least is in one of the two.
      const listed = new Set([...rows, ...rowsOf("i2cp")].map(([abuse]) => abuse))
      for (const name of attacks) assert.isTrue(listed.has(name), name)
    })
  })
}
