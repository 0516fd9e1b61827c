// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { decodeMessage, encodeMessage } from '../../../src/raft/codec/codec.ts';
import { decodeConfChange, encodeConfChange } from '../../../src/raft/confchange/conf-change-codec.ts';
import { peerMessage } from '../../unit/raft/codec-messages.ts';
import { canonical, codes, type FuzzTarget } from '../target.ts';
import { SEED } from './seed.ts';

const change = { type: 'ConfChangeAddNode', nodeId: 7 } as const;

export const raftTargets: readonly FuzzTarget[] = [
  {
    name: 'raft/messages',
    seeds: () => fc.sample(peerMessage, { seed: SEED, numRuns: 60 }).map(encodeMessage),
    refuses: codes('raft.message-invalid'),
    run: canonical((bytes) => decodeMessage(bytes), encodeMessage),
  },
  {
    name: 'raft/conf-changes-of-one',
    seeds: () => [encodeConfChange({ kind: 'v1', ...change, context: Buffer.from('context') })],
    refuses: codes('request.invalid'),
    run: canonical((bytes) => decodeConfChange('EntryConfChange', bytes), encodeConfChange),
  },
  {
    name: 'raft/conf-changes-of-several',
    seeds: () => [
      encodeConfChange({
        kind: 'v2',
        transition: 'ConfChangeTransitionAuto',
        changes: [change, { type: 'ConfChangeRemoveNode', nodeId: 3 }],
        context: Buffer.from('context'),
      }),
    ],
    refuses: codes('request.invalid'),
    run: canonical((bytes) => decodeConfChange('EntryConfChangeV2', bytes), encodeConfChange),
  },
];
