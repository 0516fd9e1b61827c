// SPDX-License-Identifier: Apache-2.0
// The commands that a page of the documentation has people type, for tests that type them.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './project.ts';

/** The pages, as paths from the project's top level: README.md, and all of docs/. */
export function markdownFiles(): readonly string[] {
  const below = readdirSync(path.join(projectRoot(), 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = below.filter((file) => file.endsWith('.md')).map((file) => path.join('docs', file));
  return ['README.md', ...pages.toSorted()];
}

export interface Step {
  readonly machine: string;
  readonly command: string;
}

export interface Section {
  readonly title: string;
  /** The section as it stands there, without its title. */
  readonly text: string;
  readonly steps: readonly Step[];
}

/** The sections of docs/NAME in which somebody types something, in their order. */
export function sectionsOf(name: string): readonly Section[] {
  return readFileSync(path.join(projectRoot(), 'docs', name), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf('\n');
      const steps = [...section.matchAll(/^ {4}([a-f])\$ (.+)$/gm)].map(([, machine = '', command = '']) => ({
        machine,
        command,
      }));
      return { title: section.slice(0, end), text: section.slice(end), steps };
    })
    .filter(({ steps }) => steps.length > 0);
}
