// SPDX-License-Identifier: Apache-2.0
// What a call to the engine can come to other than its answer.
import { CofferError, systemErrorCode } from '../common/index.ts';

/** The cause of an `engine.refused`: what the engine answered instead. */
export class EngineAnswer extends Error {
  override readonly name = 'EngineAnswer';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The HTTP status that the engine answered with, where an error comes from such an answer. */
export function engineStatus(thrown: unknown): number | undefined {
  return thrown instanceof CofferError && thrown.cause instanceof EngineAnswer
    ? thrown.cause.status
    : undefined;
}

/** The error of an engine that cannot be spoken to; `cause` tells why. */
export function unreachableEngine(socketPath: string, cause: unknown): CofferError {
  const why = systemErrorCode(cause);
  const detail = `the Docker Engine at ${socketPath} does not answer${why === undefined ? '' : ` (${why})`}`;
  return new CofferError('engine.unreachable', detail, { hint: 'start the Docker Engine', cause });
}

/** Maps what dockerode rejects with: an answer with a status is a refusal, all else is no answer. */
export function mapFailure(socketPath: string, thrown: unknown): CofferError {
  if (thrown instanceof CofferError) {
    return thrown;
  }
  if (thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number') {
    const message = messageOf(thrown);
    return new CofferError('engine.refused', `the Docker Engine refused: ${message}`, {
      cause: new EngineAnswer(thrown.statusCode, message),
    });
  }
  return unreachableEngine(socketPath, thrown);
}

function messageOf(thrown: Error): string {
  const json: unknown = 'json' in thrown ? thrown.json : undefined;
  if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') {
    return json.message;
  }
  return thrown.message.trim();
}
