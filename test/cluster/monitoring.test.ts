// SPDX-License-Identifier: Apache-2.0
// What monitors are told by real nodes: a manager, also while it is locked, and a worker. The dashboard and the alerting rules are
// held against what is there, and all of it against Prometheus's own tool.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { joinTokenFrom } from '../support/cluster-calls.ts';
import { runCommand } from '../support/command.ts';
import { verbs } from '../support/command-tree.ts';
import { findDebianProgram } from '../support/debian-program.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { samplesIn, seriesIn, seriesOf } from '../support/metrics-text.ts';
import { NoticeReceiver } from '../support/notice-receiver.ts';
import { projectRoot } from '../support/project.ts';
import { callControl } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

const directory = path.join(projectRoot(), 'docs', 'monitoring');
const rulesFile = path.join(directory, 'alerts.yml');
const VALUE = 'hunter2-that-nobody-is-told';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

/** The expressions of the rules, each on a line of its own in quotes. */
function ruleQueries(): readonly string[] {
  return [...readFileSync(rulesFile, 'utf8').matchAll(/^ +expr: (['"])(.*)\1$/gm)].map(
    ([, , query = '']) => query,
  );
}

function dashboardQueries(): readonly string[] {
  const text = readFileSync(path.join(directory, 'grafana-dashboard.json'), 'utf8');
  const { panels } = JSON.parse(text) as Dashboard;
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

describe('monitors of a manager and a worker', () => {
  const downloaded = findDebianProgram({ name: 'promtool', package: 'prometheus' });
  let manager: ManagerProcess;
  let worker: ManagerProcess;
  let receiver: NoticeReceiver;
  let managerPort: number;
  let workerPort: number;
  before(async () => {
    [managerPort, workerPort] = [await freePort(), await freePort()];
    const metricsAt = (port: number): Record<string, string> => ({
      COFFER_METRICS_ADDRESS: `127.0.0.1:${port}`,
      COFFER_METRICS_SECRETS: 'on',
    });
    receiver = await NoticeReceiver.start();
    manager = await ManagerProcess.start({ env: { ...metricsAt(managerPort), ...receiver.env } });
    await manager.serving();
    const token = await joinTokenFrom(manager, { role: 'worker' });
    const joining = { addresses: [manager.address], token };
    worker = await ManagerProcess.start({ name: 'worker', joining, env: metricsAt(workerPort) });
  });
  after(async () => {
    await worker?.destroy();
    await manager?.destroy();
    receiver?.close();
  });

  async function get(
    port: number,
    target: string,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`http://127.0.0.1:${port}${target}`);
    return { status: answer.status, text: await answer.text() };
  }

  async function sampleAt(port: number, name: string): Promise<number | undefined> {
    return samplesIn((await get(port, '/metrics')).text).get(name);
  }

  test('what was given, refused, changed and written down is counted', async () => {
    // It is a secret too, and comes when the manager leads.
    await waitFor(async () => (await manager.cli(['ls', '-q'])).stdout.includes('coffer.notices'), {
      what: 'the mark of the notices',
    });
    await manager.put('db', VALUE);
    const before = samplesIn((await get(managerPort, '/metrics')).text);
    await manager.put('web', 'x');
    await manager.deliver('db');
    await manager.deliver('web');
    await assert.rejects(manager.deliver('none'));
    const { text } = await get(managerPort, '/metrics');
    assert.ok(!text.includes(VALUE));
    const samples = samplesIn(text);
    const rise = (name: string): number =>
      (samples.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN);
    assert.equal(rise('coffer_driver_get_seconds_count{result="delivered"}'), 2);
    assert.equal(rise('coffer_driver_get_seconds_count{result="refused"}'), 1);
    assert.equal(rise('coffer_driver_get_seconds_bucket{result="delivered",le="+Inf"}'), 2);
    assert.ok(rise('coffer_driver_get_seconds_sum{result="delivered"}') > 0);
    assert.equal(rise('coffer_driver_denied_total{code="secret.not-found"}'), 1);
    assert.ok(rise('coffer_raft_commit_seconds_count') >= 1);
    assert.ok(rise('coffer_raft_commit_index') >= 1);
    assert.equal(rise('coffer_secrets'), 1);
    const present: Readonly<Record<string, number>> = {
      coffer_up: 1,
      coffer_sealed: 0,
      coffer_has_leader: 1,
      coffer_raft_is_leader: 1,
      coffer_raft_voters: 1,
      coffer_raft_last_contact_seconds: 0,
      coffer_damaged_values: 0,
      'coffer_node_role{role="leader"}': 1,
      'coffer_audit_sink_up{sink="file"}': 1,
      'coffer_audit_write_failures_total{sink="file"}': 0,
    };
    for (const [name, value] of Object.entries(present)) {
      assert.equal(samples.get(name), value, name);
    }
    assert.ok((samples.get('coffer_secret_age_seconds{name="db"}') ?? Number.NaN) < 60);
    assert.ok((samples.get('coffer_cert_expiry_seconds') ?? 0) > 24 * 3_600);
    const printed = await manager.cli(['metrics']);
    assert.deepEqual(seriesIn(printed.stdout), seriesIn(text), 'the command line is told the same');
  });

  test('a canary that is given, refused or revealed is told of at once, everywhere', async () => {
    await manager.cli(['put', 'canary', '--generate', 'hex:32', '--label', 'coffer.canary=true']);
    const uses = async (): Promise<readonly (number | undefined)[]> => {
      const samples = samplesIn((await get(managerPort, '/metrics')).text);
      return ['engine', 'volume', 'control'].map((by) => samples.get(`coffer_canary_uses_total{by="${by}"}`));
    };
    assert.deepEqual(await uses(), [0, 0, 0]);
    assert.doesNotMatch((await manager.tryCli(['doctor'])).stdout, /canary/);
    await manager.deliver('db');
    await manager.deliver('CANARY');
    await manager.cli(['policy', 'add', 'deny', 'canary']);
    await assert.rejects(manager.deliver('canary'));
    assert.equal((await callControl(manager, 'POST', '/v1/secrets/canary/reveal')).status, 200);
    assert.deepEqual(await uses(), [2, 0, 1]);
    const { stdout } = await manager.cli(['audit', '--event', 'canary', '--format', 'json']);
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    assert.deepEqual(
      records.map(({ by, code, detail, secret }) => [secret, detail, by, code]),
      [
        ['canary', 'deliver', 'engine', undefined],
        ['canary', 'refuse', 'engine', 'policy.denied'],
        ['canary', 'reveal', 'control', undefined],
      ],
    );
    await waitFor(() => receiver.noticesOf('canary').length === 3, { what: 'a notice of each use' });
    assert.deepEqual(
      receiver.noticesOf('canary').map(({ event, secret, use }) => [event, secret, use]),
      ['deliver', 'refuse', 'reveal'].map((use) => ['canary', 'canary', use]),
    );
    const doctor = await manager.tryCli(['doctor']);
    assert.match(
      doctor.stdout,
      /the canary canary was revealed at .* \(3 uses of canaries since the start\)/,
    );
    assert.match(manager.log(), /"level":"warn".*"message":"a canary was used"/);
  });

  test('a worker is well while it is connected to the leader, and is no leader itself', async () => {
    await waitFor(async () => (await get(workerPort, '/readyz')).status === 200, {
      what: 'the worker to be ready',
    });
    const { status, text } = await get(workerPort, '/v1/sys/health');
    assert.equal(status, 429);
    assert.equal((JSON.parse(text) as { role: unknown }).role, 'worker');
    const samples = samplesIn((await get(workerPort, '/metrics')).text);
    assert.equal(samples.get('coffer_up'), 1);
    assert.equal(samples.get('coffer_agent_connected'), 1);
    assert.equal(samples.get('coffer_raft_is_leader'), undefined);
    assert.equal(await sampleAt(managerPort, 'coffer_nodes{role="worker"}'), 1);
    await waitFor(async () => (await sampleAt(managerPort, 'coffer_sessions')) === 2, {
      what: 'both sessions',
    });
  });

  test('each query of the dashboard and of the alerting rules names series that are there', async () => {
    const recipient = (
      await manager.cli(['backup-key', path.join(manager.stateDirectory, '..', 'key')])
    ).stdout.trim();
    await manager.cli(['backup', '--schedule', '03:00', '--recipient', recipient]);
    const backups = (): Promise<unknown> => sampleAt(managerPort, 'coffer_backup_age_seconds');
    await waitFor(async () => (await backups()) !== undefined, { what: 'the first backup' });
    // Prometheus makes it by itself.
    const known = new Set(['up', ...seriesIn((await get(managerPort, '/metrics')).text)]);
    const queries = [...ruleQueries(), ...dashboardQueries()];
    assert.ok(ruleQueries().length >= 15 && dashboardQueries().length >= 20, 'the queries are found');
    for (const query of queries) {
      const named = seriesOf(query.replaceAll('$__rate_interval', '5m'));
      assert.ok(named.length > 0, query);
      assert.deepEqual(
        named.filter((series) => !known.has(series)),
        [],
        query,
      );
    }
  });

  test('each command that an alert advises to type is there', async () => {
    const words = (await verbs()).map((verb) => verb.words);
    const advised = [...readFileSync(rulesFile, 'utf8').matchAll(/docker coffer ([a-z-]+(?: ls)?)/g)];
    assert.ok(advised.length >= 15);
    for (const [, verb = ''] of advised) {
      assert.ok(words.includes(verb), verb);
    }
  });

  test('a locked manager says so with the number for it, and is well again when it is unlocked', async () => {
    await manager.cli(['autolock', 'on']);
    const key = (await manager.cli(['unlock-key', '-q'])).stdout.trim();
    await manager.restart();
    await waitFor(async () => (await sampleAt(managerPort, 'coffer_sealed')) === 1, {
      what: 'the manager to be locked',
    });
    const { status, text } = await get(managerPort, '/v1/sys/health');
    assert.equal(status, 503);
    assert.equal((JSON.parse(text) as { sealed: unknown }).sealed, true);
    assert.equal((await get(managerPort, '/v1/sys/health?sealedcode=200')).status, 200);
    const ready = await get(managerPort, '/readyz');
    assert.equal(ready.status, 503);
    assert.deepEqual((JSON.parse(ready.text) as { reasons: unknown }).reasons, ['store.locked']);
    assert.equal((await get(managerPort, '/livez')).status, 200);
    assert.equal(await sampleAt(managerPort, 'coffer_up'), 0);
    await manager.cli(['unlock'], { input: key });
    assert.equal((await get(managerPort, '/v1/sys/health')).status, 200);
    assert.equal(await sampleAt(managerPort, 'coffer_sealed'), 0);
  });

  /** Where a change must pass everything, a tool that is missing is a failure. */
  async function promtool(context: TestContext): Promise<string | undefined> {
    const program = await downloaded;
    if (program === undefined) {
      const reason = 'there is no promtool here, and `apt-get download prometheus` brings none';
      assert.notEqual(process.env['CI'], 'true', reason);
      context.skip(reason);
    }
    return program;
  }

  test('promtool finds no fault with the metrics, the rules, and when the rules fire', async (context) => {
    const program = await promtool(context);
    if (program === undefined) {
      return;
    }
    const { text: input } = await get(managerPort, '/metrics');
    const metrics = await runCommand([program, 'check', 'metrics'], { input });
    assert.equal(`${metrics.stdout}${metrics.stderr}`, '');
    const checked = await runCommand([program, 'check', 'rules', '--lint-fatal', rulesFile]);
    assert.match(checked.stdout, /SUCCESS: \d\d rules found/);
    const fired = path.join(projectRoot(), 'test', 'support', 'alerts-fire.yml');
    await runCommand([program, 'test', 'rules', fired]);
  });
});
