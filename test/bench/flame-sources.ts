// SPDX-License-Identifier: Apache-2.0
// Where the functions of a bundle were written, by the map that lies beside it.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../support/project.ts';
import type { FindSource } from './flame-graph.ts';

/** Names sources by their path from the project's root, so that no picture tells where that was. */
export function sourcesByMap(): FindSource {
  const maps = new Map<string, SourceMap | undefined>();
  return ({ columnNumber = 0, lineNumber, url }) => {
    const bundle = url.startsWith('file:') ? fileURLToPath(url) : url;
    if (!bundle.endsWith('.cjs')) {
      return undefined;
    }
    const map = maps.has(bundle) ? maps.get(bundle) : readMap(`${bundle}.map`);
    maps.set(bundle, map);
    const entry = map?.findEntry(lineNumber, columnNumber);
    if (entry === undefined || !('originalSource' in entry)) {
      return undefined;
    }
    const source = path.relative(projectRoot(), path.resolve(path.dirname(bundle), entry.originalSource));
    return `${source.replace(/^node_modules\//, '')}:${entry.originalLine + 1}`;
  };
}

function readMap(file: string): SourceMap | undefined {
  return existsSync(file)
    ? new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload)
    : undefined;
}
