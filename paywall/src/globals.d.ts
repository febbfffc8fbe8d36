/** The version in package.json, inserted by the build. */
declare const VERSION: string;
/** Subresource integrity of the files that this file loads, by name; inserted by the build. */
declare const INTEGRITY: Record<string, string>;

declare module "*.css" {
  const text: string;
  export default text;
}

interface TrustedTypePolicy {
  createHTML(html: string): string;
}

declare var trustedTypes: { createPolicy(name: string, rules: { createHTML(html: string): string }): TrustedTypePolicy } | undefined;
