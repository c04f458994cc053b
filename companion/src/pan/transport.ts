/** A way to a device's endpoints: a request goes out, the answer comes back, in lock step. */

import type { Bytes } from "./bytes.ts";

export interface Transport {
  /** Send one frame to an endpoint and return the device's answer. */
  send(endpoint: string, frame: Bytes): Promise<Bytes>;
  close(): Promise<void>;
}
