// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/policy.
import type { Request, RequestHandler, Response } from 'express';
import { changing, parameter, reading, servingCluster } from './cluster-routes.ts';
import type {
  PolicyDefaultReply,
  PolicyReply,
  PolicyRuleDescription,
  PolicyRuleReply,
  RemovedRuleReply,
} from './cluster-wire.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';

export interface PolicyRoutes {
  readonly describe: RequestHandler;
  readonly setDefault: RequestHandler;
  readonly add: RequestHandler;
  readonly remove: RequestHandler;
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
    response.json({ default: (await changing(policies.setDefault(effect))).default });
  }

  async function add(request: Request, response: Response<PolicyRuleReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.policyRuleWish);
    const { policies } = await servingCluster(options);
    const { changed, rule } = await changing(policies.add(wish));
    response.status(changed ? 201 : 200).json({ rule: describeRule(rule), changed });
  }

  async function remove(request: Request, response: Response<RemovedRuleReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const id = parameter(request, 'id');
    const { policies } = await servingCluster(options);
    response.json({ rule: describeRule((await changing(policies.remove(id))).rule) });
  }

  return { describe, setDefault, add, remove };
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
