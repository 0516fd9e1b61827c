// SPDX-License-Identifier: Apache-2.0
// What stands between the containers of this node and a volume of secrets. Pure.
import { CofferError, globMatches } from '../common/index.ts';
import { parseVolume } from '../distribution/index.ts';
import type { EngineContainer } from '../engine/index.ts';
import { policyRefusal, type PolicyRequest, projectOf, verdict } from '../membership/index.ts';
import { currentVersion, nameKey, noSuchSecret, printable } from '../secrets/index.ts';
import type { Known } from './known.ts';
import { isMount, managerName, type Remembered } from './known-refusals.ts';
import { refusalFinding } from './secret-findings.ts';
import type { StoreFacts, VolumeFacts } from './why-facts.ts';
import type { Finding, WhySubject } from './why-model.ts';
import type { ScopedVolume } from './why-target.ts';

const SERVICE_LABEL = 'com.docker.swarm.service.name';

/** Undefined where the volume has nothing of the secret that is asked about. */
export function volumeSubject(facts: Known, { name, secret }: ScopedVolume): WhySubject | undefined {
  const volume = facts.volumes.volumes.find((one) => one.name === name);
  const last = facts.refusals.filter(isMount).find((refusal) => refusal.volume === name);
  if (volume === undefined) {
    return last && { kind: 'volume', name, findings: [refusal(last, false, [])], secrets: [] };
  }
  const files = secretsIn(volume);
  if (files instanceof CofferError) {
    const { detail, hint } = files;
    const finding: Finding = { name: 'value', level: 'failure', message: detail, mend: hint };
    return secret === undefined ? { kind: 'volume', name, findings: [finding], secrets: [] } : undefined;
  }
  const wanted = files.filter((file) => secret === undefined || nameKey(file) === nameKey(secret));
  if (wanted.length === 0) {
    return undefined;
  }
  const containers = facts.volumes.containers.filter((container) => container.volumes.includes(name));
  const secrets = wanted.map((file) => ({
    name: file,
    registered: name,
    via: 'volume' as const,
    findings: [
      ...valueFindings(facts.store, file),
      ...grantFindings(facts, file, containers),
      ...policyFindings(facts.store, file, containers),
    ],
  }));
  const wrong = secrets.flatMap((one) => one.findings).filter(({ level }) => level === 'failure');
  const findings = [
    ...containerFindings(volume, containers),
    ...agentFindings(facts),
    ...(last === undefined ? [] : [refusal(last, volume.isMounted, wrong)]),
  ];
  return { kind: 'volume', name, findings, secrets };
}

function refusal(last: Remembered, isMounted: boolean, wrong: readonly Finding[]): Finding {
  return refusalFinding(last, { runs: isMounted }, wrong);
}

/** In the order of the options, each once; or why there are none. */
function secretsIn({ name, options }: VolumeFacts): readonly string[] | CofferError {
  try {
    return [...new Set(parseVolume(name, options).files.map(({ secret }) => secret))];
  } catch (thrown) {
    return CofferError.from(thrown);
  }
}

function containerFindings(
  { isMounted }: VolumeFacts,
  containers: readonly EngineContainer[],
): readonly Finding[] {
  const name = 'containers';
  const users = containers.map((container) => `${container.name} (${container.state})`).join(', ');
  if (users === '') {
    return [{ name, level: 'ok', message: 'none mounts it' }];
  }
  return isMounted
    ? [{ name, level: 'ok', message: `it is mounted; it is that of ${users}` }]
    : [
        {
          name,
          level: 'warning',
          message: `it is not mounted; it is that of ${users}`,
          mend: startOf(containers),
        },
      ];
}

function startOf(containers: readonly EngineContainer[]): string {
  return `docker start ${containers[0]?.name ?? 'CONTAINER'}`;
}

function agentFindings({ volumes }: Known): readonly Finding[] {
  return volumes.problem === undefined
    ? []
    : [{ name: 'agent', level: 'warning', message: volumes.problem, mend: 'docker coffer status' }];
}

function valueFindings(store: StoreFacts, secret: string): readonly Finding[] {
  if (store.kind === 'refused') {
    return [];
  }
  const found = store.store.byName(secret);
  if (found === undefined) {
    const { detail } = noSuchSecret(secret);
    const mend = `docker coffer put ${printable(secret)} -`;
    return [{ name: 'value', level: 'failure', message: detail, mend }];
  }
  return [
    { name: 'value', level: 'ok', message: `version ${currentVersion(found).number}, the current one` },
  ];
}

/** Containers that no service has made need one; what the rest of it says is left to the leader's plan. */
function grantFindings(
  facts: Known,
  secret: string,
  containers: readonly EngineContainer[],
): readonly Finding[] {
  const { store } = facts;
  const plain = containers.filter(isPlain);
  if (store.kind === 'refused' || plain.length === 0) {
    return [];
  }
  const grants = store.grants.filter((grant) => nameKey(grant.secret) === nameKey(secret));
  const without = plain.filter(
    ({ name }) => !grants.some(({ container }) => container === '' || globMatches(container, name)),
  );
  const name = 'grant';
  if (without.length === 0) {
    const ids = grants.map(({ id }) => id).join(', ');
    return [{ name, level: 'ok', message: `${ids} on this node` }];
  }
  const names = without.map((container) => container.name);
  return [
    {
      name,
      level: 'failure',
      message: `none lets ${names.join(', ')} have it on this node`,
      mend: `docker coffer grant ${printable(secret)} --node ${managerName(facts, store.ownId)} --container ${names[0] ?? ''}`,
    },
  ];
}

/** Rules that deny take from a container what a grant gives it. */
function policyFindings(
  store: StoreFacts,
  secret: string,
  containers: readonly EngineContainer[],
): readonly Finding[] {
  if (store.kind === 'refused') {
    return [];
  }
  const own = store.store.cluster.nodes().find(({ id }) => id === store.ownId);
  const { policy } = store.store.cluster;
  const refusals = containers.filter(isPlain).flatMap(({ image, imageId, labels }) => {
    const request: PolicyRequest = {
      secret,
      service: undefined,
      stack: projectOf(labels),
      image: { reference: image, id: imageId },
      node: own && { ids: [own.id, own.engineNodeId], hostnames: [own.hostname], labels: undefined },
    };
    const by = verdict({ ...policy, default: 'allow' }, request);
    const error = policyRefusal(by, request);
    // Others hang on labels that are not known here.
    return error === undefined || by.because !== 'rule'
      ? []
      : [{ message: error.detail, mend: `docker coffer policy rm ${by.rule.id}` }];
  });
  const [first] = refusals;
  return first === undefined ? [] : [{ name: 'policy', level: 'failure', ...first }];
}

function isPlain({ labels }: EngineContainer): boolean {
  return labels[SERVICE_LABEL] === undefined;
}
