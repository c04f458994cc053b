/**
 * A device to test against: the other side of docs/pan-protocol.md, written from the
 * page. It keeps salt and verifier only, stages what it is given, and can be told to
 * hang up or to be slow to connect.
 */

import { type Bytes, concat, digest, equal, number, numberBytes, text, unhex, utf8 } from "../src/pan/bytes.ts";
import { DeviceError } from "../src/pan/errors.ts";
import { bytesField, bytesOf, parse, numberOf, varintField } from "../src/pan/protobuf.ts";
import type { Transport } from "../src/pan/transport.ts";

export const PRIME = number(
  unhex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a93ad2caffffffffffffffff",
  ),
);
const W = 384;
const ENDPOINTS = ["", "info", "csr", "credentials", "endpoints", "firmware", "wifi"];
const NONCE = unhex("a0a1a2a3a4a5a6a700000001");

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % PRIME;
  for (let left = exponent; left; left >>= 1n) {
    if (left & 1n) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}

type Said = Record<string, unknown>;

/** What a device refuses with. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: Said,
  ) {
    super(String(body["detail"]));
  }
}

export class ReferenceDevice {
  state = "new";
  trial = "none";
  stored: Said | undefined;
  takesWifi = false;
  passphrase = "secret-wifi";
  busyS = 0;
  lockedS = 0;
  /** Frames until the link breaks, once. */
  framesLeft = Infinity;
  /** Polls of its status until it has connected. */
  pollsToConnect = 2;
  sessions = 0;
  frames: string[] = [];
  /** Firmware: what it asks for, one after the other, and what it says in the end. */
  wants: string[] = [];
  verdict: Said = { state: "ready", reason: "taken" };
  firmwareState = "idle";
  readonly received = new Map<string, Bytes | undefined>();
  private verifier = 0n;
  private readonly salt = unhex("0102030405060708090a0b0c0d0e0f10");
  private handshake: { K: Bytes; expected: Bytes; A: Bytes } | undefined;
  private key: CryptoKey | undefined;
  private counter = 0;
  private upload: { length: number; sum: Bytes; name: string; body: Bytes } | undefined;
  private long: Bytes = new Uint8Array(0);
  private joining = "none";

  static async make(code: string): Promise<ReferenceDevice> {
    const device = new ReferenceDevice();
    const identity = await digest("SHA-512", utf8(`hotsite:${code}`));
    device.verifier = power(5n, number(await digest("SHA-512", device.salt, identity)));
    return device;
  }

  /** A link to it, as Bluetooth or Wi-Fi would give one. */
  link(): Transport {
    this.key = undefined;
    let isOpen = true;
    return {
      send: async (endpoint, frame) => {
        if (!isOpen || this.framesLeft <= 0) {
          isOpen = false;
          this.framesLeft = Infinity;
          throw new DeviceError("lost", "the link broke");
        }
        this.framesLeft -= 1;
        if (frame.length > 480) throw new RangeError(`${frame.length} bytes in one value`);
        const answer = await this.handle(endpoint, frame);
        if (answer.length > 480) throw new RangeError(`${answer.length} bytes in one value`);
        return answer;
      },
      close: async () => {
        isOpen = false;
      },
    };
  }

  private async handle(endpoint: string, frame: Bytes): Promise<Bytes> {
    this.frames.push(endpoint);
    if (endpoint === "proto-ver") {
      return utf8(JSON.stringify({ hotsite: { ver: 1, state: this.state, busy_s: this.busyS, locked_s: this.lockedS } }));
    }
    if (endpoint === "prov-session") return this.greet(frame);
    if (!this.key) throw new DeviceError("lost", "no session");
    const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: this.iv(0) }, this.key, frame));
    const answer = await this.answer(endpoint, plain);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: this.iv(1) }, this.key, answer);
    this.counter += 2;
    return new Uint8Array(sealed);
  }

  private iv(ahead: number): Bytes {
    const iv = NONCE.slice();
    new DataView(iv.buffer).setUint32(8, 1 + this.counter + ahead);
    return iv;
  }

  private async greet(frame: Bytes): Promise<Bytes> {
    const payload = parse(bytesOf(parse(frame), 12));
    const wrap = (kind: number, field: number, body: Bytes): Bytes =>
      concat(varintField(2, 2), bytesField(12, concat(varintField(1, kind), bytesField(field, body))));
    const N = numberBytes(PRIME);
    const g = numberBytes(5n, W);
    if (numberOf(payload, 1) === 0) {
      const A = bytesOf(parse(bytesOf(payload, 20)), 2);
      let b = 0n;
      let B = 0n;
      do {
        b = number(crypto.getRandomValues(new Uint8Array(32)));
        B = (number(await digest("SHA-512", N, g)) * this.verifier + power(5n, b)) % PRIME;
      } while (numberBytes(B).length !== W);
      const u = number(await digest("SHA-512", A, numberBytes(B)));
      const K = await digest("SHA-512", numberBytes(power(number(A) * power(this.verifier, u), b)));
      const hN = await digest("SHA-512", N);
      const hg = await digest("SHA-512", g);
      const group = hN.map((byte, at) => byte ^ (hg[at] ?? 0));
      const name = await digest("SHA-512", utf8("hotsite"));
      const expected = await digest("SHA-512", group, name, this.salt, A, numberBytes(B), K);
      this.handshake = { K, expected, A };
      return wrap(1, 21, concat(bytesField(2, numberBytes(B)), bytesField(3, this.salt)));
    }
    const now = this.handshake;
    const proof = bytesOf(parse(bytesOf(payload, 22)), 1);
    if (!now || !equal(proof, now.expected)) return wrap(3, 23, varintField(1, 6));
    this.key = await crypto.subtle.importKey("raw", now.K.slice(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
    this.counter = 0;
    this.sessions += 1;
    const M2 = await digest("SHA-512", now.A, proof, now.K);
    return wrap(3, 23, concat(bytesField(2, M2), bytesField(3, NONCE)));
  }

  private async answer(endpoint: string, plain: Bytes): Promise<Bytes> {
    const [code = 0, op] = plain;
    if (ENDPOINTS[code] !== endpoint) throw new RangeError("a frame moved to another endpoint");
    const head = (status: number, body: Bytes): Bytes => concat(Uint8Array.of(code + 0x80, status), body);
    const view = new DataView(plain.buffer, plain.byteOffset + 2);
    const body = plain.slice(2);
    try {
      if (op === 1) {
        const [sum, name] = [body.slice(4, 36), text(body.slice(36))];
        const was = this.upload;
        const isSame = was !== undefined && was.name === name && equal(was.sum, sum);
        if (!isSame) this.upload = { length: view.getUint32(0), sum, name, body: new Uint8Array(0) };
        return head(0, numberBytes(BigInt(this.upload?.body.length ?? 0), 4));
      }
      if (op === 2) {
        const to = this.upload;
        if (!to || view.getUint32(0) !== to.body.length) throw new Refusal(0x13, { detail: "elsewhere" });
        to.body = concat(to.body, body.slice(4));
        return head(0, numberBytes(BigInt(to.body.length), 4));
      }
      if (op === 4) return head(0, this.long.slice(view.getUint32(0), view.getUint32(0) + 462));
      const whole = op === 3 ? this.upload?.body : body;
      if (!whole) throw new Refusal(0x12, { detail: "nothing was begun" });
      if (op === 3 && !equal(await digest("SHA-256", whole), this.upload?.sum ?? whole)) {
        throw new Refusal(0x14, { detail: "damaged" });
      }
      const file = op === 3 ? this.upload?.name : "";
      if (op === 3) this.upload = undefined;
      if (file) this.received.set(file, whole);
      const asked = file ? { do: "status" } : (JSON.parse(text(whole)) as Said);
      const said = utf8(JSON.stringify(this.decide(endpoint, asked)));
      if (said.length <= 462) return head(0, said);
      this.long = said;
      return head(1, concat(numberBytes(BigInt(said.length), 4), await digest("SHA-256", said)));
    } catch (error) {
      if (error instanceof Refusal) return head(error.status, utf8(JSON.stringify(error.body)));
      throw error;
    }
  }

  private judge(asked: Said): Said {
    if (asked["do"] === "start") {
      this.received.clear();
      this.firmwareState = "idle";
    }
    if (asked["do"] === "absent") this.received.set(String(asked["name"]), undefined);
    if (asked["do"] === "apply") this.firmwareState = "applied";
    const wanted = this.wants.filter((name) => !this.received.has(name)).slice(0, 1);
    if (this.firmwareState !== "idle") return { state: this.firmwareState, version: "1.0.0", wanted: [], reason: null };
    if (wanted.length) return { state: "receiving", version: "1.0.0", wanted, reason: null };
    return { version: "1.0.0", wanted, ...this.verdict };
  }

  private decide(endpoint: string, asked: Said): Said {
    const { state } = this;
    if (endpoint === "firmware") return this.judge(asked);
    if (endpoint === "info") {
      return { serial: "oven-1", model: "m", state, domain: "fleet.example.com", firmware: { version: null }, wifi: this.takesWifi };
    }
    if (endpoint === "csr") return { claim: { id: "oven-1", secret: "s3cret" }, csr: `CSR ${"x".repeat(900)}` };
    if (endpoint === "wifi") {
      if (asked["do"] === "scan") return { networks: [{ ssid: "home", rssi: -50, security: "wpa2" }] };
      if (asked["do"] === "store") this.joining = asked["passphrase"] === this.passphrase ? "joined" : "failed";
      return { state: this.joining, reason: this.joining === "failed" ? "passphrase" : null };
    }
    if (asked["do"] === "store") {
      const answer = asked["answer"] as Said;
      const { names } = answer["iot"] as { names: string[] };
      if (!names.every((name) => name.endsWith(".fleet.example.com"))) {
        throw new Refusal(0x16, { detail: "a strange name", name: names[0] });
      }
      this.stored = answer;
      this.state = "pending";
      this.trial = "waiting";
    } else if (asked["do"] === "try") {
      this.trial = "waiting";
    } else if (this.state === "pending" && this.pollsToConnect-- <= 0) {
      this.state = "provisioned";
      this.trial = "connected";
    }
    const site = this.state === "provisioned" ? "iot-a.fleet.example.com" : null;
    return { state: this.state, trial: this.trial, attempts: 1, reason: null, site };
  }
}
