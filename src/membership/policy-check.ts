// SPDX-License-Identifier: Apache-2.0
// What a rule of a policy can say. A rule that nothing can match is a mistake, and one that is wider than meant a dangerous one.
import { CofferError, NAME_LENGTH_MAX } from '../common/index.ts';
import { TEXT_BYTES_MAX } from './model.ts';
import { POLICY_LABELS_MAX, type PolicyRuleObject } from './policy.ts';

/** A secret's name begins and ends with a letter or a digit. */
const SECRET_PATTERN = /^[a-zA-Z0-9*?](?:[a-zA-Z0-9_.*?-]*[a-zA-Z0-9*?])?$/;
/** As swarmkit names services, with gaps. */
const SERVICE_PATTERN = /^[a-zA-Z0-9*?](?:[a-zA-Z0-9_*?-]*[a-zA-Z0-9*?])?$/;
const STACK_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/;
const IMAGE_PATTERN = /^[a-zA-Z0-9[][a-zA-Z0-9_.:/@[\]-]*$/;
const IMAGE_ID_PATTERN = /^sha256:[0-9a-f]{64}$/;
const DIGEST_PATTERN = /@sha256:[0-9a-f]{64}$/;
const NODE_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** What is read from others does not have them: a rule that names one would never hold. */
const LOST_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Throws `policy.invalid` for a rule that nothing can match. */
export function checkPolicyRule(rule: PolicyRuleObject): void {
  const { image, node, nodeLabels, secret, service, serviceLabels, stack } = rule;
  if (secret.length > NAME_LENGTH_MAX || !SECRET_PATTERN.test(secret)) {
    throw invalid(
      `no secret can be named ${quoted(secret)}`,
      'A name has 1 to 64 of [a-zA-Z0-9-_.]; * stands for any characters, ? for one: "db-*"',
    );
  }
  checkNamed(service, SERVICE_PATTERN, 'service', 'In a pattern * stands for any characters, ? for one.');
  checkNamed(stack, STACK_PATTERN, 'stack', 'It is the whole name of a stack or of a project of Compose.');
  checkNamed(node, NODE_PATTERN, 'node', "It is a node's whole hostname, or its whole id.");
  checkImage(image);
  checkLabels(serviceLabels);
  checkLabels(nodeLabels);
}

function checkNamed(name: string, pattern: RegExp, what: string, hint: string): void {
  checkLength(name, `the name of a ${what}`);
  if (name !== '' && !pattern.test(name)) {
    throw invalid(`no ${what} can be named ${quoted(name)}`, hint);
  }
}

function checkImage(image: string): void {
  checkLength(image, "an image's name");
  if (image === '') {
    return;
  }
  const isId = image.startsWith('sha256:');
  const isWellFormed = isId ? IMAGE_ID_PATTERN.test(image) : IMAGE_PATTERN.test(image);
  if (!isWellFormed || (image.includes('@') && !DIGEST_PATTERN.test(image))) {
    throw invalid(
      `no image can be named ${quoted(image)}`,
      'Name it as docker service create does, or by its whole digest or id, and without * or ?.',
    );
  }
}

function checkLabels(labels: PolicyRuleObject['serviceLabels']): void {
  const pairs = Object.entries(labels);
  if (pairs.length > POLICY_LABELS_MAX) {
    throw invalid(`a rule names ${POLICY_LABELS_MAX} labels of a kind at most`, 'Several rules name more.');
  }
  for (const [key, value] of pairs) {
    if (key === '' || LOST_KEYS.has(key)) {
      throw invalid(`a rule cannot name the label ${quoted(key)}`, 'It is KEY=VALUE.');
    }
    checkLength(key, "a label's key");
    checkLength(value, "a label's value");
  }
}

function checkLength(text: string, what: string): void {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    throw invalid(`${what} has ${TEXT_BYTES_MAX} bytes at most`, 'Name it by a shorter part of it.');
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, NAME_LENGTH_MAX + 1));
}

function invalid(sentence: string, hint: string): CofferError {
  return new CofferError('policy.invalid', sentence, { hint });
}
