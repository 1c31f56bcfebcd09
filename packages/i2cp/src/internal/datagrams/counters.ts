/** What a datagram service counts; see `Datagrams.Stats`. */
export type Counters = ReturnType<typeof make>

export const make = () => ({
  sent: 0,
  received: 0,
  droppedUnclaimed: 0,
  droppedMalformed: 0,
  droppedUntrusted: 0,
  droppedReplayed: 0,
  droppedQueueFull: 0,
  droppedUnacceptedKey: 0,
  droppedUnchecked: 0
})
