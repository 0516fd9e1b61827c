// SPDX-License-Identifier: Apache-2.0
import { CofferError, isSecretName, unreachable } from '../common/index.ts';
import type { PolicyRequest, Verdict } from './policy-verdict.ts';

const LENGTH_MAX = 80;
const PLAIN_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,79}$/;

/** What somebody is told to whom a policy denies a secret: `policy.denied`. Undefined for a verdict that allows. */
export function policyRefusal(
  verdict: Verdict,
  { secret, service }: Pick<PolicyRequest, 'secret' | 'service'>,
): CofferError | undefined {
  if (verdict.effect === 'allow') {
    return undefined;
  }
  const who = service === undefined ? 'this container' : `service ${printable(service.name)}`;
  const what = `${who} the secret ${isSecretName(secret) ? secret : printable(secret)}`;
  switch (verdict.because) {
    case 'default':
      return denied(
        `no rule allows ${what}, and what no rule allows is denied`,
        'See the rules: docker coffer policy ls. One that allows it: docker coffer policy add allow.',
      );
    case 'rule':
      return denied(
        `rule ${verdict.rule.id} denies ${what}`,
        `See the rules: docker coffer policy ls. To end this one: docker coffer policy rm ${verdict.rule.id}`,
      );
    case 'unknown':
      return denied(
        `rule ${verdict.rule.id} denies ${what}, as long as it cannot be told that the rule means others`,
        "The labels or the name of the node are not known at the moment, or the image's digest. See the rule: docker coffer policy ls.",
      );
    default:
      return unreachable(verdict);
  }
}

function denied(sentence: string, hint: string): CofferError {
  return new CofferError('policy.denied', sentence, { hint });
}

/** What others have named, short and in one line. */
function printable(name: string): string {
  return PLAIN_NAME.test(name) ? name : JSON.stringify(name.slice(0, LENGTH_MAX));
}
