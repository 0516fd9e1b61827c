// SPDX-License-Identifier: Apache-2.0
// From what is known to what is to be said. Pure.
import type { EngineSecret, EngineService } from '../engine/index.ts';
import { nameKey, storeNameOf } from '../secrets/index.ts';
import { type Known, knownFrom } from './known.ts';
import { isDelivery, isMount } from './known-refusals.ts';
import { type Asked, managerFindings } from './manager-findings.ts';
import { refusalFinding, secretFindings } from './secret-findings.ts';
import { type UsedSecret, usesOfService } from './service-uses.ts';
import { taskFindings } from './task-findings.ts';
import { volumeSubject } from './volume-findings.ts';
import type { WhyFacts } from './why-facts.ts';
import type { Finding, WhyReply, WhySecret, WhySubject } from './why-model.ts';
import { type ScopedService, scopeOf } from './why-target.ts';

/** More than anybody reads; what is wrong comes first. */
const SUBJECTS_MAX = 1_000;
/** Of more services, sealed values are not opened: others are not to wait for that. */
const OPENED_SERVICES_MAX = 20;

/** Throws `why.not-found` and `why.ambiguous` for the name. Without one, all is looked at. */
export function diagnose(given: WhyFacts, name: string | undefined): WhyReply {
  const facts = knownFrom(given);
  const scope = scopeOf(facts, name);
  const { asked, findings } = managerFindings(facts);
  const services = scope.services.flatMap(
    (scoped) =>
      serviceSubject(facts, scoped, asked, {
        isNamed: !scope.isAll,
        opening: scope.services.length <= OPENED_SERVICES_MAX,
      }) ?? [],
  );
  const volumes = scope.volumes.flatMap((scoped) => volumeSubject(facts, scoped) ?? []);
  const subjects = [...services, ...volumes, ...scope.remembered.map((one) => rememberedSubject(facts, one))];
  return {
    targets: scope.targets,
    healthy: areWell(findings) && subjects.every(isWell),
    findings,
    subjects: [...subjects.filter((subject) => !isWell(subject)), ...subjects.filter(isWell)].slice(
      0,
      SUBJECTS_MAX,
    ),
  };
}

function areWell(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level === 'ok');
}

function isWell({ findings, secrets }: WhySubject): boolean {
  return areWell(findings) && secrets.every((secret) => areWell(secret.findings));
}

/** Undefined where the service has no secret of coffer's, and nobody has asked about that very service. */
function serviceSubject(
  facts: Known,
  scoped: ScopedService,
  asked: Asked,
  { isNamed, opening }: { readonly isNamed: boolean; readonly opening: boolean },
): WhySubject | undefined {
  const { secret, service } = scoped;
  const uses = usesOf(facts, service).filter(
    ({ use }) => secret === undefined || nameKey(use.secret) === nameKey(secret),
  );
  if (uses.length === 0 && (secret !== undefined || !isNamed)) {
    return undefined;
  }
  const findings = taskFindings(facts, scoped);
  const runs = areWell(findings);
  const secrets = uses.map(
    ({ driver, use }): WhySecret => ({
      name: use.secret,
      registered: use.registered,
      via: use.via,
      findings: secretFindings(facts, { scoped, use, driver, asked, runs, opening }),
    }),
  );
  return { kind: 'service', name: service.name, findings, secrets };
}

interface DrivenUse {
  readonly use: UsedSecret;
  readonly driver: string | undefined;
}

/** Those of coffer's driver; and those of a driver that is called as none is, or with labels that only coffer reads. */
function usesOf(facts: Known, service: EngineService): readonly DrivenUse[] {
  const { driverNames, registered } = facts;
  const isOwn = (driver: string): boolean => driver !== '' && driverNames.has(driver.replace(/:latest$/, ''));
  const own = service.secrets.flatMap(({ id }) => registered.get(id) ?? []);
  const strays = own.filter(
    (secret) => secret.driver !== undefined && !isOwn(secret.driver) && isMeantForCoffer(secret),
  );
  return [
    ...usesOfService(service, registered, isOwn).map((use) => ({
      use,
      driver: use.via === 'secret' ? own.find(({ name }) => name === use.registered)?.driver : undefined,
    })),
    ...strays.map((secret): DrivenUse => ({ use: strayUse(secret), driver: secret.driver })),
  ];
}

function isMeantForCoffer({ driver, labels }: EngineSecret): boolean {
  return /coffer/i.test(driver ?? '') || Object.keys(labels).some((label) => label.startsWith('coffer.'));
}

function strayUse(secret: EngineSecret): UsedSecret {
  return { secret: storeNameOf(secret), registered: secret.name, labels: secret.labels, via: 'secret' };
}

/** Nothing is known of it but what was refused. */
function rememberedSubject(facts: Known, service: string): WhySubject {
  const refusals = facts.refusals.filter(isDelivery).filter((refusal) => refusal.service === service);
  const names = [...new Set(refusals.map(({ secret }) => secret))];
  const mounts = facts.refusals.filter(isMount).filter(({ users }) => users.includes(service));
  return {
    kind: 'service',
    name: service,
    findings: mounts.slice(0, 1).map((refused) => refusalFinding(refused, { runs: false }, [])),
    secrets: names.map((name) => ({
      name,
      registered: name,
      via: 'secret',
      findings: refusals
        .filter(({ secret }) => secret === name)
        .slice(0, 1)
        .map((refused) => refusalFinding(refused, { runs: false }, [])),
    })),
  };
}
