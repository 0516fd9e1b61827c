// SPDX-License-Identifier: Apache-2.0
// What nodes and the leader say to each other, as bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import {
  CHANGES_BYTES_MAX,
  changeSize_bytes,
  decodeManagerMessage,
  decodeNodeMessage,
  encodeManagerMessage,
  encodeNodeMessage,
  ZEROS_BYTES,
} from '../../../src/distribution/message-codec.ts';
import {
  type Change,
  CONTAINERS_MAX,
  MANAGER_MESSAGE_BYTES_MAX,
  NODE_MESSAGE_BYTES_MAX,
} from '../../../src/distribution/protocol.ts';
import { assertProperty } from '../../support/property.ts';
import { assignments, managerMessages, nodeMessages } from './messages.ts';

const RUNS = 500;
const TLS_RECORD_BYTES = 16 * 1024;
const MARK = 'in-no-sentence';

/** Decodes, or is refused in the one way in which anything is. */
function decodeOrRefuse<Message>(decode: (payload: Buffer) => Message, payload: Buffer): Message | undefined {
  try {
    return decode(payload);
  } catch (thrown) {
    assert.ok(thrown instanceof CofferError, String(thrown));
    assert.equal(thrown.code, 'request.invalid');
    assert.match(thrown.detail, /^what (?:a node|the leader) has sent is not a message of this protocol$/);
    return undefined;
  }
}

test('what a node says is understood as it was meant', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(nodeMessages, (message) => {
      assert.deepEqual(decodeNodeMessage(encodeNodeMessage(message)), message);
    }),
  );
});

test('what the leader says is understood as it was meant', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(managerMessages, (message) => {
      assert.deepEqual(decodeManagerMessage(encodeManagerMessage(message)), message);
    }),
  );
});

test('a value is a copy of its own: wiping the payload leaves it, and it is outside the pool', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(assignments, (message) => {
      const payload = encodeManagerMessage(message);
      assert.equal(payload.buffer.byteLength, payload.length, 'the payload is outside the pool');
      const decoded = decodeManagerMessage(payload);
      payload.fill(0);
      assert.deepEqual(decoded, message);
      assert.ok(decoded.kind === 'assignment');
      for (const change of decoded.changes) {
        if (change.kind === 'put-secret') {
          assert.equal(change.value.buffer.byteLength, change.value.length, 'the value is outside the pool');
        }
      }
    }),
  );
});

test('a message with a byte changed, cut off or added is one of the protocol, or refused', (t) => {
  const payloads = fc.oneof(
    nodeMessages.map((message) => ({ decode: decodeNodeMessage, payload: encodeNodeMessage(message) })),
    managerMessages.map((message) => ({
      decode: decodeManagerMessage,
      payload: encodeManagerMessage(message),
    })),
  );
  assertProperty(
    t,
    4 * RUNS,
    fc.property(payloads, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ decode, payload }, place, mask) => {
      const at = place % payload.length;
      const flipped = Buffer.from(payload);
      flipped[at] = (flipped[at] ?? 0) ^ mask;
      decodeOrRefuse<unknown>(decode, flipped);
      assert.equal(decodeOrRefuse<unknown>(decode, payload.subarray(0, at)), undefined, 'it is cut off');
      const longer = Buffer.concat([payload, Buffer.of(mask)]);
      assert.equal(
        decodeOrRefuse<unknown>(decode, longer) === undefined,
        !isBlank(decode, mask),
        'it is too long',
      );
    }),
  );
});

/** JSON may have blanks after it. */
function isBlank(decode: unknown, byte: number): boolean {
  return decode === decodeNodeMessage && [0x09, 0x0a, 0x0d, 0x20].includes(byte);
}

test('bytes at random are refused', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(decodeOrRefuse(decodeNodeMessage, Buffer.from(bytes)), undefined);
      assert.equal(decodeOrRefuse(decodeManagerMessage, Buffer.from(bytes)), undefined);
    }),
  );
});

const SESSION = '0'.repeat(32);
const CONTAINER = {
  id: 'a'.repeat(64),
  name: 'web',
  image: 'nginx',
  imageId: '',
  labels: {},
  taskId: '',
};
const register = (...containers: readonly unknown[]): unknown => ({
  kind: 'register',
  facts: { containers },
});
const labels = (count: number): unknown =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`label${at}`, MARK]));

const REFUSED_OF_NODES: readonly (readonly [string, unknown])[] = [
  ['nothing', null],
  ['a kind that there is not', { kind: 'get-secret', name: MARK }],
  ['a field that names a secret', { ...CONTAINER, kind: 'heartbeat', session: SESSION, secret: MARK }],
  ['a container with a field too many', register({ ...CONTAINER, secrets: [MARK] })],
  ['a container without labels', register({ ...CONTAINER, labels: undefined })],
  ['a container with a name as its id', register({ ...CONTAINER, id: MARK })],
  ['a name that is too long', register({ ...CONTAINER, name: 'x'.repeat(513) })],
  ['a label that is no text', register({ ...CONTAINER, labels: { a: 1 } })],
  ['a label that is too long', register({ ...CONTAINER, labels: { a: 'x'.repeat(513) } })],
  ['too many labels', register({ ...CONTAINER, labels: labels(129) })],
  ['an image’s id that is none', register({ ...CONTAINER, imageId: `sha256:${MARK}` })],
  ['a task’s id that could be another holder’s', register({ ...CONTAINER, taskId: '../container/x' })],
  ['one container twice', register(CONTAINER, CONTAINER)],
  ['a session that is none', { kind: 'heartbeat', session: MARK }],
  ['a sequence of 0', { kind: 'acknowledge', session: SESSION, sequence: 0 }],
  ['a sequence that is no whole number', { kind: 'acknowledge', session: SESSION, sequence: 1.5 }],
];

