// SPDX-License-Identifier: Apache-2.0
// Images as they are named: `[registry[:port]/]path[:tag][@digest]`, or by an id alone.

/** Whether something holds, as far as can be told. */
export type Certainty = 'yes' | 'no' | 'unknown';

/** An image that something runs. */
export interface ImageFact {
  /** As it was typed. The command line of Docker adds the digest, for services. */
  readonly reference: string;
  /** `sha256:` and 64 hexadecimal digits; empty if nobody tells. */
  readonly id: string;
}

interface ImageReference {
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const ID_PATTERN = /^(?:sha256:)?[0-9a-f]{64}$/;
/** Docker leaves it out, and takes it from whoever types it. */
const FAMILIAR_PREFIX = /^(?:(?:index\.)?docker\.io\/)?(?:library\/)?/;

/** Whether an image is the one that a rule names. */
export function imageIs(wanted: string, { id, reference }: ImageFact): Certainty {
  const given = parse(reference);
  if (ID_PATTERN.test(wanted)) {
    return digestIs(withAlgorithm(wanted), [id, given.digest ?? ''], given.digest !== undefined);
  }
  const asked = parse(wanted);
  if (ID_PATTERN.test(reference)) {
    // Of which repository it is, nobody can tell.
    return 'unknown';
  }
  if (asked.name !== given.name) {
    return 'no';
  }
  if (asked.digest !== undefined) {
    return digestIs(asked.digest, [given.digest ?? ''], given.digest !== undefined);
  }
  const tag = given.tag ?? (given.digest === undefined ? 'latest' : undefined);
  if (tag === undefined) {
    return 'unknown';
  }
  return tag === (asked.tag ?? 'latest') ? 'yes' : 'no';
}

function digestIs(wanted: string, given: readonly string[], isKnown: boolean): Certainty {
  if (given.includes(wanted)) {
    return 'yes';
  }
  return isKnown ? 'no' : 'unknown';
}

function parse(reference: string): ImageReference {
  if (ID_PATTERN.test(reference)) {
    return { name: '', tag: undefined, digest: withAlgorithm(reference) };
  }
  const at = reference.indexOf('@');
  const named = at < 0 ? reference : reference.slice(0, at);
  const colon = named.lastIndexOf(':');
  const isTagged = colon > named.lastIndexOf('/');
  return {
    name: (isTagged ? named.slice(0, colon) : named).replace(FAMILIAR_PREFIX, ''),
    tag: isTagged ? named.slice(colon + 1) : undefined,
    digest: at < 0 ? undefined : reference.slice(at + 1),
  };
}

function withAlgorithm(id: string): string {
  return id.startsWith('sha256:') ? id : `sha256:${id}`;
}
