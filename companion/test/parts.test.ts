/** The label, the settings, the sign-in and the sentences. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ConfigError, parseConfig } from "../src/config.ts";
import { LabelError, normalise, readLabel } from "../src/label.ts";
import { Api } from "../src/api.ts";
import { pageOf } from "../src/owned.ts";
import { utf8 } from "../src/pan/bytes.ts";
import { SoftApTransport } from "../src/pan/softap.ts";
import * as signIn from "../src/signin.ts";
import { ago } from "../src/screens/home.ts";

const QR = '{"ver":"v1","name":"HS-oven-1","username":"hotsite","pop":"7F3K-9QWD-XM4T","transport":"ble","serial":"oven-1"}';

test("a QR code and a typed code say the same", () => {
  assert.equal(readLabel(QR).name, "HS-oven-1");
  assert.equal(readLabel(QR).serial, "oven-1");
  for (const typed of ["7F3K-9QWD-XM4T", "7f3k9qwdxm4t", " 7f3k 9qwd xm4t "]) {
    assert.equal(readLabel(typed).code, readLabel(QR).code);
  }
});

for (const wrong of ["", "7F3K-9QWD-XM4", "7F3K-9QWD-XM40", "7F3K-9QWD-XMUT", "{", '{"pop":7}', "{}"]) {
  test(`${JSON.stringify(wrong)} is no label`, () => assert.throws(() => readLabel(wrong), LabelError));
}

test("the alphabet of codes is the page's", () => {
  assert.equal(normalise("23456789ABCD"), "2345-6789-ABCD");
  assert.equal(normalise("EFGHJKMNPQRS"), "EFGH-JKMN-PQRS");
  for (const letter of "01ILUO") assert.throws(() => normalise(`2345-6789-ABC${letter}`), LabelError);
});

const BASE = "https://app.example.com/";
const CONFIG = {
  api: "https://api.example.com/",
  sign_in: {
    authorization_endpoint: "https://auth.example.com/oauth2/authorize",
    token_endpoint: "https://auth.example.com/oauth2/token",
    client_id: "abc",
    scope: "devices:write",
  },
};

test("settings are read, with the usual address of a device's own Wi-Fi", () => {
  const config = parseConfig(CONFIG, BASE);
  assert.equal(config.api, "https://api.example.com");
  assert.equal(config.softAp, "http://192.168.4.1");
});

test("on this machine the app may call what served it", () => {
  assert.equal(parseConfig({ ...CONFIG, api: "." }, "http://127.0.0.1:8088/").api, "http://127.0.0.1:8088");
});

for (const api of [
  "https://abc.execute-api.eu-west-1.amazonaws.com",
  "https://amazonaws.com.",
  "https://x.amazonaws.com.cn",
  "http://api.example.com",
  "",
  7,
]) {
  test(`an API at ${JSON.stringify(api)} is refused`, () =>
    assert.throws(() => parseConfig({ ...CONFIG, api }, BASE), ConfigError));
}

test("a name that only looks like one of AWS is the owner's", () => {
  assert.ok(parseConfig({ ...CONFIG, api: "https://api.notamazonaws.com" }, BASE));
});

class Memory implements Storage {
  private readonly kept = new Map<string, string>();
  get length(): number {
    return this.kept.size;
  }
  clear = (): void => this.kept.clear();
  getItem = (name: string): string | null => this.kept.get(name) ?? null;
  key = (): null => null;
  removeItem = (name: string): void => void this.kept.delete(name);
  setItem = (name: string, value: string): void => void this.kept.set(name, value);
}

test("signing in shows the proof key, and only the asked-for answer is taken", async () => {
  let form = new URLSearchParams();
  const issuer = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    form = new URLSearchParams(body);
    response.end(JSON.stringify({ access_token: "t", expires_in: 3600 }));
  });
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  const tokenEndpoint = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
  const config = { ...parseConfig(CONFIG, BASE).signIn, tokenEndpoint };
  const storage = new Memory();
  try {
    const asked = new URL(await signIn.begin(config, storage, BASE)).searchParams;
    assert.equal(asked.get("code_challenge_method"), "S256");
    const strange = new URLSearchParams({ code: "c", state: "another" });
    await assert.rejects(signIn.finish(config, storage, strange, 0), signIn.SignInError);

    const again = new URL(await signIn.begin(config, storage, BASE)).searchParams;
    await signIn.finish(config, storage, new URLSearchParams({ code: "c", state: again.get("state") ?? "" }), 0);
    const digest = await crypto.subtle.digest("SHA-256", utf8(form.get("code_verifier") ?? ""));
    assert.equal(signIn.base64url(new Uint8Array(digest)), again.get("code_challenge"));
    assert.equal(signIn.token(storage, 0), "t");
    assert.equal(signIn.token(storage, 3_600_000), undefined);
    signIn.forget(storage);
    assert.equal(signIn.token(storage, 0), undefined);
  } finally {
    issuer.close();
  }
});

test("over Wi-Fi the session's name goes with each further request", async () => {
  const seen: (string | undefined)[] = [];
  const device = createServer((request, response) => {
    seen.push(request.headers["x-session"] as string | undefined);
    response.setHeader("x-session", "00ff");
    if (request.url === "/info") response.writeHead(401);
    response.end("answer");
  });
  await new Promise<void>((resolve) => device.listen(0, "127.0.0.1", resolve));
  const transport = new SoftApTransport(`http://127.0.0.1:${(device.address() as AddressInfo).port}`);
  try {
    await transport.send("proto-ver", utf8("---"));
    await transport.send("prov-session", utf8("x"));
    await assert.rejects(transport.send("info", utf8("x")), { trouble: "lost" });
    assert.deepEqual(seen, [undefined, "00ff", "00ff"]);
  } finally {
    device.close();
  }
});

test("times are said as people do", () => {
  assert.equal(ago(0, 0), "now");
  assert.equal(ago(0, 61_000), "1 minute ago");
  assert.equal(ago(0, 26 * 3_600_000), "yesterday");
});

test("a list of devices of another shape is an error, not an empty list", () => {
  for (const strange of [undefined, {}, { devices: [{}] }]) assert.throws(() => pageOf(strange), TypeError);
  assert.deepEqual(pageOf({ devices: [], next: null }), { devices: [], next: undefined });
});

test("all pages of devices are fetched, with where each was last heard", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const rest = { status: "active", enrolled_at_s: 1, attributes: {}, certificates: [] };
    const [one, next] = asked.length === 1 ? ["a", "a"] : ["b", null];
    const seen = asked.length === 1 ? { at_s: 7, region: "eu-west-1" } : null;
    response.end(JSON.stringify({ devices: [{ ...rest, thing: one, last_seen: seen }], next }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = new Api(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => "t");
  try {
    assert.deepEqual(await api.devices(), [
      { thing: "a", status: "active", region: "eu-west-1", lastSeenMs: 7_000 },
      { thing: "b", status: "active", region: undefined, lastSeenMs: undefined },
    ]);
    assert.deepEqual(asked, ["/v1/devices?limit=25", "/v1/devices?limit=25&after=a"]);
  } finally {
    server.close();
  }
});
