// SPDX-License-Identifier: Apache-2.0
// What is said of a service whose tasks would be refused secrets, when it is created or updated: Docker itself tells that only later, and
// as "secret not found". The call goes to the engine as it is, and whatever goes wrong here changes nothing.
import type { IncomingMessage } from 'node:http';
import { CofferError, unreachable } from '../common/index.ts';
import {
  type Outlook,
  outlookOf,
  type PolicyOutlook,
  type UsedSecret,
  usesOfService,
  type ValueOutlook,
} from '../diagnosis/index.ts';
import { decodeServiceSpec, type EngineSecret, type EngineServiceSpec } from '../engine/index.ts';
import { printable } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { type GatewayContext, isOurs } from './context.ts';
import { headerValue } from './headers.ts';
import { withWarnings } from './warned-reply.ts';

/** Larger specs are not looked into. */
const SPEC_BYTES_MAX = 1024 * 1024;
const SECRETS_MAX = 100;
/** How long the engine's answer waits for what is to be said; it comes after half a second at most that its own body takes. */
const PATIENCE_MS = 1_500;
const BARRIER_TIMEOUT_MS = 500;
/** More say nothing new. */
const WARNINGS_MAX = 10;

/** Listens to the request while it is sent on. What is returned puts the warnings into the engine's answer. */
export function warnOfService(
  context: GatewayContext,
  request: IncomingMessage,
): (answer: Buffer) => Promise<Buffer | undefined> {
  const found = specOf(request)
    .then((spec) => (spec === undefined ? [] : warningsOf(context, spec)))
    .catch(() => []);
  return async (answer) => {
    const warnings = await atMost(found, PATIENCE_MS);
    return warnings.length === 0 ? undefined : withWarnings(answer, warnings);
  };
}

async function specOf(request: IncomingMessage): Promise<EngineServiceSpec | undefined> {
  if (headerValue(request.rawHeaders, 'content-encoding') !== undefined) {
    return undefined;
  }
  const bytes = await overheard(request);
  return bytes === undefined ? undefined : decodeServiceSpec(JSON.parse(bytes.toString('utf8')));
}

/** A body that is sent on elsewhere at the same time; undefined if it is too large, or does not come to its end. */
function overheard(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size_bytes = 0;
    request.on('data', (chunk: Buffer) => {
      size_bytes += chunk.length;
      if (size_bytes <= SPEC_BYTES_MAX) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        resolve(undefined);
      }
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('close', () => resolve(undefined));
  });
}

async function atMost(work: Promise<readonly string[]>, timeout_ms: number): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), timeout_ms);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

async function warningsOf(context: GatewayContext, spec: EngineServiceSpec): Promise<readonly string[]> {
  const uses = usesOfService(spec, await registeredOf(context, spec), (driver) => isOurs(context, driver));
  if (uses.length === 0) {
    return [];
  }
  let store: SecretStore;
  try {
    store = context.store();
    await store.readBarrier(BARRIER_TIMEOUT_MS);
  } catch (thrown) {
    return [ofStore(spec, uses, CofferError.from(thrown))];
  }
  const all = uses.flatMap((use) => ofUse(spec, use, outlookOf(store, spec, use, [])));
  const left = all.length - WARNINGS_MAX;
  return left > 0 ? [...all.slice(0, WARNINGS_MAX), `coffer would say ${left} more such things.`] : all;
}

async function registeredOf(
  context: GatewayContext,
  { secrets }: EngineServiceSpec,
): Promise<ReadonlyMap<string, EngineSecret>> {
  if (secrets.length === 0) {
    return new Map();
  }
  const id = secrets.slice(0, SECRETS_MAX).map((secret) => secret.id);
  const listed = await context.engine.listSecrets({ id });
  return new Map(listed.map((secret) => [secret.id, secret] as const));
}

/** Another manager's store may serve: which one is asked for secrets is for the swarm to say. */
function ofStore(
  { name }: EngineServiceSpec,
  uses: readonly UsedSecret[],
  { detail, hint }: CofferError,
): string {
  const names = [...new Set(uses.map(({ secret }) => printable(secret)))].join(', ');
  return sentence(`coffer may refuse ${names} to service ${printable(name)}: ${detail}`, hint);
}

function ofUse(
  { name }: EngineServiceSpec,
  { secret }: UsedSecret,
  { policy, value }: Outlook,
): readonly string[] {
  const what = `secret ${printable(secret)} to service ${printable(name)}`;
  return [...ofPolicy(what, policy), ...ofValue(what, value)];
}

function ofPolicy(what: string, policy: PolicyOutlook): readonly string[] {
  switch (policy.kind) {
    case 'allowed':
      return [];
    case 'denied':
      return [sentence(`coffer will refuse ${what}: ${policy.error.detail}`, policy.error.hint)];
    case 'depends':
      return [
        sentence(
          `coffer may refuse ${what}: it depends on the nodes that its tasks get`,
          'See the rules: docker coffer policy ls',
        ),
      ];
    default:
      return unreachable(policy);
  }
}

function ofValue(what: string, value: ValueOutlook): readonly string[] {
  return value.kind === 'missing'
    ? [sentence(`coffer will refuse ${what}: ${value.error.detail}`, value.error.hint)]
    : [];
}

function sentence(text: string, hint: string | undefined): string {
  return hint === undefined ? text : `${text}. ${hint}`;
}
