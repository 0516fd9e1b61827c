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

/** A command as a page has it. */
export interface PageCommand extends Step {
  /** Where it stands, counted from 1. */
  readonly line: number;
  /** The title of the section that it stands in. */
  readonly section: string;
  /** What the page shows of its output. */
  readonly printed: readonly string[];
}

const PROMPT = /^ {4}([a-z][a-z0-9-]*)?\$ (.+)$/;
/** What begins a line that is typed, in a block without prompts. */
const PROGRAMS = /^ {4}(?:docker|coffer|make|node|npm|sudo|echo|printf|openssl|curl|ssh|systemctl|git) /;

/** All commands of a page, in their order: those behind a prompt, and all lines of a block of nothing but commands. */
export function commandsOf(file: string): readonly PageCommand[] {
  const lines = readFileSync(path.join(projectRoot(), file), 'utf8').split('\n');
  return blocksOf(lines).flatMap((block) => {
    const hasPrompts = block.lines.some((text) => PROMPT.test(text));
    return hasPrompts ? typedIn(block) : wholeBlock(block);
  });
}

interface Block {
  readonly section: string;
  /** Of its first line. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** The blocks that are indented; an empty line is part of one if something is printed on both sides of it. */
function blocksOf(lines: readonly string[]): readonly Block[] {
  const blocks: { section: string; line: number; lines: string[] }[] = [];
  let section = '';
  let isFenced = false;
  let isOpen = false;
  for (const [index, text] of lines.entries()) {
    isFenced = text.startsWith('```') ? !isFenced : isFenced;
    section = /^#+ (.+)$/.exec(text)?.[1] ?? section;
    const last = blocks.at(-1);
    if (!isFenced && text.startsWith('    ')) {
      if (isOpen && last !== undefined) {
        last.lines.push(text);
      } else {
        blocks.push({ section, line: index + 1, lines: [text] });
      }
      isOpen = true;
    } else if (text === '' && isOpen && !PROMPT.test(last?.lines.at(-1) ?? '    $ x')) {
      isOpen = lines[index + 1]?.startsWith('    ') === true;
      if (isOpen) {
        last?.lines.push('    ');
      }
    } else {
      isOpen = false;
    }
  }
  return blocks;
}

function typedIn({ line, lines, section }: Block): readonly PageCommand[] {
  const found: { step: Omit<PageCommand, 'printed'>; printed: string[] }[] = [];
  for (const [index, text] of lines.entries()) {
    const [, machine = '', typed] = PROMPT.exec(text) ?? [];
    const last = found.at(-1);
    if (typed !== undefined) {
      found.push({ step: { line: line + index, section, machine, command: typed }, printed: [] });
    } else if (last?.printed.length === 0 && last.step.command.endsWith('\\')) {
      last.step = { ...last.step, command: `${last.step.command}\n${text}` };
    } else {
      last?.printed.push(text.slice(4));
    }
  }
  return found.map(({ printed, step }) => ({ ...step, printed }));
}

/** None unless each line of it is typed: a drawing may begin with a command. */
function wholeBlock({ line, lines, section }: Block): readonly PageCommand[] {
  return lines.every((text) => PROGRAMS.test(text))
    ? lines.map((text, index) => ({
        line: line + index,
        section,
        machine: '',
        command: text.trim(),
        printed: [],
      }))
    : [];
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
