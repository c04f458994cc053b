/**
 * To a device's own Wi-Fi network: HTTP POST to its one address. The page may be on
 * HTTPS; the browser asks the person for leave once (Local Network Access). What is
 * said is encrypted by the session, so plain HTTP gives nothing away.
 */

import type { Bytes } from "./bytes.ts";
import { DeviceError } from "./errors.ts";
import type { Transport } from "./transport.ts";

const PATIENCE_MS = 10_000;
const NO_SESSION = 401;

/** `targetAddressSpace` is newer than TypeScript's DOM (WICG, Local Network Access). */
interface LocalRequest extends RequestInit {
  readonly targetAddressSpace: "local";
}

/** By address, and by nothing else: it is no secret, and worth nothing elsewhere. */
export interface Memory {
  get(origin: string): string | undefined;
  set(origin: string, name: string): unknown;
}

export class SoftApTransport implements Transport {
  /**
   * `memory` keeps the name under which the device knows this phone: with it, a phone that
   * comes back takes over its own session, and is not kept out as another one.
   */
  constructor(
    private readonly origin: string,
    private readonly memory: Memory = new Map(),
  ) {}

  async send(endpoint: string, frame: Bytes): Promise<Bytes> {
    const known = this.memory.get(this.origin);
    const request: LocalRequest = {
      method: "POST",
      body: frame,
      headers: {
        "content-type": "application/octet-stream",
        ...(known === undefined ? {} : { "x-session": known }),
      },
      credentials: "omit",
      targetAddressSpace: "local",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    };
    let answer: Response;
    try {
      answer = await fetch(`${this.origin}/${endpoint}`, request);
    } catch (cause) {
      throw new DeviceError("lost", "the device does not answer on its Wi-Fi network", { cause });
    }
    if (answer.status === NO_SESSION) throw new DeviceError("lost", "the device has ended the session");
    if (!answer.ok) throw new DeviceError("refused", `the device answered ${answer.status} to ${endpoint}`);
    const named = answer.headers.get("x-session");
    if (named !== null) this.memory.set(this.origin, named);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Nothing is open between two requests. */
  async close(): Promise<void> {}
}
