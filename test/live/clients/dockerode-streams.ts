// SPDX-License-Identifier: Apache-2.0
// What comes of dockerode's streams and promises, as values that can be compared.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';

export interface Outputs {
  readonly stdout: string;
  readonly stderr: string;
}

/** The part of docker-modem that its users call by themselves; dockerode's types leave it open. */
interface Modem {
  demuxStream(from: NodeJS.ReadableStream, stdout: PassThrough, stderr: PassThrough): void;
  followProgress(
    stream: NodeJS.ReadableStream,
    done: (error: Error | null, steps: readonly Step[]) => void,
  ): void;
}

interface Step {
  readonly stream?: string;
}

const stream_ms_max = 20_000;

/** Both outputs of a container or an exec without a terminal, once they have ended. */
export async function outputsOf(docker: Docker, stream: NodeJS.ReadableStream): Promise<Outputs> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = { stdout: '', stderr: '' };
  stdout.on('data', (chunk: Buffer) => {
    texts.stdout += chunk.toString();
  });
  stderr.on('data', (chunk: Buffer) => {
    texts.stderr += chunk.toString();
  });
  (docker.modem as Modem).demuxStream(stream, stdout, stderr);
  await once(stream, 'end', { signal: AbortSignal.timeout(stream_ms_max) });
  return texts;
}

/** All that a build says, without ids. */
export async function progressOf(docker: Docker, stream: NodeJS.ReadableStream): Promise<string> {
  const steps = await new Promise<readonly Step[]>((resolve, reject) => {
    (docker.modem as Modem).followProgress(stream, (error, result) => {
      if (error === null) {
        resolve(result);
      } else {
        reject(error);
      }
    });
  });
  return steps
    .map(({ stream: text = '' }) => text)
    .join('')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID');
}

/** The actions of the next events of a stream, which is then left. */
export async function nextEvents(stream: NodeJS.ReadableStream, count: number): Promise<readonly string[]> {
  const actions: string[] = [];
  const timer = setTimeout(
    () => (stream as PassThrough).destroy(new Error('no event in time')),
    stream_ms_max,
  );
  let text = '';
  try {
    for await (const chunk of stream) {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      actions.push(...lines.map((line) => (JSON.parse(line) as { readonly Action: string }).Action));
      if (actions.length >= count) {
        break;
      }
    }
  } finally {
    clearTimeout(timer);
  }
  return actions;
}

export interface Refusal {
  readonly status: number | undefined;
  readonly message: string | undefined;
}

/** How a call was refused; throws if it was not. */
export async function refusalOf(attempt: Promise<unknown>): Promise<Refusal> {
  let answer: unknown;
  try {
    answer = await attempt;
  } catch (thrown) {
    const { statusCode, json, message } = thrown as {
      readonly statusCode?: number;
      readonly json?: { readonly message?: string } | null;
      readonly message: string;
    };
    return { status: statusCode, message: json?.message ?? message };
  }
  throw new Error(`it was not refused: ${JSON.stringify(answer)}`);
}
