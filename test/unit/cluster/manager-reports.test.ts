// SPDX-License-Identifier: Apache-2.0
// What a manager is told by the others when somebody asks why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askManagers, encodeReport } from '../../../src/cluster/manager-reports.ts';
import type { ManagerReport } from '../../../src/cluster/report-model.ts';
import { BODY, decodeBody } from '../../../src/cluster/rpc-body.ts';
import { CofferError } from '../../../src/common/index.ts';

const MANAGERS = ['here', 'tells', 'silent', 'odd', 'old'].map((nodeId, place) => ({
  nodeId,
  raftId: place + 1,
  address: `${nodeId}:7373`,
}));
const REPORT: ManagerReport = { now_ms: 1_000, driverName: 'coffer', refusals: [] };

test('every other manager is asked at once, for two seconds, and each answers for itself', async () => {
  let now_ms = 100;
  const asked: (readonly [string, string, number | undefined])[] = [];
  const answers = await askManagers({
    nodeId: 'here',
    managers: () => MANAGERS,
    now_ms: () => (now_ms += 10),
    client: {
      call: async ({ nodeId }, method, body, timeout_ms) => {
        assert.deepEqual(decodeBody(BODY.nothing, body), {});
        asked.push([nodeId, method, timeout_ms]);
        switch (nodeId) {
          case 'tells':
            return encodeReport(REPORT);
          case 'odd':
            return Buffer.from('{"refusals":[{"kind":"secret"}],"now_ms":1,"driverName":"x"}');
          case 'old':
            throw new CofferError('request.not-found', 'there is no call report');
          default:
            throw new CofferError('transport.unreachable', 'no route');
        }
      },
    },
  });
  assert.deepEqual(
    asked,
    MANAGERS.slice(1).map(({ nodeId }) => [nodeId, 'report', 2_000]),
  );
  const told = answers.map((answer) => [
    answer.nodeId,
    answer.kind === 'told' ? answer.report : answer.problem.code,
  ]);
  assert.deepEqual(told, [
    ['tells', REPORT],
    ['silent', 'transport.unreachable'],
    ['odd', 'request.invalid'],
    ['old', 'request.not-found'],
  ]);
  const [first] = answers;
  assert.ok(first?.kind === 'told' && first.askedAt_ms < first.answeredAt_ms, 'its clock can be compared');
});
