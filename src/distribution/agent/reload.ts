// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import { CofferError, type Logger } from '../../common/index.ts';
import type { ContainerSource, EngineContainer } from '../../engine/index.ts';
import { RELOAD_LABEL } from '../../secrets/index.ts';

/** The full name of a signal that is written with or without `SIG`; undefined if there is none of that name. */
export function signalName(text: string): string | undefined {
  const upper = text.trim().toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return Object.hasOwn(constants.signals, name) ? name : undefined;
}

/** Sends its signal to each of these containers that runs and has the label. Does not wait, and does not throw. */
export function signalReload(
  containers: readonly EngineContainer[],
  source: Pick<ContainerSource, 'signal'>,
  logger: Logger,
): void {
  for (const container of containers.filter(({ state }) => state === 'running')) {
    const wished = Object.hasOwn(container.labels, RELOAD_LABEL) ? container.labels[RELOAD_LABEL] : undefined;
    if (wished === undefined || wished === '') {
      continue;
    }
    const signal = signalName(wished);
    if (signal === undefined) {
      logger.warn('a container asks for a signal that does not exist', { container: container.name, wished });
      continue;
    }
    source.signal(container.id, signal).catch((thrown: unknown) =>
      logger.warn('a container could not be sent its signal', {
        container: container.name,
        signal,
        problem: CofferError.from(thrown).message,
      }),
    );
  }
}
