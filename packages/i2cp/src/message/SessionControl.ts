/**
 * Messages that create, change and end a session.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Ids from "../Ids.js"
import { type Descriptor, fitsRouter, nameOf } from "../internal/message/descriptor.js"
import * as SessionConfig from "../SessionConfig.js"

/**
 * 1, client → router: the signed configuration of a new session.
 *
 * **Source** I2CP specification "CreateSessionMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const CreateSession = fitsRouter(
  Schema.TaggedStruct("CreateSession", { config: SessionConfig.SessionConfig }),
  ({ config }) => config.bytes.length
)

/**
 * @category messages
 * @since 0.1.0
 */
export type CreateSession = typeof CreateSession.Type

const createSession: Descriptor<typeof CreateSession, "ToRouter"> = {
  schema: CreateSession,
  direction: "ToRouter",
  tag: "CreateSession",
  type: 1,
  isAddressed: false,
  write: (writer, message) => writer.bytes(message.config.bytes),
  read: (reader) => {
    const config = SessionConfig.read(reader)
    return config === undefined ? undefined : { _tag: "CreateSession", config }
  }
}

/**
 * 2, client → router: a full, freshly signed configuration for a session that exists.
 *
 * **Source** I2CP specification "ReconfigureSessionMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const ReconfigureSession = fitsRouter(
  Schema.TaggedStruct("ReconfigureSession", {
    sessionId: Ids.SessionId,
    config: SessionConfig.SessionConfig
  }),
  ({ config }) => 2 + config.bytes.length
)

/**
 * @category messages
 * @since 0.1.0
 */
export type ReconfigureSession = typeof ReconfigureSession.Type

const reconfigureSession: Descriptor<typeof ReconfigureSession, "ToRouter"> = {
  schema: ReconfigureSession,
  direction: "ToRouter",
  tag: "ReconfigureSession",
  type: 2,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.bytes(message.config.bytes)
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const config = SessionConfig.read(reader)
    return config === undefined ? undefined : { _tag: "ReconfigureSession", sessionId, config }
  }
}

/**
 * 3, client → router: ends a session.
 *
 * **Source** I2CP specification "DestroySessionMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const DestroySession = Schema.TaggedStruct("DestroySession", { sessionId: Ids.SessionId })

/**
 * @category messages
 * @since 0.1.0
 */
export type DestroySession = typeof DestroySession.Type

const destroySession: Descriptor<typeof DestroySession, "ToRouter"> = {
  schema: DestroySession,
  direction: "ToRouter",
  tag: "DestroySession",
  type: 3,
  isAddressed: true,
  write: (writer, message) => writer.u16(message.sessionId),
  read: (reader) => ({ _tag: "DestroySession", sessionId: reader.u16("sessionId") })
}

/**
 * Wire codes of {@link SessionStatus}.
 *
 * **Source** I2CP specification "SessionStatusMessage".
 */
const STATUS = { Destroyed: 0, Created: 1, Updated: 2, Invalid: 3, Refused: 4 } as const

/**
 * 20, router → client: what became of a session.
 *
 * **Source** I2CP specification "SessionStatusMessage".
 *
 * @category messages
 * @since 0.1.0
 */
export const SessionStatus = Schema.TaggedStruct("SessionStatus", {
  sessionId: Ids.SessionId,
  status: Schema.Literal("Destroyed", "Created", "Updated", "Invalid", "Refused")
})

/**
 * @category messages
 * @since 0.1.0
 */
export type SessionStatus = typeof SessionStatus.Type

const sessionStatus: Descriptor<typeof SessionStatus, "ToClient"> = {
  schema: SessionStatus,
  direction: "ToClient",
  cap: 3,
  tag: "SessionStatus",
  type: 20,
  isAddressed: true,
  write: (writer, message) => {
    writer.u16(message.sessionId)
    writer.u8(STATUS[message.status])
  },
  read: (reader) => {
    const sessionId = reader.u16("sessionId")
    const code = reader.u8("status")
    const status = nameOf(STATUS, code)
    if (status === undefined) {
      reader.fail("status", `unknown session status ${code}`)
      return undefined
    }
    return { _tag: "SessionStatus", sessionId, status }
  }
}

/** @internal */
export const sessionMessages = [createSession, reconfigureSession, destroySession, sessionStatus] as const
