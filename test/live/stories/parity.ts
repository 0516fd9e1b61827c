// SPDX-License-Identifier: Apache-2.0
// What goes wrong goes wrong through the gateway exactly as on the engine's own socket: exit codes, texts,
// statuses and headers are compared, not listed here.
import { afterEach, describe, test } from 'node:test';
import type { Installation } from '../../support/installation.ts';
import {
  type ApiTranscript,
  ID_PREFIX_LENGTH,
  inParallel,
  sameApiThroughGateway,
  sameThroughGateway,
} from '../../support/side-by-side.ts';
import { serviceCreate } from '../../support/service.ts';
import { BAD_NAMES, GOOD_NAMES } from './secret-names.ts';

const DATA = Buffer.from('a value').toString('base64');
const OTHER_DATA = Buffer.from('another value').toString('base64');

export function parityStories(of: () => Installation): void {
  describe('through the gateway as on the engine’s own socket', () => {
    afterEach(async () => of().clear());

    test('a name that is taken, also in other letters', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await ask(['secret', 'create', 'Taken', '-'], { input: 'a value' });
        await ask(['secret', 'create', 'Taken', '-'], { input: 'a value' });
        await ask(['secret', 'create', 'tAKEN', '-'], { input: 'another value' });
        await ask(['secret', 'inspect', '--format', '{{.Spec.Name}}', 'TAKEN']);
        await ask(['secret', 'rm', 'TAKEN']);
        await ask(['secret', 'rm', 'Taken']);
      });
    });

    test('every bad name, and every good one', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await inParallel([...BAD_NAMES, ...GOOD_NAMES], async (name) => {
          await ask(['secret', 'create', '--', name, '-'], { input: 'a value' });
        });
        await ask(['secret', 'ls', '--format', '{{.Name}}']);
        await inParallel(BAD_NAMES, async (name) => ask(['secret', 'inspect', '--', name]));
        await inParallel(BAD_NAMES, async (name) => ask(['secret', 'rm', '--', name]));
        await ask(['secret', 'rm', ...GOOD_NAMES]);
      });
    });

    test('values of every size at a limit', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        for (const size of [0, 1, 511_999, 512_000, 1_024_000, 3_000_000]) {
          await ask(['secret', 'create', `size-${size}`, '-'], { input: Buffer.alloc(size, 97) });
        }
        await ask(['secret', 'ls', '--format', '{{.Name}}']);
        await ask(['secret', 'rm', 'size-1', 'size-511999', 'size-0']);
      });
    });

    test('commands that are wrong in themselves', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await ask(['secret', 'create']);
        await ask(['secret', 'create', 'a', '-', 'b']);
        await ask(['secret', 'create', '--nonsense', 'a', '-']);
        await ask(['secret', 'create', 'a', '/nonexistent']);
        await ask(['secret', 'create', '--driver', 'coffer', 'a', '-'], { input: 'a value' });
        await ask(['secret', 'create', '--label', '=b', 'a', '-'], { input: 'a value' });
        await ask(['secret', 'ls', '--filter', 'driver=coffer']);
        await ask(['secret', 'ls', '--filter', 'name']);
        await ask(['secret', 'ls', '--format', '{{.Nonsense}}']);
        await ask(['secret', 'inspect']);
        await ask(['secret', 'inspect', '--pretty', '--format', 'x', 'a']);
        await ask(['secret', 'inspect', 'none', 'a']);
        await ask(['secret', 'rm']);
        await ask(['secret', 'rm', 'none', '*', 'a']);
        await ask(serviceCreate('never', ['--secret', 'none']));
        await ask(serviceCreate('never', ['--secret', 'source=none,target=a,mode=9']));
      });
    });

    test('removing what services use, which names them', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await ask(['secret', 'create', 'used', '-'], { input: 'a value' });
        for (const name of ['first', 'second']) {
          await ask(serviceCreate(name, ['--replicas', '0', '--secret', 'used']));
          await ask(['secret', 'rm', 'used']);
        }
        await ask(['secret', 'rm', 'USED']);
        await ask(['service', 'rm', 'first']);
        await ask(['secret', 'rm', 'used']);
        await ask(['service', 'rm', 'second']);
        await ask(['secret', 'rm', 'used']);
        await ask(['secret', 'rm', 'used']);
      });
    });

    test('raw creates that are malformed, odd, or of another API version', async () => {
      await sameApiThroughGateway(of(), tellRawCreates);
    });

    test('raw lookups, lists and removals', async () => {
      await sameApiThroughGateway(of(), tellRawReads);
    });

    test('raw updates: only labels, only of the version that was read', async () => {
      await sameApiThroughGateway(of(), tellRawUpdates);
    });
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function tellRawCreates({ send, quietly }: ApiTranscript): Promise<void> {
  const bodies: readonly string[] = [
    '',
    ' ',
    'null',
    '[]',
    '"text"',
    '5',
    'not json',
    '{',
    '{"Name":',
    '{"Name":"raw"',
    '{"Name":"raw","Data":"',
    "{'Name':'raw'}",
    '{"Name":"raw",}',
    '{}',
    '{"Name":""}',
    '{"Name":"raw"}',
    '{"Name":"raw","Data":null}',
    '{"Name":"raw","Data":""}',
    `{"Name":5,"Data":"${DATA}"}`,
    `{"Name":null,"Data":"${DATA}"}`,
    `{"Name":["raw"],"Data":"${DATA}"}`,
    `{"Data":"${DATA}"}`,
    `{"Name":"-raw","Data":"${DATA}"}`,
    '{"Name":"raw","Data":5}',
    '{"Name":"raw","Data":true}',
    '{"Name":"raw","Data":{}}',
    '{"Name":"raw","Data":"!!!!"}',
    '{"Name":"raw","Data":"YQ"}',
    '{"Name":"raw","Data":"YQ="}',
    '{"Name":"raw","Data":"YQ==="}',
    '{"Name":"raw","Data":"YWJj_-8="}',
    '{"Name":"raw","Data":"YWJjYWJjYWJjY*Jj"}',
    '{"Name":"raw","Data":["a"]}',
    `{"Name":"raw","Data":"${DATA}","Labels":[]}`,
    `{"Name":"raw","Data":"${DATA}","Labels":"a=b"}`,
    `{"Name":"raw","Data":"${DATA}","Labels":{"a":5}}`,
    `{"Name":"raw","Data":"${DATA}","Driver":"coffer"}`,
    `{"Name":"raw","Data":"${DATA}","Driver":{"Name":5}}`,
    `{"Name":"raw","Data":"${DATA}","Driver":{"Name":""}}`,
    `{"Name":"raw","Driver":{}}`,
    `{"Name":"raw","Data":"${DATA}","Templating":"golang"}`,
    `{"Name":"raw","Data":"${DATA}","Templating":{"Name":5}}`,
  ];
  for (const body of bodies) {
    await send({ method: 'POST', path: '/secrets/create', headers: JSON_TYPE, body });
  }
  const taken: readonly string[] = [
    `{"Name":"raw","Data":"${DATA}"}`,
    `{"name":"raw","dAtA":"${DATA}","LABELS":{"a":"b"}}`,
    `{"Name":"raw","Data":"${DATA}","Labels":{"a":null},"Unknown":{"x":[1,{}]}}`,
    `{"Name":"other","Name":"raw","Data":"${DATA}","Data":"YQ=="}`,
    `{"Name":"raw","Data":[104,105]}`,
    `{"Name":"r\\u0061w","Data":"\\u0059Q=="}`,
    `{"Name":"raw","Data":"YW\\r\\nJj"}`,
    `  {"Name":"raw","Data":"${DATA}"}  trailing`,
    `{"Name":"raw","Data":"${DATA}","Driver":null,"Templating":null,"Labels":null}`,
    `{"Name":"raw","Data":"${DATA}","Templating":{"Name":"nonsense"}}`,
  ];
  for (const body of taken) {
    await send({ method: 'POST', path: '/secrets/create', headers: JSON_TYPE, body });
    await send({ path: '/secrets/raw' });
    await send({ method: 'DELETE', path: '/secrets/raw' });
  }
  const body = `{"Name":"raw","Data":"${DATA}","Templating":{"Name":"golang"}}`;
  const paths = ['/v1.12', '/v1.24', '/v1.36', '/v1.37', '/v1.41', '/v1.99', '/v1.11', '/v1', '/v', '/vx'];
  for (const path of [...paths.map((version) => `${version}/secrets/create`), '/secret%73/create']) {
    await send({ method: 'POST', path, headers: JSON_TYPE, body });
    await send({ method: 'DELETE', path: '/secrets/raw' });
  }
  for (const headers of [
    {},
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json; charset=utf-8' },
  ]) {
    await send({ method: 'POST', path: '/secrets/create', headers, body });
    await quietly({ method: 'DELETE', path: '/secrets/raw' });
  }
}

