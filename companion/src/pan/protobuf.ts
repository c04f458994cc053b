/**
 * As much of protobuf's wire format as protocomm's messages need: varints and
 * length-delimited fields (protobuf.dev, "Encoding").
 */

import { type Bytes, concat } from "./bytes.ts";
import { DeviceError } from "./errors.ts";

const VARINT = 0;
const LENGTH_DELIMITED = 2;

export type Message = ReadonlyMap<number, number | Bytes>;

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let left = value;
  do {
    const more = left > 127;
    bytes.push((left & 127) | (more ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Uint8Array.from(bytes);
}

export const varintField = (field: number, value: number): Bytes =>
  concat(varint(field * 8 + VARINT), varint(value));

export const bytesField = (field: number, value: Uint8Array): Bytes =>
  concat(varint(field * 8 + LENGTH_DELIMITED), varint(value.length), value);

/** Read the fields of a message; of a field that is there twice, the last counts. */
export function parse(bytes: Bytes): Message {
  const found = new Map<number, number | Bytes>();
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = bytes[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new DeviceError("malformed", "a number in the device's message does not end");
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    if (tag % 8 === VARINT) {
      found.set(field, readVarint());
    } else if (tag % 8 === LENGTH_DELIMITED) {
      const length = readVarint();
      if (at + length > bytes.length) {
        throw new DeviceError("malformed", `field ${field} of the device's message is cut off`);
      }
      found.set(field, bytes.slice(at, at + length));
      at += length;
    } else {
      throw new DeviceError("malformed", `field ${field} of the device's message is of an unknown kind`);
    }
  }
  return found;
}

export function bytesOf(message: Message, field: number): Bytes {
  const value = message.get(field);
  if (value instanceof Uint8Array) return value;
  throw new DeviceError("malformed", `the device's message lacks field ${field}`);
}

/** A number; protobuf leaves out what is 0. */
export function numberOf(message: Message, field: number): number {
  const value = message.get(field) ?? 0;
  if (typeof value === "number") return value;
  throw new DeviceError("malformed", `field ${field} of the device's message is not a number`);
}
