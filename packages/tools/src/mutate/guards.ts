/**
 * The guards that nobody may lose: what keeps a peer, a router or a visitor from doing harm, and what cannot be taken back,
 * such as a name told or a request sent twice.
 *
 * Whoever adds a guard of this kind adds it here.
 *
 * @since 0.1.0
 */
import type { Guard } from "./Guard.js"

const abuse = ["bench/test/abuse.test.ts"]

const callers: ReadonlyArray<Guard> = [
  {
    name: "nobody but the server says who a caller is",
    file: "platform-node/src/internal/callers.ts",
    code: "for (const name of Object.keys(headers)) if (isCallerHeader(name)) delete headers[name]",
    without: "",
    tests: ["platform-node/test/http/I2pHttpServer.test.ts"]
  },
  {
    name: "the same in raw headers",
    file: "platform-node/src/internal/callers.ts",
    code: "if (isCallerHeader(name)) continue",
    without: "",
    tests: ["platform-node/test/http/I2pHttpServer.test.ts"]
  },
  {
    name: "requests for an upgrade say who the caller is",
    file: "platform-node/src/internal/destinationServer.ts",
    code: "if (caller !== undefined) Callers.stamp(request, caller)",
    without: 'if (caller !== undefined && event === "request") Callers.stamp(request, caller)',
    tests: ["platform-node/test/http/I2pHttpServer.test.ts"]
  },
  {
    name: "what a server adds to an answer does not tell its clock",
    file: "platform-node/src/internal/destinationServer.ts",
    code: "override sendDate = sendDate",
    without: "override sendDate = sendDate || true",
    tests: ["platform-node/test/http/I2pHttpServer.test.ts"]
  }
]

const clients: ReadonlyArray<Guard> = [
  {
    name: "fetch leaves by I2P whatever dispatcher its arguments name",
    file: "platform-node/src/I2pHttpClient.ts",
    code: "{ ...changes, dispatcher }",
    without: "{ dispatcher, ...changes }",
    tests: ["platform-node/test/http/I2pHttpClient.test.ts"]
  },
  {
    name: "a transport has one manager",
    file: "streaming/src/PacketTransport.ts",
    code: "(transport) => managed.claim(origins.get(transport) ?? transport)",
    without: "() => Effect.void",
    tests: ["testkit/test/identities.test.ts"]
  },
  {
    name: "so has one that is changed on its way",
    file: "streaming/src/PacketTransport.ts",
    code: "managed.claim(origins.get(transport) ?? transport)",
    without: "managed.claim(transport)",
    tests: ["testkit/test/identities.test.ts"]
  },
  {
    name: "a session carries streams for one manager",
    file: "streaming/src/PacketTransport.ts",
    code: "yield* carried.claim(session)",
    without: "",
    tests: ["testkit/test/identities.test.ts"]
  },
  {
    name: "a socket carries one session",
    file: "i2cp/src/I2cpConnection.ts",
    code: "yield* claim(socket)",
    without: "",
    tests: ["testkit/test/identities.test.ts"]
  },
  {
    name: "handlers of a socket that take long hold a bounded number of bytes",
    file: "streaming/src/StreamSocket.ts",
    code: "Math.min(maxRead, maxHeld - held)",
    without: "maxRead",
    tests: ["testkit/test/socketContract.router.test.ts"]
  },
  {
    name: "a visitor that asks for an upgrade and goes away leaves no fiber behind",
    file: "platform-node/src/internal/destinationServer.ts",
    code: "watchAnswers(request.socket)",
    without: "",
    tests: ["platform-node/test/http/I2pHttpServer.test.ts"]
  },
  {
    name: "a watcher that does not read holds no more than its share",
    file: "platform-node/src/NodeInsight.ts",
    code: "if (watcher.writableLength < maxWaitingBytes) watcher.write(line)",
    without: "watcher.write(line)",
    tests: ["platform-node/test/NodeInsight.test.ts"]
  },
  {
    name: "watchers have a limit",
    file: "platform-node/src/NodeInsight.ts",
    code: "watchers.size >= maxWatchers",
    without: "false",
    tests: ["platform-node/test/NodeInsight.test.ts"]
  }
]

