/**
 * What the connections of a session share: everything that lives longer than one of them.
 */
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type * as I2cpConfig from "../../I2cpConfig.js"
import type { I2cpConnection } from "../../I2cpConnection.js"
import type { LeaseSetsInUse } from "../leaseSets/leaseSetsInUse.js"
import type { Inbox } from "../payloads/inbox.js"
import type { Statuses } from "../payloads/statuses.js"
import type { Lookups } from "../requests/lookups.js"
import type { RouterRequests } from "../requests/routerRequests.js"
import type { CurrentConnection } from "./currentConnection.js"
import type { Lifecycle } from "./lifecycle.js"
import type { LogLimit } from "./logLimit.js"

export interface Environment {
  readonly transport: I2cpConnection["Type"]
  readonly config: I2cpConfig.Service
  readonly keys: DestinationKeys
  readonly signatures: Signatures.Service
  readonly current: CurrentConnection
  readonly lifecycle: Lifecycle
  readonly leaseSets: LeaseSetsInUse
  readonly inbox: Inbox
  readonly statuses: Statuses
  readonly lookups: Lookups
  readonly routerRequests: RouterRequests
  readonly counters: { unknownFrames: number }
  readonly warnings: LogLimit
  /** Called now and then: time to hand over figures. */
  readonly report: () => void
}
