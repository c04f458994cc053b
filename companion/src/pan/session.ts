/**
 * An encrypted session: protocomm "security 2", SRP-6a and then AES-256-GCM.
 * The nonce's counter is shared by both directions, so requests are strictly one
 * after the other.
 */

import { type Bytes, concat } from "./bytes.ts";
import { DeviceError, type Trouble } from "./errors.ts";
import { type Message, bytesField, bytesOf, numberOf, parse, varintField } from "./protobuf.ts";
import * as srp from "./srp.ts";
import type { Transport } from "./transport.ts";

export const SESSION_ENDPOINT = "prov-session";
const SECURITY_2 = 2;
// Field numbers of session.proto and sec2.proto (Espressif protocomm).
const FIELD = { version: 2, sec2: 12, message: 1, command0: 20, response0: 21, command1: 22, response1: 23 };
const COMMAND_1 = 2;
/** hotsite's own field: seconds until the device listens again. */
const WAIT = 100;
// Values of protocomm's enum Status; docs/pan-protocol.md, section 4.
const TROUBLES: Readonly<Record<number, Trouble>> = { 3: "busy", 6: "wrong-code", 7: "locked" };
const NONCE_BYTES = 12;
const COUNTER_AT = 8;
const KEY_BYTES = 32;

export class Session {
  private constructor(
    private readonly transport: Transport,
    private readonly key: CryptoKey,
    private readonly nonce: Bytes,
  ) {}

  /** Go on with what both sides have agreed on: the first 32 bytes of `K`, and the device's nonce. */
  static async resume(transport: Transport, sessionKey: Bytes, nonce: Bytes): Promise<Session> {
    if (nonce.length !== NONCE_BYTES) throw new DeviceError("malformed", "the device's nonce has another length");
    const raw = sessionKey.slice(0, KEY_BYTES);
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
    return new Session(transport, key, nonce.slice());
  }

  /** Prove to each other that device and label know the same code. */
  static async open(transport: Transport, username: string, code: string): Promise<Session> {
    let ours: srp.Offer | undefined;
    while (ours === undefined) ours = srp.offer(username, crypto.getRandomValues(new Uint8Array(32)));
    const first = await exchange(
      transport,
      bytesField(FIELD.command0, concat(bytesField(1, ours.username), bytesField(2, ours.publicKey))),
      FIELD.response0,
    );
    const agreement = await srp.agree(ours, code, bytesOf(first, 3), bytesOf(first, 2));
    const second = await exchange(
      transport,
      concat(
        varintField(FIELD.message, COMMAND_1),
        bytesField(FIELD.command1, bytesField(1, agreement.proof)),
      ),
      FIELD.response1,
    );
    if (!srp.isProven(agreement, bytesOf(second, 2))) {
      throw new DeviceError("wrong-code", "this is not the device that the label belongs to");
    }
    return Session.resume(transport, agreement.sessionKey, bytesOf(second, 3));
  }

  /** Send one request to an endpoint and return its answer, both encrypted. */
  async call(endpoint: string, request: Bytes): Promise<Bytes> {
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: this.next() }, this.key, request);
    const answer = await this.transport.send(endpoint, new Uint8Array(sealed));
    const iv = this.next();
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.key, answer));
    } catch (cause) {
      throw new DeviceError("lost", "the device's answer does not belong to this session", { cause });
    }
  }

  private next(): Bytes {
    const now = this.nonce.slice();
    const view = new DataView(this.nonce.buffer);
    // A counter that began again would repeat a nonce, which gives AES-GCM's key away.
    if (view.getUint32(COUNTER_AT) === 0xffffffff) throw new DeviceError("lost", "the session is used up");
    view.setUint32(COUNTER_AT, view.getUint32(COUNTER_AT) + 1);
    return now;
  }
}

async function exchange(transport: Transport, payload: Bytes, response: number): Promise<Message> {
  const frame = concat(varintField(FIELD.version, SECURITY_2), bytesField(FIELD.sec2, payload));
  const answer = parse(await transport.send(SESSION_ENDPOINT, frame));
  if (numberOf(answer, FIELD.version) !== SECURITY_2) {
    throw new DeviceError("unsupported", "the device speaks another security than 2");
  }
  const found = parse(bytesOf(parse(bytesOf(answer, FIELD.sec2)), response));
  const status = numberOf(found, 1);
  if (status !== 0) {
    throw new DeviceError(TROUBLES[status] ?? "malformed", `the device answered the handshake with status ${status}`, {
      waitS: numberOf(found, WAIT),
    });
  }
  return found;
}
