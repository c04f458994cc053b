/**
 * Requests and answers inside a session: a head of two bytes, JSON documents, and what is
 * too long for one value sent in parts (docs/pan-protocol.md, section 6).
 */

import { type Bytes, concat, digest, equal, text, utf8 } from "./bytes.ts";
import { DeviceError, type Trouble } from "./errors.ts";
import type { Session } from "./session.ts";

const CODES = { info: 1, csr: 2, credentials: 3, endpoints: 4, firmware: 5, wifi: 6 } as const;
export type Endpoint = keyof typeof CODES;

const OP = { call: 0, begin: 1, put: 2, commit: 3, read: 4 } as const;
const ANSWER = 0x80;
const DONE = 0;
const LONG = 1;
const BODY_MAX = 462;
const PUT_MAX = 458;
/** Longest JSON document of the protocol. */
const DOCUMENT_MAX = 16 * 1024;
const DIGEST_BYTES = 32;

const STATUS: Readonly<Record<number, Trouble>> = {
  0x11: "unsupported",
  0x16: "foreign-name",
  0x17: "foreign-key",
  0x18: "certificate",
  0x19: "not-stored",
  0x1a: "wifi",
  0x1b: "firmware",
};

export type Document = Readonly<Record<string, unknown>>;

interface Answer {
  readonly status: number;
  readonly body: Bytes;
}

/** Ask an endpoint, however long request and answer are. */
export async function ask(session: Session, endpoint: Endpoint, request: Document): Promise<Document> {
  const body = utf8(JSON.stringify(request));
  const answer =
    body.length <= BODY_MAX
      ? await call(session, endpoint, OP.call, body)
      : await deliver(session, endpoint, "", body);
  return documentOf(await whole(session, endpoint, answer));
}

/** Deliver a file under its name; goes on where an earlier delivery of it was cut off. */
export async function deliverFile(
  session: Session,
  endpoint: Endpoint,
  name: string,
  file: Bytes,
  onBytes: (count: number) => void = () => {},
): Promise<Document> {
  return documentOf(await whole(session, endpoint, await deliver(session, endpoint, name, file, onBytes)));
}

async function deliver(
  session: Session,
  endpoint: Endpoint,
  name: string,
  body: Bytes,
  onBytes: (count: number) => void = () => {},
): Promise<Answer> {
  const begin = concat(u32(body.length), await digest("SHA-256", body), utf8(name));
  let at = u32Of((await call(session, endpoint, OP.begin, begin)).body, 0);
  while (at < body.length) {
    const part = body.slice(at, at + PUT_MAX);
    const next = u32Of((await call(session, endpoint, OP.put, concat(u32(at), part))).body, 0);
    if (next <= at) throw new DeviceError("malformed", "the device does not take what it is given");
    at = next;
    onBytes(at);
  }
  return call(session, endpoint, OP.commit, new Uint8Array(0));
}

async function whole(session: Session, endpoint: Endpoint, answer: Answer): Promise<Bytes> {
  if (answer.status === DONE) return answer.body;
  const length = u32Of(answer.body, 0);
  const wanted = answer.body.slice(4, 4 + DIGEST_BYTES);
  if (length > DOCUMENT_MAX) throw new DeviceError("malformed", "the device's answer is too long");
  let found: Bytes = new Uint8Array(0);
  while (found.length < length) {
    const part = (await call(session, endpoint, OP.read, u32(found.length))).body;
    if (!part.length || found.length + part.length > length) {
      throw new DeviceError("malformed", "the device's answer has another length than it said");
    }
    found = concat(found, part);
  }
  if (!equal(await digest("SHA-256", found), wanted)) {
    throw new DeviceError("malformed", "the device's answer was damaged on the way");
  }
  return found;
}

async function call(session: Session, endpoint: Endpoint, op: number, body: Bytes): Promise<Answer> {
  const code = CODES[endpoint];
  const answer = await session.call(endpoint, concat(Uint8Array.of(code, op), body));
  const status = answer[1];
  if (answer[0] !== code + ANSWER || status === undefined) {
    throw new DeviceError("malformed", "the device answered another question");
  }
  const rest = answer.slice(2);
  if (status === DONE || status === LONG) return { status, body: rest };
  const said = documentOf(rest);
  const detail = typeof said["detail"] === "string" ? said["detail"] : `status ${status}`;
  const reason = typeof said["reason"] === "string" ? said["reason"] : undefined;
  throw new DeviceError(STATUS[status] ?? "refused", detail, reason === undefined ? {} : { reason });
}

function documentOf(body: Bytes): Document {
  let found: unknown;
  try {
    found = JSON.parse(text(body));
  } catch (cause) {
    throw new DeviceError("malformed", "the device's answer is not JSON", { cause });
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new DeviceError("malformed", "the device's answer is not a JSON object");
  }
  return found as Document;
}

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function u32Of(bytes: Bytes, at: number): number {
  if (bytes.length < at + 4) throw new DeviceError("malformed", "the device's answer is cut off");
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}