async function tellRawReads({ send, quietly }: ApiTranscript): Promise<void> {
  const create = async (name: string): Promise<string> => {
    const body = { Name: name, Data: DATA, Labels: { a: 'b' } };
    const text = await quietly({ method: 'POST', path: '/secrets/create', body });
    return (JSON.parse(text) as { readonly ID: string }).ID;
  };
  const id = await create('first');
  await create('second');
  const references = [
    'first',
    'FIRST',
    'fir',
    'none',
    '%66irst',
    'a%2Fb',
    'a%20b',
    id,
    id.slice(0, ID_PREFIX_LENGTH),
    `${id}x`,
  ];
  for (const reference of references) {
    await send({ path: `/secrets/${reference}` });
    await send({ method: 'HEAD', path: `/secrets/${reference}` });
    await send({ method: 'PUT', path: `/secrets/${reference}` });
  }
  for (const path of [
    '/secrets/',
    '/secrets/first/',
    '/secrets//first',
    '/v1.41/secrets/first',
    '/v1.24/secrets/first',
  ]) {
    await send({ path });
  }
  const filters = [
    '{"name":["first"]}',
    '{"name":{"FIR":true}}',
    '{"name":{"first":false}}',
    '{"names":["first","none"]}',
    '{"label":["a=b"],"name":["sec"]}',
    '{"label":["a=c"]}',
    '{"driver":["coffer"]}',
    '{"name":"first"}',
    '{"name":[5]}',
    '["name"]',
    'broken',
    '{',
    '{}',
    '',
  ];
  for (const filter of filters) {
    await send({ path: `/secrets?filters=${encodeURIComponent(filter)}` });
  }
  for (const reference of [
    'none',
    'fir',
    'a%2Fb',
    'FIRST',
    id.slice(0, ID_PREFIX_LENGTH),
    'second',
    'second',
  ]) {
    await send({ method: 'DELETE', path: `/secrets/${reference}` });
  }
  await quietly({ method: 'DELETE', path: '/secrets/first' });
}

