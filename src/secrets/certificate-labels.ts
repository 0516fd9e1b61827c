// SPDX-License-Identifier: Apache-2.0
// The labels by which the value of a secret is a certificate of coffer's CA for workloads.
import { CofferError, DAY_MS, HOUR_MS, parseDuration_ms } from '../common/index.ts';
import {
  type AlternativeName,
  alternativeNameOf,
  COMMON_NAME_LENGTH_MAX,
  isCommonName,
} from './certificate-names.ts';
import type { Labels } from './model.ts';
import { GENERATE_LABEL, ROTATE_LABEL } from './rotation-labels.ts';

export const CERTIFICATE_LABELS = {
  /** Whom it is for. */
  name: 'coffer.cert.cn',
  /** Its other names and addresses, with commas between them. */
  alternatives: 'coffer.cert.sans',
  /** How long it lives: a duration. */
  lifetime: 'coffer.cert.ttl',
  /** `server`, `client`, or both. */
  usage: 'coffer.cert.usage',
} as const;

/** Of the engine's secret: which part of the certificate's files its tasks get. */
export const PART_LABEL = 'coffer.cert.part';

const CERTIFICATE_PARTS = ['bundle', 'cert', 'key', 'ca'] as const;
export type CertificatePart = (typeof CERTIFICATE_PARTS)[number];

const CERTIFICATE_USAGES = ['server', 'client'] as const;
export type CertificateUsage = (typeof CERTIFICATE_USAGES)[number];

/** What is to stand in a certificate. */
export interface CertificateWish {
  readonly commonName: string;
  /** The common name first, where it is one of them. Each once. */
  readonly alternatives: readonly AlternativeName[];
  readonly usages: readonly CertificateUsage[];
  readonly lifetime_ms: number;
}

const LIFETIME_MIN_MS = HOUR_MS;
const LIFETIME_DAYS_MAX = 397;
const LIFETIME_MS = 30 * DAY_MS;
const ALTERNATIVES_MAX = 100;

/** The longest life of a certificate. */
const CERTIFICATE_WISH_MAX_MS = LIFETIME_DAYS_MAX * DAY_MS;

/** What the labels say; undefined: the value is no certificate. Throws `secret.label-invalid` if they say nothing that can be. */
export function certificateWish(labels: Labels): CertificateWish | undefined {
  const given = Object.values(CERTIFICATE_LABELS).find((key) => Object.hasOwn(labels, key));
  if (given === undefined) {
    return undefined;
  }
  const commonName = ownLabel(labels, CERTIFICATE_LABELS.name);
  if (commonName === undefined) {
    throw labelInvalid(
      `label ${given} needs label ${CERTIFICATE_LABELS.name}, which says whom the certificate is for`,
    );
  }
  const other = [GENERATE_LABEL, ROTATE_LABEL].find((key) => Object.hasOwn(labels, key));
  if (other !== undefined) {
    throw labelInvalid(
      `label ${other} does not go with ${CERTIFICATE_LABELS.name}: a certificate is made and renewed by itself`,
    );
  }
  return {
    commonName: checkedCommonName(commonName),
    alternatives: alternativesOf(commonName, ownLabel(labels, CERTIFICATE_LABELS.alternatives)),
    usages: usagesOf(ownLabel(labels, CERTIFICATE_LABELS.usage)),
    lifetime_ms: lifetimeOf(ownLabel(labels, CERTIFICATE_LABELS.lifetime)),
  };
}

/** As `certificateWish`, for labels that were written down: if they say nothing that can be, no certificate is made from them. */
export function storedCertificateWish(labels: Labels): CertificateWish | undefined {
  try {
    return certificateWish(labels);
  } catch {
    return undefined;
  }
}

/** Of the labels of the engine's secret, those that are the stored one's when its certificate is made at the first use. */
export function storedCertificateLabels(labels: Labels): Labels {
  const keys = Object.values(CERTIFICATE_LABELS).filter((key) => Object.hasOwn(labels, key));
  return Object.fromEntries(keys.map((key) => [key, labels[key] ?? '']));
}

/** Which part the tasks get. Throws `secret.label-invalid`. */
export function certificatePart(labels: Labels): CertificatePart | undefined {
  const text = ownLabel(labels, PART_LABEL);
  const part = CERTIFICATE_PARTS.find((one) => one === text);
  if (text !== undefined && part === undefined) {
    throw labelInvalid(`label ${PART_LABEL} is one of ${CERTIFICATE_PARTS.join(', ')}, not ${shown(text)}`);
  }
  return part;
}

function checkedCommonName(text: string): string {
  if (!isCommonName(text)) {
    throw labelInvalid(
      `label ${CERTIFICATE_LABELS.name} is a DNS name, an address, or a name of letters, digits and " ._@-", of ${COMMON_NAME_LENGTH_MAX} characters at most, not ${shown(text)}`,
    );
  }
  return text;
}

function alternativesOf(commonName: string, text: string | undefined): readonly AlternativeName[] {
  const first = alternativeNameOf(commonName);
  const listed = text === undefined ? [] : listOf(text);
  const names = new Map<string, AlternativeName>();
  for (const name of first === undefined ? listed : [first, ...listed]) {
    names.set(name.kind === 'dns' ? name.name : name.address, name);
  }
  return [...names.values()];
}

function listOf(text: string): readonly AlternativeName[] {
  const parts = text.split(/, ?/, ALTERNATIVES_MAX + 1);
  if (parts.length > ALTERNATIVES_MAX) {
    throw labelInvalid(`label ${CERTIFICATE_LABELS.alternatives} has ${ALTERNATIVES_MAX} names at most`);
  }
  return parts.map((part) => {
    const name = alternativeNameOf(part);
    if (name === undefined) {
      throw labelInvalid(
        `label ${CERTIFICATE_LABELS.alternatives} is DNS names and addresses with commas between them, and ${shown(part)} is neither`,
      );
    }
    return name;
  });
}

function usagesOf(text: string | undefined): readonly CertificateUsage[] {
  if (text === undefined) {
    return CERTIFICATE_USAGES;
  }
  const words = text.split(',', CERTIFICATE_USAGES.length + 1);
  const usages = CERTIFICATE_USAGES.filter((usage) => words.includes(usage));
  if (usages.length !== words.length) {
    throw labelInvalid(
      `label ${CERTIFICATE_LABELS.usage} is server, client or server,client, not ${shown(text)}`,
    );
  }
  return usages;
}

function lifetimeOf(text: string | undefined): number {
  const lifetime_ms = text === undefined ? LIFETIME_MS : (parseDuration_ms(text) ?? 0);
  if (lifetime_ms < LIFETIME_MIN_MS || lifetime_ms > CERTIFICATE_WISH_MAX_MS) {
    throw labelInvalid(
      `label ${CERTIFICATE_LABELS.lifetime} is how long a certificate lives, 1h to ${LIFETIME_DAYS_MAX}d, not ${shown(text ?? '')}`,
    );
  }
  return lifetime_ms;
}

function labelInvalid(sentence: string): CofferError {
  return new CofferError('secret.label-invalid', sentence, {
    hint: 'Make it anew with labels as docker coffer cert --help shows them.',
  });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function ownLabel(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
