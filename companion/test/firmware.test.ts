/** Firmware from the API to a device, by an app that neither is trusted nor trusts. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { Api, ApiError } from "../src/api.ts";
import { Carry, type CarryStep, type Progress } from "../src/carry.ts";
import type { Way } from "../src/enrol.ts";
import { typedLabel } from "../src/label.ts";
import { DeviceError } from "../src/pan/errors.ts";
import { isKnown, shortName } from "../src/repository.ts";
import { firmwareProblem } from "../src/words.ts";
import { ReferenceDevice } from "./reference.ts";

const LABEL = typedLabel("7f3k 9qwd xm4t");
const files = new Map<string, Buffer>();
const asked: { path: string; range: string | undefined; token: string | undefined }[] = [];
const notes: [CarryStep, Progress | undefined][] = [];
let failures = 0;
let isPartial = true;
let server: Server;
let base: string;
let device: ReferenceDevice;

const image = (model: string, version: string, content: Buffer): { name: string; path: string; target: object } => {
  const sum = createHash("sha256").update(content).digest("hex");
  const path = `${model.toLowerCase()}/app-${version}.bin`;
  const name = `targets/${model.toLowerCase()}/${sum}.app-${version}.bin`;
  files.set(name, content);
  return { name, path, target: { length: content.length, hashes: { sha256: sum }, custom: { model, version } } };
};

function publish(...images: readonly { path: string; target: object }[]): void {
  const put = (name: string, signed: object): unknown => files.set(name, Buffer.from(JSON.stringify({ signed })));
  put("metadata/timestamp.json", { meta: { "snapshot.json": { version: 4 } } });
  put("metadata/4.snapshot.json", { meta: { "targets.json": { version: 3 } } });
  put("metadata/3.targets.json", { targets: Object.fromEntries(images.map(({ path, target }) => [path, target])) });
  put("metadata/2.root.json", {});
}

before(async () => {
  server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/v1/firmware/", "");
    const { range, authorization: token } = request.headers;
    asked.push({ path, range, token });
    const content = files.get(path);
    if (failures-- > 0) response.destroy();
    else if (!content) response.writeHead(404).end("{}");
    else if (!isPartial) response.writeHead(200).end(content);
    else {
      const [first = 0, last = 0] = (range ?? "").replace("bytes=", "").split("-").map(Number);
      const part = content.subarray(first, last + 1);
      const span = `bytes ${first}-${first + part.length - 1}/${content.length}`;
      response.writeHead(206, { "content-range": span }).end(part);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

let wanted: { name: string; path: string; target: object };

beforeEach(async () => {
  files.clear();
  asked.length = notes.length = failures = 0;
  isPartial = true;
  device = await ReferenceDevice.make(LABEL.code);
  wanted = image("HS-1", "1.10.0", Buffer.alloc(2_000, "new"));
  publish(wanted, image("HS-1", "1.9.0", Buffer.alloc(40, "old")), image("HS-2", "7.0.0", Buffer.alloc(50, "other")));
  device.wants = [
    "metadata/2.root.json",
    "metadata/3.root.json",
    "metadata/timestamp.json",
    "metadata/4.snapshot.json",
    "metadata/3.targets.json",
    wanted.name,
  ];
});

function carry(way: Way = "bluetooth", model?: string): Carry {
  const api = new Api(base, () => "a-token", { attempts: 3, attemptMs: 2_000, pauseMs: 5 });
  const note = (step: CarryStep, progress?: Progress): unknown => notes.push([step, progress]);
  return new Carry(LABEL, way, { api, open: async () => device.link(), note }, model);
}

const troubled = (trouble: string, reason?: string) => (error: unknown) =>
  error instanceof DeviceError && error.trouble === trouble && (reason === undefined || error.reason === reason);

const isBrought = (): void => {
  for (const name of device.wants) {
    assert.deepEqual(device.received.get(name) && Buffer.from(device.received.get(name) ?? []), files.get(name), name);
  }
  assert.equal(device.firmwareState, "applied");
};

test("the device gets what it asks for, byte for byte, and nobody a token", async () => {
  const begun = carry();
  assert.equal(await begun.proceed(), "done");
  isBrought();
  assert.deepEqual(begun.outcome, { state: "applied", version: "1.0.0" });
  assert.equal(begun.bytes, [...device.received.values()].reduce((sum, file) => sum + (file?.length ?? 0), 0));
  assert.deepEqual(asked.map((one) => one.path), device.wants);
  assert.ok(asked.every((one) => one.token === undefined));
  assert.deepEqual(notes.filter(([, progress]) => progress?.kind === "hand").at(-1), [
    "bring",
    { kind: "hand", name: wanted.name, bytes: 2_000, total: 2_000 },
  ]);
});

test("a large file comes in parts, and a part without an answer comes again", async () => {
  const content = Buffer.alloc(600_001, "x");
  const { name } = image("HS-1", "2.0.0", content);
  failures = 1;
  const api = new Api(base, () => "", { attempts: 3, attemptMs: 2_000, pauseMs: 5 });
  const seen: number[] = [];
  const tries: number[] = [];
  const found = await api.firmware(name, (bytes) => seen.push(bytes), (attempt) => tries.push(attempt));
  assert.deepEqual(Buffer.from(found ?? []), content);
  assert.deepEqual(seen, [262_144, 524_288, 600_001]);
  assert.deepEqual(tries, [2]);
  isPartial = false;
  assert.equal((await api.firmware(name, () => {}, () => {}))?.length, 600_001);
  assert.equal(await api.firmware("metadata/9.root.json", () => {}, () => {}), undefined);
});

test("wherever the link breaks, going on again ends well, and goes on where it was", async () => {
  for (let frames = 0; frames < 40; frames += 3) {
    device.received.clear();
    device.firmwareState = "idle";
    device.framesLeft = frames;
    const begun = carry();
    await begun.proceed().catch((error: unknown) => assert.ok(troubled("lost")(error), String(error)));
    if (!begun.outcome) assert.equal(await begun.proceed(), "done");
    isBrought();
  }
});

test("while the API is away nothing is lost", async () => {
  failures = 3;
  const begun = carry();
  await assert.rejects(begun.proceed(), (error) => error instanceof ApiError && error.trouble === "unreachable");
  assert.equal(await begun.proceed(), "done");
  isBrought();
});

for (const name of ["../secret", "/etc/passwd", "metadata/0.root.json", "targets/app.bin", "https://x.example/a", `targets/${"a".repeat(64)}./x`]) {
  test(`a device that asks for ${name} gets nothing`, async () => {
    assert.ok(!isKnown(name));
    device.wants = [name];
    await assert.rejects(carry().proceed(), troubled("malformed"));
    assert.equal(asked.length, 0);
  });
}

test("a device that asks without an end is left", async () => {
  device.wants = Array.from({ length: 100 }, (_, at) => `metadata/${at + 1}.root.json`);
  await assert.rejects(carry().proceed(), troubled("malformed"));
});

test("what the device says in the end is what the person reads", async () => {
  for (const [reason, state] of [["current", "current"], ["older", "current"], ["nothing-offered", "nothing"], ["replica-behind", "behind"]]) {
    device.received.clear();
    device.verdict = { state: "current", reason };
    const begun = carry();
    assert.equal(await begun.proceed(), "done");
    assert.deepEqual(begun.outcome, { state, version: "1.0.0" });
  }
  device.received.clear();
  device.verdict = { state: "refused", reason: "tampered" };
  await assert.rejects(carry().proceed(), troubled("firmware", "tampered"));
  assert.match(firmwareProblem("firmware", "tampered")?.text ?? "", /not what was signed.* keeps the firmware/);
  assert.match(firmwareProblem("firmware", "malformed: 64 files are here")?.text ?? "", /not in a form/);
});

test("what a device judged some other day is asked anew", async () => {
  device.firmwareState = "current";
  assert.equal(await carry().proceed(), "done");
  isBrought();
});

test("over the device's Wi-Fi everything is fetched before, and brought in one visit", async () => {
  const begun = carry("wifi", "HS-1");
  assert.equal(await begun.proceed(), "device-network");
  assert.equal(device.sessions, 0);
  // The newest image of its model, by number and not by letter, and no other one.
  assert.deepEqual(new Set(asked.map((one) => one.path)), new Set(device.wants));
  asked.length = 0;
  assert.equal(await begun.proceed(), "done");
  isBrought();
  assert.equal(asked.length, 0);
});

test("where the model is not known, the newest of each is taken along", async () => {
  await carry("wifi").proceed();
  assert.deepEqual(
    asked.filter((one) => one.path.startsWith("targets/")).map((one) => shortName(one.path)),
    ["app-7.0.0.bin", "app-1.10.0.bin"],
  );
});

test("what nobody guessed is fetched by a second way, and nothing is handed over twice", async () => {
  const step = image("HS-1", "1.5.0", Buffer.from("a step on the way"));
  device.wants = [...device.wants.slice(0, 5), step.name];
  const begun = carry("wifi");
  assert.equal(await begun.proceed(), "device-network");
  assert.equal(await begun.proceed(), "internet");
  assert.equal(device.received.size, 5);
  asked.length = 0;
  assert.equal(await begun.proceed(), "device-network");
  assert.deepEqual(asked.map((one) => one.path), [step.name]);
  assert.equal(await begun.proceed(), "done");
  isBrought();
});

test("without a repository the device is told so; metadata that is none is the service's fault", async () => {
  files.clear();
  device.wants = ["metadata/timestamp.json"];
  device.verdict = { state: "current", reason: "nothing-offered" };
  const begun = carry();
  assert.equal(await begun.proceed(), "done");
  assert.equal(begun.outcome?.state, "nothing");
  assert.ok(device.received.has("metadata/timestamp.json"));
  for (const broken of ["no JSON", "{}", '{"signed":{"meta":{"snapshot.json":{"version":"../x"}}}}']) {
    files.set("metadata/timestamp.json", Buffer.from(broken));
    await assert.rejects(carry("wifi").proceed(), (error) => error instanceof ApiError && error.trouble === "strange");
  }
});

test("who gives up is not connected again behind their back", async () => {
  const begun = carry();
  failures = 1;
  const running = begun.proceed();
  while (!asked.length) await new Promise((resume) => setTimeout(resume, 1));
  await begun.end();
  await assert.rejects(running, troubled("lost"));
  assert.equal(device.sessions, 1);
});
