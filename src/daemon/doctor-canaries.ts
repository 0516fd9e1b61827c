// SPDX-License-Identifier: Apache-2.0
import type { Check } from '../control/index.ts';
import { counted } from '../wording/index.ts';
import type { Canaries, CanaryUse } from './canaries.ts';

const DONE: Readonly<Record<CanaryUse['event'], string>> = {
  deliver: 'given out',
  refuse: 'asked for',
  reveal: 'revealed',
};

/** Pure. Nothing is said while no canary was used. */
export function canaryChecks({ count, last }: Canaries['seen']): readonly Check[] {
  if (last === undefined) {
    return [];
  }
  return [
    {
      name: 'canary',
      level: 'failure',
      message: `the canary ${last.secret} was ${DONE[last.event]} at ${new Date(last.at_ms).toISOString()} (${counted(count, 'use')} of canaries since the start)`,
      mend: 'Find out who has used it: docker coffer audit --event canary',
    },
  ];
}
