/**
 * To a device over Bluetooth Low Energy: write a value, then read it. Notifications
 * are not used: not every central delivers them, and protocomm needs none.
 */

import { type Bytes, text } from "./bytes.ts";
import { DeviceError } from "./errors.ts";
import type { Transport } from "./transport.ts";
import type { BluetoothDevice, Characteristic } from "./webbluetooth.ts";

/** hotsite's PAN service; docs/pan-protocol.md, section 2. */
export const SERVICE = "427b9004-c418-4e6f-b74c-4ef4a412933f";
/** "Characteristic User Description" (Bluetooth Assigned Numbers, 3.7): the endpoint's name. */
const DESCRIPTION = 0x2901;
/** GATT's own limit is 30 s (Core Specification, Vol 3, Part F, 3.3.3); nobody waits that long. */
const PATIENCE_MS = 15_000;

export class BleTransport implements Transport {
  private isLost = false;
  private readonly loss: Promise<never>;

  private constructor(
    private readonly device: BluetoothDevice,
    private readonly endpoints: ReadonlyMap<string, Characteristic>,
  ) {
    this.loss = new Promise((_, reject) => {
      device.addEventListener(
        "gattserverdisconnected",
        () => {
          this.isLost = true;
          reject(new DeviceError("lost", "the device ended the Bluetooth connection"));
        },
        { once: true },
      );
    });
    // Heard by whoever waits for an answer; nobody may be waiting.
    this.loss.catch(() => {});
  }

  static isHere(): boolean {
    return "bluetooth" in navigator && navigator.bluetooth !== undefined;
  }

  /** Let the person choose a device; needs a tap, and gives nothing when they cancel. */
  static async choose(name: string | undefined): Promise<BluetoothDevice | undefined> {
    const bluetooth = navigator.bluetooth;
    if (!bluetooth) throw new DeviceError("unsupported", "this browser has no Web Bluetooth");
    try {
      return await bluetooth.requestDevice({
        filters: [name === undefined ? { services: [SERVICE] } : { name }],
        optionalServices: [SERVICE],
      });
    } catch (cause) {
      // The specification gives NotFoundError to a chooser that was closed, too.
      if (cause instanceof DOMException && cause.name === "NotFoundError") return undefined;
      throw new DeviceError("not-found", "Bluetooth is off, or not allowed for this page", { cause });
    }
  }

  static async connect(device: BluetoothDevice): Promise<BleTransport> {
    let found: ReadonlyMap<string, Characteristic>;
    try {
      // All of it: a link that breaks while it is explored may never say so.
      found = await Promise.race([explore(device), silence(PATIENCE_MS)]);
    } catch (cause) {
      device.gatt.disconnect();
      throw new DeviceError("lost", "the device does not answer over Bluetooth", { cause });
    }
    return new BleTransport(device, found);
  }

  async send(endpoint: string, frame: Bytes): Promise<Bytes> {
    const characteristic = this.endpoints.get(endpoint);
    if (!characteristic) throw new DeviceError("unsupported", `the device has no endpoint ${endpoint}`);
    try {
      return await Promise.race([this.exchange(characteristic, frame), this.loss, silence(PATIENCE_MS)]);
    } catch (cause) {
      if (cause instanceof DeviceError) throw cause;
      if (this.isLost || !this.device.gatt.connected) {
        throw new DeviceError("lost", "the Bluetooth connection is gone", { cause });
      }
      // ATT errors reach a page without their code. What we send is well-formed, so it is
      // 0x80: the device has ended the session.
      throw new DeviceError("lost", `the device has no session for ${endpoint}`, { cause });
    }
  }

  private async exchange(characteristic: Characteristic, frame: Bytes): Promise<Bytes> {
    await characteristic.writeValueWithResponse(frame);
    return bytes(await characteristic.readValue());
  }

  async close(): Promise<void> {
    this.device.gatt.disconnect();
  }
}

async function explore(device: BluetoothDevice): Promise<ReadonlyMap<string, Characteristic>> {
  const found = new Map<string, Characteristic>();
  const server = await device.gatt.connect();
  for (const one of await (await server.getPrimaryService(SERVICE)).getCharacteristics()) {
    const name = await (await one.getDescriptor(DESCRIPTION)).readValue();
    found.set(text(bytes(name)), one);
  }
  return found;
}

const silence = (ms: number): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new DeviceError("lost", "the device says nothing")), ms);
  });

const bytes = (view: DataView): Bytes =>
  Uint8Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
