// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/policy.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, withDeadline } from '../common/index.ts';
import { ruleWords } from '../membership/index.ts';
import { nameKey } from '../secrets/index.ts';
import { noteForAudit } from './audit-note.ts';
import type {
  PolicyDefaultReply,
  PolicyReply,
  PolicyRuleDescription,
  PolicyRuleReply,
  RemovedRuleReply,
} from './cluster-wire.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { parameter } from './path-parameter.ts';
import { type SecretUse, testPolicy } from './policy-test.ts';
import type { PolicyTestReply } from './policy-wire.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing, reading, servingCluster } from './serving-cluster.ts';

const USES_TIMEOUT_MS = 8_000;

export interface PolicyRoutes {
  readonly describe: RequestHandler;
  readonly setDefault: RequestHandler;
  readonly add: RequestHandler;
  readonly remove: RequestHandler;
  readonly test: RequestHandler;
}

export function policyRoutes(options: ControlOptions): PolicyRoutes {
  async function describe(request: Request, response: Response<PolicyReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { policies } = await servingCluster(options);
    const policy = await reading(policies.describe());
    response.json({
      default: policy.default,
      rules: policy.rules.map(describeRule),
      freshness: policy.freshness,
    });
  }

  async function setDefault(request: Request, response: Response<PolicyDefaultReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { effect } = await readJson(request, BODIES.policyDefault);
    const { policies } = await servingCluster(options);
    const { before } = await changing(policies.setDefault(effect));
    noteForAudit(
      response,
      before === effect ? `default is ${effect} already` : `default changed from ${before} to ${effect}`,
    );
    response.json({ default: effect });
  }

  async function add(request: Request, response: Response<PolicyRuleReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.policyRuleWish);
    const { policies } = await servingCluster(options);
    const { changed, rule } = await changing(policies.add(wish));
    noteForAudit(response, `rule ${rule.id} ${changed ? 'added' : 'is there already'}: ${ruleWords(rule)}`);
    response.status(changed ? 201 : 200).json({ rule: describeRule(rule), changed });
  }

  async function remove(request: Request, response: Response<RemovedRuleReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const id = parameter(request, 'id');
    const { policies } = await servingCluster(options);
    const { rule } = await changing(policies.remove(id));
    noteForAudit(response, `rule ${rule.id} removed: ${ruleWords(rule)}`);
    response.json({ rule: describeRule(rule) });
  }

  async function test(request: Request, response: Response<PolicyTestReply>): Promise<void> {
    const { default: tried, secret, service } = readQuery(QUERIES.policyTest, request.query);
    const { freshness, ...current } = await reading((await servingCluster(options)).policies.describe());
    const uses = await usesOf(options);
    const wanted = uses.filter(
      (use) =>
        (service === undefined || use.service.name === service) &&
        (secret === undefined || nameKey(use.secret) === nameKey(secret)),
    );
    const { cluster } = options.store();
    const policy = { ...cluster.policy, default: tried ?? current.default };
    response.json({ default: policy.default, results: testPolicy(policy, cluster, wanted), freshness });
  }

  return { describe, setDefault, add, remove, test };
}

async function usesOf({ secretUses }: ControlOptions): Promise<readonly SecretUse[]> {
  if (secretUses === undefined) {
    throw new CofferError('engine.unreachable', 'this daemon has no engine to ask which services there are');
  }
  const sentence = `the engine did not say in ${USES_TIMEOUT_MS / 1_000} s which services there are`;
  return withDeadline(secretUses(), USES_TIMEOUT_MS, 'engine.unreachable', sentence);
}

/** As those of describe-cluster.ts. */
function describeRule(rule: PolicyRuleDescription): PolicyRuleDescription {
  return {
    id: rule.id,
    effect: rule.effect,
    secret: rule.secret,
    service: rule.service,
    stack: rule.stack,
    serviceLabels: rule.serviceLabels,
    image: rule.image,
    node: rule.node,
    nodeLabels: rule.nodeLabels,
    addedAt_ms: rule.addedAt_ms,
  };
}