const forwarding: ReadonlyArray<Guard> = [
  {
    name: "a service that takes no connections is given up",
    file: "platform-node/src/internal/httpForward.ts",
    code: `    late.arm(limits.dial)

    upstream.once(`,
    without: `    upstream.once(`,
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "a service that does not answer is given up",
    file: "platform-node/src/internal/httpForward.ts",
    code: "late.arm(limits.answer)",
    without: "late.stop()",
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "an answer that stops is given up",
    file: "platform-node/src/internal/httpForward.ts",
    code: `answer = answered
        late.arm(limits.idle)`,
    without: `answer = answered
        late.stop()`,
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "only what may be repeated is asked again",
    file: "platform-node/src/internal/httpForward.ts",
    code: 'repeatable.has(request.method ?? "")',
    without: "true",
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "requests with a body are not asked again",
    file: "platform-node/src/internal/httpForward.ts",
    code: "&& !hasBody(request)",
    without: "",
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "a forwarded answer does not tell our clock",
    file: "platform-node/src/internal/httpForward.ts",
    code: `    response.sendDate = false
    lineOf`,
    without: "    lineOf",
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "nor does one to who asked for an upgrade",
    file: "platform-node/src/internal/httpForward.ts",
    code: `      response.sendDate = false
      response`,
    without: "      response",
    tests: ["platform-node/test/httpLimits.test.ts"]
  },
  {
    name: "interim answers have a limit",
    file: "platform-node/src/internal/httpForward.ts",
    code: "|| ++interim > maxInterim",
    without: "",
    tests: ["platform-node/test/httpLimits.test.ts"]
  }
]

const payloads: ReadonlyArray<Guard> = [
  {
    name: "what is inflated has a limit",
    file: "i2cp/src/Payload.ts",
    code: "compression.inflateRaw(bytes.subarray(HEADER, length - TRAILER), MAX_INFLATED)",
    without: "compression.inflateRaw(bytes.subarray(HEADER, length - TRAILER), 1e9)",
    tests: abuse,
    noticedBy: "gzip bomb"
  },
  {
    name: "inflating stops at the limit",
    file: "platform-node/src/NodeCompression.ts",
    code: "{ maxOutputLength: Math.max(1, maxBytes) }",
    without: "{}",
    tests: ["platform-node/test/NodeCompression.test.ts"]
  },
  {
    name: "a stored block fills its envelope",
    file: "i2cp/src/Payload.ts",
    code: "&& bytes.length === STORED_OVERHEAD + stored",
    without: "",
    tests: ["i2cp/test/Payload.test.ts"]
  },
  {
    name: "the checksum of an envelope counts",
    file: "i2cp/src/Payload.ts",
    code: "u32le(bytes, length - 8) !== compression.crc32(payload)",
    without: "false",
    tests: ["i2cp/test/Payload.test.ts"]
  }
]