test('a node that says anything else is refused, and nothing of it is repeated', () => {
  assert.ok(decodeNodeMessage(Buffer.from(JSON.stringify(register({ ...CONTAINER, labels: labels(128) })))));
  for (const [what, message] of REFUSED_OF_NODES) {
    const payload = Buffer.from(JSON.stringify(message));
    assert.equal(decodeOrRefuse(decodeNodeMessage, payload), undefined, what);
  }
});

test('more containers than a node has are refused', () => {
  const containers = Array.from({ length: CONTAINERS_MAX + 1 }, (_, at) => ({
    ...CONTAINER,
    id: at.toString(16).padStart(64, '0'),
  }));
  assert.ok(decodeNodeMessage(Buffer.from(JSON.stringify(register(...containers.slice(1))))));
  const payload = Buffer.from(JSON.stringify(register(...containers)));
  assert.equal(decodeOrRefuse(decodeNodeMessage, payload), undefined);
});

test('a message beyond its limit is refused before it is read, and not sent', () => {
  const blanks = Buffer.alloc(NODE_MESSAGE_BYTES_MAX, ' ');
  const message = Buffer.from(JSON.stringify({ kind: 'heartbeat', session: SESSION }));
  message.copy(blanks);
  assert.equal(decodeOrRefuse(decodeNodeMessage, blanks)?.kind, 'heartbeat');
  assert.equal(decodeOrRefuse(decodeNodeMessage, Buffer.concat([blanks, Buffer.from(' ')])), undefined);
  const containers = Array.from({ length: CONTAINERS_MAX }, () => ({ ...CONTAINER, name: 'ä'.repeat(512) }));
  assert.throws(() => encodeNodeMessage({ kind: 'register', facts: { containers } }), {
    code: 'request.invalid',
  });
});

test('sizes that are not those of the values that follow are refused before memory is taken for them', () => {
  const head = (size_bytes: unknown): Buffer => {
    const change = { kind: 'put-secret', secretId: 'a', name: 'db', version: 1, size_bytes };
    const json = Buffer.from(
      JSON.stringify({
        kind: 'assignment',
        session: SESSION,
        sequence: 1,
        complete: true,
        more: false,
        changes: [change],
      }),
    );
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    return Buffer.concat([length, json, Buffer.from('four'), Buffer.alloc(ZEROS_BYTES)]);
  };
  assert.equal(decodeOrRefuse(decodeManagerMessage, head(4))?.kind, 'assignment');
  for (const size_bytes of [3, 5, -4, 4.5, 511_999, 2 ** 31, 2 ** 53, '4', null]) {
    assert.equal(decodeOrRefuse(decodeManagerMessage, head(size_bytes)), undefined, String(size_bytes));
  }
});

test('zeros end an assignment, to take the place of values in buffers that nobody can wipe', () => {
  const without = { kind: 'remove-secret', secretId: 'a' } as const;
  const value = Buffer.from('the value');
  const secret = { kind: 'put-secret', secretId: 'a', name: 'db', version: 1, value } as const;
  const frame = { kind: 'assignment', session: SESSION, sequence: 1, complete: true, more: false } as const;
  const encoded = encodeManagerMessage({ ...frame, changes: [without, secret] });
  const end = encoded.indexOf(value) + value.length;
  assert.ok(encoded.subarray(end).equals(Buffer.alloc(ZEROS_BYTES)));
  assert.ok(ZEROS_BYTES >= 2 * TLS_RECORD_BYTES, 'a whole record of them, wherever the value ends');
  assert.equal(decodeOrRefuse(decodeManagerMessage, encoded.subarray(0, -1)), undefined);
  const taken = encodeManagerMessage({ ...frame, changes: [without] });
  assert.equal(taken.length, 4 + taken.readUInt32BE() + ZEROS_BYTES);
  const registered = encodeManagerMessage({ kind: 'registered', session: SESSION, heartbeat_ms: 1 });
  assert.equal(registered.length, 4 + registered.readUInt32BE());
});

test('changes that fill a message to its limit fit into it', (t) => {
  assertProperty(
    t,
    20,
    fc.property(assignments, (message) => {
      const used_bytes = message.changes.reduce((sum, change) => sum + changeSize_bytes(change), 0);
      const filled = [...message.changes, ...filling(CHANGES_BYTES_MAX - used_bytes)];
      const sequence = Number.MAX_SAFE_INTEGER;
      const payload = encodeManagerMessage({
        ...message,
        complete: false,
        more: false,
        sequence,
        changes: filled,
      });
      assert.ok(payload.length <= MANAGER_MESSAGE_BYTES_MAX);
    }),
  );
});

/** Secrets that together take just as much. */
function filling(size_bytes: number): readonly Change[] {
  const empty: Change = { kind: 'put-secret', secretId: 'a', name: 'db', version: 1, value: Buffer.alloc(0) };
  const changes: Change[] = [];
  for (let left = size_bytes; left > 400_000; ) {
    const change = { ...empty, value: Buffer.alloc(Math.min(400_000, left - 200)) };
    changes.push(change);
    left -= changeSize_bytes(change);
  }
  return changes;
}
