/** The handshake and the frames, against the vectors of docs/pan-protocol.md, section 9. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Bytes, concat, hex, numberBytes, unhex, utf8 } from "../src/pan/bytes.ts";
import { DeviceError } from "../src/pan/errors.ts";
import { bytesField, bytesOf, numberOf, parse, varintField } from "../src/pan/protobuf.ts";
import { Session } from "../src/pan/session.ts";
import * as srp from "../src/pan/srp.ts";
import { PRIME } from "./reference.ts";

const PAGE = readFileSync(process.env["PAN_PROTOCOL"] ?? "docs/pan-protocol.md", "utf8").split("## 9. Test vectors")[1] ?? "";
const ascending = (first: number): Bytes => Uint8Array.from({ length: 32 }, (_, at) => first + at);

/** A value of the page: its first line has the name, the lines below are indented. */
function vector(name: string): Bytes {
  const found = new RegExp(`^${name} +([0-9a-f]+(?:\\n +[0-9a-f]+)*)$`, "m").exec(PAGE);
  assert.ok(found?.[1], `no vector ${name}`);
  return unhex(found[1].replace(/\s/g, ""));
}

test("the page's key and proofs come out of the page's salt and keys", async () => {
  const offer = srp.offer("hotsite", ascending(0x20));
  assert.ok(offer);
  assert.equal(hex(offer.publicKey), hex(vector("A")));
  const salt = unhex("0102030405060708090a0b0c0d0e0f10");
  const agreement = await srp.agree(offer, "7F3K-9QWD-XM4T", salt, vector("B"));
  assert.equal(hex(agreement.sessionKey), hex(vector("K")));
  assert.equal(hex(agreement.proof), hex(vector("M1")));
  assert.ok(srp.isProven(agreement, vector("M2")));
  assert.ok(!srp.isProven(agreement, vector("M1")));
});

test("the page's exchange is sealed and opened as the page says", async () => {
  let sent: string | undefined;
  const transport = {
    send: async (_endpoint: string, frame: Bytes) => {
      sent = hex(frame);
      return vector("answer");
    },
    close: async () => {},
  };
  const session = await Session.resume(transport, vector("K"), unhex("a0a1a2a3a4a5a6a700000001"));
  const answer = await session.call("info", unhex("01007b7d"));
  assert.equal(sent, hex(vector("request")));
  assert.equal(hex(answer), "81007b227374617465223a226e6577227d");
});

for (const key of [0n, PRIME]) {
  test(`a public key that is ${key ? "N" : "0"} is refused`, async () => {
    const offer = srp.offer("hotsite", ascending(0x20));
    assert.ok(offer);
    await assert.rejects(
      srp.agree(offer, "code", unhex("01"), numberBytes(key, 384)),
      (error: unknown) => error instanceof DeviceError && error.trouble === "malformed",
    );
  });
}

test("a private value whose public value is short is drawn again", () => {
  assert.equal(srp.offer("hotsite", numberBytes(1n, 32)), undefined);
});

test("protobuf fields come back as they were written", () => {
  const message = parse(concat(varintField(2, 2), varintField(100, 3_600), bytesField(12, utf8("x".repeat(300)))));
  assert.equal(numberOf(message, 2), 2);
  assert.equal(numberOf(message, 100), 3_600);
  assert.equal(bytesOf(message, 12).length, 300);
  assert.equal(numberOf(message, 7), 0);
});

test("whatever is cut off or unknown is refused, never half read", () => {
  const whole = concat(varintField(2, 300), bytesField(12, utf8("word")));
  for (let length = 1; length < whole.length; length += 1) {
    const part = whole.slice(0, length);
    // A cut between two fields is a message of its own.
    if (length === varintField(2, 300).length) continue;
    assert.throws(() => parse(part), DeviceError, `at ${length}`);
  }
  assert.throws(() => parse(Uint8Array.of(0x0d, 0, 0, 0, 0)), DeviceError);
});
