/** Lengths of the parts of a Destination. Source: I2P common structures, KeysAndCert. */

export const encryptionFieldLength = 256
export const signingFieldLength = 128
export const keyAreaLength: number = encryptionFieldLength + signingFieldLength

/** `Destination.maxBytes`. */
export const maxDestinationBytes = 4096

/** The longest key a destination can hold under a type nobody knows: its field, and a certificate without anything else. */
export const maxUnknownKeyLength: number = signingFieldLength + maxDestinationBytes - keyAreaLength - 7
