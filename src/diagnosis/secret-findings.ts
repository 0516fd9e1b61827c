// SPDX-License-Identifier: Apache-2.0
// What stands between a service and one of its secrets. Pure.
import { unreachable } from '../common/index.ts';
import { isSameDriver } from '../engine/index.ts';
import type { Verdict } from '../membership/index.ts';
import { type Delivery, nameKey, printable, sealedValueOf } from '../secrets/index.ts';
import type { Known } from './known.ts';
import { isDelivery, isMount, type Remembered } from './known-refusals.ts';
import type { Asked } from './manager-findings.ts';
import { outlookOf, type OutlookNode, type PolicyOutlook, type ValueOutlook } from './outlook.ts';
import type { UsedSecret } from './service-uses.ts';
import type { Finding } from './why-model.ts';
import { type ScopedService, taskName } from './why-target.ts';

/** What `outlookOf` judges, so that it is not so any more where nothing is wrong now. */
const JUDGED: ReadonlySet<string> = new Set([
  'policy.denied',
  'secret.not-found',
  'secret.version-not-found',
  'secret.label-invalid',
  'sealed.invalid',
  'sealed.scope',
  'sealed.key-unknown',
  'sealed.conflict',
]);

export interface UseOfSecret {
  readonly scoped: ScopedService;
  readonly use: UsedSecret;
  /** The engine's name of the driver; undefined for a volume. */
  readonly driver: string | undefined;
  readonly asked: Asked;
  /** Whether all tasks run that are to. */
  readonly runs: boolean;
  /** Whether sealed values are opened to see that they do: see `outlookOf`. */
  readonly opening: boolean;
}

export function secretFindings(facts: Known, of: UseOfSecret): readonly Finding[] {
  const outlook = outlookFindings(facts, of);
  const driver = driverFindings(of);
  const wrong = [...driver, ...outlook].filter(({ level }) => level === 'failure');
  return [...driver, ...outlook, ...answerFindings(facts, of, wrong)];
}

function driverFindings({ asked, driver, use }: UseOfSecret): readonly Finding[] {
  const known = asked.kind === 'manager' ? asked.report?.driverName : undefined;
  if (driver === undefined || known === undefined || asked.kind !== 'manager') {
    return [];
  }
  const { hostname } = asked;
  return isSameDriver(driver, known)
    ? [
        {
          name: 'driver',
          level: 'ok',
          message: `Docker asks the plugin ${driver}, as coffer is called on ${hostname}`,
        },
      ]
    : [
        {
          name: 'driver',
          level: 'failure',
          message: `Docker asks the plugin ${driver} on ${hostname}, where coffer is called ${known}`,
          mend: `docker secret create --driver ${known} --label coffer.name=${printable(use.secret)} NAME, for the services; or install coffer on ${hostname} with --alias ${driver}`,
        },
      ];
}

function outlookFindings(facts: Known, { opening, scoped, use }: UseOfSecret): readonly Finding[] {
  const { store } = facts;
  if (store.kind === 'refused') {
    return [];
  }
  const { service } = scoped;
  const outlook = outlookOf(store.store, service, use, nodesOf(facts, scoped), opening);
  return [policyFinding(outlook.policy, service.name, use.secret), valueFinding(outlook.value, use)];
}

/** Those on which its tasks are, or are to be. */
function nodesOf(facts: Known, { service, task }: ScopedService): readonly OutlookNode[] {
  const tasks = task === undefined ? facts.tasksOf(service.id) : [task];
  const ids = new Set(
    tasks.filter(({ desiredState }) => desiredState === 'running').map(({ nodeId }) => nodeId),
  );
  const nodes = facts.swarm.kind === 'known' ? facts.swarm.nodes : [];
  return nodes.filter(({ id }) => ids.has(id));
}

function policyFinding(policy: PolicyOutlook, service: string, secret: string): Finding {
  const name = 'policy';
  switch (policy.kind) {
    case 'allowed': {
      const by = policy.rule === undefined ? 'no rule denies it' : `rule ${policy.rule} allows it`;
      return { name, level: 'ok', message: by };
    }
    case 'denied':
      return {
        name,
        level: 'failure',
        message: policy.error.detail,
        mend: policyMend(policy.by, service, secret),
      };
    case 'depends': {
      const where = policy.deniedOn.length === 0 ? 'on some nodes' : `on ${policy.deniedOn.join(', ')}`;
      return {
        name,
        level: 'warning',
        message: `it is denied ${where}: ${policy.error.detail}`,
        mend: `docker coffer policy test --service ${printable(service)}; docker coffer policy ls`,
      };
    }
    default:
      return unreachable(policy);
  }
}

function policyMend(by: Verdict, service: string, secret: string): string {
  switch (by.because) {
    case 'default':
      return `docker coffer policy add allow ${printable(secret)} --service ${printable(service)}`;
    case 'rule':
      return `docker coffer policy rm ${by.rule.id}`;
    case 'unknown':
      return 'docker coffer policy ls';
    default:
      return unreachable(by);
  }
}

