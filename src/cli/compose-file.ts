// SPDX-License-Identifier: Apache-2.0
// The secrets that a Compose or stack file names.
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { usageError } from './command-error.ts';

export interface ComposeSecret {
  /** Under `secrets` in the file. */
  readonly key: string;
  /** As it is to be called, where the file says so. */
  readonly name: string | undefined;
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'environment'; readonly variable: string }
    /** Its value is not in a file here. */
    | { readonly kind: 'elsewhere'; readonly why: string };
}

const definition = v.nullish(
  v.looseObject({
    file: v.nullish(v.string()),
    environment: v.nullish(v.string()),
    name: v.nullish(v.string()),
    driver: v.nullish(v.string()),
    external: v.nullish(v.unknown()),
  }),
  {},
);
const composeFile = v.looseObject({ secrets: v.nullish(v.record(v.string(), definition), {}) });
/** An alias may stand for others that stand for others. */
const ALIASES_MAX = 100;

/** In the file's order. */
export function readComposeFile(text: string): readonly ComposeSecret[] {
  const { secrets } = parsed(text);
  return Object.entries(secrets ?? {}).map(([key, given]) => ({
    key,
    name: given?.name ?? undefined,
    source: sourceOf(given ?? {}),
  }));
}

function sourceOf({
  driver,
  environment,
  external,
  file,
}: NonNullable<v.InferOutput<typeof definition>>): ComposeSecret['source'] {
  const isOutside = external !== undefined && external !== null && external !== false;
  if (isOutside) {
    return { kind: 'elsewhere', why: 'it is external: the file does not say what it is' };
  }
  if (typeof driver === 'string') {
    return { kind: 'elsewhere', why: `its value is with the driver ${driver}` };
  }
  if (typeof file === 'string') {
    return file.includes('$')
      ? { kind: 'elsewhere', why: 'the path of its file is filled in from variables' }
      : { kind: 'file', path: file };
  }
  return typeof environment === 'string'
    ? { kind: 'environment', variable: environment }
    : { kind: 'elsewhere', why: 'the file names no place of its value' };
}

function parsed(text: string): v.InferOutput<typeof composeFile> {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'error', merge: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    throw usageError(`line ${line} of the file is not YAML: ${error.message.split('\n')[0] ?? ''}`);
  }
  const content = contentOf(document);
  const read = v.safeParse(composeFile, content);
  if (!read.success || Array.isArray(content)) {
    throw usageError(
      'the file is not one of Compose: its secrets are a mapping of names to file: PATH, environment: VARIABLE and the like',
    );
  }
  return read.output;
}

function contentOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch {
    throw usageError('the file has an alias that cannot be followed');
  }
}
