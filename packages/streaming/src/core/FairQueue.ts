/**
 * Packets of many streams that wait for one way out, in the order in which they should leave. First SYNs of many callers
 * wait in one as well: there a flow is a caller, and sizes are what a check of the signature costs.
 *
 * Deficit round robin over the streams, by bytes, with the rule of FQ-CoDel for streams that use less than their share: one
 * that had nothing waiting is served before those that had (RFC 8290 section 4.2). So the small write of an interactive
 * stream does not wait behind bulk, without anybody having to say which is which, and a stream that pretends to be small
 * by turns is not served more often than its share. In front of all go acknowledgments, for they let others send.
 *
 * Bounded by bytes; when it is full, the stream that has most waiting loses its newest. Changed in place.
 *
 * @since 0.1.0
 */

/**
 * **Units** bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** What one stream may send before it is another's turn. */
  readonly quantum: number
  readonly maxBytes: number
  /** Of these, what may wait in front of all. */
  readonly maxUrgentBytes: number
}

interface Item<A> {
  readonly value: A
  readonly size: number
}

interface Flow<A, K> {
  readonly key: K
  readonly items: Fifo<Item<A>>
  bytes: number
  deficit: number
}

/**
 * Packets of many streams that wait for one way out.
 *
 * @since 0.1.0
 * @category models
 */
export interface FairQueue<A, K = number> {
  readonly limits: Limits
  readonly urgent: Fifo<Item<A>>
  urgentBytes: number
  /** Streams with something waiting. */
  readonly flows: Map<K, Flow<A, K>>
  /** Streams that had nothing waiting before, served first. */
  readonly sparse: Fifo<Flow<A, K>>
  readonly others: Fifo<Flow<A, K>>
  bytes: number
  dropped: number
}

/** An array with a moving start: taking from its front costs the same however long it is. */
class Fifo<A> {
  #items: Array<A> = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): A | undefined {
    return this.#items[this.#head]
  }

  get last(): A | undefined {
    return this.length === 0 ? undefined : this.#items[this.#items.length - 1]
  }

  push(item: A): void {
    this.#items.push(item)
  }

  shift(): A | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head] = undefined as never
    this.#head += 1
    // Half of it is holes: copying the rest costs no more than taking the holes did.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  pop(): A | undefined {
    return this.length === 0 ? undefined : this.#items.pop()
  }
}

/**
 * An empty queue.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, K = number>(limits: Limits): FairQueue<A, K> => ({
  limits,
  urgent: new Fifo(),
  urgentBytes: 0,
  flows: new Map(),
  sparse: new Fifo(),
  others: new Fifo(),
  bytes: 0,
  dropped: 0
})

/**
 * Whether nothing waits.
 *
 * @since 0.1.0
 * @category getters
 */
export const isEmpty = <A, K>(self: FairQueue<A, K>): boolean => self.bytes === 0

/**
 * Puts a packet of a stream in its place. Room for it is made at the expense of whoever has most; gives what was dropped
 * for that.
 *
 * @since 0.1.0
 * @category combinators
 */
export const enqueue = <A, K>(
  self: FairQueue<A, K>,
  key: K,
  value: A,
  size: number,
  urgent: boolean
): ReadonlyArray<A> => {
  self.bytes += size
  if (urgent && self.urgentBytes + size <= self.limits.maxUrgentBytes) {
    self.urgentBytes += size
    self.urgent.push({ value, size })
  } else {
    const flow = self.flows.get(key) ?? activate(self, key)
    flow.items.push({ value, size })
    flow.bytes += size
  }
  if (self.bytes <= self.limits.maxBytes) return []
  const dropped: Array<A> = []
  while (self.bytes > self.limits.maxBytes) {
    const item = dropFromLongest(self)
    if (item === undefined) break
    dropped.push(item.value)
    self.dropped += 1
  }
  return dropped
}

const activate = <A, K>(self: FairQueue<A, K>, key: K): Flow<A, K> => {
  const flow: Flow<A, K> = { key, items: new Fifo(), bytes: 0, deficit: self.limits.quantum }
  self.flows.set(key, flow)
  self.sparse.push(flow)
  return flow
}

const dropFromLongest = <A, K>(self: FairQueue<A, K>): Item<A> | undefined => {
  let longest: Flow<A, K> | undefined
  // Of those that have equally much the latest: whoever came first is served first.
  for (const flow of self.flows.values()) if (flow.bytes > 0 && flow.bytes >= (longest?.bytes ?? 0)) longest = flow
  const item = longest?.items.pop()
  if (longest === undefined || item === undefined) return undefined
  longest.bytes -= item.size
  self.bytes -= item.size
  // One that came last and got no room leaves nothing behind: names are free to make up.
  if (longest.bytes === 0 && self.sparse.last === longest) {
    self.sparse.pop()
    self.flows.delete(longest.key)
  }
  return item
}

/**
 * The next packet to leave.
 *
 * @since 0.1.0
 * @category combinators
 */
export const dequeue = <A, K>(self: FairQueue<A, K>): A | undefined => {
  const urgent = self.urgent.shift()
  if (urgent !== undefined) {
    self.urgentBytes -= urgent.size
    self.bytes -= urgent.size
    return urgent.value
  }
  for (;;) {
    const list = self.sparse.length > 0 ? self.sparse : self.others
    const flow = list.first
    if (flow === undefined) return undefined
    if (flow.deficit <= 0) {
      flow.deficit += self.limits.quantum
      list.shift()
      self.others.push(flow)
      continue
    }
    const item = flow.items.shift()
    if (item === undefined) {
      list.shift()
      // One that has just been served first must wait for a round before it can be first again.
      if (list === self.sparse && self.others.length > 0) self.others.push(flow)
      else self.flows.delete(flow.key)
      continue
    }
    flow.deficit -= item.size
    flow.bytes -= item.size
    self.bytes -= item.size
    return item.value
  }
}

/**
 * What waits of a stream, but for what waits in front of all, is of no use any more.
 *
 * @since 0.1.0
 * @category combinators
 */
export const clear = <A, K>(self: FairQueue<A, K>, key: K): void => {
  const flow = self.flows.get(key)
  if (flow === undefined) return
  while (flow.items.pop() !== undefined);
  self.bytes -= flow.bytes
  flow.bytes = 0
}
