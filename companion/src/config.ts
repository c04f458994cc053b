/** What the app is told by `config.json`, served beside it; and what it refuses to be told. */

export interface Config {
  /** Where the onboarding API is: the owner's failover name, never one of AWS. */
  readonly api: string;
  readonly signIn: {
    readonly authorizationEndpoint: string;
    readonly tokenEndpoint: string;
    readonly clientId: string;
    readonly scope: string;
  };
  /** Where a device answers on its own Wi-Fi network. */
  readonly softAp: string;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** As in `core/names.py`: the domains under which AWS hands out endpoints. */
const AWS = /(^|\.)(on\.aws|api\.aws|amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.amazonwebservices\.(com\.cn|eu))\.?$/i;
/** Espressif's default, and that of most access points made of a device. */
const SOFT_AP = "http://192.168.4.1";

export const isAwsName = (host: string): boolean => AWS.test(host);

export function parseConfig(document: unknown, base: string): Config {
  const top = record(document, "config.json");
  const signIn = record(top["sign_in"], "sign_in");
  return {
    api: address(top["api"], "api", base).replace(/\/$/, ""),
    signIn: {
      authorizationEndpoint: address(signIn["authorization_endpoint"], "sign_in.authorization_endpoint", base),
      tokenEndpoint: address(signIn["token_endpoint"], "sign_in.token_endpoint", base),
      clientId: words(signIn["client_id"], "sign_in.client_id"),
      scope: words(signIn["scope"], "sign_in.scope"),
    },
    softAp: words(top["soft_ap"] ?? SOFT_AP, "soft_ap").replace(/\/$/, ""),
  };
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(`${where} must be an object`);
  }
  return value as Record<string, unknown>;
}

function words(value: unknown, where: string): string {
  if (typeof value !== "string" || !value) throw new ConfigError(`${where} must be a text`);
  return value;
}

/** An HTTPS address of the owner's; plain HTTP only where the app itself is on this machine. */
function address(value: unknown, where: string, base: string): string {
  const given = words(value, where);
  if (!URL.canParse(given, base)) throw new ConfigError(`${where} is not an address`);
  const url = new URL(given, base);
  if (isAwsName(url.hostname)) {
    throw new ConfigError(`${where} is an AWS endpoint; it would tie the app to one Region`);
  }
  if (url.protocol !== "https:" && url.origin !== new URL(base).origin) {
    throw new ConfigError(`${where} must begin with https://`);
  }
  return url.href;
}
