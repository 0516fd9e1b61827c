// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { WhyReply, WhySubject } from '../../../src/control/index.ts';
import { helps, verbs } from '../../support/command-tree.ts';
import { STATUS } from '../control/control-harness.ts';
import { type Cli, NOW_MS, withCli } from './cli-harness.ts';

async function fill(cli: Cli): Promise<void> {
  await cli(['put', 'db2', '-', '--label', 'env=prod', '--label', 'team=a'], { stdin: 'x'.repeat(1_500) });
  await cli(['put', 'db10', '-', '--label', 'env=test'], { stdin: 'value' });
  await cli(['put', 'web', '-'], { stdin: 'value' });
}

test('every command has help in both names of the program, with examples where it does something', async () => {
  const all = (await helps()).map(({ words }) => words);
  const acting = new Set((await verbs()).map(({ words }) => words));
  assert.ok(acting.size > 60, `${acting.size} commands`);
  await withCli({}, async ({ cli }) => {
    for (const words of all) {
      const { code, stdout, stderr } = await cli([...words.split(' '), '--help']);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, words);
      assert.match(stdout, new RegExp(`^Usage: coffer ${words}(\\|\\w+)?[ \n]`), words);
      const docker = await cli(['coffer', ...words.split(' '), '--help'], { asDockerPlugin: true });
      assert.match(docker.stdout, new RegExp(`^Usage: docker coffer ${words}(\\|\\w+)?[ \n]`), words);
      assert.ok(!docker.stdout.includes('--tlscacert'), words);
      if (acting.has(words)) {
        assert.match(stdout, /\nExamples:\n {2}# [^\n]+\n {2}[^\n]*coffer /, words);
        assert.match(docker.stdout, /\nExamples:\n {2}# [^\n]+\n {2}[^\n]*docker coffer /, words);
      }
    }
    const { code, stdout } = await cli([]);
    assert.equal(code, 0);
    for (const words of all.filter((each) => !each.includes(' '))) {
      assert.match(stdout, new RegExp(`\n {2}${words}(\\|\\w+)? `), words);
    }
    assert.equal((await cli(['--help'])).stdout, stdout);
  });
});

test('a command line that is not understood ends with 1 and one sentence', async () => {
  await withCli({}, async ({ cli }) => {
    const wrong = [
      ['lss'],
      ['ls', '--filter', 'size=3'],
      ['inspect', 'a', '--pretty', '--format', 'json'],
      ['put', '-bad-', '-'],
      ['put', 'x', '-', '--label', '=v'],
      ['grant', '--node', 'web-1'],
      ['grant', 'db', '--node', 'web-1', '--label', '=v'],
      ['grant', 'db'],
      ['ps', '--filter', 'secret=a'],
      ['ps', '--filter', 'service'],
      ['completion', 'tcsh'],
      ['context', '--name', 'default'],
      ['context', '--name', '../x'],
    ];
    for (const argv of wrong) {
      const { code, stdout, stderr } = await cli(argv);
      assert.equal(code, 1, argv.join(' '));
      assert.equal(stdout, '', argv.join(' '));
      assert.match(stderr, /^coffer: .+\n/, argv.join(' '));
    }
  });
});

test('ls shows a table in natural order, names, or JSON', async () => {
  await withCli({}, async ({ cli }) => {
    assert.equal((await cli(['ls'])).stdout, 'NAME   VERSION   SIZE   ORIGIN   CREATED   UPDATED\n');
    assert.equal((await cli(['ls', '-q'])).stdout, '');
    await fill(cli);
    assert.equal(
      (await cli(['ls'])).stdout,
      [
        'NAME   VERSION   SIZE    ORIGIN    CREATED              UPDATED',
        'db2    1         1.5kB   control   About a minute ago   About a minute ago',
        'db10   1         5B      control   About a minute ago   About a minute ago',
        'web    1         5B      control   About a minute ago   About a minute ago',
        '',
      ].join('\n'),
    );
    assert.equal((await cli(['ls', '-q'])).stdout, 'db2\ndb10\nweb\n');
    const lines = (await cli(['ls', '--format', 'json'])).stdout.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    const [first = ''] = lines;
    const secret = JSON.parse(first) as Record<string, unknown>;
    assert.equal(secret['Name'], 'db2');
    assert.equal(secret['CreatedAt'], new Date(NOW_MS).toISOString());
    assert.deepEqual(secret['Labels'], { env: 'prod', team: 'a' });
  });
});

test('ls filters by any of the name prefixes and all of the labels', async () => {
  await withCli({}, async ({ cli }) => {
    await fill(cli);
    const names = async (...filters: readonly string[]) => {
      const { stdout } = await cli(['ls', '-q', ...filters.flatMap((filter) => ['--filter', filter])]);
      return stdout.trimEnd().split('\n').join(' ');
    };
    assert.equal(await names('name=DB'), 'db2 db10');
    assert.equal(await names('name=db1', 'name=w'), 'db10 web');
    assert.equal(await names('label=env'), 'db2 db10');
    assert.equal(await names('label=env=prod', 'label=team'), 'db2');
    assert.equal(await names('label=env=prod', 'label=env=test'), '');
    assert.equal(await names('label=toString'), '');
    assert.equal(await names('name=b'), '');
  });
});

test('inspect prints an array of what it found, and complains about the rest', async () => {
  await withCli({}, async ({ cli, store }) => {
    await fill(cli);
    const { code, stdout, stderr } = await cli(['inspect', 'web', 'nope', 'db2']);
    assert.equal(code, 2);
    assert.equal(stderr, 'coffer: secret nope not found\nList the secrets with: docker coffer ls\n');
    const array = JSON.parse(stdout) as readonly Record<string, unknown>[];
    assert.deepEqual(
      array.map(({ Name, ID }) => [Name, ID]),
      [
        ['web', store.byName('web')?.id],
        ['db2', store.byName('db2')?.id],
      ],
    );
    assert.equal((await cli(['inspect', 'nope'])).stdout, '[]\n');
    assert.equal((await cli(['inspect', 'web', '--format', 'json'])).stdout.split('\n').length, 2);
    const pretty = await cli(['inspect', '--pretty', 'db2']);
    assert.match(
      pretty.stdout,
      /^ID: +\w{25}\nName: +db2\n[^]* - env=prod\n[^]* - 1: +1\.5kB, 2026-01-15T12:00:00.000Z, current\n$/,
    );
  });
});

test('rm goes on after an error and keeps what is in use', async () => {
  const users = async (name: string) =>
    name === 'web' ? { services: ['site'], engineSecrets: ['web'] } : { services: [], engineSecrets: [] };
  await withCli({ users }, async ({ cli, store }) => {
    await fill(cli);
    const { code, stdout, stderr } = await cli(['rm', 'nope', 'web', 'DB2']);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: 'db2\n' });
    assert.match(
      stderr,
      /^coffer: secret nope not found\n.*\ncoffer: secret web is in use by the following service: site\n.*--secret-rm web site\n$/,
    );
    assert.deepEqual(
      store
        .list()
        .map(({ name }) => name)
        .sort((a, b) => a.localeCompare(b)),
      ['db10', 'web'],
    );
    assert.equal((await cli(['rm', '--force', 'web'])).code, 0);
    const json = await cli(['rm', 'db10', '--format', 'json']);
    assert.equal((JSON.parse(json.stdout) as { Name: string }).Name, 'db10');
    assert.equal(store.list().length, 0);
  });
});

