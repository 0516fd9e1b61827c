// SPDX-License-Identifier: Apache-2.0
// Docker shows a driver's refusal only as "secret not found". The last ones are kept here with their reasons.
import type { CofferError } from '../common/index.ts';
import type { SecretRequest } from './secret-request.ts';

export interface RefusedDelivery {
  readonly at_ms: number;
  readonly secret: string;
  readonly serviceId: string;
  readonly service: string;
  readonly taskId: string;
  readonly task: string;
  readonly nodeId: string;
  readonly error: CofferError;
}

const KEPT_MAX = 1_000;
const TEXT_LENGTH_MAX = 256;

/** The last refusals, newest last, bounded in count and in size. */
export class Refusals {
  readonly #kept: RefusedDelivery[] = [];

  add(at_ms: number, request: SecretRequest, error: CofferError): void {
    this.#kept.push({
      at_ms,
      secret: short(request.secretName),
      serviceId: short(request.service.id),
      service: short(request.service.name),
      taskId: short(request.task.id),
      task: short(request.task.name),
      nodeId: short(request.nodeId),
      error,
    });
    if (this.#kept.length > KEPT_MAX) {
      this.#kept.shift();
    }
  }

  /** Those of one service, by its name or id; of all services without one. */
  list(service?: string): readonly RefusedDelivery[] {
    return this.#kept.filter(
      (refusal) => service === undefined || refusal.service === service || refusal.serviceId === service,
    );
  }
}

function short(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX);
}
