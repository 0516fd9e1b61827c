// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyFirstBytes, FirstBytes } from '../../../src/gateway/first-bytes.ts';
import { meterAllocations } from '../../support/allocation-meter.ts';

const DRIBBLED_BYTES = 64 * 1024;
const MEBIBYTE = 1024 * 1024;

for (const [what, text] of [
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a call that takes the connection over', 'POST /v1.41/exec/abc/start HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an upgrade', 'POST /exec/abc/start HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n\r\n'],
  ['any other call', 'POST /containers/create HTTP/1.1\r\n'],
  ['a read', 'G'],
] as const) {
  test(`${what} is known by the same byte, however it comes`, () => {
    const bytes = Buffer.from(text);
    const pieces = new FirstBytes();
    for (let at = 0; at < bytes.length - 1; at += 1) {
      assert.equal(pieces.push(bytes.subarray(at, at + 1)), 'more', `byte ${at}`);
    }
    assert.equal(pieces.push(bytes.subarray(-1)), classifyFirstBytes(bytes));
    assert.notEqual(classifyFirstBytes(bytes), 'more');
    assert.deepEqual(pieces.bytes, bytes);
  });
}

test('a line, and a head, that come byte by byte cost a few times their size', (t) => {
  const meter = meterAllocations();
  t.after(() => meter.stop());
  for (const begin of ['POST /', 'POST /exec/abc/start HTTP/1.1\r\nX: ']) {
    const { allocated_bytes } = meter.measure(() => {
      const first = new FirstBytes();
      const piece = new Uint8Array([0x78]);
      assert.equal(first.push(Buffer.from(begin)), 'more');
      for (let count = 0; count < DRIBBLED_BYTES; count += 1) {
        assert.equal(first.push(Buffer.from(piece.buffer)), 'more');
      }
    });
    assert.ok(allocated_bytes < MEBIBYTE, `${allocated_bytes} bytes`);
  }
});
