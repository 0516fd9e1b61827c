// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Chain, newChain, type RecordFilter } from '../../../src/audit/index.ts';
import type { AuditAdmin, AuditVerifyReply, LostRecord } from '../../../src/control/index.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { RecordingAudit } from '../../support/recording-audit.ts';
import { type CliHarness, Keyboard, NOW_MS, withCli } from './cli-harness.ts';

const chain = new Chain(newChain());
const LINES = [
  chain.append('start', NOW_MS, 'node1', { detail: 'coffer 1.0' }),
  chain.append('deliver', NOW_MS + 1_000, 'node1', {
    secret: 'db',
    version: 3,
    service: 'web',
    task: 't1',
    by: 'engine',
  }),
  chain.append('refuse', NOW_MS + 2_000, 'node1', {
    secret: 'db',
    service: 'x\u001b[2J',
    code: 'policy.denied',
  }),
  chain.append('refuse', NOW_MS + 3_000, 'node1', {
    volume: 'certs',
    service: 'web-1, shop_web',
    by: 'volume',
    code: 'volume.refused',
  }),
];

interface Asked {
  filter?: RecordFilter;
  acknowledged?: LostRecord;
}

async function withAudit(
  reply: AuditVerifyReply,
  work: (harness: CliHarness & { asked: Asked; auditor: RecordingAudit }) => Promise<void>,
): Promise<void> {
  const asked: Asked = {};
  const auditor = new RecordingAudit();
  const audit: AuditAdmin = {
    auditor,
    select: async (filter) => {
      asked.filter = filter;
      return LINES.map(({ record }) => record);
    },
    verify: async () => reply,
    acknowledge: async (lost) => {
      asked.acknowledged = lost;
      return lost;
    },
  };
  const cluster = new FakeCluster();
  await withCli({ audit, cluster: () => cluster }, (harness) => work({ ...harness, asked, auditor }));
}

test('audit shows what was done, for people and as it stands in the log', async () => {
  await withAudit({ records: 3 }, async ({ asked, cli }) => {
    const { code, stdout } = await cli(['audit', '--since', '1h', '--secret', 'db', '--tail', '5']);
    assert.equal(code, 0);
    assert.deepEqual(asked.filter, {
      event: undefined,
      secret: 'db',
      since_ms: NOW_MS + 90_000 - 3_600_000,
      tail: 5,
    });
    assert.deepEqual(stdout.split('\n'), [
      'TIME                       EVENT     SECRET   SERVICE           TASK OR NODE   BY       OUTCOME',
      '2026-01-15T12:00:00.000Z   start                                                        coffer 1.0',
      '2026-01-15T12:00:01.000Z   deliver   db:3     web               t1             engine   done',
      '2026-01-15T12:00:02.000Z   refuse    db       x?[2J                                     policy.denied',
      '2026-01-15T12:00:03.000Z   refuse             web-1, shop_web   volume certs   volume   volume.refused',
      '',
    ]);
    const json = await cli(['audit', '--format', 'json', '--event', 'refuse']);
    assert.equal(json.stdout, LINES.map(({ line }) => `${line}\n`).join(''));
    assert.equal(asked.filter?.event, 'refuse');
    for (const wrong of [
      ['--event', 'no-event'],
      ['--tail', '0'],
      ['--since', 'yesterday'],
    ]) {
      assert.notEqual((await cli(['audit', ...wrong])).code, 0, wrong.join(' '));
    }
  });
});

test('audit verify ends with 0 for a whole log, and with 1 and what is wrong for another', async () => {
  const whole = { records: 12, wholeTo: '2026-01-15T12:00:00.000Z' };
  const head = { seq: 11, at_ms: NOW_MS, signature: 'good' } as const;
  const cases: readonly (readonly [AuditVerifyReply, number, RegExp, string])[] = [
    [
      { ...whole, head },
      0,
      /^12 records, whole up to 2026-01-15T12:00:00.000Z; signed up to record 11 at /,
      '',
    ],
    [{ ...whole }, 0, /; nothing of it is signed yet\n$/, ''],
    [
      { ...whole, head: { ...head, signature: 'other-key' } },
      0,
      /by the key of a certificate that was renewed/,
      '',
    ],
    [
      { ...whole, head: { ...head, signature: 'bad' } },
      1,
      /^12/,
      "coffer: the signature of record 11 is not this manager's\n",
    ],
    [
      { records: 2, problem: { line: 3, what: 'record 3 is not what was written' }, head },
      1,
      /^2 records, whole; signed/,
      'coffer: line 3: record 3 is not what was written\n',
    ],
    [
      { ...whole, head, lost: { seq: 40, at_ms: NOW_MS } },
      1,
      /^12/,
      'coffer: record 40, signed at 2026-01-15T12:00:00.000Z, was not in the log any more when coffer started\n',
    ],
  ];
  for (const [reply, code, stdout, stderr] of cases) {
    await withAudit(reply, async ({ cli }) => {
      const result = await cli(['audit', 'verify']);
      assert.deepEqual([result.code, result.stderr], [code, stderr]);
      assert.match(result.stdout, stdout);
    });
  }
});

