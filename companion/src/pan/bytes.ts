/** Bytes, text and big numbers: what every part of the protocol is made of. */

export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export const utf8 = (text: string): Bytes => Uint8Array.from(encoder.encode(text));

export const text = (bytes: Uint8Array): string => decoder.decode(bytes);

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function unhex(digits: string): Bytes {
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) throw new RangeError("not hex digits");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const number = (bytes: Uint8Array): bigint =>
  bytes.length ? BigInt(`0x${hex(bytes)}`) : 0n;

/** The number as big-endian bytes: as few as it takes, or padded to `width`. */
export function numberBytes(value: bigint, width = 0): Bytes {
  const digits = value.toString(16);
  return unhex(digits.padStart(Math.max(width * 2, digits.length + (digits.length % 2)), "0"));
}

/** Compare without telling by time where the difference is. */
export function equal(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let at = 0; at < left.length; at += 1) difference |= (left[at] ?? 0) ^ (right[at] ?? 0);
  return difference === 0;
}

export const digest = async (algorithm: "SHA-256" | "SHA-512", ...parts: readonly Uint8Array[]): Promise<Bytes> =>
  new Uint8Array(await crypto.subtle.digest(algorithm, concat(...parts)));