const verification: ReadonlyArray<Guard> = [
  {
    name: "pings are counted to who has signed them",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "if ((yield* authenticate(packet, incoming.payload)) === undefined) return\n",
    without: "",
    tests: abuse,
    noticedBy: "pings in another's name"
  },
  {
    name: "connections are counted to who has signed them",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "if (key === undefined) return\n",
    without:
      "if (key === undefined) yield* AdmissionControl.admit(admissionControl, options.admission, { destination: from, localPort: 0, remotePort: 0 }, undefined)\n    if (key === undefined) return\n",
    tests: abuse,
    noticedBy: "SYNs in another's name, who has a quota"
  },
  {
    name: "a ping of somebody else's is answered once",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: 'if (seenPings.has(saying, now())) return drop("replayed")',
    without: "",
    tests: abuse,
    noticedBy: "a ping of somebody else's, repeated"
  },
  {
    name: "a refusal is repeated three times at the most",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: 'if (refused.has(refusalOf(maxRefusals - 1), now())) return drop("replayed")',
    without: "",
    tests: abuse,
    noticedBy: "a SYN that was refused, repeated"
  },
  {
    name: "the unproven wait in few bytes",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: 'if (incoming.payload.length > maxUnprovenBytes) return drop("malformed")',
    without: "",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "a SYN for another destination is not taken",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: 'if (!isForUs(packet)) return drop("replayed")',
    without: "",
    tests: abuse,
    noticedBy: "SYN replayed to a third party"
  },
  {
    name: "the words of a replay hash are compared",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "packet.nacks.every((word, i) => word === ownReplayHash[i])",
    without: "true",
    tests: abuse,
    noticedBy: "SYN replayed to a third party"
  },
  {
    name: "a caller's key has an accepted type",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: 'if (!isAccepted) return drop("unacceptedKey")',
    without: "",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "lists are asked before a signature is checked",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "if (!isPermitted(from, own)) return undefined",
    without: "",
    tests: ["streaming/test/admission.test.ts"]
  },
  {
    name: "lists are asked again once a SYN's signature is checked",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "if (!isPermitted(from, listening?.accessList)) return",
    without: "",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "lists are asked again once a ping's signature is checked",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "if (!isPermitted(from, undefined)) return",
    without: "",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "a peer that is denied with disconnect loses its streams",
    file: "streaming/src/AccessList.ts",
    code: "if (!disconnect) return Effect.void",
    without: "if (true) return Effect.void",
    tests: ["streaming/test/disconnect.test.ts"]
  },
  {
    name: "streams count under no caller's labels",
    file: "streaming/src/internal/Connections.ts",
    code: "Metering.begin(state, session.metricLabels)",
    without: "Metering.begin(state, yield* Metering.labelsOf({}))",
    tests: ["streaming/test/StreamMetrics.test.ts"]
  },
  {
    name: "answers beyond a limit have a limit themselves",
    file: "streaming/src/internal/accept/acceptor.ts",
    code: "|| !mayAnswer()",
    without: "",
    tests: ["streaming/test/admission.test.ts"]
  },
  {
    name: "a stream takes only what names its ids",
    file: "streaming/src/internal/connection/verification.ts",
    code: "if (!Core.isPlausible(state, packet)) return dropped",
    without: "",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "bad signatures make a stream wait",
    file: "streaming/src/internal/connection/verification.ts",
    code: "if (timers.now < signatures.from) return dropped",
    without: "",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "the checks of a stream that wait have a limit",
    file: "streaming/src/internal/connection/verification.ts",
    code: "signatures.pending >= maxPendingChecks",
    without: "false",
    tests: ["streaming/test/verification.test.ts", "bench/test/abuse.test.ts"]
  },
  {
    name: "bad signatures end a stream only if they name both ids",
    file: "streaming/src/internal/connection/verification.ts",
    code: "return namesBoth && ",
    without: "return ",
    tests: ["streaming/test/verification.test.ts"]
  },
  {
    name: "a stream's FROM is its peer's",
    file: "streaming/src/internal/connection/signing.ts",
    code: "!Bytes.equals(packet.from.bytes, expected.destinationBytes)",
    without: "false",
    tests: ["streaming/test/connection/signing.test.ts"]
  },
  {
    name: "an offline block ends with its date",
    file: "streaming/src/internal/connection/signing.ts",
    code: 'if (OfflineSignature.isExpired(packet.offlineSignature, nowMillis)) return Either.left("Expired")',
    without: "",
    tests: ["streaming/test/connection/signing.test.ts", "streaming/test/offline.test.ts"]
  },
  {
    name: "an offline block is signed by the destination's key",
    file: "streaming/src/internal/connection/signing.ts",
    code: 'if (!Either.getOrElse(block, () => false)) return Either.left("BadOfflineSignature")',
    without: "",
    tests: ["streaming/test/connection/signing.test.ts", "streaming/test/offline.test.ts"]
  },
  {
    name: "checks of signatures have their turn",
    file: "i2cp/src/VerificationBudget.ts",
    code: "if (this.#turnSpent < this.#turnMillis) return",
    without: "if (this.#turnSpent >= 0) return",
    tests: ["i2cp/test/VerificationBudget.test.ts"]
  },
  {
    name: "dear types have a share of their own",
    file: "i2cp/src/VerificationBudget.ts",
    code: "if (isDear(signatureType)) this.#dearFrom = began + spent / dearShare",
    without: "",
    tests: ["i2cp/test/VerificationBudget.test.ts"]
  },
  {
    name: "checks that wait have a limit",
    file: "i2cp/src/VerificationBudget.ts",
    code: "if (this.#waiting >= maxWaiting)",
    without: "if (false)",
    tests: ["i2cp/test/VerificationBudget.test.ts"]
  },
  {
    name: "checks of one peer that wait have a limit",
    file: "i2cp/src/VerificationBudget.ts",
    code: ".starts.size >= maxWaitingPerPeer",
    without: ".starts.size < 0",
    tests: ["i2cp/test/VerificationBudget.test.ts"]
  },
  {
    name: "the time charged to peers is forgotten",
    file: "i2cp/src/VerificationBudget.ts",
    code: "if (from <= earliest) this.#peers.delete(other)",
    without: "void [other, from]",
    tests: ["i2cp/test/VerificationBudget.test.ts"]
  }
]

