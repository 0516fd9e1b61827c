// SPDX-License-Identifier: Apache-2.0
// The hint that docker prints after a command failed (docker/cli, cli-plugins/hooks).
import * as v from 'valibot';

/** The commands whose failure may be coffer's refusal. */
export const HOOKED_COMMANDS = ['service create', 'service update', 'stack deploy'] as const;

/** The values of flags are never passed on: docker fills them into the template by itself. */
const hookData = v.object({
  RootCmd: v.string(),
  Flags: v.optional(v.nullable(v.record(v.string(), v.unknown())), {}),
  CommandError: v.optional(v.string(), ''),
});

const NEXT_STEPS = 0;

/** Failures that are not about secrets: a mistyped command, an engine that is not there. */
const UNRELATED =
  /^(Cannot connect|unknown|invalid argument|flag needs|failed to connect)|^Usage:|requires /m;

/**
 * The reply to docker's question after one of its commands: a hint to `docker coffer why` where a secret's
 * refusal may have been the reason, or an empty text, which docker takes as nothing to say. Never throws.
 */
export function hookReply(json: string): string {
  const data = v.safeParse(v.pipe(v.string(), v.parseJson(), hookData), json);
  if (!data.success || data.output.CommandError === '' || UNRELATED.test(data.output.CommandError)) {
    return '';
  }
  const service = serviceTemplate(data.output.RootCmd, Object.keys(data.output.Flags ?? {}));
  if (service === undefined) {
    return '';
  }
  const template = `If a secret was refused, coffer says why: docker coffer why${service}`;
  return JSON.stringify({ Type: NEXT_STEPS, Template: template });
}

/** How docker's template names the service; `''` where nobody can know it; undefined for any other command. */
function serviceTemplate(command: string, flags: readonly string[]): string | undefined {
  switch (command.replace(/^docker /, '')) {
    case 'service create':
      return flags.includes('name') ? ' {{flag . "name"}}' : '';
    case 'service update':
      return ' {{arg . 0}}';
    case 'stack deploy':
      return '';
    default:
      return undefined;
  }
}
