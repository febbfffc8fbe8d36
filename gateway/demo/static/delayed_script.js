// Loads the embed's script late, as on a slow connection.
const { src } = document.querySelector("script[data-src]").dataset;
setTimeout(() => import(src), 400);