const streams: ReadonlyArray<Guard> = [
  {
    name: "what is received and unread has a limit of bytes",
    file: "streaming/src/internal/connection/memoryPool.ts",
    code: "return Math.max(this.floor, freeShare * (this.limit - this.#used))",
    without: "return Number.POSITIVE_INFINITY",
    tests: abuse,
    noticedBy: "full packets on forty streams, unread"
  },
  {
    name: "views are copied when memory is tight",
    file: "streaming/src/internal/connection/memoryPool.ts",
    code: "return this.#used > tightShare * this.limit",
    without: "return false",
    tests: ["streaming/test/connection/memoryPool.test.ts", "streaming/test/memory.test.ts"]
  },
  {
    name: "one who guesses one id sends no data",
    file: "streaming/src/core/Inbound.ts",
    code: '(state.phase._tag === "SynReceived" || Packet.has(packet, Packet.SYNCHRONIZE))',
    without: "true",
    tests: ["streaming/test/core/Handshake.test.ts"]
  },
  {
    name: "a RESET names our id",
    file: "streaming/src/core/Inbound.ts",
    code: "    !Packet.has(packet, Packet.RESET) &&\n",
    without: "",
    tests: ["streaming/test/core/Handshake.test.ts"]
  },
  {
    name: "what overtakes the SYN-ACK has a limit",
    file: "streaming/src/core/Inbound.ts",
    code: "early.length < maxEarlyPackets && ",
    without: "",
    tests: ["streaming/test/core/Handshake.test.ts"]
  },
  {
    name: "what overtakes a SYN has a limit",
    file: "streaming/src/core/Endpoint.ts",
    code: "if (total >= self.limits.maxEarly) return false",
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "what overtakes one SYN has a limit",
    file: "streaming/src/core/Endpoint.ts",
    code: "entry.packets.length < self.limits.maxEarlyPerStream",
    without: "true",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "a call given up is reset three times at the most",
    file: "streaming/src/core/Endpoint.ts",
    code: 'if (entry.signed >= maxLateResets) return { _tag: "Unknown" }',
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "a late CLOSE is answered nine times at the most",
    file: "streaming/src/core/Endpoint.ts",
    code: "|| entry.signed >= maxLateCloses",
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "a stream that we reset is reset again four times at the most",
    file: "streaming/src/core/Endpoint.ts",
    code: "|| entry.signed >= maxResetAgain",
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "a SYN whose stream has ended is not taken again",
    file: "streaming/src/core/Endpoint.ts",
    code: 'live === undefined ? { _tag: "Stale" }',
    without: 'live === undefined ? { _tag: "New" }',
    tests: abuse,
    noticedBy: "SYN replayed after its stream has ended"
  },
  {
    name: "streams that peers open leave room for ours",
    file: "streaming/src/core/Endpoint.ts",
    code: " || self.openedByAll >= maxFromPeers",
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "streams of one peer leave room for others",
    file: "streaming/src/core/Endpoint.ts",
    code: "(self.opened.get(peerName) ?? 0) >= maxFromPeer ?",
    without: "false ?",
    tests: abuse,
    noticedBy: "streams of one peer beyond its share"
  },
  {
    name: "ids that are remembered have a limit",
    file: "streaming/src/core/Endpoint.ts",
    code: "if (self.finished.size >= self.limits.maxTimeWait) dropOldestFinished(self)",
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "pings of ours have a limit",
    file: "streaming/src/core/Endpoint.ts",
    code: "if (self.pings.size >= self.limits.maxPings) return false",
    without: "",
    tests: ["streaming/test/core/Endpoint.test.ts"]
  },
  {
    name: "an answer told once too often is not given",
    file: "streaming/src/core/Admission.ts",
    code: 'if (count.refused > toldRefusals) return { _tag: "Drop", reason }',
    without: "",
    tests: ["streaming/test/core/Admission.test.ts"]
  },
  {
    name: "peers that are counted have a limit",
    file: "streaming/src/core/Admission.ts",
    code: "else if (table.peers.size >= self.maxPeers) forgetOldest(table.peers)",
    without: "",
    tests: ["streaming/test/core/Admission.test.ts"]
  },
  {
    name: "a policy that throws lets nobody in",
    file: "streaming/src/internal/accept/admissionControl.ts",
    code: 'const failed: Admission.Verdict = { _tag: "Drop", reason: "Policy" }',
    without: 'const failed: Admission.Verdict = { _tag: "Admit" }',
    tests: ["streaming/test/admission.test.ts"]
  },
  {
    name: "a loss is taken back only with proof",
    file: "streaming/src/core/LossDetection.ts",
    code: "packet.sndNxtAtSend - 1 - seen.highest >= overtaken && ",
    without: "",
    tests: ["streaming/test/core/LossDetection.test.ts"]
  },
  {
    name: "an early answer that proves nothing takes no loss back",
    file: "streaming/src/core/LossDetection.ts",
    code: " && isAmbiguous(packet, seen.now, seen.minRtt)",
    without: "",
    tests: ["streaming/test/core/LossDetection.test.ts"]
  }
]

