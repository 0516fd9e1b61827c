// SPDX-License-Identifier: Apache-2.0
// Whom Docker asks for secrets, and how that manager and the others are. Pure.
import type { ManagerAnswer, ManagerReport } from '../cluster/index.ts';
import { type CofferError, unreachable } from '../common/index.ts';
import type { EngineNode } from '../engine/index.ts';
import type { NodeObject } from '../membership/index.ts';
import { managerName } from './known-refusals.ts';
import type { SwarmFacts, WhyFacts } from './why-facts.ts';
import type { Finding } from './why-model.ts';

/** By that much a clock may be another one's before it is told. */
const SKEW_MS = 10_000;

/** The manager that Docker asks, as far as it can be told. */
export type Asked =
  | {
      readonly kind: 'manager';
      readonly hostname: string;
      /** Undefined: it is silent, or this node that serves nothing. */
      readonly report: ManagerReport | undefined;
    }
  | { readonly kind: 'nobody' };

export interface ManagerFindings {
  readonly asked: Asked;
  readonly findings: readonly Finding[];
}

export function managerFindings(facts: WhyFacts): ManagerFindings {
  const { asked, findings } = askedManager(facts);
  return {
    asked,
    findings: [
      ...findings,
      ...ownStore(facts, findings),
      ...quorum(facts),
      ...silent(facts, asked),
      ...ofReports(facts, asked),
    ],
  };
}

const NOBODY: Asked = { kind: 'nobody' };

function askedManager(facts: WhyFacts): ManagerFindings {
  const { swarm } = facts;
  switch (swarm.kind) {
    case 'none': {
      const message = "this node's engine is in no swarm: secrets are handed out in volumes alone";
      return { asked: NOBODY, findings: [{ name: 'swarm', level: 'ok', message }] };
    }
    case 'unknown':
      return { asked: NOBODY, findings: [withoutSwarm(swarm.problem)] };
    case 'known': {
      const leader = swarm.nodes.find(({ leadsSwarm }) => leadsSwarm === true);
      return leader === undefined ? withoutLeader() : besideLeader(facts, swarm, leader);
    }
    default:
      return unreachable(swarm);
  }
}

/** The engine of a worker knows no more, which is nothing wrong. */
function withoutSwarm({ code, detail, hint }: CofferError): Finding {
  const name = 'swarm';
  const message = `services and tasks are not known here: ${detail}`;
  return code === 'engine.refused'
    ? { name, level: 'ok', message }
    : { name, level: 'warning', message, mend: hint ?? 'docker coffer doctor' };
}

function withoutLeader(): ManagerFindings {
  const message = 'the swarm has no leader at the moment: no task is started, and no secret asked for';
  return { asked: NOBODY, findings: [{ name: 'swarm', level: 'failure', message, mend: 'docker node ls' }] };
}

function besideLeader(
  facts: WhyFacts,
  { ownNodeId }: Extract<SwarmFacts, { kind: 'known' }>,
  { hostname, id }: EngineNode,
): ManagerFindings {
  const { report, store } = facts;
  if (id === ownNodeId) {
    const asked: Asked = {
      kind: 'manager',
      hostname,
      report: store.kind === 'serving' ? report : undefined,
    };
    return { asked, findings: [ofOwn(facts, hostname)] };
  }
  if (store.kind === 'refused') {
    // Which nodes have coffer, the state would tell.
    const message = `Docker asks the coffer of ${hostname}, which leads the swarm; this node cannot ask it how it is`;
    return {
      asked: { kind: 'manager', hostname, report: undefined },
      findings: [{ name: 'manager', level: 'ok', message }],
    };
  }
  const node = store.store.cluster.nodeByEngine(id);
  if (node?.role !== 'manager') {
    return { asked: NOBODY, findings: [noManager(hostname, node)] };
  }
  const answer = facts.others.find(({ nodeId }) => nodeId === node.id);
  return {
    asked: { kind: 'manager', hostname, report: answer?.kind === 'told' ? answer.report : undefined },
    findings: [ofOther(facts, hostname, answer)],
  };
}

function ofOwn({ store }: WhyFacts, hostname: string): Finding {
  const name = 'manager';
  if (store.kind === 'serving') {
    const message = `Docker asks the coffer of this node, ${hostname}, which leads the swarm; it serves`;
    return { name, level: 'ok', message };
  }
  const { detail, hint } = store.reason;
  const message = `Docker asks the coffer of this node, ${hostname}, which leads the swarm, and it serves nothing: ${detail}`;
  return { name, level: 'failure', message, mend: mendOf(store.reason, hint) };
}

function mendOf({ code }: CofferError, hint: string | undefined): string {
  return code === 'store.locked' ? 'docker coffer unlock' : (hint ?? 'docker coffer doctor');
}

function noManager(hostname: string, node: NodeObject | undefined): Finding {
  const name = 'manager';
  return node === undefined
    ? {
        name,
        level: 'failure',
        message: `Docker asks ${hostname}, which leads the swarm, and no coffer of this cluster is there`,
        mend: `docker coffer join-token manager, and install coffer on ${hostname} with that`,
      }
    : {
        name,
        level: 'failure',
        message: `Docker asks ${hostname}, which leads the swarm, and coffer is a worker there, without secrets`,
        mend: `docker coffer node promote ${node.id}`,
      };
}

