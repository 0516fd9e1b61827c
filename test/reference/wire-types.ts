// SPDX-License-Identifier: Apache-2.0
// The types of the control API's answers, as they stand in the source.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/project.ts';

export interface WireType {
  readonly name: string;
  readonly text: string;
}

interface SourceFile {
  /** From `src`. */
  readonly file: string;
  readonly text: string;
}

const DECLARATION =
  /^(?:\/\*\*(?:[^*]|\*(?!\/))*\*\/\n)?export (?:interface (\w+)[^{;]*\{(?:\}|[\s\S]*?\n\})|type (\w+)[^;]*?=[\s\S]*?;\n(?! ))/gm;

/** These types and all that they name, the first ones first. */
export function wireTypes(names: readonly string[]): readonly WireType[] {
  const files = sourceFiles();
  const home = files.find(({ file }) => file === path.join('control', 'index.ts'));
  const found = new Map<string, WireType>();
  const waiting = names.map((name) => ({ name, from: home }));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { from, name } = next;
    const place = from === undefined ? undefined : placeOf(files, from, name);
    if (place === undefined || found.has(name)) {
      continue;
    }
    found.set(name, { name, text: place.text });
    const named = new Set(place.text.replaceAll(/\/\*\*[\s\S]*?\*\//g, '').match(/\b[A-Z]\w+\b/g));
    waiting.push(...[...named].map((inner) => ({ name: inner, from: place.source })));
  }
  return [...found.values()];
}

function sourceFiles(): readonly SourceFile[] {
  const directory = path.join(projectRoot(), 'src');
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file, text: readFileSync(path.join(directory, file), 'utf8') }));
}

/** Where a name is declared that a file knows: there, or behind what it imports or exports from elsewhere. */
function placeOf(
  files: readonly SourceFile[],
  source: SourceFile,
  name: string,
): { readonly source: SourceFile; readonly text: string } | undefined {
  for (const [text, asInterface, asType] of source.text.matchAll(DECLARATION)) {
    if (asInterface === name || asType === name) {
      return { source, text: text.trimEnd() };
    }
  }
  for (const [, list = '', specifier = ''] of source.text.matchAll(
    /^(?:import|export) (?:type )?\{([^}]*)\} from '(\.[^']+)';/gm,
  )) {
    if (!new RegExp(String.raw`\b${name}\b`).test(list)) {
      continue;
    }
    const target = path.normalize(path.join(path.dirname(source.file), specifier));
    const behind = files.find(({ file }) => file === target);
    return behind && placeOf(files, behind, name);
  }
  return undefined;
}
