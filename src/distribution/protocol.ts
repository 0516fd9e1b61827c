// SPDX-License-Identifier: Apache-2.0
// What a node and the leader say to each other (docs/distribution.md). All that a node can say is `NodeMessage`: no field of it
// names a secret, so there is nothing by which a node could ask for one. It tells what runs on it; the leader decides.

/** The ALPN name. Nodes connect to the leader; after that both sides speak when they have something to say. */
export const DISPATCH_PROTOCOL = 'coffer-dispatch/1';

/** A container that mounts volumes of coffer's, as the node's own engine tells it. */
export interface ContainerFact {
  /** The engine's id of it: 64 hexadecimal digits. */
  readonly id: string;
  /** Without the slash before it. */
  readonly name: string;
  /** As the container was given it. */
  readonly image: string;
  /** `sha256:` and 64 hexadecimal digits; empty if the engine does not tell. */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The swarm task that it belongs to, by the engine's label; empty for none. The leader believes its own engine alone. */
  readonly taskId: string;
}

/** What runs on a node: whole each time, never a difference. */
export interface NodeFacts {
  /** Those that run, or are about to start. */
  readonly containers: readonly ContainerFact[];
}

/** The first message of a connection. The node is whom its certificate names. */
export interface Register {
  readonly kind: 'register';
  readonly facts: NodeFacts;
}

/** Sent every `heartbeat_ms` of the session, give or take a tenth. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly session: string;
}

/** The facts are others now. */
export interface Report {
  readonly kind: 'report';
  readonly session: string;
  readonly facts: NodeFacts;
}

/** All messages up to this one are carried out: files are replaced, what was taken away is wiped. */
export interface Acknowledge {
  readonly kind: 'acknowledge';
  readonly session: string;
  readonly sequence: number;
}

export type NodeMessage = Register | Heartbeat | Report | Acknowledge;

/** The answer to `register`. */
export interface Registered {
  readonly kind: 'registered';
  /** 32 hexadecimal digits, of this connection alone. */
  readonly session: string;
  readonly heartbeat_ms: number;
}

/**
 * Who may have a secret on a node: a task of the swarm or a container, and which. `secrets` and `refused` together are all
 * that it was to have; a container that no grant names has an empty holder, which is an answer as well.
 */
export interface Holder {
  /** `task/ID` or `container/ID`. */
  readonly key: string;
  readonly secrets: readonly HeldSecret[];
  readonly refused: readonly RefusedSecret[];
}

export interface HeldSecret {
  readonly secretId: string;
  /** As it is in the store. */
  readonly name: string;
}

export interface RefusedSecret {
  readonly name: string;
  /** A code of CofferError, and its sentence. */
  readonly code: string;
  readonly message: string;
}

/** A secret at its current version. `value` is in the clear, and wiped by whoever has it last. */
export interface PutSecret {
  readonly kind: 'put-secret';
  readonly secretId: string;
  readonly name: string;
  readonly version: number;
  readonly value: Buffer;
}

/** The node is due it no longer: it is wiped at once, wherever it is. */
export interface RemoveSecret {
  readonly kind: 'remove-secret';
  readonly secretId: string;
}

export interface PutHolder {
  readonly kind: 'put-holder';
  readonly holder: Holder;
}

export interface RemoveHolder {
  readonly kind: 'remove-holder';
  readonly key: string;
}

export type Change = PutSecret | RemoveSecret | PutHolder | RemoveHolder;

/**
 * Changes, to be carried out together: secrets that come before holders, holders that go before secrets. Sequences count from 1
 * in each session; a gap ends the connection, and the next registration begins with everything. A complete assignment names all that is due:
 * what it does not name is not due any more. The first one of a session is complete, unless the leader does not know the swarm
 * yet: then those before a complete one say what grants give, and take nothing away. One that does not fit a message is cut into several, each with
 * a sequence of its own, of which all but the last have `more`; they are carried out when the last one has come, and acknowledged by
 * its sequence alone.
 */
export interface Assignment {
  readonly kind: 'assignment';
  readonly session: string;
  readonly sequence: number;
  readonly complete: boolean;
  readonly more: boolean;
  readonly changes: readonly Change[];
}

export type ManagerMessage = Registered | Assignment;

/** What a node may send at most in one message, and a manager. */
export const NODE_MESSAGE_BYTES_MAX = 1024 * 1024;
export const MANAGER_MESSAGE_BYTES_MAX = 2 * 1024 * 1024;
/** More containers with volumes of coffer's than a node has. */
export const CONTAINERS_MAX = 1_000;
/** Of one container; further ones are not reported. */
export const LABELS_MAX = 128;
/** Of a label's key and of its value, and of names: what is longer is not reported. */
export const TEXT_CHARACTERS_MAX = 512;
