// SPDX-License-Identifier: Apache-2.0
// Tasks of coffer's own, which a swarm gives secrets to: each waits while a program in its container says what it has, and is
// removed. All that is made for them has one label, by which it is found again after a crash.
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import * as v from 'valibot';
import { CofferError, parseJson } from '../common/index.ts';
import { decodeList, requiredText, text } from './decode.ts';
import { callEngine, checkedId, connectEngine, unlessMissing } from './engine-call.ts';
import { engineStatus } from './failure.ts';
import { linesOf } from './lines.ts';
import { decodeCreated } from './secret-model.ts';
import { stdoutIn } from './stream-frames.ts';

export interface OneShotTask {
  readonly name: string;
  /** `sha256:` and digits: then no registry is asked. */
  readonly imageId: string;
  readonly command: readonly string[];
  /** The node of this engine, in its swarm. */
  readonly nodeId: string;
  /** Each becomes `/run/secrets/FILE`, for root alone. */
  readonly secrets: readonly { readonly id: string; readonly name: string; readonly file: string }[];
}

export interface OneShotState {
  readonly state: string;
  /** Why it does not run, in the engine's words. */
  readonly problem: string;
  /** Once it runs. */
  readonly containerId: string | undefined;
}

const OWNER_LABEL = 'coffer.import';
const CALL_TIMEOUT_MS = 10_000;
const IMPORT_TIMEOUT_MS = 120_000;
const RUN_TIMEOUT_MS = 30_000;
const STOP_GRACE_NS = 1_000_000_000;
const OWNER_READ_ONLY = 0o400;
const IMAGE_TRIES_MAX = 20;
const IMAGE_RETRY_MS = 250;
const LINE_BYTES_MAX = 64 * 1024;

const imported = v.object({ status: v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/)) });
const withId = v.object({ ID: requiredText });
const image = v.object({ Id: requiredText });
const taskShape = v.object({
  Status: v.nullish(
    v.object({
      State: text,
      Err: text,
      Message: text,
      ContainerStatus: v.nullish(v.object({ ContainerID: text })),
    }),
  ),
});

