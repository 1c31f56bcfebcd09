/**
 * What `doctor` prints: a line a stage and a verdict for people, or one JSON object for programs. Pure.
 *
 * @since 0.1.0
 */

import * as Format from "../output/Format.js"
import type * as Style from "../output/Style.js"
import * as Help from "../shell/Help.js"
import { type Outcome, type Stage, stages } from "./DoctorStage.js"

const WIDTH = Math.max(...stages.map((stage) => stage.length))

/**
 * A stage in one line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const line = (outcome: Outcome, style: Style.Style): string => {
  const mark = outcome._tag === "Passed" ? style.green("ok    ") : style.red("FAILED")
  return `${mark}  ${outcome.stage.padEnd(WIDTH)}  ${outcome.detail}  ${style.dim(time(outcome.millis))}`
}

/** A stage that was not reached. */
const skipped = (stage: Stage, style: Style.Style): string => style.dim(`-       ${stage.padEnd(WIDTH)}  not tried`)

/**
 * The last lines: what remains untried, and what to do, in lines of at most `columns` characters.
 *
 * @category formatting
 * @since 0.1.0
 */
export const verdict = (outcomes: ReadonlyArray<Outcome>, style: Style.Style, columns: number): string => {
  const failed = failure(outcomes)
  if (failed === undefined) return style.bold("all is well: streams work through this router")
  const untried = stages.slice(outcomes.length).map((stage) => skipped(stage, style))
  const advice = Help.wrap(`what to do about ${failed.stage}: ${failed.hint}`, columns)
  return [...untried, ...advice].join("\n")
}

/**
 * Everything as one object, without a line end. Names and units are documented in the package's README.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (router: string, outcomes: ReadonlyArray<Outcome>): string => {
  const failed = failure(outcomes)
  return JSON.stringify({
    ok: failed === undefined,
    stage: failed?.stage ?? null,
    hint: failed?.hint ?? null,
    router,
    stages: stages.map((stage) => {
      const outcome = outcomes.find((candidate) => candidate.stage === stage)
      return outcome === undefined
        ? { stage, ok: null, duration_ms: null, detail: null }
        : { stage, ok: outcome._tag === "Passed", duration_ms: Math.round(outcome.millis), detail: outcome.detail }
    })
  })
}

const failure = (outcomes: ReadonlyArray<Outcome>): Extract<Outcome, { readonly _tag: "Failed" }> | undefined =>
  outcomes.find((outcome) => outcome._tag === "Failed")

const time = (millis: number): string => (millis < 1000 ? `${Math.round(millis)} ms` : Format.seconds(millis))
