/**
 * Everything that is fuzzed.
 *
 * @since 0.1.0
 */
import type { Target } from "./Target.js"
import * as Http from "./targets/http.js"
import * as I2cp from "./targets/i2cp.js"
import { packet } from "./targets/packet.js"
import * as Payload from "./targets/payload.js"
import * as Programs from "./targets/programs.js"
import * as Sam from "./targets/sam.js"
import { stream } from "./targets/stream.js"
import * as Structures from "./targets/structures.js"
import * as Text from "./targets/text.js"

/**
 * @since 0.1.0
 * @category targets
 */
export const targets: ReadonlyArray<Target> = [
  packet,
  I2cp.message,
  I2cp.frame,
  Payload.envelope,
  Payload.datagram,
  Structures.structure,
  Structures.leaseSet,
  Structures.sealed,
  Structures.keyFile,
  Text.address,
  Text.book,
  Text.tunnels,
  stream,
  Programs.router,
  Programs.session,
  Programs.peer,
  Http.request,
  Http.answer,
  Sam.samLine,
  Sam.samDatagram
]
