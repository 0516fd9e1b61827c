// SPDX-License-Identifier: Apache-2.0
import type { RotatedState, RotationDescription } from '../control/index.ts';
import { hasEnded, heldText, outcomeText, serviceText } from '../wording/index.ts';
import type { Progress } from './progress.ts';

const UNDER_WAY: readonly RotatedState[] = ['waiting', 'updating', 'reverting'];

/** In the words of `docker coffer rotate`. */
export function progressOf(rotation: RotationDescription, now_ms: number): Progress {
  const { phase, services } = rotation;
  const ended = hasEnded(rotation);
  return {
    level: !ended ? 'running' : phase === 'done' ? 'ok' : 'failure',
    ended,
    sentence: outcomeText(rotation),
    held: ended ? '' : (heldText(rotation, now_ms) ?? ''),
    services: services.map((service) => ({
      id: service.id,
      state: service.state,
      text: serviceText(service, rotation),
    })),
    done: services.filter(({ state }) => ended || !UNDER_WAY.includes(state)).length,
    total: services.length,
  };
}
