/** Made by types.mjs from the onboarding API's OpenAPI document; do not edit. */

export type Name = string;

/** SHA-256 of the certificate's DER form. */
export type CertificateId = string;

export type Claim = {
  readonly id: Name;
  /** What only the device's label and the ledger know; write-only. */
  readonly secret: string;
};

/** A PEM certificate signing request, signed by its own key: RSA of 2048 to 4096 bits, or P-256, P-384 or P-521. A common name in its subject must be the claim's id. */
export type Csr = string;

export type Enrolment = {
  readonly claim: Claim;
  readonly csr: Csr;
  readonly custody?: "device";
} | {
  readonly claim: Claim;
  readonly csr?: never;
  readonly custody: "escrow";
};

export type Rotation = {
  readonly csr: Csr;
  readonly custody?: "device";
  /** Custody escrow: by chance, the same in each retry of this rotation. */
  readonly token?: string;
} | {
  readonly csr?: never;
  readonly custody: "escrow";
  /** Custody escrow: by chance, the same in each retry of this rotation. */
  readonly token: string;
};

/** device: the key is made on the device, and only its CSR leaves. escrow, where the owner has turned it on: AWS IoT makes the key pair, and the private key is fetched once. */
export type Custody = "device" | "escrow";

export type Key = {
  readonly certificate_id: CertificateId;
  /** PEM. Hand it to the device and forget it. */
  readonly private_key: string;
};

export type Credentials = {
  /** Name of the thing, and the MQTT client id to use. */
  readonly thing: Name;
  readonly certificate_id: CertificateId;
  /** PEM. */
  readonly certificate: string;
  /** PEM that the device must trust when it connects. */
  readonly ca: string;
  readonly iot: {
    /** Failover name first, then each site's own. Never an AWS endpoint. */
    readonly names: readonly (string)[];
    readonly port: number;
  };
  readonly api: string;
};

export type Certificate = {
  readonly certificate_id: CertificateId;
  readonly status: "ACTIVE" | "INACTIVE" | "REVOKED";
};

/** The newest message of the device that the answering Region holds. */
export type Sighting = {
  /** When it arrived, seconds since the epoch; when it was published, by the device's clock, where nobody wrote that down. */
  readonly at_s: number;
  /** Region in whose broker it arrived, where that is known. */
  readonly region: string | null;
};

export type Device = {
  readonly thing: Name;
  /** active: at least one certificate is ACTIVE. deleted: the thing was deleted from the registry. */
  readonly status: "active" | "revoked" | "deleted";
  /** Seconds since the epoch. */
  readonly enrolled_at_s: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly certificates: readonly (Certificate)[];
  /** null: no message in the hot store (it keeps them for a month unless told otherwise), so never, or longer ago. */
  readonly last_seen: Sighting | null;
};

export type Devices = {
  readonly devices: readonly (Device)[];
  /** For `after`; null after the last. */
  readonly next: Name | null;
};

/** RFC 9457. */
export type Problem = {
  readonly type: "urn:hotsite:problem:invalid-request" | "urn:hotsite:problem:refused" | "urn:hotsite:problem:not-found" | "urn:hotsite:problem:already-used" | "urn:hotsite:problem:too-many-certificates" | "urn:hotsite:problem:too-many-requests" | "urn:hotsite:problem:internal" | "urn:hotsite:problem:try-again";
  readonly title: string;
  readonly status: number;
  /** One sentence for a person; nothing to parse. */
  readonly detail: string;
};

export type GatewayMessage = {
  readonly message: string;
};
