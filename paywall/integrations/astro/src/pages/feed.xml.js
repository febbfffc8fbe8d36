import { posts } from "../posts.js";

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export function GET({ site }) {
  const items = posts.map(({ path, title, description }) =>
    `<item><title>${escaped(title)}</title><link>${new URL(path, site)}</link>` +
    `<description>${escaped(description)}</description></item>`);
  const channel = `<title>Small sums</title><link>${site}</link><description>Small sums</description>${items.join("")}`;
  return new Response(`<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>${channel}</channel></rss>`);
}
