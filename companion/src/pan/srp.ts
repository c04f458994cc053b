/**
 * SRP-6a (RFC 5054, RFC 2945) with the 3072-bit group and SHA-512, in the form
 * Espressif's protocomm "security 2" uses it: S is hashed without padding, g with.
 * Both sides prove that they know the code on the label; neither says it.
 */

import { type Bytes, concat, digest, equal, number, numberBytes, utf8 } from "./bytes.ts";
import { DeviceError } from "./errors.ts";

/** Bytes of the group's modulus, and of each public key. */
export const WIDTH = 384;
const G = 5n;
// RFC 5054, appendix A, "3072-bit Group".
const N = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74" +
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05" +
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB" +
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718" +
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33" +
    "A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864" +
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2" +
    "08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
);

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % N;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % N;
    square = (square * square) % N;
  }
  return result;
}

/** Our half of a handshake that was just begun. */
export interface Offer {
  readonly username: Bytes;
  readonly secret: bigint;
  readonly publicKey: Bytes;
}

/** What both sides have when the handshake is right. */
export interface Agreement {
  readonly sessionKey: Bytes;
  readonly proof: Bytes;
  readonly expectedDeviceProof: Bytes;
}

/** Begin: `random` is 32 random bytes; ask again when the answer is undefined. */
export function offer(username: string, random: Bytes): Offer | undefined {
  const secret = number(random);
  const publicKey = numberBytes(power(G, secret));
  // Firmware refuses a key that is not exactly as long as the modulus.
  if (publicKey.length !== WIDTH) return undefined;
  return { username: utf8(username), secret, publicKey };
}

export async function agree(ours: Offer, code: string, salt: Bytes, deviceKey: Bytes): Promise<Agreement> {
  const B = number(deviceKey);
  // RFC 5054, 2.5.4: such a key would make the session key known to everybody.
  if (B % N === 0n || B >= N) throw new DeviceError("malformed", "the device's public key is not one");
  const { username, publicKey } = ours;
  const prime = numberBytes(N);
  const g = numberBytes(G, WIDTH);
  const k = number(await digest("SHA-512", prime, g));
  const u = number(await digest("SHA-512", numberBytes(number(publicKey), WIDTH), numberBytes(B, WIDTH)));
  const identity = await digest("SHA-512", username, utf8(":"), utf8(code));
  const x = number(await digest("SHA-512", salt, identity));
  const base = (((B - k * power(G, x)) % N) + N) % N;
  const sessionKey = await digest("SHA-512", numberBytes(power(base, ours.secret + u * x)));
  const hashedPrime = await digest("SHA-512", prime);
  const hashedG = await digest("SHA-512", g);
  const group = hashedPrime.map((byte, at) => byte ^ (hashedG[at] ?? 0));
  const proof = await digest(
    "SHA-512",
    concat(group, await digest("SHA-512", username)),
    salt,
    publicKey,
    numberBytes(B),
    sessionKey,
  );
  const expectedDeviceProof = await digest("SHA-512", publicKey, proof, sessionKey);
  return { sessionKey, proof, expectedDeviceProof };
}

export const isProven = (agreement: Agreement, deviceProof: Bytes): boolean =>
  equal(agreement.expectedDeviceProof, deviceProof);