function valueFinding(value: ValueOutlook, { labels }: UsedSecret): Finding {
  const name = 'value';
  switch (value.kind) {
    case 'there': {
      const { current, pin, version } = value;
      const wanted = pin === undefined ? 'the current one' : `which label coffer.version=${pin} asks for`;
      const newer = version === current ? '' : `; ${current} is the current one`;
      return { name, level: 'ok', message: `version ${version}, ${wanted}${newer}` };
    }
    case 'made':
      return {
        name,
        level: 'ok',
        message: `made at the first use: ${printable(labels['coffer.generate'] ?? '')}`,
      };
    case 'sealed':
      return { name, level: 'ok', message: `sealed in label coffer.sealed, value ${value.valueId}` };
    case 'missing': {
      const { detail, hint } = value.error;
      const command = /docker coffer .*$/.exec(hint ?? '')?.[0];
      return { name, level: 'failure', message: detail, mend: command ?? hint ?? 'docker coffer ls' };
    }
    default:
      return unreachable(value);
  }
}

/** What was answered last: whatever is newer, of what was refused and what was given. */
function answerFindings(facts: Known, of: UseOfSecret, wrong: readonly Finding[]): readonly Finding[] {
  const refused = lastRefusal(facts, of);
  const given = lastDelivery(facts, of);
  if (refused !== undefined && (given === undefined || refused.at_ms > given.at_ms)) {
    const isMended = wrong.length === 0 && facts.store.kind === 'serving' && JUDGED.has(refused.code);
    return [isMended ? mendedFinding(refused, of) : refusalFinding(refused, of, wrong)];
  }
  if (given !== undefined) {
    const what = given.sealed === undefined ? `version ${given.version}` : `sealed value ${given.sealed}`;
    const message = `task ${given.task} was given ${what}`;
    return [{ name: 'answer', level: 'ok', message, at_ms: given.at_ms }];
  }
  return of.use.via === 'volume' ? [] : [nothingRemembered(of)];
}

function nothingRemembered({ asked, runs, scoped }: UseOfSecret): Finding {
  const name = 'answer';
  if (runs || asked.kind !== 'manager' || asked.report === undefined) {
    return { name, level: 'ok', message: 'nothing is remembered of it' };
  }
  return {
    name,
    level: 'warning',
    message: `coffer on ${asked.hostname} does not remember that Docker has asked it for this secret`,
    mend: `docker service ps --no-trunc ${scoped.service.name}; docker plugin ls, typed on ${asked.hostname}`,
  };
}

/** The engine asks again by itself, as long as the service's settings let it. */
function mendedFinding(refused: Remembered, of: UseOfSecret): Finding {
  const { message, ...finding } = refusalFinding(refused, of, []);
  const { name } = of.scoped.service;
  return {
    ...finding,
    level: 'warning',
    message: `${message}; it would be given now`,
    mend: `docker service update --force ${name}, unless Docker asks again by itself within seconds`,
  };
}

/** `wrong`: what is found wrong now, and is not said twice. */
export function refusalFinding(
  refused: Remembered,
  { runs }: Pick<UseOfSecret, 'runs'>,
  wrong: readonly Finding[],
): Finding {
  const whom = refused.kind === 'secret' ? `to task ${refused.task}` : `for ${refused.users.join(', ')}`;
  const isSaid = wrong.some(({ message }) => message === refused.message);
  const often = refused.count > 1 ? `, ${refused.count} times` : '';
  return {
    name: 'answer',
    level: runs ? 'warning' : 'failure',
    message: `${refused.by} refused it ${whom}${often}${isSaid ? '' : `: ${refused.message}`} [${refused.code}]`,
    at_ms: refused.at_ms,
    mend: wrong.length > 0 ? undefined : refused.hint,
  };
}

function lastRefusal(facts: Known, { scoped, use }: UseOfSecret): Remembered | undefined {
  const { service, task } = scoped;
  const { refusals } = facts;
  if (use.via === 'volume') {
    return refusals
      .filter(isMount)
      .find(({ users, volume }) => volume === use.registered && users.includes(service.name));
  }
  return refusals
    .filter(isDelivery)
    .find(
      (refusal) =>
        isOfService(refusal, service) &&
        nameKey(refusal.secret) === nameKey(use.registered) &&
        (task === undefined || refusal.task.startsWith(`${taskName(facts, task)}.`)),
    );
}

function isOfService(
  { service, serviceId }: { readonly service: string; readonly serviceId: string },
  { id, name }: { readonly id: string; readonly name: string },
): boolean {
  return serviceId === '' ? service === name : serviceId === id;
}

function lastDelivery(
  facts: Known,
  { scoped, use }: UseOfSecret,
):
  | (Pick<Delivery, 'at_ms' | 'version'> & { readonly task: string; readonly sealed: string | undefined })
  | undefined {
  if (use.via === 'volume') {
    return undefined;
  }
  const tasks = scoped.task === undefined ? facts.tasksOf(scoped.service.id) : [scoped.task];
  const given = tasks.flatMap((task) =>
    facts
      .deliveriesTo(task.id)
      .filter(({ name }) => nameKey(name) === nameKey(use.secret))
      .map((delivery) => ({
        at_ms: delivery.at_ms,
        version: delivery.version,
        sealed: sealedValueOf(delivery),
        task: taskName(facts, task),
      })),
  );
  return given.toSorted((a, b) => b.at_ms - a.at_ms)[0];
}