const LOST = { seq: 40, at_ms: NOW_MS };
const LOST_WORDS =
  'record 40, signed at 2026-01-15T12:00:00.000Z, was not in the log any more when coffer started';

test('audit verify --acknowledge has what was lost not told any more, and leaves a record of that', async () => {
  await withAudit({ records: 12, lost: LOST }, async ({ asked, auditor, cli }) => {
    const { code, stderr, stdout } = await cli(['audit', 'verify', '--acknowledge']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(stdout.split('\n').slice(1), [`Acknowledged: ${LOST_WORDS}`, '']);
    assert.deepEqual(asked.acknowledged, LOST);
    assert.deepEqual(auditor.records, [
      {
        event: 'acknowledge',
        by: 'control',
        detail: 'record 40, signed at 2026-01-15T12:00:00.000Z, is known to be lost',
      },
    ]);
    const json = await cli(['audit', 'verify', '--acknowledge', '--format', 'json']);
    const at = { Seq: 40, At: '2026-01-15T12:00:00.000Z' };
    assert.deepEqual(JSON.parse(json.stdout), { Records: 12, Acknowledged: at, Whole: true });
  });
});

test('audit verify --acknowledge asks at a terminal, unless it is told not to', async () => {
  await withAudit({ records: 12, lost: LOST }, async ({ asked, cli }) => {
    const words = ['audit', 'verify', '--acknowledge'];
    const no = await cli(words, { stdin: new Keyboard('n\n') });
    assert.deepEqual([no.code, asked.acknowledged], [1, undefined]);
    assert.match(no.stderr, /^Nobody is told any more that record 40, .* Go on\? \[y\/N\] /);
    assert.equal((await cli([...words, '--yes'], { stdin: new Keyboard('') })).code, 0);
    assert.deepEqual(asked.acknowledged, LOST);
    assert.equal((await cli(words, { stdin: new Keyboard('y\n') })).code, 0);
  });
});

test('audit verify --acknowledge changes nothing where nothing was lost, nor for copies, and still tells what else is wrong', async () => {
  await withAudit({ records: 12 }, async ({ asked, cli }) => {
    const nothing = await cli(['audit', 'verify', '--acknowledge']);
    assert.equal(nothing.code, 1);
    assert.match(nothing.stderr, /no record was lost that was not acknowledged/);
    const copies = await cli(['audit', 'verify', '--acknowledge', 'audit.log']);
    assert.equal(copies.code, 1);
    assert.match(copies.stderr, /not for copies/);
    assert.equal(asked.acknowledged, undefined);
  });
  const problem = { line: 3, what: 'record 3 is not what was written' };
  await withAudit({ records: 2, problem, lost: LOST }, async ({ asked, cli }) => {
    const { code, stderr } = await cli(['audit', 'verify', '--acknowledge']);
    assert.deepEqual([code, stderr], [1, 'coffer: line 3: record 3 is not what was written\n']);
    assert.deepEqual(asked.acknowledged, LOST);
  });
});

test('audit verify takes copies of files, without a daemon', async () => {
  await withCli({}, async ({ cli, directory }) => {
    const file = path.join(directory, 'audit.log');
    const lines = LINES.map(({ line }) => `${line}\n`).join('');
    writeFileSync(file, lines);
    const env = { COFFER_SOCKET: '/nowhere' };
    const whole = await cli(['audit', 'verify', file], { env });
    assert.equal(whole.code, 0);
    assert.match(
      whole.stdout,
      /^4 records, whole up to 2026-01-15T12:00:03.000Z; what the managers have signed/,
    );
    writeFileSync(file, lines.replace('"web"', '"api"'));
    const edited = await cli(['audit', 'verify', file], { env });
    assert.deepEqual([edited.code, edited.stderr], [1, 'coffer: line 2: record 2 is not what was written\n']);
    assert.equal((await cli(['audit', 'verify', '/nowhere'], { env })).code, 1);
  });
});

test('what changes the cluster through the control API is written down, with what came of it', async () => {
  await withAudit({ records: 0 }, async ({ auditor, cli }) => {
    await cli(['grant', 'db', '--node', 'nowhere-1', '--container', 'web-1']);
    await cli(['grant-ls']);
    await cli(['policy', 'default', 'deny']);
    const by = 'control';
    const [grant, policy, ...more] = auditor.records;
    assert.deepEqual(more, [], 'what only reads is not');
    assert.deepEqual(policy, { event: 'policy', by, detail: 'default changed from allow to deny' });
    assert.deepEqual(grant, {
      event: 'grant',
      by,
      code: 'cluster.node-not-found',
      detail: 'POST /v1/grants',
    });
  });
});
