/**
 * ElGamal key pairs over the 2048-bit group: what a lease set must offer to be reached by peers from before 2020.
 *
 * Only the keys are made here. Encrypting and decrypting is the router's, which is given the private half. Big integers
 * are not constant in time; one power per process, on a machine that holds the key anyway, tells nobody anything.
 */
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js"

/** Source: RFC 3526 section 3, the 2048-bit MODP group; Java I2P, `CryptoConstants.elgp` and `elgg`. */
const p = BigInt(
  "0xffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f" +
    "83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
    "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510" +
    "15728e5a8aacaa68ffffffffffffffff"
)

/** Bytes of either half. Source: I2P common structures, PublicKey. */
const elgamalLength = 256

/** 2^x mod p, square and double: the base is two, so half of the work is a shift. */
const powerOfTwo = (x: bigint): bigint => {
  let result = 1n
  for (const bit of x.toString(2)) {
    result = (result * result) % p
    if (bit === "1") result = (result << 1n) % p
  }
  return result
}

/** The public half, big-endian; throws for an exponent of 0 or not below the order. */
export const elgamalPublicKey = (privateKey: Uint8Array): Uint8Array => {
  const x = bytesToNumberBE(privateKey)
  if (x <= 0n || x >= p - 1n) throw new RangeError("ElGamal: private key out of range")
  return numberToBytesBE(powerOfTwo(x), elgamalLength)
}

/**
 * A private key from as many random bytes: 1 to p − 2. The prime begins with 64 one bits, so what reducing favours has
 * a chance of 2⁻⁶⁴.
 */
export const elgamalPrivateKey = (random: Uint8Array): Uint8Array =>
  numberToBytesBE((bytesToNumberBE(random) % (p - 2n)) + 1n, elgamalLength)
