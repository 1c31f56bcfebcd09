/**
 * Bytes in order that the application has not read. The receive window bounds them; the loop puts in, readers take.
 *
 * A Mailbox of Effect does the same, and its three sets of waiters are a kilobyte of each idle stream; here nobody waits in
 * most of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

type Resume<A, E> = (effect: Effect.Effect<ReadonlyArray<A>, E>) => void

const none: ReadonlyArray<never> = []

export class ReceiveBuffer<A, E> {
  #items: Array<A> | undefined
  #waiting: Set<() => void> | undefined
  #end: Exit.Exit<void, E> | undefined

  /** False when nothing can follow any more. */
  offer(item: A): boolean {
    if (this.#end !== undefined) return false
    if (this.#items === undefined) this.#items = [item]
    else this.#items.push(item)
    this.#wakeNext()
    return true
  }

  /** Lets go of what nobody will read. */
  clear(): void {
    const items = this.#items
    if (items === undefined) return
    this.#items = undefined
    this.onTaken(items)
  }

  protected get size(): number {
    return this.#items?.length ?? 0
  }

  /** Puts others in the place of what waits. */
  protected replace(other: (item: A, index: number) => A): void {
    this.#items = this.#items?.map(other)
  }

  /** Told of what has left, at once. */
  protected onTaken(_taken: ReadonlyArray<A>): void {}

  /** Nothing follows; what is there can still be taken. The first word counts. */
  done(exit: Exit.Exit<void, E>): void {
    if (this.#end !== undefined) return
    this.#end = exit
    while (this.#wakeNext());
  }

  /** So many at the most, waiting for the first; none at the end. */
  take(limit: number): Effect.Effect<ReadonlyArray<A>, E> {
    return Effect.suspend(() => {
      const items = this.#items
      if (items !== undefined) {
        const taken = items.length > limit ? items.splice(0, limit) : items
        if (taken === items) this.#items = undefined
        this.onTaken(taken)
        return Effect.succeed(taken)
      }
      return this.#end === undefined ? this.#wait(limit) : Effect.as(this.#end, none)
    })
  }

  #wait(limit: number): Effect.Effect<ReadonlyArray<A>, E> {
    return Effect.async((resume: Resume<A, E>) => {
      // The fiber runs later, and finds what has come until then as well.
      const waiter = () => resume(this.take(limit))
      this.#waiting ??= new Set()
      this.#waiting.add(waiter)
      return Effect.sync(() => {
        // Who gives up in the moment it is woken must wake the next one.
        if (!this.#waiting?.delete(waiter) && this.#items !== undefined) this.#wakeNext()
      })
    })
  }

  #wakeNext(): boolean {
    const waiting = this.#waiting
    if (waiting === undefined) return false
    for (const waiter of waiting) {
      waiting.delete(waiter)
      if (waiting.size === 0) this.#waiting = undefined
      waiter()
      return true
    }
    return false
  }
}
