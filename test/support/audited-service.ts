// SPDX-License-Identifier: Apache-2.0
// What every interface says while the audit log cannot be written, and that a service's tasks wait for nothing but its mending.
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Coffer } from './coffer.ts';
import type { Engine } from './engine.ts';
import { linesOf } from './installation.ts';
import { createThroughGateway, getSecret, valueIn } from './secret-calls.ts';
import { serviceUpdate, startService, type Task, waitForTask } from './service.ts';
import { waitFor } from './wait-for.ts';

const SERVICE = 'redis';
const SECRET = 'web';
const VALUE = 'correct-horse-battery-staple';

export class AuditedService {
  readonly #engine: Engine;
  readonly #coffer: Coffer;
  #task: Task;
  #round = 0;

  private constructor(engine: Engine, coffer: Coffer, task: Task) {
    this.#engine = engine;
    this.#coffer = coffer;
    this.#task = task;
  }

  /** Has one task, which has its secret. */
  static async start(engine: Engine, coffer: Coffer): Promise<AuditedService> {
    assert.equal((await createThroughGateway(coffer, SECRET, Buffer.from(VALUE))).status, 201);
    const task = await startService(engine, SERVICE, ['--secret', SECRET]);
    assert.equal(await task.secret(SECRET), VALUE);
    return new AuditedService(engine, coffer, task);
  }

  /** And all that was made with it. */
  async remove(): Promise<void> {
    await this.#engine.docker(['service', 'rm', SERVICE]);
    const rounds = Array.from({ length: this.#round }, (_, index) => index + 1);
    const registered = [SECRET, ...rounds.map((round) => `by-gateway-${round}`)];
    await this.#engine.docker(['secret', 'rm', ...registered], { socket: this.#coffer.gatewaySocket });
    await this.#coffer.cli(['rm', ...rounds.map((round) => `during-${round}`)]);
  }

  /** `reason` is all that is said of why the log is not written; `atWork` goes on meanwhile. */
  async stopsFor(reason: RegExp, atWork: () => Promise<void> = async () => undefined): Promise<void> {
    const coffer = this.#coffer;
    this.#round += 1;
    const { source } = reason;
    await coffer.cli(['put', `during-${this.#round}`, '-'], { input: VALUE });
    const stopped = new RegExp(
      `^Audit log: +cannot be written \\(${source}\\), and nothing is delivered$`,
      'm',
    );
    await waitFor(
      async () => {
        await atWork();
        return stopped.test((await coffer.cli(['status'])).stdout);
      },
      { what: `status to say ${source}`, interval_ms: 100 },
    );
    const doctor = await coffer.tryCli(['doctor']);
    assert.equal(doctor.code, 2);
    assert.match(
      doctor.stdout,
      new RegExp(
        `^failure +audit log: it cannot be written \\(${source}\\), and no secret is delivered\\. Mend: `,
        'm',
      ),
    );
    const answer = (await getSecret(coffer, { secret: SECRET, task: `asks-${this.#round}` })).json();
    assert.match(
      (answer as { readonly Err: string }).Err,
      new RegExp(`^\\[audit\\.unavailable\\] the audit log cannot be written \\(${source}\\)`),
    );
    assert.ok(coffer.log().includes('the audit log cannot be written'));
    await this.#isRefusedToTasks(source);
    await this.#isStillStored();
  }

  /** What was meant for the log meanwhile is in `written` as well. */
  async goesOn(mend: () => void | Promise<void>, written: () => Promise<readonly string[]>): Promise<void> {
    const coffer = this.#coffer;
    await mend();
    await waitFor(async () => /^Audit log: +[a-z, ]+$/m.test((await coffer.cli(['status'])).stdout), {
      what: 'status to name the places alone',
    });
    // The refused task is tried again by the swarm itself.
    this.#task = await waitForTask(this.#engine, SERVICE, [this.#task]);
    assert.equal(await this.#task.secret(SECRET), VALUE);
    assert.match((await coffer.tryCli(['doctor'])).stdout, /^ok +audit log: it is written/m);
    valueIn(await getSecret(coffer, { secret: SECRET, task: `asks-${this.#round}` }));
    await waitFor(
      async () => {
        const records = (await written()).map(
          (line) => JSON.parse(line) as Readonly<Record<string, unknown>>,
        );
        const has = (event: string, secret: string): boolean =>
          records.some((record) => record['event'] === event && record['secret'] === secret);
        return (
          has('put', `during-${this.#round}`) &&
          has('put', `by-gateway-${this.#round}`) &&
          has('refuse', SECRET)
        );
      },
      { what: 'what was done meanwhile to be in the log' },
    );
  }

  async #isRefusedToTasks(source: string): Promise<void> {
    await this.#engine.docker(serviceUpdate(SERVICE, ['--force']));
    const told = [
      `^ +failure +answer: .* refused it to task .*: the audit log cannot be written \\(${source}\\) \\[audit\\.unavailable\\]$`,
      `^failure +audit log: .* delivers nothing: .*\\(${source}\\)$`,
    ].map((pattern) => new RegExp(pattern, 'm'));
    await waitFor(
      async () => {
        const { stdout } = await this.#coffer.tryCli(['why', SERVICE]);
        return told.every((pattern) => pattern.test(stdout));
      },
      { what: 'why to tell of the refused task' },
    );
    const tasks = ['service', 'ps', '--no-trunc', '--format', '{{.CurrentState}} {{.Error}}', SERVICE];
    await waitFor(async () => /secret .* not found/.test((await this.#engine.docker(tasks)).stdout), {
      what: 'the swarm to tell that the task has no secret',
    });
  }

  /** No value is shown; what is changed is stored and told as it is, and the record of it waits. */
  async #isStillStored(): Promise<void> {
    const coffer = this.#coffer;
    const file = path.join(this.#engine.directory, `revealed-${this.#round}`);
    const revealed = await coffer.tryCli(['get', SECRET, '--reveal', '--output', file]);
    assert.notEqual(revealed.code, 0);
    assert.match(revealed.stderr, /the audit log cannot be written.*secrets are delivered again as soon as/s);
    const byGateway = `by-gateway-${this.#round}`;
    assert.equal((await createThroughGateway(coffer, byGateway, Buffer.from(VALUE))).status, 201);
    const names = linesOf((await coffer.cli(['ls', '--quiet'])).stdout);
    assert.ok([SECRET, byGateway, `during-${this.#round}`].every((name) => names.includes(name)));
  }
}
