/** The person's devices, as the API lists them (`GET /v1/devices`). */

import type { Device } from "./contract.ts";

export interface Owned {
  readonly thing: string;
  readonly status: Device["status"];
  /** Region in which it was last heard, where that is known. */
  readonly region: string | undefined;
  readonly lastSeenMs: number | undefined;
}

export interface Page {
  readonly devices: readonly Owned[];
  /** Where the next page begins; nothing after the last. */
  readonly next: string | undefined;
}

type Said = Readonly<Record<string, unknown>>;

export function pageOf(document: unknown): Page {
  const top = document as Said | undefined;
  const found = top?.["devices"];
  if (!Array.isArray(found)) throw new TypeError("the list of devices has another shape");
  const next = top?.["next"];
  return { devices: found.map(ownedOf), next: typeof next === "string" ? next : undefined };
}

function ownedOf(document: unknown): Owned {
  const one = document as Said | undefined;
  const thing = one?.["thing"];
  if (typeof thing !== "string") throw new TypeError("a device has no name");
  const seen = one?.["last_seen"] as Said | null | undefined;
  const atS = seen?.["at_s"];
  const region = seen?.["region"];
  return {
    thing,
    status: one?.["status"] === "revoked" || one?.["status"] === "deleted" ? one["status"] : "active",
    region: typeof region === "string" ? region : undefined,
    lastSeenMs: typeof atS === "number" ? atS * 1000 : undefined,
  };
}
