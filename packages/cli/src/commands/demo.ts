import * as Effect from "effect/Effect"
import * as Output from "../Output.js"
/** @since 0.1.0 */
export const run = (_settings: unknown, _options: unknown) => Effect.asVoid(Output.data("soon"))
