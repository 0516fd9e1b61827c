// SPDX-License-Identifier: Apache-2.0
// A secret that nobody needs: whoever uses it is where nobody should be.
import { CofferError } from '../common/index.ts';
import type { Labels } from './model.ts';

export const CANARY_LABEL = 'coffer.canary';

/** Throws `secret.label-invalid` if the label is there and says anything but `true`. */
export function isCanary(labels: Labels): boolean {
  const text = Object.hasOwn(labels, CANARY_LABEL) ? labels[CANARY_LABEL] : undefined;
  if (text !== undefined && text !== 'true') {
    throw new CofferError(
      'secret.label-invalid',
      `label ${CANARY_LABEL} is true, or is not there, and not ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return text === 'true';
}
