// SPDX-License-Identifier: Apache-2.0
// Which secrets are to be imported, and who uses them: a pure function of what the engine says.
import { CofferError } from '../common/index.ts';
import type { EngineSecret, EngineService } from '../engine/index.ts';
import { NAME_LENGTH_MAX, nameKey } from '../secrets/index.ts';
import type { ImportedSecret, ImportedService } from './import-model.ts';

const STACK_LABEL = 'com.docker.stack.namespace';
const SUCCESSOR_ENDING = '-coffer';

export interface PlannedSecret {
  readonly engine: EngineSecret;
  /** By name. */
  readonly services: readonly EngineService[];
  readonly told: ImportedSecret;
}

export interface SwarmFacts {
  readonly secrets: readonly EngineSecret[];
  readonly services: readonly EngineService[];
  readonly isStored: (name: string) => boolean;
}

/**
 * By name. Without names, all secrets whose values are the swarm's own. Throws `secret.not-found` for a name that the swarm does not
 * have.
 */
export function planImport(facts: SwarmFacts, names: readonly string[]): readonly PlannedSecret[] {
  const byName = new Map(facts.secrets.map((secret) => [nameKey(secret.name), secret] as const));
  const wanted =
    names.length === 0
      ? facts.secrets.filter(({ driver }) => driver === undefined)
      : [...new Set(names.map(nameKey))].map(
          (key) => byName.get(key) ?? byName.get(successorOf(key)) ?? missing(names, key),
        );
  return wanted
    .map((secret) => plannedSecret(facts, secret))
    .toSorted((a, b) => (a.engine.name < b.engine.name ? -1 : 1));
}

/** The name under which the swarm comes to know it with a driver, beside the one that it replaces. */
export function successorOf(name: string): string {
  return `${name.slice(0, NAME_LENGTH_MAX - SUCCESSOR_ENDING.length)}${SUCCESSOR_ENDING}`;
}

function toldService({ labels, name }: EngineService): ImportedService {
  return { name, state: 'unasked', stack: labels[STACK_LABEL] };
}

function plannedSecret({ isStored, services }: SwarmFacts, engine: EngineSecret): PlannedSecret {
  const users = services
    .filter(({ secrets }) => secrets.some(({ id }) => id === engine.id))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const note = reasonAgainst(engine);
  return {
    engine,
    services: users,
    told: {
      name: engine.name,
      state: note === undefined ? 'waiting' : 'left-out',
      stored: isStored(engine.name),
      note,
      stack: engine.labels[STACK_LABEL],
      services: users.map(toldService),
      successor: successorOf(engine.name),
      replaced: false,
    },
  };
}

function reasonAgainst({ driver, isTemplate }: EngineSecret): string | undefined {
  if (driver !== undefined) {
    return `its value is with the driver ${driver}, not with the swarm`;
  }
  return isTemplate === true ? 'it is a template, which a task finds filled in' : undefined;
}

function missing(names: readonly string[], key: string): never {
  const name = names.find((one) => nameKey(one) === key) ?? key;
  throw new CofferError('secret.not-found', `the swarm has no secret ${name}`, {
    hint: 'See which it has: docker secret ls',
  });
}
