// SPDX-License-Identifier: Apache-2.0
// The bills of materials that the build has made, as far as tests read them.
import { readFileSync } from 'node:fs';
import { builtFile } from './project.ts';

export interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly { readonly license?: { readonly id: string }; readonly expression?: string }[];
  readonly components?: readonly Component[];
}

export interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly version: number;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** Of which program each bill is, with esbuild's description of that program. */
export const BILLS = [
  { place: 'build/sbom.cdx.json', inputs: 'dist/coffer-daemon.inputs.json' },
  { place: 'dist/coffer.cdx.json', inputs: 'dist/coffer.inputs.json' },
] as const;

export function readBill(place: string): Bill {
  return JSON.parse(readFileSync(builtFile(place, 'make plugin'), 'utf8')) as Bill;
}

/** The package's whole name, with its scope. */
export function fullName({ group, name }: Component): string {
  return group === undefined ? name : `${group}/${name}`;
}

/** The licence of a component, as one id or expression; empty if it names none. */
export function licenceOf({ licenses = [] }: Component): string {
  return licenses.map(({ license, expression }) => license?.id ?? expression ?? '').join(', ');
}

/** The components, and those within them. */
export function allComponents(components: readonly Component[]): readonly Component[] {
  return components.flatMap((component) => [component, ...allComponents(component.components ?? [])]);
}
