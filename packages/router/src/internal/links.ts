/**
 * The links between sessions: one per ordered pair of sessions, or one for the whole router, made when first used.
 */
import * as Netem from "../Netem.js"

/** @internal */
export type Scope = "pair" | "router"

/** @internal */
export class Links {
  #config: Netem.Config
  readonly #seed: number
  readonly #scope: Scope
  readonly #bySender = new Map<number, Map<number, Netem.Link>>()
  /** What links did that are gone. */
  #past: Netem.Stats = nothing

  constructor(config: Netem.Config, seed: number, scope: Scope) {
    this.#config = config
    this.#seed = seed
    this.#scope = scope
  }

  get config(): Netem.Config {
    return this.#config
  }

  /** The link from one session to another. Its seed depends on the two ids only, not on when it is first used. */
  between(from: number, to: number): Netem.Link {
    if (this.#scope === "router") return this.#link(SHARED, SHARED)
    return this.#link(from, to)
  }

  setConfig(overrides: Partial<Netem.Config>): void {
    this.#config = Netem.config(overrides, this.#config)
    for (const links of this.#bySender.values()) for (const link of links.values()) link.setConfig(this.#config)
  }

  /** Forgets the links from and to a session. */
  retire(session: number): void {
    for (const link of this.#bySender.get(session)?.values() ?? []) this.#past = sum(this.#past, link.stats)
    this.#bySender.delete(session)
    for (const links of this.#bySender.values()) {
      const link = links.get(session)
      if (link === undefined) continue
      this.#past = sum(this.#past, link.stats)
      links.delete(session)
    }
  }

  get stats(): Netem.Stats {
    let total = this.#past
    for (const links of this.#bySender.values()) for (const link of links.values()) total = sum(total, link.stats)
    return total
  }

  #link(from: number, to: number): Netem.Link {
    let links = this.#bySender.get(from)
    if (links === undefined) {
      links = new Map()
      this.#bySender.set(from, links)
    }
    let link = links.get(to)
    if (link === undefined) {
      link = Netem.make(this.#config, Netem.pairSeed(this.#seed, from, to))
      links.set(to, link)
    }
    return link
  }
}

/** No session has this id. */
const SHARED = 0xffff

const nothing: Netem.Stats = { sent: 0, lost: 0, overflowed: 0, reordered: 0, duplicated: 0 }

const sum = (a: Netem.Stats, b: Netem.Stats): Netem.Stats => ({
  sent: a.sent + b.sent,
  lost: a.lost + b.lost,
  overflowed: a.overflowed + b.overflowed,
  reordered: a.reordered + b.reordered,
  duplicated: a.duplicated + b.duplicated
})
