/** What the build puts in. */
declare const VERSION: string;
/** Subresource integrity of the files that this one loads, by name. */
declare const INTEGRITY: Record<string, string>;

declare module "*.css" {
  const text: string;
  export default text;
}

interface TrustedTypePolicy {
  createHTML(html: string): string;
}

declare var trustedTypes: { createPolicy(name: string, rules: { createHTML(html: string): string }): TrustedTypePolicy } | undefined;
