/** As much of Web Bluetooth as we use (W3C Community Group draft); TypeScript's DOM has none. */

export interface Descriptor {
  readValue(): Promise<DataView>;
}

export interface Characteristic {
  readonly uuid: string;
  getDescriptor(uuid: number): Promise<Descriptor>;
  readValue(): Promise<DataView>;
  writeValueWithResponse(value: Uint8Array): Promise<void>;
}

export interface Service {
  getCharacteristics(): Promise<Characteristic[]>;
}

export interface GattServer {
  readonly connected: boolean;
  connect(): Promise<GattServer>;
  disconnect(): void;
  getPrimaryService(uuid: string): Promise<Service>;
}

export interface BluetoothDevice extends EventTarget {
  readonly id: string;
  readonly name?: string;
  readonly gatt: GattServer;
}

export interface RequestOptions {
  readonly filters: readonly ({ namePrefix: string } | { services: readonly string[] } | { name: string })[];
  readonly optionalServices: readonly string[];
}

export interface Bluetooth {
  requestDevice(options: RequestOptions): Promise<BluetoothDevice>;
}

declare global {
  interface Navigator {
    readonly bluetooth?: Bluetooth;
  }
}
