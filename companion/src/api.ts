/**
 * The onboarding API, called by the owner's failover name. A call that got no answer is
 * repeated as it was: the claim is idempotent, so whichever Region answers gives the same
 * certificate, also when the first one died after it had issued it.
 */

import { isAwsName } from "./config.ts";
import type { Claim, Credentials } from "./contract.ts";
import { type Owned, pageOf } from "./owned.ts";
import { type Bytes, concat } from "./pan/bytes.ts";

export type ApiTrouble = "unreachable" | "signed-out" | "refused" | "used" | "invalid" | "strange";

export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly trouble: ApiTrouble,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

export interface Patience {
  readonly attempts: number;
  /** Of one attempt: the failover name leads elsewhere a few seconds later. */
  readonly attemptMs: number;
  /** Longest pause before the next; the pause itself is random below it, and doubles. */
  readonly pauseMs: number;
}

/** Twelve attempts span the time that health checks and DNS take to fail over. */
export const PATIENCE: Patience = { attempts: 12, attemptMs: 8_000, pauseMs: 8_000 };

const FIRST_PAUSE_MS = 500;
/** Devices in one answer: the API's largest. */
const PAGE = 25;
/** More than a person has; a list without an end ends here. */
const DEVICES_MAX = 500;
const LIST_ATTEMPTS = 2;
/** Of a file at once: what is lost when the network breaks off. */
const PART_BYTES = 256 * 1024;
/** More than any device takes; a file without an end ends here. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const TROUBLE: Readonly<Record<number, ApiTrouble>> = { 401: "signed-out", 403: "refused", 409: "used" };

export class Api {
  constructor(
    private readonly base: string,
    private readonly token: () => string,
    private readonly patience: Patience = PATIENCE,
  ) {}

  /** Send a claim with its CSR until there is an answer. `onRetry` is told of each new try. */
  async enrol(claim: Claim, csr: string, onRetry: (attempt: number) => void): Promise<Credentials> {
    const body = JSON.stringify({ claim, csr });
    return credentialsOf(await this.persist(() => this.once("POST", "/v1/devices", body), onRetry));
  }

  /** All devices of the person, page by page. */
  async devices(): Promise<readonly Owned[]> {
    const found: Owned[] = [];
    for (let after: string | undefined; ; ) {
      const query = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
      const path = `/v1/devices?limit=${PAGE}${query}`;
      const page = pageOf(await this.persist(() => this.once("GET", path), () => {}, LIST_ATTEMPTS));
      found.push(...page.devices);
      if (page.next === undefined || page.next === after || found.length >= DEVICES_MAX) return found;
      after = page.next;
    }
  }

  /**
   * A file of the firmware repository, part by part; nothing if there is no such file.
   * Anybody may ask: no token goes along.
   */
  async firmware(
    name: string,
    onBytes: (count: number) => void,
    onRetry: (attempt: number) => void,
  ): Promise<Bytes | undefined> {
    const parts: Bytes[] = [];
    for (let at = 0; ; ) {
      const part = await this.persist(() => this.part(name, at), onRetry);
      if (!part) return undefined;
      parts.push(part.bytes);
      at += part.bytes.length;
      onBytes(at);
      if (part.isLast) return concat(...parts);
      if (at > FILE_BYTES_MAX) throw new ApiError("strange", `${name} has no end`);
    }
  }

  private async part(name: string, at: number): Promise<{ bytes: Bytes; isLast: boolean } | undefined> {
    let answer: Response;
    let bytes: Bytes;
    try {
      answer = await fetch(`${this.base}/v1/firmware/${name}`, {
        headers: { range: `bytes=${at}-${at + PART_BYTES - 1}` },
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(this.patience.attemptMs),
      });
      bytes = new Uint8Array(await answer.arrayBuffer());
    } catch (cause) {
      throw new ApiError("unreachable", "no answer", cause);
    }
    if (answer.status === 404 && at === 0) return undefined;
    if (answer.status === 200 && at === 0) return { bytes, isLast: true };
    if (answer.status === 206 && bytes.length) {
      const length = Number(/\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1]);
      // Where the length is not said, a part that is not full is the last.
      const isLast = Number.isNaN(length) ? bytes.length < PART_BYTES : at + bytes.length >= length;
      return { bytes, isLast };
    }
    const isPassing = answer.status >= 500 || answer.status === 429;
    throw new ApiError(isPassing ? "unreachable" : "strange", `status ${answer.status} for ${name}`);
  }

  private async persist<Value>(
    attempt: () => Promise<Value>,
    onRetry: (attempt: number) => void,
    attempts = this.patience.attempts,
  ): Promise<Value> {
    for (let count = 1; ; count += 1) {
      try {
        return await attempt();
      } catch (error) {
        const isPassing = error instanceof ApiError && error.trouble === "unreachable";
        if (!isPassing || count >= attempts) throw error;
        onRetry(count + 1);
        const longest = Math.min(this.patience.pauseMs, FIRST_PAUSE_MS * 2 ** count);
        await new Promise((resume) => setTimeout(resume, longest * (0.5 + Math.random() / 2)));
      }
    }
  }

  private async once(method: "GET" | "POST", path: string, body?: string): Promise<unknown> {
    let answer: Response;
    let document: unknown;
    try {
      answer = await fetch(this.base + path, {
        method,
        headers: {
          authorization: `Bearer ${this.token()}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body }),
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(this.patience.attemptMs),
      });
      document = await answer.json().catch(() => undefined);
    } catch (cause) {
      throw new ApiError("unreachable", "no answer", cause);
    }
    if (answer.ok) return document;
    const trouble =
      answer.status >= 500 || answer.status === 429 ? "unreachable" : (TROUBLE[answer.status] ?? "invalid");
    throw new ApiError(trouble, said(document) ?? `status ${answer.status}`);
  }
}

function said(document: unknown): string | undefined {
  const found = document as { detail?: unknown; message?: unknown } | undefined;
  const words = found?.detail ?? found?.message;
  return typeof words === "string" ? words : undefined;
}

/** Check an answer before it is passed on to a device, and keep what is known of it. */
export function credentialsOf(document: unknown): Credentials {
  const top = document as Readonly<Record<string, unknown>> | undefined;
  const iot = top?.["iot"] as Readonly<Record<string, unknown>> | undefined;
  const names = iot?.["names"];
  const port = iot?.["port"];
  const word = (name: string): string => {
    const value = top?.[name];
    if (typeof value === "string" && value !== "") return value;
    throw new ApiError("strange", `the answer has no ${name}`);
  };
  if (!Array.isArray(names) || !names.length || !names.every((one) => typeof one === "string")) {
    throw new ApiError("strange", "the answer has no names");
  }
  if (typeof port !== "number") throw new ApiError("strange", "the answer has no port");
  if ([word("api"), ...(names as string[])].some(isAwsName)) {
    throw new ApiError("strange", "the answer names an AWS endpoint");
  }
  return {
    thing: word("thing"),
    certificate_id: word("certificate_id"),
    certificate: word("certificate"),
    ca: word("ca"),
    iot: { names: names as string[], port },
    api: word("api"),
  };
}
