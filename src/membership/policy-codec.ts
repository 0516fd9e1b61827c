// SPDX-License-Identifier: Apache-2.0
// Policies and their commands as bytes: the fields in the order of their types; an effect is its u8 place in
// `POLICY_EFFECTS`.
import {
  type ByteReader,
  type ByteWriter,
  CofferError,
  NAME_LENGTH_MAX,
  unreachable,
} from '../common/index.ts';
import { readLabels, writeLabels } from './labels-codec.ts';
import { TEXT_BYTES_MAX } from './model.ts';
import {
  POLICY_EFFECTS,
  POLICY_LABELS_MAX,
  type PolicyCommand,
  type PolicyDefaultObject,
  type PolicyEffect,
  type PolicyObject,
  type PolicyRuleObject,
} from './policy.ts';

/** Apart from those of the other objects, as those of grant-codec.ts are. */
export const POLICY_OBJECT_TAG = {
  'policy-rule': 64,
  'policy-default': 65,
} as const satisfies Record<PolicyObject['kind'], number>;

/** Likewise. */
export const POLICY_COMMAND_TAG = {
  'put-policy-rule': 64,
  'remove-policy-rule': 65,
  'set-policy-default': 66,
} as const satisfies Record<PolicyCommand['kind'], number>;

export function writePolicyObject(writer: ByteWriter, object: PolicyObject): ByteWriter {
  return object.kind === 'policy-rule' ? writeRule(writer, object) : writeDefault(writer, object);
}

/** The object that follows on its kind; undefined for a kind that is none of these. */
export function readPolicyObject(tag: number, reader: ByteReader): PolicyObject | undefined {
  switch (tag) {
    case POLICY_OBJECT_TAG['policy-rule']:
      return readRule(reader);
    case POLICY_OBJECT_TAG['policy-default']:
      return readDefault(reader);
    default:
      return undefined;
  }
}

export function writePolicyCommand(writer: ByteWriter, command: PolicyCommand): ByteWriter {
  switch (command.kind) {
    case 'put-policy-rule':
      return writeRule(writer, command.rule);
    case 'remove-policy-rule':
      return writer.text(command.id);
    case 'set-policy-default':
      return writeDefault(writer, command.policy);
    default:
      return unreachable(command);
  }
}

/** As `readPolicyObject`. */
export function readPolicyCommand(tag: number, reader: ByteReader): PolicyCommand | undefined {
  switch (tag) {
    case POLICY_COMMAND_TAG['put-policy-rule']:
      return { kind: 'put-policy-rule', rule: readRule(reader) };
    case POLICY_COMMAND_TAG['remove-policy-rule']:
      return { kind: 'remove-policy-rule', id: reader.text(TEXT_BYTES_MAX) };
    case POLICY_COMMAND_TAG['set-policy-default']:
      return { kind: 'set-policy-default', policy: readDefault(reader) };
    default:
      return undefined;
  }
}

function writeRule(writer: ByteWriter, rule: PolicyRuleObject): ByteWriter {
  writer.text(rule.id).u8(POLICY_EFFECTS.indexOf(rule.effect));
  writer.text(rule.secret).text(rule.service).text(rule.stack);
  writeLabels(writer, rule.serviceLabels).text(rule.image).text(rule.node);
  return writeLabels(writer, rule.nodeLabels).u64(rule.addedAt_ms);
}

function readRule(reader: ByteReader): PolicyRuleObject {
  return {
    kind: 'policy-rule',
    id: reader.text(TEXT_BYTES_MAX),
    effect: readEffect(reader),
    secret: reader.text(NAME_LENGTH_MAX),
    service: reader.text(TEXT_BYTES_MAX),
    stack: reader.text(TEXT_BYTES_MAX),
    serviceLabels: readLabels(reader, POLICY_LABELS_MAX),
    image: reader.text(TEXT_BYTES_MAX),
    node: reader.text(TEXT_BYTES_MAX),
    nodeLabels: readLabels(reader, POLICY_LABELS_MAX),
    addedAt_ms: reader.u64(),
  };
}

function writeDefault(writer: ByteWriter, { effect, setAt_ms }: PolicyDefaultObject): ByteWriter {
  return writer.u8(POLICY_EFFECTS.indexOf(effect)).u64(setAt_ms);
}

function readDefault(reader: ByteReader): PolicyDefaultObject {
  return { kind: 'policy-default', effect: readEffect(reader), setAt_ms: reader.u64() };
}

function readEffect(reader: ByteReader): PolicyEffect {
  const effect = POLICY_EFFECTS[reader.u8()];
  if (effect === undefined) {
    throw new CofferError('store.damaged', 'a rule has an effect that this version cannot read');
  }
  return effect;
}
