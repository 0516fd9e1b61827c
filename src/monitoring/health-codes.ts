// SPDX-License-Identifier: Apache-2.0
// The numbers of `/v1/sys/health`, which whoever asks may choose.
import { CofferError } from '../common/index.ts';

/** The status of the answer, by what the node is. */
export interface HealthCodes {
  readonly active: number;
  readonly standby: number;
  readonly sealed: number;
  readonly notInitialized: number;
}

const DEFAULTS: HealthCodes = { active: 200, standby: 429, sealed: 503, notInitialized: 501 };
const STANDBY_OK = 'standbyok';
/** Vault has them for what coffer is not. A load balancer that was set up for it may ask with them. */
const WITHOUT_MEANING: readonly string[] = [
  'perfstandbyok',
  'drsecondarycode',
  'haunhealthycode',
  'performancestandbycode',
  'removedcode',
];
const KNOWN: readonly string[] = [STANDBY_OK, 'activecode', 'standbycode', 'sealedcode', 'uninitcode'];

/** Throws `request.invalid` for what is no status from 200 to 599, and for a parameter that nobody knows. */
export function readHealthCodes(query: URLSearchParams): HealthCodes {
  for (const key of new Set(query.keys())) {
    if (!KNOWN.includes(key) && !WITHOUT_MEANING.includes(key)) {
      throw invalid(`${key.slice(0, 40)} is not a parameter of this call; it takes ${KNOWN.join(', ')}`);
    }
    if (query.getAll(key).length > 1) {
      throw invalid(`${key} is given more than once`);
    }
  }
  const active = codeIn(query, 'activecode', DEFAULTS.active);
  return {
    active,
    standby: isStandbyOk(query) ? active : codeIn(query, 'standbycode', DEFAULTS.standby),
    sealed: codeIn(query, 'sealedcode', DEFAULTS.sealed),
    notInitialized: codeIn(query, 'uninitcode', DEFAULTS.notInitialized),
  };
}

function codeIn(query: URLSearchParams, key: string, fallback: number): number {
  const text = query.get(key);
  if (text === null) {
    return fallback;
  }
  if (!/^[2-5]\d\d$/.test(text)) {
    throw invalid(`${key} is a status from 200 to 599`);
  }
  return Number(text);
}

function isStandbyOk(query: URLSearchParams): boolean {
  const text = query.get(STANDBY_OK);
  switch (text) {
    case null:
    case 'false':
    case '0':
      return false;
    case '':
    case 'true':
    case '1':
      return true;
    default:
      throw invalid(`${STANDBY_OK} is true or false`);
  }
}

function invalid(sentence: string): CofferError {
  return new CofferError('request.invalid', sentence);
}
