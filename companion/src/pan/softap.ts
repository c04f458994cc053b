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

export class SoftApTransport implements Transport {
  private session: string | undefined;

  constructor(private readonly origin: string) {}

  async send(endpoint: string, frame: Bytes): Promise<Bytes> {
    const request: LocalRequest = {
      method: "POST",
      body: frame,
      headers: {
        "content-type": "application/octet-stream",
        ...(this.session === undefined ? {} : { "x-session": this.session }),
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
    this.session = answer.headers.get("x-session") ?? this.session;
    return new Uint8Array(await answer.arrayBuffer());
  }

  async close(): Promise<void> {
    this.session = undefined;
  }
}