test('status describes the daemon, and ends with 2 while it does not serve', async () => {
  const reason = { code: 'store.damaged', message: 'record 7 does not open', hint: 'Restore a backup.' };
  let status = STATUS;
  await withCli({ status: () => status }, async ({ cli, store, socketPath }) => {
    const serving = await cli(['status']);
    assert.equal(serving.code, 0);
    assert.match(serving.stdout, /^State: +serving, up about a minute\n/);
    assert.match(serving.stdout, /\nGateway: +unix:\/\/\/run\/coffer\/docker\.sock\n/);
    assert.ok(serving.stdout.includes(socketPath));
    store.loaded_percent = 37;
    status = { ...STATUS, store: store.status() };
    const loading = await cli(['status']);
    assert.match(loading.stdout, /Secrets: +0, .*being loaded \(37 %\)/);
    store.loaded_percent = undefined;
    status = { ...STATUS, state: 'degraded', reason, store: store.status() };
    const degraded = await cli(['status']);
    assert.equal(degraded.code, 2);
    assert.match(degraded.stdout, /Reason: +record 7 does not open\nMend: +Restore a backup\.\n/);
    assert.match(degraded.stdout, /leader in term 1/);
    const json = JSON.parse((await cli(['status', '--format', 'json'])).stdout) as Record<string, unknown>;
    assert.equal(json['State'], 'degraded');
    assert.deepEqual(json['Reason'], { Code: reason.code, Message: reason.message, Hint: reason.hint });
  });
});

const WELL: WhySubject = {
  kind: 'service',
  name: 'api',
  findings: [{ name: 'tasks', level: 'ok', message: '2 of 2 run' }],
  secrets: [
    {
      name: 'db',
      registered: 'alias',
      via: 'secret',
      findings: [
        { name: 'answer', level: 'ok', message: 'task api.1 was given version 2', at_ms: NOW_MS + 85_000 },
      ],
    },
  ],
};
const REFUSED: WhySubject = {
  kind: 'service',
  name: 'web',
  findings: [{ name: 'tasks', level: 'ok', message: '1 of 1 run' }],
  secrets: [
    {
      name: 'db',
      registered: 'db',
      via: 'secret',
      findings: [
        { name: 'policy', level: 'ok', message: 'no rule denies it' },
        {
          name: 'value',
          level: 'failure',
          message: 'coffer holds no secret db\u001b[2J',
          mend: 'docker coffer put db -',
        },
        { name: 'answer', level: 'warning', message: 'one refused it', at_ms: NOW_MS },
      ],
    },
  ],
};
const MANAGER = { name: 'manager', level: 'ok', message: 'Docker asks the coffer of two' } as const;