/** Of one engine, which manages a swarm. Its methods reject as those of `EngineClient`. */
export class OneShotTasks {
  readonly #socketPath: string;
  readonly #docker: Docker;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#docker = connectEngine(socketPath);
  }

  /** Makes an image of a root file system as a tar archive, and resolves with its id. */
  async importImage(archive: Readable, owner: string): Promise<string> {
    const options = { changes: `LABEL ${OWNER_LABEL}=${owner}` };
    return callEngine(this.#socketPath, IMPORT_TIMEOUT_MS, async () => {
      const answer = await this.#docker.importImage(archive, options);
      for await (const line of linesOf(answer, LINE_BYTES_MAX)) {
        const told = v.safeParse(imported, parseJson(line));
        if (told.success) {
          return told.output.status;
        }
      }
      throw new CofferError('engine.refused', 'the engine did not make an image of what it was sent');
    });
  }

  /** Resolves with the id of the service that the task is of, which may not have begun yet. */
  async start(task: OneShotTask, owner: string): Promise<string> {
    return decodeCreated(await this.#call(() => this.#docker.createService(serviceSpec(task, owner))));
  }

  /** Undefined while it has no task. */
  async state(serviceId: string): Promise<OneShotState | undefined> {
    const filters = { service: [checkedId(serviceId)] };
    const tasks = decodeList(
      taskShape,
      await this.#call(() => this.#docker.listTasks({ filters })),
      'a list of tasks',
    );
    const status = tasks[0]?.Status ?? undefined;
    if (status === undefined) {
      return undefined;
    }
    const containerId = status.ContainerStatus?.ContainerID ?? '';
    return {
      state: status.State,
      problem: status.Err === '' ? status.Message : status.Err,
      containerId: containerId === '' ? undefined : containerId,
    };
  }

  /**
   * Runs a program in a container of this engine, and resolves with what it writes to standard output: bytes that no log has, and
   * that are the caller's to wipe.
   */
  async run(containerId: string, command: readonly string[], size_bytes_max: number): Promise<Buffer> {
    const container = this.#docker.getContainer(checkedId(containerId));
    const shape = { Cmd: [...command], AttachStdout: true, AttachStderr: true };
    const exec = await this.#call(() => container.exec(shape));
    return callEngine(this.#socketPath, RUN_TIMEOUT_MS, async () =>
      readOutput(await exec.start({ hijack: true, stdin: false }), size_bytes_max),
    );
  }

  /** Removes all services, and images of this engine's, that have been made for this owner. */
  async removeAll(owner: string): Promise<void> {
    const label = [`${OWNER_LABEL}=${owner}`];
    await this.removeTasks(owner);
    const images: unknown = await this.#call(() =>
      this.#docker.listImages({ all: true, filters: { label } }),
    );
    for (const { Id } of decodeList(image, images, 'a list of images')) {
      await this.#removeImage(Id);
    }
  }

  /** Its container may be ending still. One that stays is removed by whoever comes next. */
  async #removeImage(id: string): Promise<void> {
    for (let tries = 0; tries < IMAGE_TRIES_MAX; tries += 1) {
      try {
        await this.#call(() => this.#docker.getImage(id).remove({ force: true }));
        return;
      } catch (thrown) {
        if (engineStatus(thrown) !== 409) {
          return;
        }
      }
      await delay(IMAGE_RETRY_MS);
    }
  }

  /** Removes all services that have been made for this owner, and waits until their containers are gone. */
  async removeTasks(owner: string): Promise<void> {
    const label = [`${OWNER_LABEL}=${owner}`];
    const services: unknown = await this.#call(() => this.#docker.listServices({ filters: { label } }));
    for (const { ID } of decodeList(withId, services, 'a list of services')) {
      await unlessMissing(this.#call(() => this.#docker.getService(checkedId(ID)).remove()));
    }
    const containers: unknown = await this.#call(() =>
      this.#docker.listContainers({ all: true, filters: { label } }),
    );
    for (const { Id } of decodeList(image, containers, 'a list of containers')) {
      await unlessMissing(
        this.#call(() => this.#docker.getContainer(checkedId(Id)).remove({ force: true })),
      ).catch(() => undefined);
    }
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return callEngine(this.#socketPath, CALL_TIMEOUT_MS, work);
  }
}

/** As little as it takes: nothing is written down, and nothing is started again. */
function serviceSpec(task: OneShotTask, owner: string): Docker.CreateServiceOptions {
  return {
    Name: task.name,
    Labels: { [OWNER_LABEL]: owner },
    TaskTemplate: {
      ContainerSpec: {
        Image: task.imageId,
        Labels: { [OWNER_LABEL]: owner },
        Command: [...task.command],
        User: '0:0',
        ReadOnly: true,
        StopGracePeriod: STOP_GRACE_NS,
        CapabilityDrop: ['ALL'],
        Secrets: task.secrets.map(({ file, id, name }) => ({
          SecretID: id,
          SecretName: name,
          File: { Name: file, UID: '0', GID: '0', Mode: OWNER_READ_ONLY },
        })),
      },
      RestartPolicy: { Condition: 'none' },
      Placement: { Constraints: [`node.id==${task.nodeId}`] },
      LogDriver: { Name: 'none' },
    },
    Mode: { Replicated: { Replicas: 1 } },
  };
}

async function readOutput(stream: NodeJS.ReadableStream, size_bytes_max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size_bytes = 0;
  try {
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      chunks.push(bytes);
      size_bytes += bytes.length;
      if (size_bytes > size_bytes_max) {
        throw new CofferError('engine.refused', 'the engine sent more than the program can have written');
      }
    }
    const raw = Buffer.concat(chunks);
    const output = stdoutIn(raw);
    raw.fill(0);
    if (output === undefined) {
      throw new CofferError('engine.refused', 'the engine ended before the program had written all');
    }
    return output;
  } finally {
    chunks.forEach((chunk) => chunk.fill(0));
  }
}
