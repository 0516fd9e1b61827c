// SPDX-License-Identifier: Apache-2.0
// How an import from the swarm is told: a row for each secret, and what is to be changed in the files of stacks.
import { unreachable } from '../common/index.ts';
import type { ImportedSecret, ImportedService, SwarmImportReply } from '../control/index.ts';
import { counted, humanSize, printable, renderTable } from './text.ts';

/** `read 7 of 10 secrets`. */
export function progressText({ phase, secrets }: SwarmImportReply): string {
  if (phase !== 'switching') {
    const read = secrets.filter(({ state }) => state !== 'waiting').length;
    return `read ${read} of ${counted(secrets.length, 'secret')}`;
  }
  const services = servicesOf(secrets).filter(({ state }) => state !== 'unasked');
  const done = services.filter(({ state }) => state !== 'waiting' && state !== 'updating').length;
  const now = services.find(({ state }) => state === 'updating');
  const which = now === undefined ? '' : `; ${now.name} is being updated`;
  return printable(`updated ${done} of ${counted(services.length, 'service')}${which}`);
}

export function importTable({ phase, secrets }: SwarmImportReply): string {
  return renderTable(
    ['NAME', 'SIZE', 'IN COFFER', 'SERVICES'],
    secrets.map((secret) => [
      secret.name,
      secret.size === undefined ? '' : humanSize(secret.size),
      stateText(secret, phase === 'planned'),
      secret.services.map(serviceText).join(', '),
    ]),
  );
}

function stateText({ note, replaced, state, stored, version }: ImportedSecret, isPlan: boolean): string {
  const why = note === undefined ? '' : `: ${note}`;
  const gone = replaced ? ', and no more in the swarm' : '';
  switch (state) {
    case 'waiting':
      if (!isPlan) {
        return 'not read';
      }
      return stored ? 'would be compared with what coffer has' : 'would become version 1';
    case 'imported':
      return `version ${version ?? 1}${gone}${why}`;
    case 'there':
      return `was there, version ${version ?? 1}${gone}${why}`;
    case 'left-out':
      return `left out${why}`;
    case 'failed':
      return `failed${why}`;
    default:
      return unreachable(state);
  }
}

function serviceText({ name, note, state }: ImportedService): string {
  const why = note === undefined ? '' : `: ${note}`;
  switch (state) {
    case 'unasked':
      return name;
    case 'waiting':
      return `${name} (not updated)`;
    case 'updating':
      return `${name} (is being updated)`;
    case 'updated':
      return `${name} (updated)`;
    case 'left-out':
      return `${name} (left out${why})`;
    case 'failed':
      return `${name} (has what it had${why})`;
    default:
      return unreachable(state);
  }
}

/** Which services still take them from the swarm, and what changes that; empty where none does. */
export function howToApply({ phase, secrets }: SwarmImportReply, program: string, isAll: boolean): string {
  const ready = secrets.filter((secret) => !secret.replaced && isReady(secret, phase));
  if (
    ready.length === 0 ||
    secrets.some(({ services }) => services.some(({ state }) => state !== 'unasked'))
  ) {
    return '';
  }
  const words = isAll ? '--all' : ready.map(({ name }) => name).join(' ');
  const services = servicesOf(ready);
  const whose =
    services.length === 0
      ? 'No service uses them.'
      : `Nothing was restarted: ${services.map(({ name }) => name).join(', ')} still ${services.length === 1 ? 'has' : 'have'} them from the swarm.`;
  const lead = `${whose} To have them from coffer, with a rolling update of each:`;
  return [lead, `  ${program} import swarm ${words} --apply`].map(printable).join('\n');
}

/** What the files of stacks are to say, so that the next deploy changes nothing. */
export function stackChanges({ phase, secrets }: SwarmImportReply): string {
  const known = secrets.filter((secret) => secret.replaced || isReady(secret, phase));
  const stacks = new Set(known.flatMap(stacksOf));
  return [...stacks]
    .toSorted()
    .map((stack) => {
      const own = known.filter((secret) => stacksOf(secret).includes(stack));
      const head = `${phase === 'done' && own.every(({ replaced }) => replaced) ? 'Now change' : 'Then change'} the file of stack ${stack}:`;
      return [head, '  secrets:', ...own.flatMap((secret) => definition(secret, stack))]
        .map(printable)
        .join('\n');
    })
    .join('\n\n');
}

function definition({ name, stack, successor }: ImportedSecret, of: string): readonly string[] {
  const prefix = `${of}_`;
  const key = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  return stack === of
    ? [
        `    ${key}:`,
        `      name: ${successor}`,
        '      driver: coffer',
        `      labels: { coffer.name: ${name} }`,
      ]
    : [`    ${key}:`, '      external: true', `      name: ${successor}`];
}

function stacksOf({ services, stack }: ImportedSecret): readonly string[] {
  return [stack, ...services.map((service) => service.stack)].flatMap((one) => one ?? []);
}

function isReady({ state }: ImportedSecret, phase: SwarmImportReply['phase']): boolean {
  return state === 'imported' || state === 'there' || (phase === 'planned' && state === 'waiting');
}

function servicesOf(secrets: readonly ImportedSecret[]): readonly ImportedService[] {
  return [...new Map(secrets.flatMap(({ services }) => services.map((one) => [one.name, one]))).values()];
}