function ofOther(facts: WhyFacts, hostname: string, answer: ManagerAnswer | undefined): Finding {
  const name = 'manager';
  if (answer?.kind === 'told') {
    const message = `Docker asks the coffer of ${hostname}, which leads the swarm; it answers`;
    return { name, level: 'ok', message };
  }
  const whom = `Docker asks the coffer of ${hostname}, which leads the swarm`;
  if (answer === undefined) {
    const message = `${whom}, and this node does not know where it is`;
    return { name, level: 'failure', message, mend: 'docker coffer node ls' };
  }
  const { code, detail } = answer.problem;
  if (code === 'request.not-found') {
    const message = `${whom}; it is of an older version, which cannot tell what it refused`;
    return { name, level: 'warning', message, mend: `docker coffer why, typed on ${hostname}` };
  }
  return code === 'cluster.not-a-manager'
    ? {
        name,
        level: 'failure',
        message: `${whom}, and serves nothing: it is starting, or its store cannot be opened`,
        mend: `docker coffer doctor, typed on ${hostname}`,
      }
    : {
        name,
        level: 'failure',
        message: `${whom}, and does not answer this node: ${detail}`,
        mend: mendOfSilence(facts, hostname),
      };
}

/** Of a manager whose store is not the one that is asked. */
function ownStore({ store }: WhyFacts, before: readonly Finding[]): readonly Finding[] {
  if (
    store.kind === 'serving' ||
    before.some(({ level, name }) => name === 'manager' && level === 'failure')
  ) {
    return [];
  }
  const { detail, hint } = store.reason;
  if (store.reason.code === 'cluster.not-a-manager') {
    const message = `what managers know is not known here: ${detail}`;
    return [{ name: 'manager', level: 'ok', message }];
  }
  const message = `coffer on this node serves nothing, and cannot tell more: ${detail}`;
  return [{ name: 'manager', level: 'failure', message, mend: mendOf(store.reason, hint) }];
}

function quorum({ store }: WhyFacts): readonly Finding[] {
  return store.kind === 'serving' && store.freshness === 'local'
    ? [
        {
          name: 'quorum',
          level: 'warning',
          message: 'the managers have no leader at the moment: what is said here may be old',
          mend: 'docker coffer node ls',
        },
      ]
    : [];
}

/** What they refused is not known; the one that is asked was told already. */
function silent(facts: WhyFacts, asked: Asked): readonly Finding[] {
  const names = facts.others
    .filter(({ kind }) => kind === 'silent')
    .map(({ nodeId }) => managerName(facts, nodeId))
    .filter((name) => asked.kind === 'nobody' || name !== asked.hostname);
  const list = names.join(', ');
  return names.length === 0
    ? []
    : [
        {
          name: 'manager',
          level: 'warning',
          message: `not reached: ${list}; what was refused there is not known`,
          mend: mendOfSilence(facts, list),
        },
      ];
}

/** A locked manager does not listen: it has no certificate until it is unlocked. */
function mendOfSilence({ store }: WhyFacts, hostnames: string): string {
  const mayBeLocked = store.kind === 'serving' && store.isAutolocked;
  return mayBeLocked
    ? `docker coffer status, typed on ${hostnames}; if it is locked: docker coffer unlock`
    : `docker coffer doctor, typed on ${hostnames}`;
}

function ofReports(facts: WhyFacts, asked: Asked): readonly Finding[] {
  const others = facts.others.flatMap((answer) => {
    if (answer.kind === 'silent') {
      return [];
    }
    const hostname = managerName(facts, answer.nodeId);
    return [...clock(hostname, answer), ...audit(hostname, answer.report, asked)];
  });
  const own = facts.store.kind === 'serving' ? managerName(facts, facts.store.ownId) : 'this node';
  return [...audit(own, facts.report, asked), ...others];
}

function clock(
  hostname: string,
  { answeredAt_ms, askedAt_ms, report }: Extract<ManagerAnswer, { kind: 'told' }>,
): readonly Finding[] {
  const early_ms = askedAt_ms - report.now_ms;
  const late_ms = report.now_ms - answeredAt_ms;
  const off_ms = Math.max(early_ms, late_ms);
  if (off_ms <= SKEW_MS) {
    return [];
  }
  const direction = early_ms > 0 ? 'behind' : 'ahead of';
  return [
    {
      name: 'clock',
      level: 'warning',
      message: `the clock of ${hostname} is ${Math.round(off_ms / 1_000)} seconds ${direction} this node's: certificates and times are judged by it`,
      mend: `timedatectl set-ntp true, typed on ${hostname} and here`,
    },
  ];
}

function audit(hostname: string, { auditProblem }: ManagerReport, asked: Asked): readonly Finding[] {
  return auditProblem === undefined
    ? []
    : [
        {
          name: 'audit log',
          level: asked.kind === 'manager' && asked.hostname === hostname ? 'failure' : 'warning',
          message: `${hostname} delivers nothing: ${auditProblem}`,
          mend: /ENOSPC|EDQUOT/.test(auditProblem)
            ? `df -h, typed on ${hostname}, and make room; it goes on by itself`
            : `mend what is named, on ${hostname}; it goes on by itself`,
        },
      ];
}
