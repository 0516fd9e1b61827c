// SPDX-License-Identifier: Apache-2.0
// Raw calls on /secrets, good and bad, to be told to the engine's own socket and to the gateway.
import { type ApiTranscript, ID_PREFIX_LENGTH } from '../../support/side-by-side.ts';

const DATA = Buffer.from('a value').toString('base64');
const OTHER_DATA = Buffer.from('another value').toString('base64');

const JSON_TYPE = { 'content-type': 'application/json' };

export async function tellRawCreates({ send, quietly }: ApiTranscript): Promise<void> {
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
    ...['json', '/json', 'application/', 'text plain', 'a/b c'].map((type) => ({ 'content-type': type })),
  ]) {
    await send({ method: 'POST', path: '/secrets/create', headers, body });
    await quietly({ method: 'DELETE', path: '/secrets/raw' });
  }
}

export async function tellRawReads({ send, quietly }: ApiTranscript): Promise<void> {
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
    `${id.slice(0, ID_PREFIX_LENGTH)}-x`,
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
  ];
  const list = async (filter: string): Promise<void> => {
    await send({ path: `/secrets?filters=${encodeURIComponent(filter)}` });
  };
  for (const filter of filters) {
    await list(filter);
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
  // One alone: of several, the engine's order is that of their random ids.
  await create('third');
  for (const filter of ['{}', '']) {
    await list(filter);
  }
  await quietly({ method: 'DELETE', path: '/secrets/third' });
}

export async function tellRawUpdates({ send, quietly }: ApiTranscript): Promise<void> {
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
