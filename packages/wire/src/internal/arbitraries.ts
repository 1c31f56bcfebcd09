/** Generators that several Schemas share. Types only of fast-check: who does not generate does not load it from here. */
import type { LazyArbitrary } from "effect/Arbitrary"
import * as KeyType from "../KeyType.js"

/** Keys of registered types, as in the network: nearly all Ed25519, a few of the others. */
export const registeredKey: LazyArbitrary<{ readonly type: number; readonly bytes: Uint8Array }> = (fc) =>
  fc
    .oneof(
      { weight: 9, arbitrary: fc.constant(KeyType.signingTypes[KeyType.Ed25519]!) },
      { weight: 1, arbitrary: fc.constantFrom(...KeyType.signingTypes) }
    )
    .chain(({ code, publicKeyLength }) =>
      fc.uint8Array({ minLength: publicKeyLength, maxLength: publicKeyLength }).map((bytes) => ({ type: code, bytes }))
    )
