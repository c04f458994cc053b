/**
 * Sign-in: OpenID Connect's authorisation code flow with PKCE (RFC 6749 4.1, RFC 7636),
 * for a client without a secret. The token stays in this tab's session storage.
 */

import { type Bytes, digest, utf8 } from "./pan/bytes.ts";
import type { Config } from "./config.ts";

const TOKEN = "hotsite.token";
const ATTEMPT = "hotsite.sign-in";
/** A token that ends within a minute would end during an enrolment. */
const MARGIN_MS = 60_000;

export class SignInError extends Error {
  override readonly name = "SignInError";
}

interface Kept {
  readonly token: string;
  readonly untilMs: number;
}

export function token(storage: Storage, nowMs: number): string | undefined {
  const kept = read(storage, TOKEN) as Kept | undefined;
  return kept && kept.untilMs - MARGIN_MS > nowMs ? kept.token : undefined;
}

export function forget(storage: Storage): void {
  storage.removeItem(TOKEN);
  storage.removeItem(ATTEMPT);
}

export const base64url = (bytes: Bytes): string =>
  btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Where to send the person; remembers what the answer has to match. */
export async function begin(config: Config["signIn"], storage: Storage, redirect: string): Promise<string> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const state = base64url(crypto.getRandomValues(new Uint8Array(16)));
  storage.setItem(ATTEMPT, JSON.stringify({ verifier, state, redirect }));
  const url = new URL(config.authorizationEndpoint);
  const challenge = base64url(await digest("SHA-256", utf8(verifier)));
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: config.clientId,
    redirect_uri: redirect,
    scope: config.scope,
    state,
    code_challenge: challenge,
    code_challenge_method: "S256",
  })) {
    url.searchParams.set(name, value);
  }
  return url.href;
}

/** Whether this page was opened by the issuer's answer. */
export const isAnswer = (query: URLSearchParams): boolean => query.has("state") && (query.has("code") || query.has("error"));

/** Trade the issuer's answer for a token. */
export async function finish(
  config: Config["signIn"],
  storage: Storage,
  query: URLSearchParams,
  nowMs: number,
): Promise<void> {
  const asked = read(storage, ATTEMPT) as { verifier: string; state: string; redirect: string } | undefined;
  storage.removeItem(ATTEMPT);
  if (!asked || asked.state !== query.get("state")) throw new SignInError("an answer that nobody asked for");
  const code = query.get("code");
  if (!code) throw new SignInError(query.get("error") ?? "no code");
  const answer = await fetch(config.tokenEndpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: config.clientId,
      redirect_uri: asked.redirect,
      code,
      code_verifier: asked.verifier,
    }),
    cache: "no-store",
    redirect: "error",
  });
  const document = (await answer.json()) as { access_token?: unknown; expires_in?: unknown };
  if (!answer.ok || typeof document.access_token !== "string") throw new SignInError("no token");
  const lifeS = typeof document.expires_in === "number" ? document.expires_in : 3600;
  const kept: Kept = { token: document.access_token, untilMs: nowMs + lifeS * 1000 };
  storage.setItem(TOKEN, JSON.stringify(kept));
}

function read(storage: Storage, name: string): unknown {
  try {
    return JSON.parse(storage.getItem(name) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
