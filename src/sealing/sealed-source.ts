// SPDX-License-Identifier: Apache-2.0
// One of the engine's secrets whose value lies sealed in its own label.
import { CofferError, type SecretValue } from '../common/index.ts';
import {
  CERTIFICATE_LABELS,
  type Labels,
  LABELS,
  PART_LABEL,
  printable,
  ROTATE_LABEL,
  type Secret,
} from '../secrets/index.ts';
import { scopeOfSecret } from './scope.ts';
import { parseSealed } from './sealed-text.ts';
import { openSealed, requireKey, type SealingKeys } from './sealed-value.ts';

/** They say that the value comes from elsewhere. */
const OTHER_SOURCES = [
  LABELS.name,
  LABELS.version,
  LABELS.generate,
  ROTATE_LABEL,
  CERTIFICATE_LABELS.name,
  PART_LABEL,
];

/** What of the store decides whether a sealed value counts. */
export interface SealedStore {
  byName(name: string): Secret | undefined;
  readonly cluster: SealingKeys;
}

/** A value that was opened, which the caller wipes. */
export interface OpenedSecret {
  readonly value: SecretValue;
  /** See `SealedText`. */
  readonly valueId: string;
}

/** The sealed value in the labels, if there is one. Throws `secret.label-invalid` where another label says where the value comes from. */
export function sealedTextIn(labels: Labels): string | undefined {
  if (!Object.hasOwn(labels, LABELS.sealed)) {
    return undefined;
  }
  const other = OTHER_SOURCES.find((label) => Object.hasOwn(labels, label));
  if (other !== undefined) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${LABELS.sealed} holds the value itself, and label ${other} says that it is another one`,
      { hint: 'Leave one of them out.' },
    );
  }
  return labels[LABELS.sealed];
}

/**
 * Opens `text`, which stands in the labels of that secret. Throws as `openSealed` does, and `sealed.conflict` where the store has a value for the
 * same name: neither of the two wins silently.
 */
export function openSealedSecret(
  store: SealedStore,
  registered: { readonly name: string; readonly labels: Labels },
  text: string,
): OpenedSecret {
  checkSealedSecret(store, registered.name, text);
  const { valueId } = parseSealed(text);
  return { value: openSealed(store.cluster, text, scopeOfSecret(registered)), valueId };
}

/** Throws what of that can be told without opening it, which is cheap: not whether it is damaged, and for whom it was sealed. */
export function checkSealedSecret(store: SealedStore, name: string, text: string): void {
  if (store.byName(name) !== undefined) {
    throw new CofferError(
      'sealed.conflict',
      `label ${LABELS.sealed} has a value for ${printable(name)}, and coffer's store has another one`,
      { hint: `Take the label away, or the stored value: docker coffer rm ${printable(name)}` },
    );
  }
  requireKey(store.cluster, parseSealed(text));
}

/** The id of the sealed value in the labels, without opening it; undefined where there is none that can be read. */
export function sealedIdIn(labels: Labels): string | undefined {
  try {
    const text = sealedTextIn(labels);
    return text === undefined ? undefined : parseSealed(text).valueId;
  } catch {
    return undefined;
  }
}
