// SPDX-License-Identifier: Apache-2.0
// Go's JSON and base64: what is taken, and in which words the rest is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeBase64 } from '../../../src/gateway/go-base64.ts';
import { readJson } from '../../../src/gateway/go-json.ts';
import { readSpec } from '../../../src/gateway/read-spec.ts';
import { decodeSecretSpec } from '../../../src/gateway/secret-spec.ts';

const BASE64_ERRORS = [
  ['A', 0],
  ['AA', 0],
  ['AAA', 0],
  ['AA=', 3],
  ['AA==A', 4],
  ['AA=A', 2],
  ['AAA=A', 4],
  ['=', 0],
  ['A=', 1],
  ['AAAA!', 4],
  ['AAAAA', 4],
  ['ABC_', 3],
  ['AB CD', 2],
] as const;

test('broken base64 is told at the offset that Go tells', () => {
  for (const [text, offset] of BASE64_ERRORS) {
    assert.throws(
      () => decodeBase64(Buffer.from(text)),
      { message: `illegal base64 data at input byte ${offset}` },
      text,
    );
  }
});

test('all bytes come back from base64, with line ends anywhere', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), (bytes, at) => {
      const text = Buffer.from(bytes).toString('base64');
      const cut = text.length === 0 ? 0 : at % text.length;
      const broken = `${text.slice(0, cut)}\r\n${text.slice(cut)}\n`;
      assert.deepEqual(Buffer.from(decodeBase64(Buffer.from(broken))), Buffer.from(bytes));
    }),
  );
});

test('what JSON.parse takes is taken, and its members are found', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, '\t'), (value, indent) => {
      const bytes = Buffer.from(` ${JSON.stringify(value, undefined, indent)} `);
      const document = readJson(bytes);
      assert.equal(document.end, bytes.length - 1);
      const found = document.members.map(({ key, start, end }) => [
        key,
        JSON.parse(bytes.toString('utf8', start, end)) as unknown,
      ]);
      assert.deepEqual(found, Object.entries(JSON.parse(bytes.toString()) as object));
    }),
  );
});

test('what JSON.parse refuses is refused, but for what stands behind the value', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', '"', '}', ',', ':', '\\', '-', '\n'),
      (json, at, put) => {
        const cut = at % (json.length + 1);
        const text = json.slice(0, cut) + put + json.slice(cut + 1);
        let end: number | undefined;
        try {
          end = readJson(Buffer.from(text)).end;
        } catch {
          assert.throws(() => JSON.parse(text));
        }
        if (end !== undefined) {
          JSON.parse(Buffer.from(text).subarray(0, end).toString());
        }
      },
    ),
  );
});

const JSON_ERRORS = [
  ['{', 'unexpected EOF'],
  ['{a', "invalid character 'a' looking for beginning of object key string"],
  ['{"a"}', "invalid character '}' after object key"],
  ['{"a":1 "b"', `invalid character '"' after object key:value pair`],
  ['[1 2]', "invalid character '2' after array element"],
  ['{"a":tru}', "invalid character '}' in literal true (expecting 'e')"],
  ['{"a":"\n"}', "invalid character '\\n' in string literal"],
  ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
  ['{"a":01}', "invalid character '1' after object key:value pair"],
  ['{"a":1.x}', "invalid character 'x' after decimal point in numeric literal"],
  ['['.repeat(10_001), 'exceeded max depth'],
] as const;

test('broken JSON is told in the words of Go', () => {
  for (const [text, message] of JSON_ERRORS) {
    assert.throws(() => readJson(Buffer.from(text)), { message }, text.slice(0, 20));
  }
});

test('a spec is read as Go reads it', () => {
  const spec = decodeSecretSpec(
    Buffer.from(
      '{"NAME":"a","name":"b","labels":{"k":null,"__proto__":"p"},"dATA":"QU\\u004a\\/","Driver":{"name":"d","OPTIONS":{"o":"1"}},"Other":[{"Data":"eA=="}]} trailing',
    ),
  );
  assert.equal(spec.name, 'b');
  assert.deepEqual(Object.entries(spec.labels ?? {}), [
    ['k', ''],
    ['__proto__', 'p'],
  ]);
  assert.deepEqual(spec.data?.expose().toString('latin1'), Buffer.from('QUJ/', 'base64').toString('latin1'));
  assert.deepEqual(spec.driver, { Name: 'd', Options: { o: '1' } });
  assert.equal(decodeSecretSpec(Buffer.from('{"Data":[104,105]}')).data?.expose().toString(), 'hi');
  assert.equal(decodeSecretSpec(Buffer.from('null')).name, '');
});

const TYPE_ERRORS = [
  ['{"Data":7}', 'number into Go struct field SecretSpec.Data of type []uint8'],
  ['{"Data":[1,300]}', 'number into Go struct field SecretSpec.Data of type uint8'],
  ['{"Labels":{"a":true}}', 'bool into Go struct field SecretSpec.Labels of type string'],
  ['{"Labels":[]}', 'array into Go struct field SecretSpec.Labels of type map[string]string'],
  ['{"Driver":{"Name":{}}}', 'object into Go struct field Driver.Driver.Name of type string'],
  ['[]', 'array into Go value of type swarm.SecretSpec'],
] as const;

test('a wrong type is told in the words of Go', () => {
  for (const [text, message] of TYPE_ERRORS) {
    assert.throws(() => decodeSecretSpec(Buffer.from(text)), {
      message: `json: cannot unmarshal ${message}`,
    });
  }
});

/** With what the engines of Docker 26 and 28 answer (measured); undefined: they take it. */
const CONTENT_TYPES = [
  ['application/json', undefined],
  [' Application/JSON ; charset=utf-8', undefined],
  ['', 'malformed Content-Type header (): mime: no media type'],
  ['/json', 'malformed Content-Type header (/json): mime: no media type'],
  ['application/', 'malformed Content-Type header (application/): mime: expected token after slash'],
  ['text plain', 'malformed Content-Type header (text plain): mime: expected slash after first token'],
  ['a/b c', 'malformed Content-Type header (a/b c): mime: unexpected content after media subtype'],
  ['json', "unsupported Content-Type header (json): must be 'application/json'"],
  ['text/plain', "unsupported Content-Type header (text/plain): must be 'application/json'"],
] as const;

test('newer engines refuse bodies that do not say that they are JSON, and old ones do not ask', () => {
  const body = Buffer.from('{"Name":"db"}');
  for (const [contentType, expected] of CONTENT_TYPES) {
    const request = contentType === '' ? [] : ['Content-Type', contentType];
    const read = readSpec(body, request, ['Server', 'Docker/28.5.2 (linux)']);
    const message =
      read.kind === 'read' ? undefined : (JSON.parse(String(read.reply.body)) as { message: string }).message;
    assert.equal(message, expected, contentType);
    assert.equal(readSpec(body, request, ['Server', 'Docker/20.10.24 (linux)']).kind, 'read', contentType);
  }
});
