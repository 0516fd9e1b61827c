// SPDX-License-Identifier: Apache-2.0
// Every label that coffer knows, and on what it counts. docs/reference/labels.md is made of it.
import { CANARY_LABEL } from './canary.ts';
import { CERTIFICATE_LABELS, PART_LABEL } from './certificate-labels.ts';
import { EXPIRES_LABEL } from './expiry.ts';
import type { Labels } from './model.ts';
import { GENERATE_LABEL, ROTATE_LABEL } from './rotation-labels.ts';
import { LABELS } from './source-labels.ts';
import { KEEP_LABEL } from './validate.ts';

/** Of a container: the signal that it is sent when files of its volumes were replaced. */
export const RELOAD_LABEL = 'coffer.reload';

/**
 * What a label stands on: one of the engine's secrets whose driver is coffer (`driver`), a secret of coffer's store (`store`),
 * or a container.
 */
export const LABEL_PLACES = ['driver', 'store', 'container'] as const;
export type LabelPlace = (typeof LABEL_PLACES)[number];

export interface LabelDescription {
  readonly places: readonly LabelPlace[];
  /** What may stand there, in a few words. */
  readonly takes: string;
  /** One sentence, without a full stop. */
  readonly meaning: string;
}

/** By name, in the order of the reference. */
export const LABEL_LIST: Readonly<Record<string, LabelDescription>> = {
  [LABELS.name]: {
    places: ['driver'],
    takes: 'a secret’s name',
    meaning: 'the secret has another name in coffer’s store',
  },
  [LABELS.version]: {
    places: ['driver'],
    takes: 'a number, `current` or `previous`',
    meaning: 'which version is given; by default the current one',
  },
  [GENERATE_LABEL]: {
    places: ['driver', 'store'],
    takes: '`hex:N`, `base64:N`, `password:N` or `uuid`',
    meaning: 'what a value is made from: at the first use, exactly once, and at each rotation by itself',
  },
  [ROTATE_LABEL]: {
    places: ['driver', 'store'],
    takes: 'a duration, `1h` to `3650d`',
    meaning: 'with `coffer.generate`, the value is rotated by itself at that age',
  },
  [CERTIFICATE_LABELS.name]: {
    places: ['driver', 'store'],
    takes: 'a DNS name, an address, or up to 64 letters, digits and ` ._@-`',
    meaning: 'the value is a certificate for that name, made at the first use and renewed by itself',
  },
  [CERTIFICATE_LABELS.alternatives]: {
    places: ['driver', 'store'],
    takes: 'up to 100 DNS names and addresses, with commas between',
    meaning: 'further names of the certificate',
  },
  [CERTIFICATE_LABELS.lifetime]: {
    places: ['driver', 'store'],
    takes: 'a duration, `1h` to `397d`',
    meaning: 'how long the certificate lives; by default `30d`',
  },
  [CERTIFICATE_LABELS.usage]: {
    places: ['driver', 'store'],
    takes: '`server`, `client` or `server,client`',
    meaning: 'what the certificate is for; by default both',
  },
  [PART_LABEL]: {
    places: ['driver'],
    takes: '`bundle`, `cert`, `key` or `ca`',
    meaning:
      'which part of the certificate’s files the tasks get; by default all of them, one after the other',
  },
  [EXPIRES_LABEL]: {
    places: ['driver', 'store'],
    takes: '`2027-01-31`, `2027-01-31T12:00:00Z`, or a duration, `1h` to `3650d`, from each new value',
    meaning: 'until when the value is good; it is told ahead, and given out still',
  },
  [CANARY_LABEL]: {
    places: ['driver', 'store'],
    takes: '`true`',
    meaning: 'nobody needs the secret, and whoever uses it is told of at once',
  },
  [KEEP_LABEL]: {
    places: ['store'],
    takes: 'a number from 1 to 10',
    meaning: 'how many versions are kept; by default 10',
  },
  [LABELS.sealed]: {
    places: ['driver'],
    takes: 'what `docker coffer seal` prints',
    meaning: 'the value itself, sealed for this secret of this stack',
  },
  [LABELS.reuse]: {
    places: ['driver'],
    takes: '`true`',
    meaning:
      'tasks on one node may share the value; without it, a task whose own call is refused fails, instead of starting with an old value',
  },
  [RELOAD_LABEL]: {
    places: ['container'],
    takes: 'a signal, such as `SIGHUP`',
    meaning: 'what the first process of the container is sent when files of its volumes were replaced',
  },
};

const PREFIX = 'coffer.';

/** Those of coffer's labels that mean nothing there: misspelt, or for something else. */
export function strayLabels(labels: Labels, place: LabelPlace): readonly string[] {
  return Object.keys(labels).filter(
    (name) => name.startsWith(PREFIX) && LABEL_LIST[name]?.places.includes(place) !== true,
  );
}