async function tellRawUpdates({ send, quietly }: ApiTranscript): Promise<void> {
  await quietly({
    method: 'POST',
    path: '/secrets/create',
    body: { Name: 'raw', Data: DATA, Labels: { a: 'b' } },
  });
  const look = async (): Promise<{ readonly id: string; readonly index: number }> => {
    const text = await quietly({ path: '/secrets/raw' });
    const { ID, Version } = JSON.parse(text) as {
      readonly ID: string;
      readonly Version: { readonly Index: number };
    };
    return { id: ID, index: Version.Index };
  };
  const { id } = await look();
  const update = async (reference: string, version: string, body: unknown): Promise<void> => {
    await send({ method: 'POST', path: `/secrets/${reference}/update${version}`, body });
    await send({ path: '/secrets/raw' });
  };
  const current = async (): Promise<string> => `?version=${(await look()).index}`;
  // The index stays out of what is compared: one that is right is right on both sides.
  const updateNow = async (body: unknown): Promise<void> => {
    const reply = await quietly({ method: 'POST', path: `/secrets/${id}/update${await current()}`, body });
    await send({ path: `/secrets/raw?after=${encodeURIComponent(`${JSON.stringify(body)} ${reply}`)}` });
  };
  const labels = { Name: 'raw', Labels: { c: 'd' } };
  for (const version of ['', '?version=', '?version=x', '?version=-1', '?version=1', '?version=1.5']) {
    await update(id, version, labels);
  }
  await update('none', '?version=1', labels);
  await update('raw', '?version=1', { ...labels, Data: DATA });
  await update(id, '?version=1', '{"Name":');
  await update(id, '?version=1', '');
  await updateNow(labels);
  await updateNow({ Name: 'raw' });
  await updateNow({ Name: 'raw', Labels: { e: 'f' }, Data: DATA });
  await updateNow({ Name: 'raw', Labels: null, Data: '' });
  await updateNow({ Name: 'RAW', Labels: { g: 'h' } });
  await updateNow({ Name: 'other', Labels: { g: 'h' } });
  await updateNow({ Labels: { g: 'h' } });
  await updateNow({ Name: 'other', Data: OTHER_DATA });
  await updateNow({ Name: 'raw', Data: 'not base64' });
  await updateNow({ Name: 'raw', Templating: { Name: 'golang' } });
  await quietly({ method: 'DELETE', path: '/secrets/raw' });
}
