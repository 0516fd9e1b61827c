// SPDX-License-Identifier: Apache-2.0
// Messages of both sides, for tests.
import * as fc from 'fast-check';
import type { Assignment, ManagerMessage, NodeMessage } from '../../../src/distribution/protocol.ts';

const hex = (length: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const id = fc.stringMatching(/^[0-9a-z]{25}$/);
const name = fc.stringMatching(/^[a-z][a-z._-]{0,20}[a-z]$/);
const text = fc.string({ maxLength: 40, unit: 'grapheme' });
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
// valibot leaves these out of a record, so that no prototype is touched.
const label = text.filter((key) => !['__proto__', 'prototype', 'constructor'].includes(key));

const facts = fc.record(
  {
    containers: fc.uniqueArray(
      fc.record(
        {
          id: hex(64),
          name: text,
          image: text,
          imageId: fc.oneof(
            fc.constant(''),
            hex(64).map((digits) => `sha256:${digits}`),
          ),
          labels: fc.dictionary(label, text, { maxKeys: 5, noNullPrototype: true }),
          taskId: fc.oneof(fc.constant(''), id),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 4, selector: (container) => container.id },
    ),
  },
  { noNullPrototype: true },
);

export const nodeMessages: fc.Arbitrary<NodeMessage> = fc.oneof(
  facts.map((told) => ({ kind: 'register', facts: told }) as const),
  hex(32).map((session) => ({ kind: 'heartbeat', session }) as const),
  fc.tuple(hex(32), facts).map(([session, told]) => ({ kind: 'report', session, facts: told }) as const),
  fc
    .tuple(hex(32), count)
    .map(([session, sequence]) => ({ kind: 'acknowledge', session, sequence }) as const),
);

const holderKey = fc.oneof(
  id.map((task) => `task/${task}`),
  hex(64).map((container) => `container/${container}`),
);

const holder = fc.record(
  {
    key: holderKey,
    secrets: fc.array(fc.record({ secretId: id, name }, { noNullPrototype: true }), { maxLength: 3 }),
    refused: fc.array(
      fc.record(
        { name: text, code: fc.constantFrom('secret.not-found', 'volume.options-invalid'), message: text },
        { noNullPrototype: true },
      ),
      { maxLength: 3 },
    ),
  },
  { noNullPrototype: true },
);

const change = fc.oneof(
  fc
    .tuple(id, name, count, fc.uint8Array({ maxLength: 100 }))
    .map(
      ([secretId, called, version, value]) =>
        ({ kind: 'put-secret', secretId, name: called, version, value: Buffer.from(value) }) as const,
    ),
  id.map((secretId) => ({ kind: 'remove-secret', secretId }) as const),
  holder.map((put) => ({ kind: 'put-holder', holder: put }) as const),
  holderKey.map((key) => ({ kind: 'remove-holder', key }) as const),
);

export const assignments: fc.Arbitrary<Assignment> = fc
  .tuple(hex(32), count, fc.boolean(), fc.boolean(), fc.array(change, { maxLength: 8 }))
  .map(([session, sequence, complete, more, changes]) => ({
    kind: 'assignment',
    session,
    sequence,
    complete,
    more,
    changes,
  }));

export const managerMessages: fc.Arbitrary<ManagerMessage> = fc.oneof(
  assignments,
  fc
    .tuple(hex(32), fc.integer({ min: 1, max: 86_400_000 }))
    .map(([session, heartbeat_ms]) => ({ kind: 'registered', session, heartbeat_ms }) as const),
);
