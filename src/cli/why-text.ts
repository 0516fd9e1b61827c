// SPDX-License-Identifier: Apache-2.0
// Why a secret was refused, on one screen.
import type { Finding, WhyReply, WhySecret, WhySubject } from '../control/index.ts';
import { humanAge, printable } from './text.ts';

/** Of more subjects only what is wrong is shown. */
const WHOLE_MAX = 3;
const SUBJECTS_MAX = 10;
const LEVEL_WIDTH = 8;

export interface WhyTextOptions {
  readonly now_ms: number;
  readonly coloured: (level: Finding['level'], text: string) => string;
}

/** What is wrong first, then what is not. */
export function whyText(reply: WhyReply, options: WhyTextOptions): readonly string[] {
  const { findings, subjects, targets } = reply;
  const isBrief = targets.length === 0 || subjects.length > WHOLE_MAX;
  const well = subjects.filter(isWell);
  const shown = isBrief ? subjects.filter((subject) => !isWell(subject)) : subjects;
  const left = shown.length - SUBJECTS_MAX;
  return [
    ...summary(reply),
    ...shown.slice(0, SUBJECTS_MAX).flatMap((subject) => ofSubject(subject, isBrief, options)),
    ...(left > 0 ? [`${left} more are refused something; ask for one of them by its name.`] : []),
    ...(isBrief && shown.length > 0 && well.length > 0 ? [`Nothing is wrong for ${well.length} more.`] : []),
    ...lines(findings, '', options),
  ];
}

function summary({ healthy, subjects, targets }: WhyReply): readonly string[] {
  const named = targets.map(({ kind, name }) => `${kind} ${name}`).join(' and ');
  const secrets = new Set(subjects.flatMap((subject) => subject.secrets.map(({ name }) => name))).size;
  if (targets.length === 0) {
    const counted = `${count(subjects.length, 'service or volume', 'services and volumes')} with ${count(secrets, 'secret', 'secrets')} of coffer`;
    return healthy ? [printable(`Nothing is wrong: ${counted} were looked at.`)] : [];
  }
  if (secrets === 0 && subjects.every(({ findings }) => findings.every(({ name }) => name !== 'answer'))) {
    return [printable(`Nobody has a secret of coffer here by ${named}.`)];
  }
  return healthy ? [printable(`Nothing is wrong with ${named}.`)] : [];
}

function count(number: number, one: string, several: string): string {
  return `${number} ${number === 1 ? one : several}`;
}

function isWell({ findings, secrets }: WhySubject): boolean {
  return [...findings, ...secrets.flatMap((secret) => secret.findings)].every(({ level }) => level === 'ok');
}

function ofSubject(
  { findings, kind, name, secrets }: WhySubject,
  isBrief: boolean,
  options: WhyTextOptions,
): readonly string[] {
  const kept = (all: readonly Finding[]): readonly Finding[] =>
    isBrief ? all.filter(({ level }) => level !== 'ok') : all;
  return [
    printable(`${kind} ${name}`),
    ...lines(kept(findings), '  ', options),
    ...secrets.flatMap((secret) => {
      const told = kept(secret.findings);
      return told.length === 0 ? [] : [printable(`  ${secretName(secret)}`), ...lines(told, '    ', options)];
    }),
  ];
}

function secretName({ name, registered, via }: WhySecret): string {
  if (via === 'volume') {
    return `secret ${name}`;
  }
  return name === registered ? `secret ${name}` : `secret ${registered}, which is ${name} in coffer`;
}

function lines(findings: readonly Finding[], indent: string, options: WhyTextOptions): readonly string[] {
  return findings.flatMap(({ at_ms, level, mend, message, name }) => {
    const when = at_ms === undefined ? '' : `${humanAge(at_ms, options.now_ms)}: `;
    const mark = options.coloured(level, level.padEnd(LEVEL_WIDTH));
    const line = `${indent}${mark} ${printable(`${name}: ${when}${message}`)}`;
    const gap = ' '.repeat(LEVEL_WIDTH + 1);
    return mend === undefined ? [line] : [line, `${indent}${gap}${printable(`Mend: ${mend}`)}`];
  });
}
