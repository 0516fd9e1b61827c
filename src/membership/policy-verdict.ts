// SPDX-License-Identifier: Apache-2.0
// Whether somebody may have a secret: pure, and as fast for hostile names as for others. A denial always wins. What cannot be told
// counts against whoever asks: a rule that allows does not hold then, and one that denies does.
import { globMatches, NAME_LENGTH_MAX } from '../common/index.ts';
import { type Certainty, type ImageFact, imageIs } from './image-reference.ts';
import type { Policy, PolicyEffect, PolicyRuleObject } from './policy.ts';

type Labels = Readonly<Record<string, string>>;

/** What is known of whoever is to have a secret. */
export interface PolicyRequest {
  /** Its name in coffer's store. */
  readonly secret: string;
  /** Undefined: a container that no service has made. */
  readonly service: { readonly name: string; readonly labels: Labels } | undefined;
  /** Of the service's stack, or of the container's project; undefined: of none. */
  readonly stack: string | undefined;
  readonly image: ImageFact;
  /** Undefined: it is not known which one it is. */
  readonly node: PolicyNode | undefined;
}

export interface PolicyNode {
  /** In the cluster and in the engine's swarm, as far as it has them. */
  readonly ids: readonly string[];
  /** As the cluster and the swarm know it; none: not known at the moment. */
  readonly hostnames: readonly string[];
  /** Undefined: not known at the moment. */
  readonly labels: Labels | undefined;
}

/** `unknown`: a rule denies, since it cannot be told that it is not meant. */
export type Verdict =
  | { readonly effect: PolicyEffect; readonly because: 'default' }
  | { readonly effect: PolicyEffect; readonly because: 'rule'; readonly rule: PolicyRuleObject }
  | { readonly effect: 'deny'; readonly because: 'unknown'; readonly rule: PolicyRuleObject };

/** Longer than any service is named by an engine, which allows 63, and than any image: what it is called cannot be told then. */
const SERVICE_LENGTH_MAX = 128;
const IMAGE_LENGTH_MAX = 1_024;
const BEYOND_16_BITS = /[\u{10000}-\u{10ffff}]/gu;
const STACK_LABEL = 'com.docker.stack.namespace';
const PROJECT_LABEL = 'com.docker.compose.project';

/** Any rule that denies decides, otherwise any that allows, otherwise the default. Of several, the first in their order is named. */
export function verdict(policy: Policy, request: PolicyRequest): Verdict {
  const asked = readable(request);
  let allowing: PolicyRuleObject | undefined;
  for (const rule of policy.rulesFor(asked.secret)) {
    if (rule.effect === 'allow' && allowing !== undefined) {
      continue;
    }
    const holds = ruleHolds(rule, asked);
    if (rule.effect === 'deny' && holds !== 'no') {
      return { effect: 'deny', because: holds === 'yes' ? 'rule' : 'unknown', rule };
    }
    if (rule.effect === 'allow' && holds === 'yes') {
      allowing = rule;
    }
  }
  return allowing === undefined
    ? { effect: policy.default, because: 'default' }
    : { effect: 'allow', because: 'rule', rule: allowing };
}

/** Whether a policy can refuse anything at all. */
export function isAllowingAll(policy: Policy): boolean {
  return policy.default === 'allow' && policy.rules.every(({ effect }) => effect === 'allow');
}

/** The stack that a service's labels name. */
export function stackOf(labels: Labels): string | undefined {
  return own(labels, STACK_LABEL);
}

/** The project of Compose that a container's labels name. */
export function projectOf(labels: Labels): string | undefined {
  return own(labels, PROJECT_LABEL);
}

/** With names in the form that patterns are held against, once for all rules. */
function readable(request: PolicyRequest): PolicyRequest {
  const { secret, service } = request;
  return {
    ...request,
    secret: secret.length > NAME_LENGTH_MAX ? secret : secret.toLowerCase(),
    // A pattern has none of these, so that each is one character, which only `?` and `*` stand for.
    service: service && { ...service, name: service.name.replace(BEYOND_16_BITS, '\ufffd') },
  };
}

function ruleHolds(rule: PolicyRuleObject, request: PolicyRequest): Certainty {
  const secret = nameHolds(rule.secret.toLowerCase(), request.secret, NAME_LENGTH_MAX);
  if (secret === 'no') {
    return 'no';
  }
  const { image, node } = request;
  return all([
    secret,
    serviceHolds(rule, request),
    rule.stack === '' ? 'yes' : textHolds(rule.stack, request.stack),
    rule.image === '' ? 'yes' : imageHolds(rule.image, image),
    rule.node === '' ? 'yes' : nodeHolds(rule.node, node),
    labelsHold(rule.nodeLabels, node?.labels),
  ]);
}

/** One that does not hold is enough, also where others cannot be told. */
function all(certainties: readonly Certainty[]): Certainty {
  if (certainties.includes('no')) {
    return 'no';
  }
  return certainties.includes('unknown') ? 'unknown' : 'yes';
}

function serviceHolds({ service, serviceLabels }: PolicyRuleObject, request: PolicyRequest): Certainty {
  if (request.service === undefined) {
    return service === '' && Object.keys(serviceLabels).length === 0 ? 'yes' : 'no';
  }
  const { labels, name } = request.service;
  return all([
    service === '' ? 'yes' : nameHolds(service, name, SERVICE_LENGTH_MAX),
    labelsHold(serviceLabels, labels),
  ]);
}

function nameHolds(pattern: string, name: string, length_max: number): Certainty {
  if (name.length > length_max) {
    return 'unknown';
  }
  return globMatches(pattern, name) ? 'yes' : 'no';
}

function textHolds(wanted: string, given: string | undefined): Certainty {
  return given === wanted ? 'yes' : 'no';
}

function imageHolds(wanted: string, image: ImageFact): Certainty {
  return image.reference === '' || image.reference.length > IMAGE_LENGTH_MAX
    ? 'unknown'
    : imageIs(wanted, image);
}

function nodeHolds(wanted: string, node: PolicyNode | undefined): Certainty {
  if (node === undefined) {
    return 'unknown';
  }
  if (node.ids.includes(wanted) || node.hostnames.includes(wanted)) {
    return 'yes';
  }
  return node.hostnames.length === 0 ? 'unknown' : 'no';
}

function labelsHold(wanted: Labels, given: Labels | undefined): Certainty {
  const pairs = Object.entries(wanted);
  if (pairs.length === 0) {
    return 'yes';
  }
  if (given === undefined) {
    return 'unknown';
  }
  return pairs.every(([key, value]) => own(given, key) === value) ? 'yes' : 'no';
}

function own(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
