// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentReport, DaemonStatus } from '../../../src/control/index.ts';
import { STATUS } from '../control/control-harness.ts';
import { type Cli, NOW_MS, withCli } from './cli-harness.ts';

const HOUR_MS = 3_600_000;

const CONNECTED: AgentReport = {
  manager: 'web-1',
  connectedAt_ms: NOW_MS - 3 * HOUR_MS,
  volumes: 3,
  mounted: 2,
  secrets: 4,
  cutOff: false,
};

/** Runs `work` with a command line whose daemon reports so. */
async function withStatus(over: Partial<DaemonStatus>, work: (cli: Cli) => Promise<void>): Promise<void> {
  await withCli({ status: () => ({ ...STATUS, ...over }) }, ({ cli }) => work(cli));
}

test('status shows which manager the agent is connected to, and what it has', async () => {
  await withStatus({ agent: CONNECTED }, async (cli) => {
    const { code, stdout } = await cli(['status']);
    assert.equal(code, 0);
    assert.match(stdout, /\nAgent: {12}connected to web-1 for 3 hours\n/);
    assert.match(stdout, /\nVolumes: {10}3, 2 of them mounted; 4 secrets in memory\n/);
    assert.doesNotMatch(stdout, /Sessions/);
    const json = JSON.parse((await cli(['status', '--format', 'json'])).stdout) as {
      readonly Agent: unknown;
    };
    assert.deepEqual(json.Agent, {
      Manager: 'web-1',
      ConnectedAt: '2026-01-15T09:00:00.000Z',
      Volumes: 3,
      Mounted: 2,
      Secrets: 4,
      CutOff: false,
    });
  });
});

for (const [what, over, line] of [
  ['is connected to none', {}, 'connected to no manager, and keeps what it has'],
  [
    'is connected to none, and why',
    { problem: 'no manager answers at 10.0.0.1:7373' },
    'connected to no manager, and keeps what it has: no manager answers at 10.0.0.1:7373',
  ],
  [
    'was cut off for too long',
    { cutOff: true, secrets: 0 },
    'cut off from every manager for so long that it has wiped all secrets',
  ],
  [
    'is connected with a problem, whatever characters stand in it',
    { manager: 'web\u001b[2J', problem: 'the tmpfs is full' },
    'connected to web?[2J: the tmpfs is full',
  ],
] as const) {
  test(`status shows that the agent ${what}`, async () => {
    const agent = { ...CONNECTED, manager: undefined, connectedAt_ms: undefined, ...over };
    await withStatus({ agent }, async (cli) => {
      const lines = (await cli(['status'])).stdout.split('\n');
      assert.ok(lines.includes(`Agent:            ${line}`), lines.join('\n'));
    });
  });
}

test('status of the leader counts the nodes that are connected to it', async () => {
  await withStatus({ sessions: 1 }, async (cli) => {
    const { stdout } = await cli(['status']);
    assert.match(stdout, /\nSessions: {9}1 node(\n|$)/);
    assert.doesNotMatch(stdout, /Agent|Volumes/);
  });
  await withStatus({ sessions: 0 }, async (cli) => {
    assert.match((await cli(['status'])).stdout, /\nSessions: {9}0 nodes(\n|$)/);
  });
});
