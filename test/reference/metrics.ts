// SPDX-License-Identifier: Apache-2.0
// The metrics, as the functions that tell them name them: each is asked once, with something for every sample.
import { Canaries } from '../../src/daemon/canaries.ts';
import { Instruments } from '../../src/daemon/monitoring/instruments.ts';
import * as node from '../../src/daemon/monitoring/node-families.ts';
import { processFamilies } from '../../src/daemon/monitoring/process-families.ts';
import { storeFamilies } from '../../src/daemon/monitoring/store-families.ts';
import { silentLogger } from '../../src/common/index.ts';
import type { MetricFamily } from '../../src/monitoring/index.ts';
import { EXPIRES_LABEL } from '../../src/secrets/index.ts';
import { temporaryDirectory } from '../support/cleanup.ts';
import { putValue, withStore } from '../support/test-store.ts';
import { code, table } from './markdown.ts';

type Families = readonly MetricFamily[];

/** A label of the format, and none of coffer's. */
const BUCKET = 'le';

function nodeFamilies(): Families {
  const health = {
    version: '0.0.0',
    role: 'leader',
    isInitialized: true,
    isSealed: true,
    reasons: ['store.locked'],
    hasLeader: true,
    clusterId: undefined,
    nodeId: undefined,
  } as const;
  const certificate = { notBefore_ms: 0, notAfter_ms: 1 };
  const agent = { volumes: 0, mounted: 0, secrets: 0, cutOff: false };
  const schedule = { every_ms: 1, offset_ms: 0, recipients: [], keep: 1 };
  const webhook = { waiting: 0, delivered: 0, failures: 0, dropped: 0 };
  return [
    ...node.healthFamilies(health, 'process'),
    ...node.auditFamilies([{ name: 'file', failures: 0, problem: undefined }]),
    ...node.webhookFamilies(webhook),
    ...node.certificateFamilies({ certificate }, 0),
    ...node.deliveryFamilies(agent, 0, 0),
    ...node.valueFamilies(undefined),
    ...node.dataKeyFamilies(0, 0),
    ...node.backupFamilies({ directory: '/', schedule, running: false, files: [] }, 0),
  ];
}

async function managerFamilies(): Promise<Families> {
  const directory = temporaryDirectory();
  try {
    return await withStore(directory.path, async (store) => {
      const { id } = await putValue(store, 'secret', Buffer.from('value'));
      const labels = { [EXPIRES_LABEL]: '90d' };
      await store.propose({ kind: 'set-labels', id, labels, expectIndex: undefined, at_ms: 0 });
      return storeFamilies({ store, namesSecrets: true, now_ms: 0 });
    });
  } finally {
    directory.remove();
  }
}

async function allFamilies(): Promise<Families> {
  const canaries = new Canaries({
    record: () => undefined,
    nodeId: () => '',
    now_ms: () => 0,
    logger: silentLogger,
  });
  return [
    ...nodeFamilies(),
    ...new Instruments().families(),
    canaries.family(),
    ...(await managerFamilies()),
    ...(await processFamilies()),
  ].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function labelsOf({ samples }: MetricFamily): string {
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels ?? {})));
  return [...labels]
    .filter((label) => label !== BUCKET)
    .map(code)
    .join(', ');
}

export async function metricPage(): Promise<string> {
  const rows = (await allFamilies()).map((family) => [
    code(family.name),
    family.type,
    labelsOf(family),
    family.help,
  ]);
  return `# Metrics

What \`docker coffer metrics\` prints, and \`/metrics\` answers ([monitoring.md](../monitoring.md)). A metric that a node does not know is left out: a worker has no
\`coffer_raft_\`, and \`coffer_sessions\` and \`coffer_assignments\` are the leader's alone. Those with a \`name\` are there with \`COFFER_METRICS_SECRETS=on\`. Yes is 1, and no is 0.
A histogram has \`_bucket\`, \`_sum\` and \`_count\` behind its name.

${table(['metric', 'type', 'labels', 'what it tells'], rows)}`;
}
