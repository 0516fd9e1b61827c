// SPDX-License-Identifier: Apache-2.0
// The labels by which a secret is rotated by itself.
import { CofferError, DAY_MS, HOUR_MS, parseDuration_ms } from '../common/index.ts';
import { CANARY_LABEL } from './canary.ts';
import { EXPIRES_LABEL } from './expiry.ts';
import { checkSpecification } from './generate.ts';
import type { Labels } from './model.ts';

/** How old the value of a secret gets before it is rotated: a duration. */
export const ROTATE_LABEL = 'coffer.rotate';
/** What values are made from: see `generateValue`. */
export const GENERATE_LABEL = 'coffer.generate';

const EVERY_MIN_MS = HOUR_MS;
const EVERY_DAYS_MAX = 3_650;

/** When, and to what, a secret is rotated by itself. */
export interface RotationLabels {
  readonly every_ms: number;
  /** For `generateValue`. */
  readonly specification: string;
}

/** What the labels say; undefined: it is not rotated by itself. Throws `secret.label-invalid` if they say nothing that can be. */
export function rotationLabels(labels: Labels): RotationLabels | undefined {
  const specification = ownLabel(labels, GENERATE_LABEL);
  if (specification !== undefined) {
    checkSpecification(specification);
  }
  const text = ownLabel(labels, ROTATE_LABEL);
  if (text === undefined) {
    return undefined;
  }
  if (specification === undefined) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${ROTATE_LABEL} needs label ${GENERATE_LABEL}, which says what the new values are made from`,
      { hint: `Give both, for example ${GENERATE_LABEL}=hex:32.` },
    );
  }
  const every_ms = parseDuration_ms(text) ?? 0;
  if (every_ms < EVERY_MIN_MS || every_ms > EVERY_DAYS_MAX * DAY_MS) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${ROTATE_LABEL} is how old a value gets, 1h to ${EVERY_DAYS_MAX}d, not ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return { every_ms, specification };
}

/** Of the labels of the engine's secret, those that are the stored one's when its value is made at the first use. */
export function generatedLabels(labels: Labels): Labels | undefined {
  const every = ownLabel(labels, ROTATE_LABEL);
  const specification = ownLabel(labels, GENERATE_LABEL);
  const expires = ownLabel(labels, EXPIRES_LABEL);
  const canary = ownLabel(labels, CANARY_LABEL);
  const kept = {
    ...(every !== undefined &&
      specification !== undefined && { [GENERATE_LABEL]: specification, [ROTATE_LABEL]: every }),
    ...(expires !== undefined && { [EXPIRES_LABEL]: expires }),
    ...(canary !== undefined && { [CANARY_LABEL]: canary }),
  };
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function ownLabel(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
