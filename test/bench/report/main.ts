// SPDX-License-Identifier: Apache-2.0
// The report of the benchmarks: runs them several times, the peers beside, and writes tables and plots to build/bench-report/.
//
//   node test/bench/report/run.mjs [--quick] [--docs] [--curve-seconds=N] [SECTION...]
//
// Sections that are named are measured again, and take their places in the report that is there; with --docs it becomes
// docs/benchmarks.md too, and its plots docs/images/bench-*.svg.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { atProcessEnd, removeDirectory } from '../../support/cleanup.ts';
import { projectRoot } from '../../support/project.ts';
import { loadRole } from '../cluster-load.ts';
import { answerQuestions } from '../raft-child.ts';
import { PRINTED } from './bench-process.ts';
import { followersSection } from './followers-curve.ts';
import { machineFacts } from './machine.ts';
import { type Fact, plotsOf, type Report, reportInMarkdown, type Section } from './markdown.ts';
import { agentsSection, managersSection, plansSection } from './nodes-curve.ts';
import { clusterSection, engineSection, logSection } from './peers.ts';
import type { Runner } from './runner.ts';
import { secretsSection } from './secrets-curve.ts';
import { sizesSection } from './sizes-curve.ts';

const SECTIONS: Readonly<Record<string, Runner>> = {
  cluster: clusterSection,
  log: logSection,
  engine: engineSection,
  secrets: secretsSection,
  sizes: sizesSection,
  agents: agentsSection,
  managers: managersSection,
  followers: followersSection,
  plans: plansSection,
};
/** For how long a curve goes on to larger sizes. */
const CURVE_S = 150;
const CURVE_QUICK_S = 40;
const PICTURES = /^bench-.*\.svg$/;

const RESULTS = 'results.json';

/** A section as it is kept. */
interface KeptSection extends Section {
  readonly name: string;
  /** When it was begun, to the minute, as RFC 3339. */
  readonly begunAt: string;
  readonly quick: boolean;
}

interface Wishes {
  readonly quick: boolean;
  readonly docs: boolean;
  readonly curve_ms: number;
  readonly sections: readonly string[];
}

function wishesFrom(words: readonly string[]): Wishes {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      'curve-seconds': { type: 'string' },
    },
  });
  const unknown = positionals.find((name) => !(name in SECTIONS));
  if (unknown !== undefined) {
    throw new Error(`there is no section ${unknown}: ${Object.keys(SECTIONS).join(', ')}`);
  }
  const curve_s = Number(values['curve-seconds'] ?? (values.quick ? CURVE_QUICK_S : CURVE_S));
  if (!(curve_s > 0)) {
    throw new Error(`--curve-seconds takes a number of seconds, not ${values['curve-seconds'] ?? ''}`);
  }
  return { quick: values.quick, docs: values.docs, curve_ms: curve_s * 1_000, sections: positionals };
}

async function main(words: readonly string[]): Promise<void> {
  const wishes = wishesFrom(words);
  const build = path.join(projectRoot(), 'build');
  const output = path.join(build, 'bench-report');
  const sections =
    wishes.sections.length === 0 ? new Map<string, KeptSection>() : sectionsKept(output, wishes);
  if (sections.size === 0) {
    removeDirectory(output);
    mkdirSync(output, { recursive: true });
  }
  // Not in /tmp, which is memory on some machines: a sync costs nothing there.
  const work = mkdtempSync(path.join(build, 'bench-'));
  atProcessEnd(() => removeDirectory(work));
  const facts = await machineFacts(work);
  const report = (): Report => {
    const inOrder = Object.keys(SECTIONS).flatMap((name) => sections.get(name) ?? []);
    return { facts: [...facts, whenMade(inOrder, wishes)], sections: inOrder };
  };
  for (const [name, run] of Object.entries(SECTIONS)) {
    if (wishes.sections.length === 0 || wishes.sections.includes(name)) {
      const begunAt = `${new Date().toISOString().slice(0, 16)}Z`;
      sections.set(name, {
        ...(await sectionOf(name, run, { work, output }, wishes)),
        name,
        begunAt,
        quick: wishes.quick,
      });
      // After each: what was measured is not lost where the next one takes too long.
      write(output, report());
    }
  }
  const missing = Object.keys(SECTIONS).filter((name) => !sections.has(name));
  if (wishes.docs && process.exitCode !== undefined) {
    process.stderr.write('docs/benchmarks.md is left as it was, since a section failed\n');
  } else if (wishes.docs && missing.length > 0) {
    process.exitCode = 1;
    const left = `docs/benchmarks.md is left as it was, since nobody has measured ${missing.join(', ')} yet`;
    process.stderr.write(`${left}: make bench-report DOCS=1 measures all\n`);
  } else if (wishes.docs) {
    writeDocs(report());
  }
  process.stderr.write(`${path.relative(projectRoot(), path.join(output, 'report.md'))} is written\n`);
}

