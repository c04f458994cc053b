/** What went wrong, as a person reads it. */

import { ApiError } from "./api.ts";
import { DeviceError } from "./pan/errors.ts";
import { API, type Problem, UNKNOWN, deviceProblem, firmwareProblem } from "./words.ts";

export function problemOf(error: unknown): Problem {
  if (error instanceof DeviceError) return deviceProblem(error.trouble, error.waitS, error.reason ?? saidBy(error));
  if (error instanceof ApiError) return API[error.trouble];
  return UNKNOWN;
}

/** The same while firmware is carried: what was done, and what is kept, is something else. */
export function firmwareProblemOf(error: unknown): Problem {
  const known =
    error instanceof DeviceError
      ? firmwareProblem(error.trouble, error.reason)
      : error instanceof ApiError
        ? firmwareProblem(error.trouble, undefined)
        : undefined;
  return known ?? problemOf(error);
}

/** Why a device is not online is said by the device itself. */
const saidBy = (error: DeviceError): string | undefined => (error.trouble === "offline" ? error.message : undefined);
