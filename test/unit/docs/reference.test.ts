// SPDX-License-Identifier: Apache-2.0
// docs/reference/ is what the code says, and the code says all that there is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { readSettings } from '../../../src/daemon/index.ts';
import { type SettingDescription, SETTINGS } from '../../../src/daemon/setting-list.ts';
import { LABEL_LIST, NOTICE_MARK_NAME, WORKLOAD_AUTHORITY_NAME } from '../../../src/secrets/index.ts';
import { referencePages } from '../../reference/pages.ts';
import { markdownFiles } from '../../support/manual.ts';
import { projectRoot } from '../../support/project.ts';

/** Labels and names that nobody types: what an import marks its containers with, and two secrets of coffer's own. */
const NO_LABELS: readonly string[] = ['coffer.import', NOTICE_MARK_NAME, WORKLOAD_AUTHORITY_NAME];

interface PluginVariable {
  readonly name: string;
  readonly value: string;
  readonly settable?: readonly string[];
}

function sources(): string {
  const directory = path.join(projectRoot(), 'src');
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(directory, file), 'utf8'))
    .join('\n');
}

/** What the whole source has in quotes, of that form. */
function quoted(form: RegExp): readonly string[] {
  return [...new Set(Array.from(sources().matchAll(form), ([, name = '']) => name))];
}

describe('the reference', () => {
  let pages: ReadonlyMap<string, string>;
  before(async () => {
    pages = await referencePages();
  });

  test('is as `make reference` writes it', () => {
    const directory = path.join(projectRoot(), 'docs', 'reference');
    assert.deepEqual(readdirSync(directory).toSorted(), [...pages.keys()]);
    for (const [name, text] of pages) {
      const written = readFileSync(path.join(directory, name), 'utf8');
      assert.ok(written === text, `docs/reference/${name} is not what the code says: make reference`);
    }
  });

  test('names every metric that the source names, and no other of coffer', () => {
    const named = quoted(/'((?:coffer|process|nodejs)_[a-z_]+)'/g).toSorted();
    const rows = [...(pages.get('metrics.md') ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    assert.deepEqual(rows, named);
    assert.ok(rows.length > 50, 'the metrics are found');
  });

  test('names every label that the source names', () => {
    const named = quoted(/'(coffer\.[a-z.-]+)'/g).filter((name) => !NO_LABELS.includes(name));
    assert.deepEqual(named.toSorted(), Object.keys(LABEL_LIST).toSorted());
  });

  test('says which calls there are, of what type their answers are, and what those types are made of', () => {
    const page = pages.get('api.md') ?? '';
    const titles = new Set([...page.matchAll(/^### (.+)$/gm)].map(([, title]) => title));
    const links = [...page.matchAll(/\[`([^`]+)`\]\(#/g)].map(([, title = '']) => title);
    assert.deepEqual(
      [...new Set(links)].filter((title) => !titles.has(title)),
      [],
    );
    assert.ok(links.length > 60, 'the calls are found');
  });
});

test('each setting is read, with the default of the list', () => {
  const read = new Set<string>();
  const given = {
    COFFER_AUDIT: 'syslog',
    COFFER_AUDIT_SYSLOG: 'tcp://127.0.0.1',
    COFFER_UNLOCK_KEY_FILE: '/unlock-key',
    COFFER_WEBHOOK_URL: 'https://example.com/',
  };
  const watched = new Proxy<NodeJS.ProcessEnv>(given, {
    get: (target, name) => {
      read.add(String(name));
      return target[String(name)];
    },
  });
  readSettings(watched);
  read.delete('CREDENTIALS_DIRECTORY');
  assert.deepEqual([...read].toSorted(), Object.keys(SETTINGS).toSorted());
  const fallbacks: Record<string, string | undefined> = {};
  for (const [name, { fallback }] of Object.entries<SettingDescription>(SETTINGS)) {
    fallbacks[name] = fallback;
  }
  assert.deepEqual(readSettings(fallbacks), readSettings({}));
});

test('config.json has the settings of the list, settable or fixed as it says, and with the same defaults', () => {
  const text = readFileSync(path.join(projectRoot(), 'config.json'), 'utf8');
  const { env } = JSON.parse(text) as { readonly env: readonly PluginVariable[] };
  const own = env.filter(({ name }) => name.startsWith('COFFER_'));
  const said = own.map(({ name, settable }) => [name, settable === undefined ? 'fixed' : 'settable']);
  const listed = Object.entries<SettingDescription>(SETTINGS);
  assert.deepEqual(
    Object.fromEntries(said),
    Object.fromEntries(
      listed.filter(([, { plugin }]) => plugin !== 'absent').map(([name, { plugin }]) => [name, plugin]),
    ),
  );
  for (const { name, settable, value } of own) {
    const fallback = listed.find(([other]) => other === name)?.[1].fallback ?? '';
    assert.ok(settable === undefined || value === fallback, `${name} is ${fallback} by default`);
  }
});

describe('what people wrote', () => {
  const texts = markdownFiles().map((file) => readFileSync(path.join(projectRoot(), file), 'utf8'));
  const named = (form: RegExp): readonly string[] => [
    ...new Set(texts.flatMap((text) => Array.from(text.matchAll(form), ([, name = '']) => name))),
  ];

  test('names settings that there are', () => {
    const unknown = named(/\b(COFFER_[A-Z_]+[A-Z])\b/g).filter((name) => !Object.hasOwn(SETTINGS, name));
    assert.deepEqual(unknown.toSorted(), ['COFFER_SECRETS_DIR', 'COFFER_SOCKET']);
  });

  test('says of the settings that a managed plugin has which these are', () => {
    const rows = named(/^\| `(COFFER_[A-Z_]+` +\| (?:_m_| {3}) \|)/gm);
    for (const row of rows) {
      const [name = ''] = row.split('`');
      const setting: SettingDescription | undefined = Object.entries(SETTINGS).find(
        ([key]) => key === name,
      )?.[1];
      assert.equal(row.includes('_m_'), setting?.plugin === 'settable', name);
    }
    assert.ok(rows.length > 5, 'the table is found');
  });

  test('names labels and metrics that there are', () => {
    const labels = named(/`(coffer\.[a-z.]+[a-z])[=`:]/g).filter((name) => !NO_LABELS.includes(name));
    assert.deepEqual(
      labels.filter((name) => !Object.hasOwn(LABEL_LIST, name)),
      [],
    );
    const metrics = new Set(quoted(/'((?:coffer|process|nodejs)_[a-z_]+)'/g));
    const written = named(/`(coffer_[a-z_]+[a-z])[`{]/g).filter((name) => !metrics.has(name));
    assert.deepEqual(written, []);
    assert.ok(labels.length > 10, 'the labels are found');
  });
});
