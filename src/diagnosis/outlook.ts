// SPDX-License-Identifier: Apache-2.0
// What would be answered if a task of a service asked for a secret now. Pure: the rules are those of the secret provider.
import { CofferError } from '../common/index.ts';
import {
  type ClusterView,
  indexedPolicy,
  type Policy,
  policyNodeOf,
  policyRefusal,
  type PolicyRequest,
  stackOf,
  type SwarmNode,
  type Verdict,
  verdict,
} from '../membership/index.ts';
import { checkSealedSecret, openSealedSecret, parseSealed, sealedTextIn } from '../sealing/index.ts';
import {
  certificatePart,
  certificateWish,
  currentVersion,
  type Labels,
  LABELS,
  noSuchSecret,
  pinIn,
  requireOrdinaryName,
  type Secret,
  wantedVersion,
} from '../secrets/index.ts';
import type { UsedSecret } from './service-uses.ts';

/** The store as it is now. */
export interface OutlookStore {
  byName(name: string): Secret | undefined;
  readonly cluster: Pick<ClusterView, 'policy' | 'nodeByEngine' | 'sealingKey'>;
}

export interface UsingService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
}

/** A node of the swarm on which a task is to run, or runs. */
export type OutlookNode = SwarmNode & { readonly id: string };

export interface Outlook {
  readonly policy: PolicyOutlook;
  readonly value: ValueOutlook;
}

export type PolicyOutlook =
  | { readonly kind: 'allowed'; readonly rule: string | undefined }
  | { readonly kind: 'denied'; readonly error: CofferError; readonly by: Verdict }
  /** On some nodes; those are named that are known, none where it is not known yet which ones the tasks get. */
  | { readonly kind: 'depends'; readonly error: CofferError; readonly deniedOn: readonly string[] };

export type ValueOutlook =
  | {
      readonly kind: 'there';
      readonly version: number;
      readonly current: number;
      /** What the label asks for; undefined: the current version. */
      readonly pin: string | undefined;
    }
  /** At the first use. */
  | { readonly kind: 'made' }
  /** In the label of the engine's secret. */
  | { readonly kind: 'sealed'; readonly valueId: string }
  | { readonly kind: 'missing'; readonly error: CofferError };

/**
 * `nodes`: where tasks of the service are; none: it is not known where they will be. `opening`: whether sealed values are opened, which takes a
 * millisecond each, or 30 of a large one; otherwise damage, and another secret's value, are not noticed.
 */
export function outlookOf(
  store: OutlookStore,
  service: UsingService,
  use: UsedSecret,
  nodes: readonly OutlookNode[],
  opening: boolean = true,
): Outlook {
  return { policy: policyOutlook(store, service, use, nodes), value: valueOutlook(store, use, opening) };
}

function valueOutlook(store: OutlookStore, use: UsedSecret, opening: boolean): ValueOutlook {
  try {
    const text = use.via === 'secret' ? sealedTextIn(use.labels) : undefined;
    return text === undefined ? storedOutlook(store, use) : sealedOutlook(store, use, text, opening);
  } catch (thrown) {
    return { kind: 'missing', error: CofferError.from(thrown) };
  }
}

function sealedOutlook(
  store: OutlookStore,
  { labels, registered: name }: UsedSecret,
  text: string,
  opening: boolean,
): ValueOutlook {
  checkSealedSecret(store, name, text);
  if (opening) {
    openSealedSecret(store, { name, labels }, text).value.wipe();
  }
  return { kind: 'sealed', valueId: parseSealed(text).valueId };
}

function storedOutlook(store: OutlookStore, { labels, secret: name }: UsedSecret): ValueOutlook {
  const secret = store.byName(name);
  requireOrdinaryName(name);
  certificatePart(labels);
  if (secret === undefined) {
    requireSource(name, labels);
    return { kind: 'made' };
  }
  const current = currentVersion(secret).number;
  return { kind: 'there', version: wantedVersion(secret, labels), current, pin: pinIn(labels) };
}

/** Throws unless the labels say what the value is to be made from. */
function requireSource(name: string, labels: Labels): void {
  if (certificateWish(labels) === undefined && labels[LABELS.generate] === undefined) {
    throw noSuchSecret(name);
  }
}

function policyOutlook(
  { cluster }: OutlookStore,
  service: UsingService,
  { secret }: UsedSecret,
  nodes: readonly OutlookNode[],
): PolicyOutlook {
  const { policy } = cluster;
  const request: PolicyRequest = {
    secret,
    service,
    stack: stackOf(service.labels),
    image: { reference: service.image, id: '' },
    node: undefined,
  };
  return nodes.length === 0
    ? anywhere(policy, request)
    : onNodes(
        policy,
        request,
        nodes.map((node) => ({ hostname: node.hostname, node: policyNodeOf(cluster, node.id, node) })),
      );
}

function onNodes(
  policy: Policy,
  request: PolicyRequest,
  places: readonly { readonly hostname: string; readonly node: PolicyRequest['node'] }[],
): PolicyOutlook {
  const judged = places.map(({ hostname, node }) => ({ hostname, ...judge(policy, { ...request, node }) }));
  const denied = judged.filter(({ error }) => error !== undefined);
  const [first] = denied;
  if (first?.error === undefined) {
    return { kind: 'allowed', rule: judged[0]?.rule };
  }
  return denied.length === judged.length
    ? { kind: 'denied', error: first.error, by: first.by }
    : { kind: 'depends', error: first.error, deniedOn: denied.map(({ hostname }) => hostname) };
}

/** The rules that name nodes hold nowhere, or wherever they might: what is the same either way is sure. */
function anywhere(policy: Policy, request: PolicyRequest): PolicyOutlook {
  const worst = judge(policy, request);
  if (worst.error === undefined) {
    return { kind: 'allowed', rule: worst.rule };
  }
  const kindest = judge(indexedPolicy(policy.default, policy.rules.flatMap(atItsKindest)), request);
  return kindest.error === undefined
    ? { kind: 'depends', error: worst.error, deniedOn: [] }
    : { kind: 'denied', error: kindest.error, by: kindest.by };
}

function atItsKindest(rule: Policy['rules'][number]): Policy['rules'] {
  if (rule.node === '' && Object.keys(rule.nodeLabels).length === 0) {
    return [rule];
  }
  return rule.effect === 'deny' ? [] : [{ ...rule, node: '', nodeLabels: {} }];
}

interface Judged {
  readonly error: CofferError | undefined;
  readonly rule: string | undefined;
  readonly by: Verdict;
}

function judge(policy: Policy, request: PolicyRequest): Judged {
  const by = verdict(policy, request);
  return {
    error: policyRefusal(by, request),
    rule: by.because === 'default' ? undefined : by.rule.id,
    by,
  };
}
