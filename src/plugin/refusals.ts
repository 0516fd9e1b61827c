// SPDX-License-Identifier: Apache-2.0
// Of a secret that was refused to a task, Docker shows only "secret not found", and of a volume the reason in one line that is soon
// gone. The last refusals are kept here with their reasons.
import type { CofferError } from '../common/index.ts';
import type { SecretRequest } from './secret-request.ts';

/** A secret that a task was not given. */
export interface RefusedDelivery {
  readonly kind: 'secret';
  readonly at_ms: number;
  readonly secret: string;
  readonly serviceId: string;
  readonly service: string;
  readonly taskId: string;
  readonly task: string;
  readonly nodeId: string;
  readonly error: CofferError;
}

/** A volume that was not mounted, so that a container of this node has not started. */
export interface RefusedMount {
  readonly kind: 'volume';
  readonly at_ms: number;
  readonly volume: string;
  /** The containers that mount it, and their services: the engine does not say which of them was to start. */
  readonly users: readonly string[];
  readonly error: CofferError;
}

export type Refused = RefusedDelivery | RefusedMount;

const KEPT_MAX = 1_000;
const TEXT_LENGTH_MAX = 256;
/** Of one volume. */
const USERS_MAX = 20;

/** The last refusals, newest last, bounded in count and in size. */
export class Refusals {
  readonly #kept: Refused[] = [];

  addSecret(at_ms: number, request: SecretRequest, error: CofferError): void {
    this.#keep({
      kind: 'secret',
      at_ms,
      secret: short(request.secretName),
      serviceId: short(request.service.id),
      service: short(request.service.name),
      taskId: short(request.task.id),
      task: short(request.task.name),
      nodeId: short(request.nodeId),
      error,
    });
  }

  addVolume(at_ms: number, volume: string, users: readonly string[], error: CofferError): void {
    const kept = users.slice(0, USERS_MAX).map(short);
    this.#keep({ kind: 'volume', at_ms, volume: short(volume), users: kept, error });
  }

  list(): readonly Refused[] {
    return [...this.#kept];
  }

  #keep(refused: Refused): void {
    this.#kept.push(refused);
    if (this.#kept.length > KEPT_MAX) {
      this.#kept.shift();
    }
  }
}

function short(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX);
}