function whyOf(subjects: readonly WhySubject[], targets: WhyReply['targets'], healthy = false): WhyReply {
  return { targets, healthy, findings: [MANAGER], subjects };
}

test('why shows what was looked at, when, and what mends it, on one screen', async () => {
  const asked: (string | undefined)[] = [];
  const why = async (name: string | undefined): Promise<WhyReply> => {
    asked.push(name);
    return whyOf([REFUSED], [{ kind: 'service', name: 'web' }]);
  };
  await withCli({ why }, async ({ cli }) => {
    const { code, stdout } = await cli(['why', 'web']);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        'service web',
        '  ok       tasks: 1 of 1 run',
        '  secret db',
        '    ok       policy: no rule denies it',
        '    failure  value: coffer holds no secret db?[2J',
        '             Mend: docker coffer put db -',
        '    warning  answer: About a minute ago: one refused it',
        'ok       manager: Docker asks the coffer of two',
        '',
      ].join('\n'),
    );
    const json = (await cli(['why', '--format', 'json'])).stdout;
    assert.equal(json.trimEnd().split('\n').length, 1);
    assert.match(
      json,
      /^\{"Targets":.*"Healthy":false,"Findings":.*"Mend":"docker coffer put db -".*"At":"20/,
    );
    assert.deepEqual(asked, ['web', undefined]);
  });
});

test('why says that nothing is wrong, and with what; of many only what is wrong is shown', async () => {
  const replies: Readonly<Record<string, WhyReply>> = {
    api: whyOf([WELL], [{ kind: 'service', name: 'api' }], true),
    all: whyOf([REFUSED, WELL, WELL], []),
    well: whyOf([WELL, WELL], [], true),
    bare: whyOf([{ ...WELL, secrets: [] }], [{ kind: 'service', name: 'bare' }], true),
    many: whyOf(
      Array.from({ length: 12 }, () => REFUSED),
      [{ kind: 'secret', name: 'db' }],
    ),
  };
  const why = async (name = ''): Promise<WhyReply> => replies[name] ?? whyOf([], []);
  await withCli({ why }, async ({ cli }) => {
    const lines = async (name: string): Promise<readonly string[]> =>
      (await cli(['why', name])).stdout.trimEnd().split('\n');
    assert.deepEqual((await lines('api')).slice(0, 5), [
      'Nothing is wrong with service api.',
      'service api',
      '  ok       tasks: 2 of 2 run',
      '  secret alias, which is db in coffer',
      '    ok       answer: 5 seconds ago: task api.1 was given version 2',
    ]);
    assert.deepEqual(await lines('all'), [
      'service web',
      '  secret db',
      '    failure  value: coffer holds no secret db?[2J',
      '             Mend: docker coffer put db -',
      '    warning  answer: About a minute ago: one refused it',
      'Nothing is wrong for 2 more.',
      'ok       manager: Docker asks the coffer of two',
    ]);
    assert.equal(
      (await lines('well'))[0],
      'Nothing is wrong: 2 services and volumes with 1 secret of coffer were looked at.',
    );
    assert.equal((await lines('bare'))[0], 'Nobody has a secret of coffer here by service bare.');
    assert.ok(
      (await lines('many')).includes('2 more are refused something; ask for one of them by its name.'),
    );
  });
});

test('why ends with a sentence for a name that nobody has', async () => {
  const why = async (): Promise<WhyReply> => {
    throw new CofferError('why.not-found', 'nothing is called nobody', { hint: 'Look.' });
  };
  await withCli({ why }, async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['why', 'nobody']);
    assert.deepEqual([code, stdout, stderr], [2, '', 'coffer: nothing is called nobody\nLook.\n']);
  });
});

test('an answer that may be old is said to be so', async () => {
  await withCli({}, async ({ cli, store }) => {
    store.freshness = 'local';
    const { code, stderr } = await cli(['ls']);
    assert.equal(code, 0);
    assert.match(stderr, /^coffer: .*the answer may be old\n$/);
  });
});

test('colours are for terminals, and NO_COLOR is obeyed', async () => {
  await withCli({}, async ({ cli }) => {
    assert.ok((await cli(['status'], { terminal: true })).stdout.includes('\u001b[32mserving'));
    assert.ok(!(await cli(['status'], { terminal: true, env: { NO_COLOR: '1' } })).stdout.includes('\u001b'));
    assert.ok(!(await cli(['status'], { terminal: true, env: { TERM: 'dumb' } })).stdout.includes('\u001b'));
    assert.ok(!(await cli(['status'])).stdout.includes('\u001b'));
  });
});