interface Places {
  readonly work: string;
  readonly output: string;
}

async function sectionOf(
  name: string,
  run: Runner,
  { work, output }: Places,
  wishes: Wishes,
): Promise<Section> {
  process.stderr.write(`${name}\n`);
  const began_ms = performance.now();
  const directory = path.join(work, name);
  mkdirSync(directory);
  try {
    return await run({ directory, quick: wishes.quick, curve_ms: wishes.curve_ms });
  } catch (error) {
    // The others are worth having.
    process.exitCode = 1;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${name} failed: ${reason}\n`);
    return { title: name, findings: [], leftOut: [`this section, which failed: ${reason}`] };
  } finally {
    process.stderr.write(`${name} took ${((performance.now() - began_ms) / 1_000).toFixed(0)} s\n`);
    const printed = path.join(directory, PRINTED);
    if (existsSync(printed)) {
      copyFileSync(printed, path.join(output, `${name}.txt`));
    }
    removeDirectory(directory);
  }
}

/** Those of the report that is there, by name; none where there is no report, or one of another kind. */
function sectionsKept(directory: string, { quick }: Wishes): Map<string, KeptSection> {
  const file = path.join(directory, RESULTS);
  // What is not there is null in JSON.
  const given = (_: string, value: unknown): unknown => value ?? undefined;
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8'), given) as Report).sections : [];
  const alike = (kept as readonly KeptSection[]).filter((section) => section.quick === quick);
  return new Map(alike.map((section) => [section.name, section]));
}

function whenMade(sections: readonly KeptSection[], { quick }: Wishes): Fact {
  const times = sections.map(({ begunAt }) => begunAt).toSorted();
  const how = quick ? ', a quick run: numbers of one or two runs' : '';
  return { what: 'made', value: `from ${times.at(0)} on, the last section at ${times.at(-1)}${how}` };
}

function write(directory: string, report: Report): void {
  writeFileSync(path.join(directory, RESULTS), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(
    path.join(directory, 'report.md'),
    reportInMarkdown(report, (id) => `${id}.svg`),
  );
  for (const [id, svg] of plotsOf(report)) {
    writeFileSync(path.join(directory, `${id}.svg`), svg);
  }
}

/** The plots of an earlier report go. */
function writeDocs(report: Report): void {
  const docs = path.join(projectRoot(), 'docs');
  const images = path.join(docs, 'images');
  for (const file of readdirSync(images).filter((name) => PICTURES.test(name))) {
    rmSync(path.join(images, file));
  }
  for (const [id, svg] of plotsOf(report)) {
    writeFileSync(path.join(images, `bench-${id}.svg`), svg);
  }
  writeFileSync(
    path.join(docs, 'benchmarks.md'),
    reportInMarkdown(report, (id) => `images/bench-${id}.svg`),
  );
}

const [, , ...words] = process.argv;
if (words[0] === 'load') {
  answerQuestions(loadRole());
} else {
  main(words).catch((thrown: unknown) => {
    process.stderr.write(`The report failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    process.exitCode = 1;
  });
}