const sam: ReadonlyArray<Guard> = [
  {
    name: "the SAM bridge sends no datagrams for strangers",
    file: "sam/src/Sam.ts",
    code: "if (!session.clients.includes(from.host))",
    without: "if (from.port < 0)",
    tests: ["sam/test/datagrams.test.ts"]
  },
  {
    name: "a SAM bridge has no more sessions than it may",
    file: "sam/src/internal/registry.ts",
    code: "if (this.#byId.size >= this.#maxSessions)",
    without: "if (this.#maxSessions < 0)",
    tests: ["sam/test/abuse.test.ts"]
  },
  {
    name: "a SAM client says HELLO in time",
    file: "sam/src/core/Control.ts",
    code: "return now < state.deadline",
    without: "return now < Number.POSITIVE_INFINITY",
    tests: ["sam/test/core/Control.test.ts"]
  },
  {
    name: "a SAM client is read no further ahead than its stream takes",
    file: "sam/src/SamSocket.ts",
    code: "if (chunks.length >= capacity) room.unsafeClose()",
    without: "",
    tests: ["sam/test/SamSocket.test.ts"]
  },
  {
    name: "a SAM session ends when its client goes while it is made",
    file: "sam/src/internal/control.ts",
    code: "Effect.raceFirst(gone, lost)",
    without: "lost",
    tests: ["sam/test/dialogues.test.ts"]
  },
  {
    name: "nobody is let in to a SAM bridge as a user it does not have",
    file: "sam/src/SamUsers.ts",
    code: " && known !== undefined",
    without: "",
    tests: ["sam/test/utilities.test.ts"]
  },
  {
    name: "a reset does not look like an end to a SAM client",
    file: "sam/src/internal/join.ts",
    code: ".pipe(Effect.tapErrorCause(() => socket.reset))",
    without: "",
    tests: ["sam/test/dialogues.test.ts"]
  },
  {
    name: "lease sets for a few are not made for everybody by SAM",
    file: "sam/src/internal/sessionOptions.ts",
    code: 'if ((all["i2cp.leaseSetAuthType"] ?? "0") !== "0" && all["i2cp.leaseSetAuthType"] !== "-1")',
    without: "if (value === undefined)",
    tests: ["sam/test/internal/sessionOptions.test.ts"]
  }
]

/**
 * All of them.
 *
 * @category models
 * @since 0.1.0
 */
export const guards: ReadonlyArray<Guard> = [
  ...callers,
  ...clients,
  ...forwarding,
  ...payloads,
  ...verification,
  ...streams,
  ...sam
]
