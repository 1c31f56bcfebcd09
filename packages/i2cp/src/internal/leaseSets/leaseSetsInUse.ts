/**
 * The lease sets of the connection that is made or running.
 */
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import type { LeaseSets } from "./leaseSets.js"

export class LeaseSetsInUse {
  #inUse: LeaseSets
  readonly #next: (attempt: number) => LeaseSets

  private constructor(first: LeaseSets, next: (attempt: number) => LeaseSets) {
    this.#inUse = first
    this.#next = next
  }

  /** Those of a session with a connection of its own; after the first attempt with fresh keys, if wanted. */
  static ofPrimary(first: LeaseSets, isRenewed: boolean): LeaseSetsInUse {
    return new LeaseSetsInUse(first, (attempt) => (isRenewed && attempt > 1 ? first.renewed() : first))
  }

  /** Those of a subsession: encrypted to the keys of its primary, signed with its own. */
  static ofSubsession(first: LeaseSets, keys: DestinationKeys, primary: LeaseSetsInUse): LeaseSetsInUse {
    return new LeaseSetsInUse(first, () => primary.inUse.signedBy(keys))
  }

  get inUse(): LeaseSets {
    return this.#inUse
  }

  /** The n-th connection is about to be made. */
  onAttempt(attempt: number): void {
    this.#inUse = this.#next(attempt)
  }
}
