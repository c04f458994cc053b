/** An onboarding from the label to the device that is online, with what goes wrong between. */

import assert from "node:assert/strict";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { Api } from "../src/api.ts";
import { Course, type Kept, type Way, keptOf } from "../src/enrol.ts";
import { typedLabel } from "../src/label.ts";
import { DeviceError } from "../src/pan/errors.ts";
import { ReferenceDevice } from "./reference.ts";

const LABEL = typedLabel("7f3k 9qwd xm4t");
const ANSWER = {
  thing: "oven-1",
  certificate_id: "abc",
  certificate: `-----BEGIN CERTIFICATE-----\n${"A".repeat(900)}\n`,
  ca: "-----BEGIN CERTIFICATE-----\n",
  iot: { names: ["iot.fleet.example.com", "iot-a.fleet.example.com"], port: 8883 },
  api: "api.fleet.example.com",
};
const replies: { status: number; body: unknown }[] = [];
const requests: { authorization: string | undefined; body: string }[] = [];
let server: Server;
let base: string;
let device: ReferenceDevice;
let keeping: Kept | undefined;

before(async () => {
  server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    requests.push({ authorization: request.headers.authorization, body });
    const reply = replies.shift() ?? { status: 201, body: ANSWER };
    if (reply.status === 0) {
      response.destroy();
      return;
    }
    response.writeHead(reply.status, { "content-type": "application/json" }).end(JSON.stringify(reply.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());
beforeEach(async () => {
  replies.length = 0;
  requests.length = 0;
  keeping = undefined;
  device = await ReferenceDevice.make(LABEL.code);
});

function course(way: Way = "bluetooth", kept?: Kept, label = LABEL): Course {
  const api = new Api(base, () => "a-token", { attempts: 3, attemptMs: 2_000, pauseMs: 5 });
  return new Course(
    label,
    way,
    {
      api,
      open: async () => device.link(),
      keep: (now) => {
        keeping = keptOf(JSON.stringify(now));
      },
      note: () => {},
      pause: async () => {},
    },
    kept,
  );
}

const troubled = (trouble: string) => (error: unknown) => error instanceof DeviceError && error.trouble === trouble;

test("over Bluetooth it goes from the label to a device that is online", async () => {
  const begun = course();
  assert.equal(await begun.proceed(), "done");
  assert.equal(device.state, "provisioned");
  assert.deepEqual(device.stored, ANSWER);
  assert.equal(begun.trial?.site, "iot-a.fleet.example.com");
  assert.equal(device.sessions, 1);
  assert.equal(requests[0]?.authorization, "Bearer a-token");
  const sent = JSON.parse(requests[0]?.body ?? "") as { claim: unknown; csr: string };
  assert.deepEqual(sent.claim, { id: "oven-1", secret: "s3cret" });
  assert.ok(sent.csr.startsWith("CSR "));
});

test("a wrong code is told as such, and the right one works afterwards", async () => {
  const wrong = course("bluetooth", undefined, typedLabel("222222222222"));
  await assert.rejects(wrong.proceed(), troubled("wrong-code"));
  assert.equal(await course().proceed(), "done");
});

test("a device that is busy or locked says for how long, before a code is shown", async () => {
  device.busyS = 12;
  await assert.rejects(course().proceed(), (error) => troubled("busy")(error) && (error as DeviceError).waitS === 12);
  device.busyS = 0;
  device.lockedS = 40;
  await assert.rejects(course().proceed(), (error) => troubled("locked")(error) && (error as DeviceError).waitS === 40);
  assert.ok(!device.frames.includes("prov-session"));
});

test("wherever the link breaks, going on again ends well and claims the same request", async () => {
  for (let frames = 0; frames < 24; frames += 1) {
    device = await ReferenceDevice.make(LABEL.code);
    requests.length = 0;
    device.framesLeft = frames;
    const begun = course();
    await begun.proceed().catch((error: unknown) => assert.ok(troubled("lost")(error), String(error)));
    if (device.state !== "provisioned") assert.equal(await begun.proceed(), "done");
    assert.equal(device.state, "provisioned", `after ${frames} frames`);
    assert.equal(new Set(requests.map((one) => one.body)).size, 1);
  }
});

test("a claim without an answer is sent again, byte for byte", async () => {
  replies.push({ status: 0, body: null }, { status: 503, body: { detail: "try again" } });
  assert.equal(await course().proceed(), "done");
  assert.equal(requests.length, 3);
  assert.equal(new Set(requests.map((one) => one.body)).size, 1);
});

test("when the API stays away, going on later needs no new request of the device", async () => {
  replies.push(...Array.from({ length: 3 }, () => ({ status: 503, body: {} })));
  const begun = course();
  await assert.rejects(begun.proceed(), { name: "ApiError", trouble: "unreachable" });
  assert.equal(await begun.proceed(), "done");
  assert.equal(device.frames.filter((endpoint) => endpoint === "csr").length, 4);
});

for (const [status, trouble] of [[401, "signed-out"], [403, "refused"], [409, "used"], [400, "invalid"]] as const) {
  test(`an answer ${status} is "${trouble}", at once`, async () => {
    replies.push({ status, body: { detail: "no" } });
    await assert.rejects(course().proceed(), { name: "ApiError", trouble });
    assert.equal(requests.length, 1);
  });
}

test("an answer that names an AWS endpoint reaches no device", async () => {
  const iot = { names: ["abc-ats.iot.eu-west-1.amazonaws.com"], port: 8883 };
  replies.push({ status: 201, body: { ...ANSWER, iot } });
  await assert.rejects(course().proceed(), { name: "ApiError", trouble: "strange" });
  assert.equal(device.stored, undefined);
});

test("a device of another owner refuses the names", async () => {
  const iot = { names: ["iot.other.example.com"], port: 8883 };
  replies.push({ status: 201, body: { ...ANSWER, iot } });
  await assert.rejects(course().proceed(), troubled("foreign-name"));
});

test("over the device's Wi-Fi the person changes networks twice", async () => {
  const begun = course("wifi");
  assert.equal(await begun.proceed(), "internet");
  assert.equal(requests.length, 0);
  assert.equal(await begun.proceed(), "device-network");
  assert.equal(device.stored, undefined);
  begun.returned();
  assert.equal(await begun.proceed(), "done");
  assert.equal(device.sessions, 2);
});

test("a page that was reloaded goes on with what it kept", async () => {
  assert.equal(await course("wifi").proceed(), "internet");
  const next = course("wifi", keeping);
  assert.equal(await next.proceed(), "device-network");
  const last = course("wifi", keeping);
  assert.equal(await last.proceed(), "done");
  assert.equal(requests.length, 1);
  assert.deepEqual(device.stored, ANSWER);
});

test("a device that takes Wi-Fi is given one first; a wrong password is asked for again", async () => {
  device.takesWifi = true;
  const begun = course();
  assert.equal(await begun.proceed(), "passphrase");
  assert.deepEqual(begun.networks, [{ ssid: "home", isOpen: false }]);
  await assert.rejects(
    begun.join("home", "wrong"),
    (error) => troubled("wifi")(error) && (error as DeviceError).reason === "passphrase",
  );
  await begun.join("home", device.passphrase);
  assert.equal(await begun.proceed(), "done");
});

test("a device that has what it needs is only watched, or left alone", async () => {
  device.state = "pending";
  device.trial = "failed";
  assert.equal(await course().proceed(), "done");
  assert.equal(requests.length, 0);
  assert.equal(await course().proceed(), "already");
});

test("who gives up is not connected again behind their back", async () => {
  const begun = course();
  replies.push({ status: 503, body: {} });
  const running = begun.proceed();
  while (!requests.length) await new Promise((resume) => setTimeout(resume, 1));
  await begun.end();
  await assert.rejects(running, troubled("lost"));
  assert.equal(device.sessions, 1);
  assert.equal(device.stored, undefined);
});
