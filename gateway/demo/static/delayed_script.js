// A script that comes late, as one does on a slow line.
const { src } = document.querySelector("script[data-src]").dataset;
setTimeout(() => import(src), 400);
