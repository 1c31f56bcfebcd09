/**
 * The options of streams as the core takes them: one object for all streams that have the same.
 *
 * @since 0.1.0
 */
import type * as Core from "../core/Config.js"
import { type ConnectionOptions, toCore } from "../StreamingConfig.js"

export class Configs {
  readonly #synRoom: number
  readonly #made = new WeakMap<ConnectionOptions, Core.Config>()

  /** `synRoom`: bytes of payload that a SYN has room for beside our identity. */
  constructor(synRoom: number) {
    this.#synRoom = synRoom
  }

  of(options: ConnectionOptions): Core.Config {
    const known = this.#made.get(options)
    if (known !== undefined) return known
    const made = toCore(options, this.#synRoom)
    this.#made.set(options, made)
    return made
  }
}
