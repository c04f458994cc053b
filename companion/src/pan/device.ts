/** A device, as the app speaks with it: what section 7 of docs/pan-protocol.md lists. */

import { type Bytes, text, utf8 } from "./bytes.ts";
import { type Document, ask, deliverFile } from "./envelope.ts";
import { DeviceError } from "./errors.ts";
import { Session } from "./session.ts";
import type { Transport } from "./transport.ts";

const VERSION = 1;

export interface DeviceInfo {
  readonly serial: string;
  readonly state: string;
  readonly model: string | undefined;
  /** Its version; nothing for a device that takes none. */
  readonly firmware: string | undefined;
  readonly takesWifi: boolean;
}

export interface SigningRequest {
  readonly claim: { readonly id: string; readonly secret: string };
  readonly csr: string;
}

export interface Trial {
  readonly state: string;
  readonly trial: string;
  readonly reason: string | undefined;
  readonly site: string | undefined;
}

export interface Network {
  readonly ssid: string;
  readonly isOpen: boolean;
}

export interface Joining {
  readonly state: string;
  readonly reason: string | undefined;
}

export interface FirmwareStatus {
  readonly state: string;
  /** What it runs now. */
  readonly version: string | undefined;
  /** The file that it needs next; nothing when it needs none. */
  readonly wanted: string | undefined;
  readonly reason: string | undefined;
}

export class Device {
  private constructor(
    private readonly transport: Transport,
    private readonly session: Session,
  ) {}

  /** Greet the device; it says whether it listens before it is shown a code. */
  static async greet(transport: Transport): Promise<void> {
    let said: { hotsite?: { ver?: unknown; busy_s?: unknown; locked_s?: unknown } };
    try {
      said = JSON.parse(text(await transport.send("proto-ver", utf8("---"))));
    } catch (cause) {
      if (cause instanceof DeviceError) throw cause;
      throw new DeviceError("unsupported", "the device does not say which protocol it speaks", { cause });
    }
    if (said.hotsite?.ver !== VERSION) throw new DeviceError("unsupported", "the device speaks another version");
    const { busy_s: busyS, locked_s: lockedS } = said.hotsite;
    if (typeof lockedS === "number" && lockedS > 0) {
      throw new DeviceError("locked", "the device takes no code yet", { waitS: lockedS });
    }
    if (typeof busyS === "number" && busyS > 0) {
      throw new DeviceError("busy", "the device is talking to another phone", { waitS: busyS });
    }
  }

  static async open(transport: Transport, username: string, code: string): Promise<Device> {
    return new Device(transport, await Session.open(transport, username, code));
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  async info(): Promise<DeviceInfo> {
    const said = await ask(this.session, "info", { do: "read" });
    const firmware = said["firmware"] as Document | null | undefined;
    return {
      serial: word(said, "serial"),
      state: word(said, "state"),
      model: optional(said, "model"),
      firmware: firmware ? optional(firmware, "version") : undefined,
      takesWifi: said["wifi"] === true,
    };
  }

  async signingRequest(fresh = false): Promise<SigningRequest> {
    const said = await ask(this.session, "csr", { do: "make", fresh });
    const claim = said["claim"] as Document | undefined;
    if (typeof claim !== "object") throw new DeviceError("malformed", "the device shows no claim");
    if (typeof said["csr"] !== "string") {
      throw new DeviceError("unsupported", "the device makes no key of its own");
    }
    return { claim: { id: word(claim, "id"), secret: word(claim, "secret") }, csr: said["csr"] };
  }

  /** Hand over the onboarding API's answer; storing the same twice is no error. */
  async store(answer: Document): Promise<Trial> {
    return trialOf(await ask(this.session, "credentials", { do: "store", answer }));
  }

  async status(): Promise<Trial> {
    return trialOf(await ask(this.session, "credentials", { do: "status" }));
  }

  async tryAgain(): Promise<Trial> {
    return trialOf(await ask(this.session, "credentials", { do: "try" }));
  }

  async networks(): Promise<readonly Network[]> {
    const found = (await ask(this.session, "wifi", { do: "scan" }))["networks"];
    if (!Array.isArray(found)) return [];
    return found
      .filter((one): one is Document => typeof one === "object" && one !== null)
      .map((one) => ({ ssid: word(one, "ssid"), isOpen: one["security"] === "open" }));
  }

  async join(ssid: string, passphrase: string): Promise<Joining> {
    return joiningOf(await ask(this.session, "wifi", { do: "store", ssid, passphrase }));
  }

  async joining(): Promise<Joining> {
    return joiningOf(await ask(this.session, "wifi", { do: "status" }));
  }

  async firmware(act: "status" | "start" | "apply"): Promise<FirmwareStatus> {
    return firmwareOf(await ask(this.session, "firmware", { do: act }));
  }

  /** Hand over a file that it wants; goes on where an earlier try was cut off. */
  async deliver(name: string, file: Bytes, onBytes: (count: number) => void): Promise<FirmwareStatus> {
    return firmwareOf(await deliverFile(this.session, "firmware", name, file, onBytes));
  }

  /** Say that the repository has no such file. */
  async absent(name: string): Promise<FirmwareStatus> {
    return firmwareOf(await ask(this.session, "firmware", { do: "absent", name }));
  }
}

const trialOf = (said: Document): Trial => ({
  state: word(said, "state"),
  trial: optional(said, "trial") ?? "none",
  reason: optional(said, "reason"),
  site: optional(said, "site"),
});

const joiningOf = (said: Document): Joining => ({
  state: word(said, "state"),
  reason: optional(said, "reason"),
});

function firmwareOf(said: Document): FirmwareStatus {
  const wanted = said["wanted"];
  const first: unknown = Array.isArray(wanted) ? wanted[0] : undefined;
  if (first !== undefined && typeof first !== "string") {
    throw new DeviceError("malformed", "the device does not say which file it wants");
  }
  return {
    state: word(said, "state"),
    version: optional(said, "version"),
    wanted: first,
    reason: optional(said, "reason"),
  };
}

function word(said: Document, name: string): string {
  const value = said[name];
  if (typeof value === "string") return value;
  throw new DeviceError("malformed", `the device does not say its ${name}`);
}

const optional = (said: Document, name: string): string | undefined =>
  typeof said[name] === "string" ? (said[name] as string) : undefined;
