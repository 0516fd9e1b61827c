// SPDX-License-Identifier: Apache-2.0
// As much of SVG as a plot needs.

export type Attributes = Readonly<Record<string, string | number>>;

/** An element with its attributes, and what is in it: elements that were made by this function, one after the other. */
export function element(name: string, attributes: Attributes, inside: readonly string[] = []): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(asWritten(value))}"`);
  const head = `<${name}${written.join('')}`;
  return inside.length === 0 ? `${head}/>` : `${head}>${inside.join('')}</${name}>`;
}

/** An element of text. */
export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, [escaped(content)]);
}

export function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A hundredth of a pixel is enough. */
function asWritten(value: string | number): string {
  return typeof value === 'string' ? value : String(Math.round(value * 100) / 100);
}
