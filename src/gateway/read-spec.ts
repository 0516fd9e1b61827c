// SPDX-License-Identifier: Apache-2.0
// The checks of a SecretSpec, in the engine's order and words.
import { isSecretName, LABELS, VALUE_BYTES_MAX } from '../secrets/index.ts';
import { engineMajor } from './context.ts';
import { DATA_SIZE, NAME_INVALID, NAME_MISSING } from './engine-texts.ts';
import { GoBase64Error } from './go-base64.ts';
import { EmptyJsonError, GoJsonError, hasMore } from './go-json.ts';
import { headerValue, type RawHeaders } from './headers.ts';
import { errorReply, type Reply } from './reply.ts';
import { decodeSecretSpec, type SecretSpec } from './secret-spec.ts';

export type SpecRead =
  | { readonly kind: 'read'; readonly spec: SecretSpec }
  | { readonly kind: 'refused'; readonly reply: Reply };

/** From this version on the engine reads JSON strictly (moby, api/server/httputils/httputils.go). */
const STRICT_MAJOR = 23;

/** coffer's own words: no engine knows the label. */
const SEALED_WITH_DATA = `label ${LABELS.sealed} holds the value itself: give no data with it, but the driver`;

/** A token, a slash, a token, and what comes after. */
const MEDIA_TYPE = /^([\w!#$%&'*+.^`|~-]*)(?:(\/)([\w!#$%&'*+.^`|~-]*))?(.*)$/s;

const NOTHING: SecretSpec = {
  name: '',
  labels: undefined,
  data: undefined,
  driver: undefined,
  templating: undefined,
  end: 0,
};

/** Reads the spec as the engine of these headers would; a refusal has the engine's text. */
export function readSpec(body: Buffer, request: RawHeaders, engine: RawHeaders): SpecRead {
  const isStrict = engineMajor(engine) >= STRICT_MAJOR;
  const refuse = (message: string): SpecRead => ({
    kind: 'refused',
    reply: errorReply(400, message, engine),
  });
  if (isStrict && body.length === 0) {
    return { kind: 'read', spec: NOTHING };
  }
  const complaint = isStrict ? contentTypeComplaint(headerValue(request, 'content-type') ?? '') : undefined;
  if (complaint !== undefined) {
    return refuse(complaint);
  }
  try {
    const spec = decodeSecretSpec(body);
    if (isStrict && hasMore(body, spec.end)) {
      spec.data?.wipe();
      return refuse('unexpected content after JSON');
    }
    return { kind: 'read', spec };
  } catch (thrown) {
    if (thrown instanceof GoJsonError || thrown instanceof GoBase64Error) {
      const text = thrown instanceof EmptyJsonError ? 'got EOF while reading request body' : thrown.message;
      return refuse(isStrict ? `invalid JSON: ${text}` : text);
    }
    throw thrown;
  }
}

/** What a strict engine has against the type of a body; undefined: nothing. */
function contentTypeComplaint(contentType: string): string | undefined {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  const cause = mediaTypeFault(type);
  if (cause !== undefined) {
    return `malformed Content-Type header (${contentType}): mime: ${cause}`;
  }
  return type === 'application/json'
    ? undefined
    : `unsupported Content-Type header (${contentType}): must be 'application/json'`;
}

/** In Go's words (src/mime/mediatype.go); one word without a slash is none to Go either. */
function mediaTypeFault(type: string): string | undefined {
  const [, main = '', slash, sub = '', rest = ''] = MEDIA_TYPE.exec(type) ?? [];
  if (main === '') {
    return 'no media type';
  }
  if (slash === undefined) {
    return rest === '' ? undefined : 'expected slash after first token';
  }
  if (sub === '') {
    return 'expected token after slash';
  }
  return rest === '' ? undefined : 'unexpected content after media subtype';
}

/** What Swarm has against a new secret: its name first, then its size; and then what coffer has. Undefined: nothing. */
export function refuseSpec(spec: SecretSpec, engine: RawHeaders): Reply | undefined {
  if (spec.name === '') {
    return errorReply(400, NAME_MISSING, engine);
  }
  if (!isSecretName(spec.name)) {
    return errorReply(400, NAME_INVALID, engine);
  }
  if (!hasAcceptedSize(spec)) {
    return errorReply(400, DATA_SIZE, engine);
  }
  return Object.hasOwn(spec.labels ?? {}, LABELS.sealed)
    ? errorReply(400, SEALED_WITH_DATA, engine)
    : undefined;
}

export function hasAcceptedSize(spec: SecretSpec): boolean {
  const size_bytes = spec.data?.byteLength ?? 0;
  return size_bytes >= 1 && size_bytes <= VALUE_BYTES_MAX;
}
