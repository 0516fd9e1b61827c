// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import { CofferError, type Logger } from '../common/index.ts';
import type { EngineClient } from './engine-client.ts';
import type { EventSubject, ObjectEvent } from './event-model.ts';

/** Between two attempts: the first pause, then twice as much each time. */
export interface BackOff {
  readonly first_ms: number;
  readonly longest_ms: number;
}

export const EVENTS_BACK_OFF: BackOff = { first_ms: 100, longest_ms: 5_000 };

export interface FollowEventsOptions {
  readonly client: EngineClient;
  readonly subjects: readonly EventSubject[];
  /** None: all of them. */
  readonly actions: readonly string[];
  readonly logger: Logger;
  readonly backOff: BackOff;
  /** The stream has opened, for the first time or again: before that, events may have been missed. */
  readonly onOpen: () => void;
  readonly onEvent: (event: ObjectEvent) => void;
}

/** Follows the engine's events, over one stream after the other, until `signal` aborts. Never rejects. */
export async function followEvents(options: FollowEventsOptions, signal: AbortSignal): Promise<void> {
  const { actions, backOff, client, logger, onEvent, onOpen, subjects } = options;
  let pause_ms = backOff.first_ms;
  while (!signal.aborted) {
    try {
      for await (const event of client.objectEvents(subjects, actions, signal)) {
        if (signal.aborted) {
          return;
        }
        if (event.kind === 'open') {
          pause_ms = backOff.first_ms;
          onOpen();
        } else {
          onEvent(event);
        }
      }
    } catch (thrown) {
      logger.debug('the event stream of the engine broke', { code: CofferError.from(thrown).code });
    }
    await wait(pause_ms, undefined, { signal, ref: false }).catch(() => undefined);
    pause_ms = Math.min(pause_ms * 2, backOff.longest_ms);
  }
}
